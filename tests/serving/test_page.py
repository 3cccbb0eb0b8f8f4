"""The page of a server, in a browser."""

from collections.abc import Iterator

import pytest

from seq2seq.translation.translator import Translator
from tests.support.chromium import Browser, needs_chromium
from tests.support.serving import KEPT, Server

pytestmark = [needs_chromium, pytest.mark.slow]
LINES = ["Emma sucht das Haus.", "Anna sieht den Hund."]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    runs = (f"{pair}={KEPT}" for pair in ("de-en", "pt-BR:en", "fr-en"))
    with Server(*runs, SEQ2SEQ_API_KEY="key") as server:
        yield server


def test_the_server_translates_what_is_typed(server: Server, translator: Translator) -> None:
    with Browser() as browser:
        browser.open(f"{server.url}/")
        assert browser.text("h1") == "German to English"
        links = browser.all("nav a")
        assert [link.text for link in links] == [
            "Portuguese (pt-BR) to English",
            "French to English",
        ]
        assert links[1].rect["x"] > links[0].rect["x"] + links[0].rect["width"] + 5
        browser.driver.execute_script("sessionStorage.setItem('api_key', 'key')")
        browser.type("\n".join(LINES))
        assert browser.texts("#output .line") == translator.translate(LINES)
        candidates = [each.text for each in translator.candidates(LINES[1])]
        assert browser.texts("#candidates .text") == candidates
        browser.driver.execute_script("pointAt(document.querySelector('.word'))")
        assert "of its attention" in browser.text("#hint")
        assert not browser.all("#inside")[0].is_displayed()
        assert browser.problems() == []
        addresses = {each for each in browser.requests() if not each.startswith("data:")}
        assert all(each.startswith(server.url) for each in addresses)
        browser.all("nav a")[0].click()
        browser.wait("document.title === 'Brazilian Portuguese to English'")


def test_a_page_asks_for_the_key(server: Server, translator: Translator) -> None:
    with Browser() as browser:
        browser.open(f"{server.url}/")
        browser.driver.execute_script("window.prompt = () => 'key'")
        browser.type(LINES[0])
        assert browser.text("#output") == translator.translate(LINES[0])
        assert browser.run("storedKey()") == "key"


def test_the_documentation(server: Server) -> None:
    with Browser() as browser:
        browser.show(f"{server.url}/docs")
        assert browser.texts("h2")[0] == "POST /translate"
        assert browser.driver.get_log("browser") == []

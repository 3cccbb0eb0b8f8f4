"""A page in a browser, opened from the disk: it translates, and asks nobody for anything."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from seq2seq.config.experiment import Experiment
from seq2seq.data.tokenizers.pipeline import TextPipeline
from seq2seq.data.tokenizers.rule_based import WordTokenizer
from seq2seq.data.vocabulary import SPECIAL_TOKENS, Vocab
from seq2seq.export.about import About
from seq2seq.export.html import Content, page
from seq2seq.runs.run import Run
from seq2seq.translation.ensemble import load_translation_model
from tests.support.chromium import Browser, needs_chromium
from tests.support.models import Build

pytestmark = [needs_chromium, pytest.mark.slow]

KEPT = Path(__file__).parent.parent / "runs" / "format-2" / "translation"
LINE = "Emma sucht das Haus."


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = Run(KEPT)
    loaded = load_translation_model(run)
    content = Content(loaded.model, (loaded.source, loaded.target), run.experiment(Experiment))
    path = tmp_path_factory.mktemp("pages") / "page.html"
    about = About("de", "ar", author="<b>me</b>", licence="CC0")
    path.write_text(page(content, about), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def browser(path: Path) -> Iterator[Browser]:
    with Browser(path) as browser:
        browser.type(LINE)
        yield browser


@pytest.fixture
def translate(path: Path) -> Callable[[str], str]:
    """What an int8 export makes of a line."""
    from dataclasses import replace

    from seq2seq.export.search import search
    from tests.support.exports import exported

    run = Run(KEPT)
    loaded, settings = load_translation_model(run), run.experiment(Experiment).decoding

    def call(line: str) -> str:
        (found,) = search(
            exported(loaded.model, int8=True),
            loaded.source.encode([line]),
            replace(settings, method="beam"),
            len(loaded.target.vocab),
        )
        return loaded.target.decode(found[0].tokens)

    return call


def test_what_is_typed_is_translated(browser: Browser, translate: Callable[[str], str]) -> None:
    assert browser.text("#output") == translate(LINE)
    shown = [each.text for each in browser.all("#candidates .text")]
    assert shown[0] == translate(LINE)
    assert len(shown) == 5
    scores = [float(each.text.replace("−", "-")) for each in browser.all("#candidates .score")]
    assert scores == sorted(scores, reverse=True)


def test_no_request_leaves_and_nothing_is_refused(browser: Browser, path: Path) -> None:
    assert {each for each in browser.requests() if not each.startswith("blob:null/")} == {
        path.as_uri()
    }
    assert browser.run("performance.getEntriesByType('resource').length") == 0
    assert browser.problems() == []


def test_facts_are_text_and_languages_have_names(browser: Browser) -> None:
    assert browser.text("h1") == "German to Arabic"
    assert "<b>me</b>" in browser.text("#about")
    assert browser.run("document.getElementById('output').lang") == "ar"


def test_words_are_aligned_when_pointed_at_and_by_the_keyboard(browser: Browser) -> None:
    words = browser.all("#output .word")
    assert browser.all("mark") == []
    browser.driver.execute_script("arguments[0].focus()", words[0])
    assert browser.all("mark")
    assert browser.text("#hint").startswith(f"“{words[0].text}” looked at “")
    words[0].send_keys("\ue014")  # the right arrow
    assert browser.text("#hint").startswith(f"“{words[1].text}” looked at “")
    browser.all("#source")[0].click()
    assert browser.all("mark") == []


def test_look_inside(browser: Browser) -> None:
    browser.all("summary")[0].click()
    browser.wait("document.querySelectorAll('.view').length === 4")
    titles = [each.text for each in browser.all(".view h3")]
    assert titles == ["Step by step", "Attention", "The beam", "Gates and states"]
    steps = len(browser.run("answerFor(state.lines[0]).candidates[0].steps"))
    assert len(browser.all(".attention:not(.states) tbody tr")) == steps
    shares = browser.run(
        "[...document.querySelectorAll('.bars .number')].map((e) => e.textContent)"
    )
    values = [float(each.removesuffix(" %")) for each in shares]
    assert values == sorted(values, reverse=True)
    assert 0 < sum(values) <= 100.5
    first = browser.text(".step")
    browser.all(".mover button")[1].click()
    assert browser.text(".step") != first
    assert len(browser.all(".tree .best")) == steps + 1
    browser.all("#candidates button")[1].click()
    browser.wait("document.querySelectorAll('#candidates [aria-pressed=true]').length === 1")


def test_look_inside_without_attention(tiny_model: Build, tmp_path: Path) -> None:
    vocab = Vocab([*SPECIAL_TOKENS, *"abcdefghi"], [0] * 13)
    sides = (TextPipeline(WordTokenizer(), vocab), TextPipeline(WordTokenizer(), vocab))
    model = tiny_model(attention="none", lexical=False, cell="gru")
    path = tmp_path / "page.html"
    path.write_text(page(Content(model.float(), sides, Experiment()), About()), encoding="utf-8")
    with Browser(path) as browser:
        assert (browser.text("h1"), browser.text("#source-name")) == ("Translator", "Source")
        browser.type("a b c")
        browser.all("summary")[0].click()
        browser.wait("document.querySelectorAll('.view').length === 3")
        titles = [each.text for each in browser.all(".view h3")]
        assert titles == ["Step by step", "The beam", "Gates and states"]
        names = [each.text for each in browser.all("select option")]
        assert "encoder, layer 1, forwards: update gate" in names
        browser.driver.execute_script("arguments[0].focus()", browser.all("#output .word")[0])
        assert browser.all("mark") == []
        assert browser.problems() == []


@pytest.mark.parametrize("width", [360, 1200])
@pytest.mark.parametrize("dark", [False, True])
def test_it_fits_every_width_and_colour(path: Path, width: int, dark: bool) -> None:
    with Browser(path, width=width, dark=dark) as browser:
        browser.type(LINE)
        browser.all("summary")[0].click()
        assert browser.run("document.documentElement.scrollWidth") <= width
        ground = browser.run("getComputedStyle(document.body).backgroundColor")
        light = sum(int(each) for each in ground.strip("rgb()").split(",")) > 384
        assert light is not dark


def test_every_script_long_lines_and_nothing(path: Path) -> None:
    with Browser(path) as browser:
        lines = ["", "日本語 שלום مرحبا ไทย", "</script><b>x</b>", "a " * 600, "\u202e‮x\u0000"]
        browser.driver.execute_script(
            "const source = document.getElementById('source');"
            "source.value = arguments[0]; source.dispatchEvent(new Event('input'));",
            "\n".join(lines),
        )
        browser.wait("state.lines.every((line) => !line.trim() || answerFor(line))", 120)
        assert len(browser.all("#output .line")) == len(lines)
        assert browser.all("#output b") == []
        assert browser.problems() == []
        browser.all("#clear")[0].click()
        assert browser.text("#output") == ""
        assert browser.run("document.getElementById('copy').disabled")

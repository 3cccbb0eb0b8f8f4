"""A page in a browser, opened from the disk: it translates, and asks nobody for anything."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from seq2seq.config.experiment import Experiment
from seq2seq.data.tokenizers.pipeline import TextPipeline
from seq2seq.data.tokenizers.rule_based import WordTokenizer
from seq2seq.data.vocabulary import SPECIAL_TOKENS, Vocab
from seq2seq.export.about import About
from seq2seq.export.html import Content, page
from seq2seq.export.search import search
from seq2seq.runs.run import Run
from seq2seq.translation.ensemble import load_translation_model
from tests.support.chromium import Browser, needs_chromium
from tests.support.exports import exported_ensemble
from tests.support.models import Build

pytestmark = [needs_chromium, pytest.mark.slow]

KEPT = Path(__file__).parent.parent / "runs" / "format-2" / "translation"
LINE = "Emma sucht das Haus."
EVIL = ["</script>", "<b>b</b>", "<!--", "<script>", "]]>", "\u2028", '"', "\\", "&lt;"]
INSIDE = [
    *("Tokens", "What might come next", "Attention", "The beam"),
    *("Inside the encoder", "Inside the decoder"),
]


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
def chromium() -> Iterator[Browser]:
    with Browser() as chromium:
        yield chromium


@pytest.fixture
def browser(chromium: Browser, path: Path) -> Iterator[Browser]:
    """The page, newly opened; nothing may have gone wrong when a test ends."""
    chromium.open(path)
    yield chromium
    assert chromium.problems() == []


@pytest.fixture(scope="module")
def translate() -> Callable[[str], str]:
    """What an int8 export makes of a line."""
    run = Run(KEPT)
    loaded, settings = load_translation_model(run), run.experiment(Experiment).decoding
    model = exported_ensemble(loaded.model, int8=True)

    def call(line: str) -> str:
        ids = loaded.source.encode([line])
        (found,) = search(model, [ids], replace(settings, method="beam"))
        return loaded.target.decode(found[0].tokens)

    return call


def test_what_is_typed_is_translated(browser: Browser, translate: Callable[[str], str]) -> None:
    browser.type(LINE)
    assert browser.text("#output") == translate(LINE)
    shown = browser.texts("#candidates .text")
    assert shown[0] == translate(LINE)
    assert len(shown) == 5
    scores = [float(each.replace("−", "-")) for each in browser.texts("#candidates .score")]
    assert scores == sorted(scores, reverse=True)
    assert browser.texts("#said") == [translate(LINE)]  # what a screen reader says
    assert browser.all("#output .unknown-words, .line.chosen") == []
    number = r"(−?\d+\.\d+)"
    said = re.search(rf"{number} = {number} / {number}, where", browser.text("#others .note"))
    assert said is not None
    score, total, penalty = (float(each.replace("−", "-")) for each in said.groups())
    assert score == scores[0] == pytest.approx(total / penalty, abs=0.01)
    browser.all("#candidates button")[1].click()
    assert browser.text("#output") == shown[1]


def test_no_request_leaves(browser: Browser, path: Path) -> None:
    browser.type(LINE)
    browser.all("summary")[0].click()
    browser.wait("document.querySelectorAll('.view').length")
    asked = {each for each in browser.requests() if not each.startswith("blob:null/")}
    assert asked == {path.as_uri()}
    assert browser.run("performance.getEntriesByType('resource').length") == 0


def test_the_policy_refuses_all_else(chromium: Browser, path: Path) -> None:
    chromium.open(path)
    done = chromium.driver.execute_async_script(
        "const [own, done] = arguments;"
        "const image = document.createElement('img');"
        "image.onerror = () => fetch(own).then(() => done('fetched'), () => done('refused'));"
        "image.src = own + '.png';",
        path.as_uri(),
    )
    assert done == "refused"
    assert sum(each.startswith("securitypolicyviolation") for each in chromium.problems()) == 2


def test_what_is_copied_is_the_translation(browser: Browser) -> None:
    allowed = {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]}
    browser.driver.execute_cdp_cmd("Browser.grantPermissions", allowed)
    browser.type(f"{LINE}\n\n{LINE}")
    browser.all("#copy")[0].click()
    browser.wait("document.getElementById('copy').textContent === 'Copied'")
    copied = browser.driver.execute_async_script(
        "navigator.clipboard.readText().then(arguments[0])"
    )
    assert copied.split("\n") == browser.texts("#output .line")


def test_facts_are_text_and_languages_have_names(browser: Browser) -> None:
    assert browser.text("h1") == "German to Arabic"
    assert "<b>me</b>" in browser.text("#about")
    assert browser.run("document.getElementById('output').lang") == "ar"


def test_words_are_aligned_when_pointed_at_and_by_the_keyboard(browser: Browser) -> None:
    from selenium.webdriver import ActionChains

    browser.type(LINE)
    assert browser.all("mark") == []
    words = browser.all("#output .word")
    ActionChains(browser.driver).move_to_element(words[1]).perform()
    assert browser.all("mark")
    assert browser.text("#hint").startswith(f"“{words[1].text}” looked at “")
    ActionChains(browser.driver).move_to_element(browser.all("h1")[0]).perform()
    assert browser.all("mark") == []
    for key in ("TAB", "TAB", "ARROW_RIGHT"):
        browser.press(key)
    assert browser.text("#hint").startswith(f"“{words[0].text}” looked at “")
    browser.press("ARROW_RIGHT")
    assert browser.text("#hint").startswith(f"“{words[1].text}” looked at “")
    browser.press("TAB")
    assert browser.all("mark") == []


def test_look_inside(browser: Browser) -> None:
    browser.type(LINE)
    browser.all("summary")[0].click()
    browser.wait("document.querySelectorAll('.view').length")
    assert browser.texts(".view h3") == INSIDE
    assert len(browser.texts(".view h3 + .note")) == len(INSIDE)
    reads, writes = browser.run("[timeline.seen.sourceTokens.length, timeline.seen.steps.length]")
    assert len(browser.all(".attention:not(.states) tbody tr")) == writes
    assert len(browser.all(".tree .best")) == writes + 1
    assert browser.text("#moment-name").startswith(f"The decoder writes token 1 of {writes}: ")
    shares = [float(each.removesuffix(" %")) for each in browser.texts(".view ol .number")]
    assert shares[:-1] == sorted(shares[:-1], reverse=True)
    assert sum(shares) == pytest.approx(100, abs=1)
    for key, name in (("ARROW_LEFT", f"reads token {reads} of {reads}"), ("END", "<eos>")):
        browser.driver.execute_script("document.getElementById('moment').focus()")
        browser.press(key)
        assert name in browser.text("#moment-name")
    for place in range(reads + writes):  # what comes later is pale
        browser.run(f"moveTo({place})")
        shown = writes + 1 - len(browser.all(".tree .best.later"))
        assert shown == max(0, place - reads + 2)
    browser.run("moveTo(1)")
    source = browser.run("timeline.seen.sourceTokens")
    assert browser.text("#moment-name").endswith(f"at the same time, from the end: {source[-2]}")
    row = "[aria-label='Source'] .token"
    assert browser.texts(f"{row}.now") == [source[1], source[-2]]
    assert browser.texts(f"{row}.later") == source[2:-2]
    browser.run("moveTo(99)")
    browser.all("#play")[0].click()  # from the beginning
    browser.wait("timeline.place === 1")
    browser.all("#play")[0].click()
    assert browser.text("#play") == "Play"
    browser.all(".tree .best")[1].click()
    assert browser.text("#moment-name").startswith("The decoder writes token 1 of")
    browser.all("#candidates button")[1].click()
    expected = browser.run("answerFor(state.lines[0]).candidates[1].steps.length")
    assert browser.run("timeline.seen.steps.length") == expected


def test_look_inside_without_attention(
    chromium: Browser, tiny_model: Build, tmp_path: Path
) -> None:
    vocab = Vocab([*SPECIAL_TOKENS, *EVIL], [0] * 13)
    sides = (TextPipeline(WordTokenizer(), vocab), TextPipeline(WordTokenizer(), vocab))
    model = tiny_model(attention="none", lexical=False, cell="gru")
    path = tmp_path / "page.html"
    path.write_text(page(Content(model.float(), sides, Experiment()), About()), encoding="utf-8")
    chromium.open(path)
    assert (chromium.text("h1"), chromium.text("#source-name")) == ("Translator", "Source")
    chromium.type("</script> <b>b</b> <!--")
    chromium.all("summary")[0].click()
    chromium.wait("document.querySelectorAll('.view').length")
    assert chromium.texts(".view h3") == [
        "The context vector" if each == "Attention" else each for each in INSIDE
    ]
    assert "layer 1: update gate" in {each.rpartition(", ")[2] for each in chromium.texts("option")}
    reads = chromium.run("timeline.seen.sourceTokens.length")
    pictures = []
    for place in range(reads):  # the vector fills
        chromium.run(f"moveTo({place})")
        pictures.append(chromium.run("document.querySelector('.vector').toDataURL()"))
    assert len(set(pictures)) == reads > 4
    assert all(each.endswith(": the context vector") for each in chromium.texts("h4"))
    chromium.run("moveTo(1)")
    assert chromium.text("h4").endswith(f": the state so far, after 2 of {reads} tokens")
    chromium.run("moveTo(99)")
    assert chromium.run("document.querySelector('.vector').toDataURL()") == pictures[-1]
    chromium.run("pointAt(document.querySelector('.word'))")
    assert "no attention" in chromium.text("#hint")
    assert (len(chromium.all("script")), len(chromium.all("b"))) == (4, 0)
    assert chromium.all("mark") == []
    assert chromium.problems() == []


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("dark", [False, True])
def test_it_fits_every_width_and_colour(
    chromium: Browser, path: Path, width: int, dark: bool
) -> None:
    chromium.open(path, width=width, dark=dark)
    chromium.type(LINE)
    chromium.all("summary")[0].click()
    chromium.wait("document.querySelectorAll('.view').length")
    assert chromium.run("document.documentElement.scrollWidth") <= width
    ground = chromium.run("getComputedStyle(document.body).backgroundColor")
    light = sum(int(each) for each in ground.strip("rgb()").split(",")) > 384
    assert light is not dark


def test_all_that_can_be_reached_by_the_keyboard_has_a_name(browser: Browser) -> None:
    browser.type(LINE)
    browser.all("summary")[0].click()
    browser.wait("document.querySelectorAll('.view').length")
    reached = browser.all("button, textarea, input, select, summary, [tabindex='0']")
    assert len(reached) > 15
    assert [each.get_attribute("outerHTML") for each in reached if not each.accessible_name] == []


def test_columns_follow_the_direction_of_the_script(browser: Browser) -> None:
    browser.type("שלום Emma")
    browser.all("summary")[0].click()
    browser.wait("document.querySelectorAll('.view').length")
    tables = browser.run("[...document.querySelectorAll('.attention')].map((each) => each.dir)")
    assert tables == ["rtl", "rtl", "ltr"]  # attention, the encoder; the decoder writes Latin
    assert browser.texts(".token.unknown") == ["שלום"]
    said = browser.text("#output .unknown-words").replace("\u2068", "").replace("\u2069", "")
    assert said == "1 word is unknown to the model (שלום): the translation may be nonsense."


def test_every_script_long_lines_and_nothing(browser: Browser) -> None:
    long = "Emma sucht das Haus. " * 500  # 10,000 letters
    lines = [
        "",
        "日本語 שלום مرحبا ไทย",
        "</script><b>x</b><!--",
        long,
        "\u202ex\u0000\u2028y",
        " ",
    ]
    browser.paste("\n".join(lines))
    browser.wait("state.lines.every((line) => !line.trim() || answerFor(line))")
    assert len(browser.all("#output .line")) == len(lines)
    assert browser.all("#output b") == []
    assert browser.texts("#output .problem")[0].startswith(" (The line is longer than 500 tokens")
    browser.run("chooseLine(3)")
    browser.all("summary")[0].click()
    browser.wait("document.querySelectorAll('.view').length")
    assert browser.text("#cut").startswith("The text is long: the first 60 tokens")
    assert browser.run("longest") < 1000  # milliseconds; the long line takes the worker seconds
    browser.all("#clear")[0].click()
    assert browser.text("#output") == ""
    assert browser.run("document.getElementById('copy').disabled")


def test_many_lines_do_not_bury_the_translation(browser: Browser) -> None:
    browser.type("\n".join(f"{LINE} {LINE}" if number % 3 else LINE for number in range(40)))
    boxes = [browser.run(f"element('{name}').clientHeight") for name in ("reading", "output")]
    assert max(boxes) <= 450  # half of the window
    assert browser.all("#copy")[0].rect["y"] < 900
    tenth = "element('{}').children[9].getBoundingClientRect().top - element('{}')"
    tenth += ".getBoundingClientRect().top"
    browser.run(f"(element('reading').scrollTop += {tenth.format('marks', 'reading')})")
    browser.wait(f"Math.abs({tenth.format('output', 'output')}) < 2")
    browser.run("chooseLine(9)")
    assert browser.text("#others-name") == "Candidates of line 10"
    assert browser.text("summary") == "Look inside line 10"
    assert browser.run("element('marks').children[9].className") == "line chosen"
    assert len(browser.all("#marks .chosen")) == 1


def test_a_damaged_file_says_so(chromium: Browser, path: Path, tmp_path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for name, given, now in (("cut", '{"about":{', "{"), ("changed", "CC0", "CC1")):
        assert given in text
        damaged = tmp_path / f"{name}.html"
        damaged.write_text(text.replace(given, now, 1), encoding="utf-8")
        chromium.driver.get(damaged.as_uri())
        chromium.wait("!document.getElementById('status').textContent.startsWith('Loading')")
        said = chromium.text("#status")
        assert said.startswith("This page can't translate, the file is damaged: ")
        assert "newer" not in said


def test_five_hundred_lines_then_others(browser: Browser, translate: Callable[[str], str]) -> None:
    """What is typed is not made to wait for what stood there before, however long."""
    browser.paste("\n".join(f"{LINE} {number}" for number in range(500)))
    browser.wait("document.getElementById('progress').textContent")
    browser.paste("Emma sucht das Haus. " * 500)
    browser.wait("searchers.some(({ text }) => text)")
    browser.paste("")
    browser.type(LINE)
    assert browser.text("#output") == translate(LINE)
    assert browser.run("longest") < 1000

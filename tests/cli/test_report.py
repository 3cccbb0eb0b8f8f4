"""``seq2seq report``: its numbers are those of other commands, and nothing private is in it."""

import getpass
import json
import platform
import re
import shutil
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from seq2seq.evaluation.metrics import METRICS
from seq2seq.runs.metadata import checksum
from tests.support.chromium import Browser, needs_chromium

KEPT = Path(__file__).resolve().parents[1] / "runs" / "format-2"
EVIL = '</style><script>alert("1")</script><!-- &lt; \' \x00 שלום'
SOURCES = ["Emma sucht das Haus.", "David hört den Hund.", "Ben findet den Hund .", EVIL]
REFERENCES = ["Emma looks for the house.", "David hears the dog.", "Ben finds the dog.", EVIL]
Command = Callable[..., tuple[str, str]]


class Page(HTMLParser):
    """What stands in a page: the texts of its parts by their titles, and its elements."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.attributes: set[str] = set()
        self.parts: dict[str, list[str]] = {"": []}
        self.inside = ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.inside = tag

    def handle_data(self, data: str) -> None:
        if self.inside == "h2":
            self.parts[data] = []
        else:
            [*self.parts.values()][-1].append(data)
        self.inside = ""


@pytest.fixture(scope="module")
def test_text(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("private-folder")
    paths = [folder / "test.de", folder / "test.en"]
    for path, lines in zip(paths, (SOURCES, REFERENCES), strict=True):
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return paths


def test_numbers_are_those_of_evaluate_analyze_and_of_the_log(
    run: Command, tmp_path: Path, test_text: list[Path]
) -> None:
    path = tmp_path / "report.html"
    assert run("report", KEPT / "translation", *test_text, "--out", path)[0] == ""
    parts = Page(path).parts
    out, _ = run("evaluate", KEPT / "translation", *test_text, "--json")
    for name, each in json.loads(out).items():
        at = parts["Test text"].index(METRICS[name].title)
        number, _, signature = parts["Test text"][at - 1 : at + 2]
        assert (number, signature) == (f"{each['score']:.2f}", each["signature"])
    translations = tmp_path / "translations"
    run("evaluate", KEPT / "translation", *test_text, "--output", translations)
    source, reference = test_text
    texts = ("--source", source, "--reference", reference)
    out, _ = run("analyze", translations, *texts, "--json")
    found = json.loads(out)
    rows = parts["BLEU by length and by position"]
    for each in [*found["lengths"], *found["quarters"]]:
        assert f"{each['bleu']:.2f}" == rows[rows.index(each["name"]) + 1]
    lines = (KEPT / "translation" / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    logged = [row for row in map(json.loads, lines) if row["kind"] != "training"]
    shown = parts["Validations"]
    for row in logged:
        assert {f"{row[name]:.3f}" for name in ("loss", "perplexity", "bleu")} <= {*shown}
    last = [row for row in logged if row["kind"] == "validation"][-1]
    for sample in last["samples"]:
        assert {*sample.values()} <= {*parts["Samples over time"]}
    worst = [text for text in parts["Worst translations"] if text.startswith("chrF")]
    best = [text for text in parts["Best translations"] if text.startswith("chrF")]
    numbers = [float(re.findall(r"[\d.]+", text)[0]) for text in [*worst, *reversed(best)]]
    assert len(numbers) == 4
    assert numbers == sorted(numbers)
    assert "data.vocab_size" in parts["Settings other than the default"]


@pytest.mark.parametrize("name", ["translation", "language-model", "n-grams"])
def test_nothing_of_the_machine_is_said_unless_asked_for(
    run: Command, tmp_path: Path, name: str, test_text: list[Path]
) -> None:
    private = shutil.copytree(KEPT / name, tmp_path / "private-run")
    values = json.loads((private / "experiment.json").read_text(encoding="utf-8"))
    values["experiment"]["data"]["train"] = "/private-folder/pairs.tsv"
    values["recipe"] = {"corpus": "/private-folder"}
    values["begun"]["command"] = ["private-command"]
    values["sha256"] = checksum(values)
    (private / "experiment.json").write_text(json.dumps(values), encoding="utf-8")
    path = tmp_path / "report.html"
    given = test_text if name == "translation" else []
    run("report", private, *given, "--out", path)
    text = path.read_text(encoding="utf-8").replace(":root {", "")  # the style sheet's
    names = [platform.node(), getpass.getuser(), str(tmp_path), str(Path.home())]
    assert not [each for each in ("private", *names) if re.search(rf"\b{re.escape(each)}\b", text)]
    assert "free text, such as names of files" in text
    run("report", private, *given, "--out", path, "--overwrite", "--origin")
    text = path.read_text(encoding="utf-8")
    said = ("private-command", str(private), "/private-folder/pairs.tsv", "corpus")
    assert all(each in text for each in said)


def test_text_is_text_and_nothing_runs(run: Command, tmp_path: Path, test_text: list[Path]) -> None:
    path = tmp_path / "report.html"
    run("report", KEPT / "translation", *test_text, "--out", path, "--title", EVIL)
    page = Page(path)
    text = path.read_text(encoding="utf-8")
    assert "<script" not in text
    assert EVIL.replace("\x00", "") in [each.replace("\x00", "") for each in page.parts[""]]
    assert not page.elements & {"script", "link", "img", "iframe", "object", "form", "a"}
    assert not {name for name in page.attributes if name.startswith("on")} & page.attributes
    assert not page.attributes & {"src", "href", "style"}
    assert "default-src 'none'" in text


@pytest.mark.filterwarnings("always::seq2seq.evaluation.metrics.EmptyReferenceWarning")
def test_a_model_without_attention_and_a_sentence_without_reference(
    run: Command, trained: Path, tmp_path: Path
) -> None:
    path = tmp_path / "report.html"
    source, reference = tmp_path / "source", tmp_path / "reference"
    source.write_text("Emma sleeps.\n\n", encoding="utf-8")
    reference.write_text("\nEmma dort.\n", encoding="utf-8")
    _, said = run("report", trained, source, reference, "--out", path)
    assert said.count("have an empty reference") == 1
    parts = Page(path).parts
    assert "2" in parts["BLEU by length and by position"]
    assert "Attention" not in parts


def test_mistakes(
    run: Command, fails: Callable[..., str], tmp_path: Path, test_text: list[Path]
) -> None:
    path = tmp_path / "report.html"
    translation = KEPT / "translation"
    assert "give --out FILE" in fails("report", "hf://user/name")
    assert "give --source FILE and --reference FILE; or, alone, a table of pairs" in fails(
        "report", translation, test_text[0], "--out", path
    )
    assert "--sentences 3 has no effect" in fails(
        "report", translation, "--sentences", 3, "--out", path
    )
    said = fails("report", KEPT / "language-model", *test_text, "--out", path)
    assert "is a run of a language model, which translates nothing" in said
    assert "there is no run at" in fails("report", tmp_path / "none", "--out", path)
    assert not path.exists()
    own = Path(shutil.copytree(KEPT / "language-model", tmp_path / "own"))
    _, said = run("report", own)
    assert said == f"{own / 'report.html'}: the report, for any browser\n"
    assert "is a page already" in fails("report", own)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser() as browser:
        yield browser


@needs_chromium
@pytest.mark.slow
def test_in_a_browser(
    run: Command, tmp_path: Path, test_text: list[Path], browser: Browser
) -> None:
    """The policy lets its style in; no part is wider than the window; nothing is asked for."""
    path = tmp_path / "report.html"
    run("report", KEPT / "translation", *test_text, "--out", path)
    for width in (360, 1280):
        browser.show(path, width=width)
        assert browser.problems() == []
        assert browser.run("document.documentElement.scrollWidth") <= width
        assert browser.run("getComputedStyle(document.querySelector('.card')).borderTopWidth") == (
            "1px"
        )
        assert browser.requests() == {path.as_uri()}
        assert EVIL.split("\x00")[1].strip() in browser.text("main")

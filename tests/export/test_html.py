"""A page: one file with everything in it, safely; whole in a browser, without a network."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from seq2seq.config.experiment import Experiment
from seq2seq.data.tokenizers.pipeline import TextPipeline
from seq2seq.data.tokenizers.rule_based import WordTokenizer
from seq2seq.data.vocabulary import SPECIAL_TOKENS, Vocab
from seq2seq.export.about import About
from seq2seq.export.html import Content, page, title
from tests.support.models import Build, attentive

EVIL = ["</script>", "<!--", "<script>", "]]>", "{{weights}}", "\u2028", '"', "\\", "&lt;"]


class Scripts(HTMLParser):
    """The texts of scripts and styles, by id or name, as a browser takes them apart."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: dict[str, str] = {}
        self.attributes: list[tuple[str, str, str | None]] = []
        self.inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, *each) for each in attrs]
        self.inside = (dict(attrs).get("id") or tag) if tag in ("script", "style") else ""

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.found[self.inside] = self.found.get(self.inside, "") + data

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""


@pytest.fixture
def evil(tiny_model: Build) -> str:
    """A page whose tokens and facts are made to break out of where they stand."""
    vocab = Vocab([*SPECIAL_TOKENS, *EVIL], [0] * 13)
    sides = (TextPipeline(WordTokenizer(), vocab), TextPipeline(WordTokenizer(), vocab))
    about = About("en", "fr", author="<img src=x onerror=alert(1)></script>", data="</title>")
    return page(Content(attentive(tiny_model).float(), sides, Experiment()), about)


def test_nothing_that_is_embedded_is_markup(evil: str) -> None:
    scripts = Scripts(evil)
    description = json.loads(scripts.found["description"])
    assert description["source"]["vocabulary"][4:] == EVIL
    assert description["about"]["author"] == "<img src=x onerror=alert(1)></script>"
    assert set(scripts.found) == {"style", "description", "weights", "worker", "script"}
    assert base64.b64decode(scripts.found["weights"], validate=True)
    assert not {tag for tag, *_ in scripts.attributes} & {"img", "link", "iframe", "form"}


def test_the_policy_lets_nothing_else_run(evil: str) -> None:
    scripts = Scripts(evil)
    policy = re.search('Content-Security-Policy" content="([^"]*)"', evil)
    assert policy is not None
    directives = dict(each.split(" ", 1) for each in policy[1].split("; "))
    hashes = {
        f"{name}-src": hashlib.sha256(scripts.found[name].encode()).digest()
        for name in ("script", "style")
    }
    assert directives == {
        "default-src": "'none'",
        "worker-src": "blob:",
        "base-uri": "'none'",
        "form-action": "'none'",
        **{name: f"'sha256-{base64.b64encode(each).decode()}'" for name, each in hashes.items()},
    }
    names = {name for _, name, _ in scripts.attributes}
    assert not {name for name in names if name.startswith("on")}
    assert not names & {"style", "src", "href"}


def test_text_enters_as_text_only() -> None:
    for path in (Path(__file__).parents[2] / "seq2seq" / "export" / "web").glob("*.js"):
        text = path.read_text(encoding="utf-8")
        for word in ("innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval("):
            assert word not in text, f"{path.name} has {word}"
        assert not re.search(r"</script|<!--|https?://(?!www\.w3\.org/2000/svg)", text), path.name


def test_languages_that_are_not_to_be_said() -> None:
    assert title(About("de", "pt-BR")) == "Translator de → pt-BR"
    assert title(About("und", "fr")) == "Translator fr"
    assert title(About()) == "Translator"

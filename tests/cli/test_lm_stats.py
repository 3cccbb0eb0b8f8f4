"""lm stats as a user meets it: a table, JSON, a picture and mistakes."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seq2seq.data.monolingual import letters_only
from seq2seq.data.tokenizers.rule_based import CharacterTokenizer, SpaceTokenizer, WordTokenizer
from seq2seq.evaluation.zipf import text_statistics

LINES = [
    "The Time Traveller (for so",
    "it will be convenient",
    "",
    "to speak of him) said: the time",
]
Run = Callable[..., str]


@pytest.fixture
def book(tmp_path: Path) -> Path:
    path = tmp_path / "book.txt"
    path.write_text("".join(f"{line}\n" for line in LINES), encoding="utf-8")
    return path


@pytest.fixture
def stats(run: Callable[..., Any]) -> Run:
    """Runs the command; returns what it prints."""
    return lambda *arguments: run("lm", "stats", *arguments)[0]


def test_a_text_is_counted(stats: Run, book: Path) -> None:
    tokens = [WordTokenizer().tokenize(line) for line in LINES]
    assert stats(book) == text_statistics(tokens).as_table() + "\n"
    assert stats(book, "--top", 2) == text_statistics(tokens).as_table(top=2) + "\n"
    (text,) = letters_only(LINES, lowercase=True)
    plain = text_statistics([text.split()])
    assert stats(book, "--letters-only", "--lowercase") == plain.as_table() + "\n"
    assert plain.ngrams[0].most_common(1) == [(("the",), 2)]


def test_other_tokens(stats: Run, book: Path) -> None:
    pieces = text_statistics(SpaceTokenizer().tokenize_all(LINES))
    assert stats(book, "--tokenizer", "space") == pieces.as_table() + "\n"
    characters = text_statistics(CharacterTokenizer(lowercase=True).tokenize_all(LINES))
    # "s" and "t" are stop words, but only where they are words.
    printed = stats(book, "--tokenizer", "character", "--lowercase")
    assert printed == characters.as_table(stop_words=()) + "\n"


def test_json_with_stop_words_of_ones_own(stats: Run, book: Path, tmp_path: Path) -> None:
    (tmp_path / "stop").write_text("TIME speak\ndon’t so\n", encoding="utf-8")
    found = json.loads(stats(book, "--stop-words", tmp_path / "stop", "--json", "--top", 3))
    assert found["unigrams"]["total"] == sum(len(WordTokenizer().tokenize(x)) for x in LINES)
    assert found["unigrams"]["most_common"][0] == [["(￭"], 1]
    words = [ngram[0] for ngram, _ in found["unigrams"]["without_stop_words"]]
    assert words == ["The", "Traveller", "be"]


def test_columns_and_splits(stats: Run, tmp_path: Path) -> None:
    (tmp_path / "test.tsv").write_text("1\ta b\n2\ta c\n", encoding="utf-8")
    printed = stats(tmp_path, "--split", "test", "--column", 1, "--json")
    assert json.loads(printed)["unigrams"]["total"] == 4
    (tmp_path / "test.tsv").write_text("n\tbody\n2\ta c\n", encoding="utf-8")
    printed = stats(tmp_path / "test.tsv", "--column", "body", "--json")
    assert json.loads(printed)["unigrams"]["most_common"] == [[["a"], 1], [["c"], 1]]


def test_a_picture(stats: Run, book: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    stats(book, "--plot", tmp_path / "zipf.svg")
    assert (tmp_path / "zipf.svg").read_bytes().startswith(b"<?xml")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["book.txt", "--top", "0"], "--top 0 must be at least 1"),
        (["book.txt", "--plot", "zipf"], "zipf must end in"),
        (["bok.txt"], r"did you mean book\.txt\?"),
        (["book.txt", "--stop-words", "none"], "there is no file none"),
        (["book.txt", "--stop-words", "empty"], "empty has no words"),
        (["empty"], "empty has no text"),
        (["digits", "--letters-only"], "no letters"),
    ],
)
def test_mistakes_are_named(
    fails: Callable[..., str],
    book: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(book.parent)
    Path("empty").write_text("\n")
    Path("digits").write_text("1 2\n")
    assert re.search(message, fails("lm", "stats", *arguments))

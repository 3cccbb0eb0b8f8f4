"""Terms: their file, and where a sentence has them."""

import gzip
from pathlib import Path
from typing import Any

import pytest

from seq2seq.data.terminology import Terminology
from seq2seq.errors import DataError

TERMS = {
    "Golf": "VW",
    "golf": "sport",
    "new york": "A",
    "york city hall": "B",
    "hall": "C",
    "Bank": "D",
    "größe": "E",
    "मन": "F",
    "東京": "G",
    "東": "H",
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A Golf, a golf and a GOLF.", ["VW", "sport", "sport"]),
        ("Golfer, Minigolf, golf_club, mini-golf's", ["sport", "sport"]),
        ("New York City Hall", ["B"]),  # the longest first, though another begins before it
        ("New York, city hall: NEW  YORK\tagain", ["A", "C", "A"]),
        ("Bank bank BANK", ["D"]),
        ("Gro\u0308ße", ["E"]),  # not in NFC
        ("मन मना", ["F"]),  # a vowel sign is no border
        ("私は東京と東にいる。", ["G", "H"]),
        ("", []),
    ],
)
def test_the_longest_whole_words_are_found_in_order(text: str, expected: list[str]) -> None:
    assert [term.target for term in Terminology.of(TERMS).find(text)] == expected


def test_a_table_is_read(tmp_path: Path) -> None:
    path = tmp_path / "terms.tsv.gz"
    text = "source\ttarget\nHund\thound\n\nein  Mann\ta man\r\nHund\thound\n"
    path.write_bytes(gzip.compress(text.encode()))
    terms = Terminology.read(path)
    assert [term[:2] for term in terms.terms.values()] == [("Hund", "hound"), ("ein Mann", "a man")]
    assert terms.terms["ein Mann"].where == f"{path}:4"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a\tb\nc\n", r":2: there must be a source term, a tab and its translation, and .* 1 col"),
        ("a\tb\tc\n", ":1: .* are 3 columns"),
        ("a\tb\nc\t \n", ":2: a term and its translation"),
        ("a\tb\nc\td\na\te\n", ":3: 'a' is to be 'e', and in .*:1 it is to be 'b'"),
        ("source\ttarget\n\n", "has no term"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "terms.tsv").write_text(text)
    with pytest.raises(DataError, match=message):
        Terminology.read(tmp_path / "terms.tsv")


@pytest.mark.parametrize("terms", [[("a", "b")], "a", {"a": 3}, {1: "a"}, {}, {"": "a"}])
def test_what_is_no_terminology_is_refused(terms: Any) -> None:
    with pytest.raises(DataError, match="term"):
        Terminology.of(terms)

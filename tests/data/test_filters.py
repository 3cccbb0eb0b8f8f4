"""Each filter drops its fault, and nothing else; several account for every pair."""

from dataclasses import fields
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seq2seq.config.filters import FilterSettings
from seq2seq.data.filters.cleaner import CHUNK, Cleaner
from seq2seq.data.filters.remains import Numbers
from seq2seq.data.filters.repeated import hash64
from seq2seq.data.pairs import Pair
from seq2seq.data.parallel import ParallelCorpus
from seq2seq.errors import SettingsError
from seq2seq.translation.filters import FILTERS, make_filters

NEEDS = {"mojibake": "ftfy", "source_language": "py3langid", "target_language": "py3langid"}
"""Packages that some filters need."""
LONG_FR = "Le comité a décidé de reporter la réunion à la semaine prochaine."
LONG_EN = "The committee has decided to postpone the meeting until next week."

Row = tuple[Any, tuple[str, str], tuple[str, str]]
FAULTS: dict[str, Row] = {
    "copies": (True, ("Tom  said so.", "Tom said so."), ("Tom said so.", "Tom l'a dit.")),
    "max_words": (3, ("a b c d", "x"), ("a b c", "x")),
    "max_characters": (4, ("我们不知道", "a"), ("我们知道", "a")),
    "max_ratio": (3, ("a b", "abc def g"), ("a b", "abc def")),
    "source_script": (("Latin",), ("Он said: там", "x"), ("Он said so", "Я")),
    "target_script": (("Han", "Hiragana", "Katakana"), ("a", "Mrs. 田中"), ("a", "Tーシャツです")),
    "max_symbols": (0.5, ("a", "1, 2; b"), ("a", "x 2; b")),
    "max_repeats": (3, ("ha ha ha ha!", "a"), ("ha ha ha! 1000000", "a")),
    "html": (True, ("Fish &amp; chips", "a"), ("<2fr> a < b; AT&T; &c;", "a")),
    "numbers": (True, ("In 1,984", "En 1985"), ("In 1984 at 5:30", "En 1 984, 05h30")),
    "mojibake": (True, ("a", "schÃ¶n"), ("a", "schön, ça và")),
    "source_language": ("en", (LONG_FR, LONG_FR), (LONG_EN, LONG_FR)),
    "target_language": ("fr", (LONG_EN, LONG_EN), (LONG_EN, LONG_FR)),
}
"""For each filter: its setting, a pair that it drops, and one that it leaves."""
ELSEWHERE = {"held_out", "min_score", "duplicates", "duplicate_sources", "duplicate_targets"}
"""What needs more than a pair, and has tests of its own."""


def cleaned(pairs: list[tuple[str, str]], **settings: object) -> list[tuple[str, str]]:
    filters = make_filters(FilterSettings(**settings))
    cleaner = Cleaner(filters)
    kept = [
        pair for pair, reason in cleaner.judged(map(Pair._make, pairs), Pair._make) if not reason
    ]
    assert cleaner.read == len(pairs) == len(kept) + sum(cleaner.dropped.values())
    return kept


def test_every_filter_has_a_row() -> None:
    assert {*FAULTS} | ELSEWHERE == {*FILTERS}
    assert {*FILTERS} <= {item.name for item in fields(FilterSettings)}
    assert make_filters(FilterSettings()) == []


@pytest.mark.parametrize("name", FAULTS)
def test_a_filter_drops_its_fault_and_nothing_else(name: str) -> None:
    pytest.importorskip(NEEDS.get(name, "re"))
    value, bad, good = FAULTS[name]
    assert cleaned([good, bad, good], **{name: value}) == [good, good]
    assert cleaned([good, bad, good]) == [good, bad, good], "only where it is asked for"


DUPLICATES = [("a", "1"), (" a ", "1"), ("a", "2"), ("b", "1"), ("é", "3"), ("e\u0301", "3")]


@pytest.mark.parametrize(
    ("name", "left"),
    [
        ("duplicates", [0, 2, 3, 4]),
        ("duplicate_sources", [0, 3, 4]),
        ("duplicate_targets", [0, 2, 4]),
    ],
)
def test_the_first_of_several_stays(name: str, left: list[int]) -> None:
    assert cleaned(DUPLICATES, **{name: True}) == [DUPLICATES[index] for index in left]


def test_of_several_with_one_source_the_first_that_is_good_stays() -> None:
    pairs = [("a", "<br>"), ("a", "good"), ("a", "late")]
    assert cleaned(pairs, html=True, duplicate_sources=True) == [("a", "good")]


@pytest.mark.parametrize(
    ("by", "left"), [("source", [1, 3]), ("target", [2, 3]), ("pair", [1, 2, 3])]
)
def test_what_is_held_out_is_dropped(tmp_path: Path, by: str, left: list[int]) -> None:
    (tmp_path / "test.tsv").write_text("a\tone\nc\tseven\n", encoding="utf-8")
    (tmp_path / "dev.de").write_text("a  \n", encoding="utf-8")
    (tmp_path / "dev.en").write_text("one\n", encoding="utf-8")
    files = tuple(str(tmp_path / name) for name in ("dev.de", "test.tsv", "dev.en"))
    pairs = [("a", "one"), ("b", "one"), ("a", "two"), ("b", "two")]
    found = cleaned(pairs, held_out=files, held_out_by=by)
    assert found == [pairs[index] for index in left]


def test_numbers_are_compared_by_their_digits() -> None:
    same = [
        ("1,000.50", "1 000,5"),
        ("at 5:30", "à 05h30"),
        ("two", "2"),
        ("12", "१२"),
        ("0", "3"),
        ("May 3", "3/5"),
    ]
    differ = [("1999", "1998"), ("5 or 6", "5 or 7"), ("at 5 pm", "à 17 h")]
    drops = Numbers().drops
    assert not any(drops(Pair(*pair)) for pair in same)
    assert all(drops(Pair(*pair)) for pair in differ)


def test_hashes_are_the_same_everywhere() -> None:
    assert hash64("é") == 14635220546840893743


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"source_script": ("Elvish!",)}, "source-script Elvish! .* as Latin, Cyrillic or"),
        ({"target_script": ("Cyrilic",)}, r"target-script Cyrilic .* did you mean Cyrillic\?"),
    ],
)
def test_an_unknown_script_is_named(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        make_filters(FilterSettings(**settings))


@pytest.mark.parametrize("name", NEEDS)
def test_a_missing_package_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def without(package: str) -> object:
        return None if package == NEEDS[name] else find_spec(package)

    monkeypatch.setattr("seq2seq.data.filters.problems.find_spec", without)
    with pytest.raises(SettingsError, match=f"needs the package {NEEDS[name]}: pip install"):
        make_filters(FilterSettings(**{name: FAULTS[name][0]}))


def test_an_unknown_language_is_named() -> None:
    pytest.importorskip("py3langid")
    with pytest.raises(SettingsError, match=r"source-language xx is not known to py3langid"):
        make_filters(FilterSettings(source_language="xx"))


# ---------------------------------------------------------------------------------------------
# properties

ODD = st.sampled_from(
    [
        "",
        " ",
        "a",
        "b c",
        "ha" * 9,
        "12",
        "13",
        "<br>",
        "&amp;",
        "é",
        "e\u0301",
        "я",
        "!!!",
        "\udcff",
    ]
)
SIDES = st.lists(ODD, max_size=4).map(" ".join)
ALL = {
    **{name: row[0] for name, row in FAULTS.items() if name not in NEEDS},
    **dict.fromkeys(("duplicates", "duplicate_sources", "duplicate_targets"), True),
    "max_characters": 40,
}


@given(
    pairs=st.lists(st.tuples(SIDES, SIDES), max_size=30),
    names=st.sets(st.sampled_from(sorted(ALL))),
)
def test_what_is_clean_stays(pairs: list[tuple[str, str]], names: set[str]) -> None:
    settings = {name: ALL[name] for name in names}
    once = cleaned(pairs, **settings)
    assert cleaned(once, **settings) == once
    rest = iter(pairs)
    assert all(pair in rest for pair in once), "in their order"


def test_a_corpus_is_cleaned_in_pieces_as_at_once() -> None:
    pairs = [(f"a {n % 700}", f"b {n}") for n in range(2 * CHUNK + 5)]
    corpus = ParallelCorpus(*map(list, zip(*pairs, strict=True)), "x")
    settings = FilterSettings(duplicate_sources=True, max_words=9)
    found = corpus.clean(filters=make_filters(settings))
    assert list(found) == pairs[:700]
    assert str(found.report) == (
        f"x: {len(pairs):,} pairs read, {len(pairs) - 700:,} dropped for a source seen before, "
        "700 kept"
    )

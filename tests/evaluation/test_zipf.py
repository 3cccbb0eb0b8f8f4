"""Frequencies of n-grams, against counting by hand and power laws with a known exponent."""

import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seq2seq.errors import DataError, SettingsError
from seq2seq.evaluation.zipf import STOP_WORDS, count_ngrams, text_statistics, zipf_exponent

LINES = st.lists(st.lists(st.sampled_from("abcd"), max_size=8), max_size=6)
RHYME = [
    line.split()
    for line in (
        "the cat and the dog saw the cat ￭.",
        "",
        "the cat saw the mouse ￭, and the mouse saw it ￭.",
    )
]


@given(LINES, st.integers(1, 4))
def test_ngrams_are_all_neighbours_within_a_line(lines: list[list[str]], order: int) -> None:
    expected = Counter(
        tuple(line[begin : begin + order])
        for line in lines
        for begin in range(len(line) - order + 1)
    )
    found = count_ngrams(lines, order)
    assert found.counts == expected
    assert found.total == sum(max(0, len(line) - order + 1) for line in lines)
    assert found.once == list(expected.values()).count(1)
    assert found.frequencies == sorted(expected.values(), reverse=True)
    ranked = list(found.ranked())
    assert dict(ranked) == expected
    assert ranked == sorted(ranked, key=lambda item: (-item[1], item[0]))
    assert found.most_common(3) == ranked[:3]


def test_the_most_frequent_ngrams_with_and_without_stop_words() -> None:
    one, two, three = text_statistics(RHYME).ngrams
    assert one.most_common(4) == [(("the",), 6), (("cat",), 3), (("saw",), 3), (("and",), 2)]
    assert one.most_common(9, STOP_WORDS) == [
        *((("cat",), 3), (("saw",), 3), (("mouse",), 2), (("dog",), 1))
    ]
    assert two.most_common(2) == [(("the", "cat"), 3), (("and", "the"), 2)]
    assert two.most_common(9, STOP_WORDS) == [
        *((("cat", "saw"), 1), (("dog", "saw"), 1), (("mouse", "saw"), 1))
    ]
    assert three.most_common(1, STOP_WORDS) == []
    assert three.most_common(1, ["the", "and"]) == [(("mouse", "saw", "it"), 1)]
    assert [each.name for each in (one, two, three)] == ["unigrams", "bigrams", "trigrams"]
    assert count_ngrams(RHYME, 5).name == "5-grams"


def test_only_words_are_content() -> None:
    tokens = ["The", "￭’S", "￭,", "(￭", "...", "<unk>", "▁", "Don’t", "l'￭", "42", "我", "time's"]
    counted = count_ngrams([tokens], 1)
    content = [ngram[0] for ngram, _ in counted.most_common(20, STOP_WORDS)]
    assert sorted(content) == sorted(["l'￭", "42", "我", "time's"])
    left = [ngram[0] for ngram, _ in counted.most_common(20, {"l", "42"})]
    assert sorted(left) == sorted(["The", "￭’S", "Don’t", "我", "time's"])
    everything = [ngram[0] for ngram, _ in counted.most_common(20)]
    assert sorted(everything) == sorted(tokens)


@pytest.mark.parametrize(
    ("frequencies", "exponent"),
    [
        ([2520 // rank for rank in range(1, 11)], 1.0),
        ([2520**2 // rank**2 for rank in range(1, 11)], 2.0),
        ([420, 210], 1.0),
        ([7, 7, 7], 0.0),
    ],
)
def test_the_exponent_of_an_exact_power_law(frequencies: list[int], exponent: float) -> None:
    assert zipf_exponent(frequencies) == pytest.approx(exponent, abs=1e-12)


def test_each_factor_of_ten_in_rank_counts_alike() -> None:
    """A long tail of n-grams that occur once hardly moves the line, as it would without weights."""
    law = [round(5000 / rank) for rank in range(1, 5001)]
    assert zipf_exponent(law) == pytest.approx(1, abs=0.02)
    weights = [1 / rank for rank in range(1, 4)]
    # By hand, for three ranks: the weighted covariance of log n and log r over its variance.
    x, y = [0.0, 0.6931471805599453, 1.0986122886681098], [2.302585092994046, 0.0, 0.0]
    mean_x = sum(w * v for w, v in zip(weights, x, strict=True)) / sum(weights)
    mean_y = sum(w * v for w, v in zip(weights, y, strict=True)) / sum(weights)
    covariance = sum(w * (a - mean_x) * (b - mean_y) for w, a, b in zip(weights, x, y, strict=True))
    variance = sum(w * (a - mean_x) ** 2 for w, a in zip(weights, x, strict=True))
    assert zipf_exponent([10, 1, 1]) == pytest.approx(-covariance / variance)


def test_one_rank_has_no_law() -> None:
    assert zipf_exponent([5]) is None
    assert zipf_exponent([]) is None
    found = text_statistics([["a", "a"]])
    assert [each.zipf_exponent for each in found.ngrams] == [None] * 3
    assert json.loads(json.dumps(found.as_dict()))["trigrams"]["zipf_exponent"] is None
    assert found.as_table().splitlines()[1].split() == ["unigrams", "2", "1", "0", "-"]


def test_the_table_as_it_is_printed() -> None:
    assert text_statistics(RHYME).as_table(top=2).splitlines() == [
        "2 lines              total   different        once   Zipf exponent",
        "unigrams                21           9           3            0.77",
        "bigrams                 19          14          10            0.49",
        "trigrams                17          17          17            0.00",
        "",
        "unigrams   without stop words and punctuation",
        "6  the     3  cat",
        "3  cat     3  saw",
        "",
        "bigrams      without stop words and punctuation",
        "3  the cat   1  cat saw",
        "2  and the   1  dog saw",
        "",
        "trigrams           without stop words and punctuation",
        "1  and the dog",
        "1  and the mouse",
    ]


def test_everything_as_json() -> None:
    found = json.loads(json.dumps(text_statistics(RHYME).as_dict(top=2, stop_words=["cat"])))
    assert list(found) == ["lines", "unigrams", "bigrams", "trigrams"]
    assert found["lines"] == 2
    assert found["bigrams"].pop("zipf_exponent") == pytest.approx(0.49, abs=0.005)
    assert found["bigrams"] == {
        "total": 19,
        "different": 14,
        "once": 10,
        "most_common": [[["the", "cat"], 3], [["and", "the"], 2]],
        "without_stop_words": [[["and", "the"], 2], [["saw", "the"], 2]],
    }


def test_what_can_not_be_counted() -> None:
    with pytest.raises(DataError, match="no tokens to count"):
        text_statistics([[], []])
    with pytest.raises(SettingsError, match="n-gram of 0 tokens"):
        count_ngrams([["a"]], 0)


def test_the_stop_words_are_as_they_are_compared() -> None:
    assert {word.lower().strip("'’") for word in STOP_WORDS} == STOP_WORDS
    assert {"the", "of", "don't"} < STOP_WORDS

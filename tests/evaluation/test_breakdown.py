"""BLEU by parts: worked by hand, and counts that add up."""

import random

import pytest

from seq2seq.errors import DataError, SettingsError
from seq2seq.evaluation.breakdown import breakdown, quarter_of
from seq2seq.evaluation.metrics import EmptyReferenceWarning, bleu


def line(length: int, first: int = 0) -> str:
    return " ".join(f"w{number}" for number in range(first, first + length))


@pytest.mark.parametrize(
    ("length", "sizes"),
    [
        (0, [0, 0, 0, 0]),
        (1, [0, 0, 1, 0]),
        (2, [0, 1, 1, 0]),
        (3, [1, 1, 0, 1]),
        (4, [1, 1, 1, 1]),
        (5, [1, 1, 2, 1]),
        (6, [2, 1, 1, 2]),
        (7, [2, 2, 1, 2]),
        (8, [2, 2, 2, 2]),
        (10, [2, 3, 3, 2]),
    ],
)
def test_quarters_hold_every_word_once_and_in_order(length: int, sizes: list[int]) -> None:
    words = line(length).split()
    parts = [quarter_of(number, [words], [[words]]) for number in range(4)]
    assert [len(found[0]) for found, _ in parts] == sizes
    assert [word for found, _ in parts for word in found[0]] == words
    assert all(found[0] == expected[0][0] for found, expected in parts)


def test_a_pair_by_hand() -> None:
    """Eight words against eight: two in each quarter.

    1/4 equal: 100. 2/4: one of two words is right and no pair of them, which smoothing counts as
    a half of one: sqrt(1/2 · 1/2) = 50. 3/4: nothing right: 0. 4/4: two right words in the wrong
    order: sqrt(1 · 1/2) = 70.71.
    """
    found = breakdown(["s"], ["a b c x y z h g"], ["a b c d e f g h"])
    assert found.longest_ngram == 2
    assert [part.name for part in found.quarters] == ["1/4", "2/4", "3/4", "4/4"]
    assert [part.bleu for part in found.quarters] == pytest.approx([100, 50, 0, 50 * 2**0.5])
    assert all(part[1:4] == (1, 2, 2) for part in found.quarters)
    assert found.bleu == bleu(["a b c x y z h g"], ["a b c d e f g h"])


def test_lengths_by_hand() -> None:
    sources = ["", line(1), line(5), line(6), line(10), line(11), line(23)]
    hypotheses = [line(6), line(6), line(6, 50), line(6), line(6), line(6), line(6)]
    references = [line(6)] * 7
    found = breakdown(sources, hypotheses, references).lengths
    assert [part.name for part in found] == ["0", "1-5", "6-10", "11-15", "21-25"]
    assert [part.sentences for part in found] == [1, 2, 2, 1, 1]
    assert [part.words for part in found] == [6, 12, 12, 6, 6]
    expected = bleu(hypotheses[1:3], references[1:3]).score
    assert [part.bleu for part in found] == pytest.approx([100, expected, 100, 100, 100])
    assert 0 < expected < 100
    by_two = breakdown(sources, hypotheses, references, bucket_size=2).lengths
    assert [part.name for part in by_two] == ["0", "1-2", "5-6", "9-10", "11-12", "23-24"]
    by_one = breakdown(sources, hypotheses, references, bucket_size=1).lengths
    assert [part.name for part in by_one] == ["0", "1", "5", "6", "10", "11", "23"]


def test_words_are_those_of_the_tokenization_and_case_may_be_ignored() -> None:
    sources, hypotheses, references = ["A b, c."], ["Ab cd."], ["ab cd."]
    found = breakdown(sources, hypotheses, references)
    assert found.lengths[0].words == 3
    assert found.lengths[0].bleu < 100
    assert breakdown(sources, hypotheses, references, bucket_size=1).lengths[0].name == "5"
    none = breakdown(sources, hypotheses, references, tokenize="none", bucket_size=1)
    assert none.lengths[0].name == "3"
    assert none.lengths[0].words == 2
    lower = breakdown(sources, hypotheses, references, lowercase=True)
    assert lower.lengths[0].bleu == pytest.approx(100), "three words have no four-grams"
    assert "case:lc" in lower.bleu.signature


def test_counts_add_up_and_one_bucket_is_the_whole_text() -> None:
    generator = random.Random(1)

    def lines() -> list[str]:
        return [" ".join(generator.choices("abcd", k=generator.randint(0, 30))) for _ in range(99)]

    sources, hypotheses, references = (
        lines(),
        lines(),
        [list(pair) for pair in zip(lines(), lines(), strict=True)],
    )
    found = breakdown(sources, hypotheses, references)
    assert sum(part.sentences for part in found.lengths) == 99
    assert all(part.sentences for part in found.lengths)
    assert {part.sentences for part in found.quarters} == {99}
    words = sum(len(text.split()) for text in hypotheses)
    assert sum(part.words for part in found.lengths) == words
    assert sum(part.words for part in found.quarters) == words
    whole = breakdown(["x"] * 99, hypotheses, references).lengths
    assert len(whole) == 1
    assert whole[0].bleu == pytest.approx(bleu(hypotheses, references).score)


def test_the_end_of_sentences_shows() -> None:
    references = [line(16, first) for first in range(20)]
    hypotheses = [f"{line(12, first)} x x x x" for first in range(20)]
    scores = [part.bleu for part in breakdown(references, hypotheses, references).quarters]
    assert scores == pytest.approx([100, 100, 100, 0])


@pytest.mark.parametrize(("length", "order"), [(1, 1), (8, 2), (12, 3), (40, 4)])
def test_the_longest_ngram_follows_the_references(length: int, order: int) -> None:
    assert breakdown(["a"], ["a"], [line(length)]).longest_ngram == order


def test_empty_translations_score_nothing() -> None:
    found = breakdown(["a b", "c"], ["", ""], ["a b", "c"])
    assert [part.bleu for part in [*found.lengths, *found.quarters]] == [0] * 5


@pytest.mark.parametrize(
    ("count", "options", "error", "message"),
    [
        ((1, 2, 2), {}, DataError, "1 sources but 2 translations"),
        ((2, 2, 1), {}, DataError, "2 translations but 1 reference"),
        ((0, 0, 0), {}, DataError, "nothing to score"),
        ((1, 1, 1), {"bucket_size": 0}, SettingsError, "0 words: it must be at least 1"),
        ((1, 1, 1), {"tokenize": "13b"}, SettingsError, "'13b'"),
    ],
)
def test_what_can_not_be_broken_down(
    count: tuple[int, int, int], options: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        breakdown(*(["a"] * number for number in count), **options)


def test_an_empty_reference_beside_others_is_none() -> None:
    sources, hypotheses = [line(3), line(8)], [line(2), line(8)]
    gap = [[line(6), "", line(7)], [line(8), line(9), " "]]
    without = [[line(6), line(7)], [line(8), line(9)]]
    found = breakdown(sources, hypotheses, gap)
    assert found == breakdown(sources, hypotheses, without)
    assert [row.reference_words for row in found.lengths] == [6, 8]
    assert sum(row.reference_words for row in found.quarters) == 6 + 8
    with pytest.warns(EmptyReferenceWarning, match="^1 of 2 sentences") as caught:
        counted = breakdown(sources, hypotheses, ["", line(8)])
    assert len(caught) == 1
    assert [row.reference_words for row in counted.lengths] == [0, 8]

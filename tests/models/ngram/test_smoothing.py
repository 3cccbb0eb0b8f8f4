"""Discounts: what KenLM computes for a text, and what is done where the formula fails."""

from pathlib import Path

import numpy as np
import pytest

from seq2seq.data.vocabulary import Vocab
from seq2seq.models.ngram.counts import count_ngrams, flatten_sentences
from seq2seq.models.ngram.smoothing import FALLBACK_DISCOUNTS, adjusted_counts, discounts

TEXT = Path(__file__).resolve().parent / "kenlm" / "text.txt"


def seen(*counts_of_counts: int) -> np.ndarray:
    """Counts, of which so many are 1, 2, …"""
    return np.repeat(np.arange(1, len(counts_of_counts) + 1), counts_of_counts)


def test_discounts_are_those_that_lmplz_prints() -> None:
    lines = [line.split() for line in TEXT.read_text().splitlines()]
    vocab = Vocab.build(lines)
    levels = count_ngrams(flatten_sentences(map(vocab.ids, lines), len(vocab)), 3, len(vocab))
    found = [
        discounts(adjusted_counts(level, longer))
        for level, longer in zip(levels, [*levels[1:], None], strict=True)
    ]
    expected = [
        (0.545455, 1.25195, 2.72727),
        (0.79845, 1.20155, 2.50865),
        (0.832685, 1.59334, 1.09672),
    ]
    assert found == [pytest.approx(each, rel=1e-5) for each in expected]


def test_the_formula_by_hand() -> None:
    """Y = 8 / (8 + 2 · 4) = 1/2; what was seen more often does not count."""
    expected = (1 - 2 / 2 * 4 / 8, 2 - 3 / 2 * 2 / 4, 3 - 4 / 2 * 1 / 2)
    assert discounts(seen(8, 4, 2, 1)) == pytest.approx(expected, rel=1e-12)
    assert discounts(seen(8, 4, 2, 1, 7, 9)) == discounts(seen(8, 4, 2, 1))
    assert discounts(seen(8, 4, 2))[2] == 3.0


@pytest.mark.parametrize(
    "counts",
    [
        (),
        (0, 5, 5, 5),
        (5, 0, 5, 5),
        (5, 5, 0, 5),
        (9, 1, 9, 1),  # D2 = 2 - 27 * 9 / 11
        (3, 3, 6, 1),  # D2 = 0
        (9, 9, 1, 9),  # D3+ = 3 - 12 * 9
    ],
)
def test_where_the_formula_fails_the_discounts_are_fixed(counts: tuple[int, ...]) -> None:
    assert discounts(seen(*counts).astype(np.int64)) == FALLBACK_DISCOUNTS

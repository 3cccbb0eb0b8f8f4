"""IBM model 1: the formula in plain Python, and texts of any size."""

import random
from collections import defaultdict

import pytest
import torch

from seq2seq.data.vocabulary import EOS_ID
from seq2seq.models import ibm_model1
from seq2seq.models.ibm_model1 import TranslationTable, estimate

Pairs = tuple[list[list[int]], list[list[int]]]


def random_pairs(count: int, seed: int = 1) -> Pairs:
    """Sentence pairs of 0 to 6 tokens, of 8 source and 9 target tokens."""
    generator = random.Random(seed)
    sources, targets = (
        [generator.choices(range(4, size), k=generator.randrange(7)) for _ in range(count)]
        for size in (12, 13)
    )
    return sources, targets


def as_dict(table: TranslationTable) -> dict[tuple[int, int], float]:
    keys = zip(table.sources.tolist(), table.targets.tolist(), strict=True)
    return dict(zip(keys, table.probabilities.tolist(), strict=True))


def by_hand(pairs: Pairs, iterations: int) -> dict[tuple[int, int], float]:
    """Brown et al. 1993, with eos for the empty word."""
    known: dict[tuple[int, int], float] = defaultdict(lambda: 1.0)
    for _ in range(iterations):
        counts: dict[tuple[int, int], float] = defaultdict(float)
        totals: dict[int, float] = defaultdict(float)
        for source, target in zip(*pairs, strict=True):
            for token in target:
                whole = sum(known[each, token] for each in [*source, EOS_ID])
                for each in [*source, EOS_ID]:
                    counts[each, token] += known[each, token] / whole
                    totals[each] += known[each, token] / whole
        known = {key: count / totals[key[0]] for key, count in counts.items()}
    return known


@pytest.mark.parametrize("iterations", [1, 2, 5])
def test_it_is_the_formula(iterations: int) -> None:
    pairs = random_pairs(60)
    found = as_dict(estimate(*pairs, 13, iterations))
    assert found == pytest.approx(by_hand(pairs, iterations))


def test_the_text_comes_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = random_pairs(80)
    expected = as_dict(estimate(*pairs, 13, 3))
    monkeypatch.setattr(ibm_model1, "LINKS_AT_ONCE", 50)
    assert as_dict(estimate(*pairs, 13, 3)) == pytest.approx(expected)


def test_it_learns_which_token_is_which() -> None:
    generator = random.Random(3)
    sources = [generator.sample(range(4, 24), 6) for _ in range(300)]
    targets = [[40 - token for token in reversed(source)] for source in sources]
    table = as_dict(estimate(sources, targets, 40, iterations=5))
    for token in range(4, 24):
        best = max(range(4, 40), key=lambda target: table.get((token, target), 0.0))
        assert best == 40 - token


def test_rare_links_are_dropped_where_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ibm_model1, "LINKS_AT_ONCE", 8)
    monkeypatch.setattr(ibm_model1, "MAX_ENTRIES", 12)
    rare = [[token] for token in range(5, 30)]
    sources, targets = [[4]] * 20 + rare, [[4]] * 20 + rare
    table = estimate(sources, targets, 30, 3)
    assert len(table.keys) < 2 * len(rare)
    assert as_dict(table)[4, 4] > 0.9


def test_of_a_large_text_evenly_many_pairs_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    sources, targets = [[4, 5]] * 10 + [[6]] * 10, [[4]] * 10 + [[7, 7]] * 10
    monkeypatch.setattr(ibm_model1, "MAX_LINKS", 35)
    assert set(as_dict(estimate(sources, targets, 13, 3))) == {
        *((source, 4) for source in (EOS_ID, 4, 5)),
        *((source, 7) for source in (EOS_ID, 6)),
    }


def test_a_text_of_nothing() -> None:
    table = estimate([[], [4]], [[], []], 13, 3)
    assert table.keys.tolist() == []
    assert table.probabilities.dtype == torch.float64

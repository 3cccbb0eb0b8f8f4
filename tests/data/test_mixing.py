"""Shares of a mix are exact, and follow from seed and epoch alone."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seq2seq.data.mixing import Mix, shares_of

CORPORA = st.lists(st.tuples(st.integers(1, 40), st.floats(0.01, 100)), min_size=1, max_size=5)


def make_mix(corpora: list[tuple[int, float]]) -> Mix:
    sizes, weights = zip(*corpora, strict=True)
    return Mix([str(number) for number in range(len(sizes))], sizes, shares_of(weights))


@given(CORPORA, st.integers(0, 9))
def test_after_any_epoch_each_corpus_has_its_share_to_the_nearest_pair(
    corpora: list[tuple[int, float]], epochs: int
) -> None:
    mix = make_mix(corpora)
    drawn = Counter(place for epoch in range(epochs) for place in mix.draw(epoch, seed=3))
    counts = mix.count([*drawn.elements()])
    assert counts == mix.drawn(epochs)
    weights = [weight for _, weight in corpora]
    for count, weight in zip(counts, weights, strict=True):
        assert abs(count - epochs * sum(mix.sizes) * weight / sum(weights)) <= 0.5 + 1e-6


@given(CORPORA, st.integers(1, 9))
def test_a_corpus_is_gone_through_before_a_pair_comes_again(
    corpora: list[tuple[int, float]], epochs: int
) -> None:
    mix = make_mix(corpora)
    drawn = Counter(place for epoch in range(epochs) for place in mix.draw(epoch, seed=3))
    first = 0
    for size, end in zip(mix.sizes, mix.ends, strict=True):
        times = [drawn[place] for place in range(first, end)]
        assert len(times) == size
        assert max(times) - min(times) <= 1
        first = end


def test_a_worked_example() -> None:
    mix = Mix(["small", "large"], [2, 10], [0.25, 0.75])
    assert mix.drawn(1) == [3, 9]
    first, again = mix.draw(0, seed=1), mix.draw(0, seed=1)
    assert first == again
    assert first == sorted(first)
    assert mix.count(first) == [3, 9]
    assert mix.draw(1, seed=1) != first != mix.draw(0, seed=2)
    # the one of the large corpus that the first epoch had not comes at once in the second
    assert {*range(2, 12)} - {*first} <= {*mix.draw(1, seed=1)}


@given(st.integers(1, 50), st.integers(0, 9), st.floats(0.01, 100))
def test_an_epoch_of_a_single_corpus_is_the_corpus(size: int, epoch: int, weight: float) -> None:
    assert make_mix([(size, weight)]).draw(epoch, seed=1) == [*range(size)]


def test_pairs_that_are_left_out_are_of_their_corpus() -> None:
    mix = Mix(["a", "b", "c"], [2, 3, 1], [0.5, 0.25, 0.25]).keep([0, 2, 4, 5])
    assert (mix.sizes, mix.ends, mix.shares) == ([1, 2, 1], [1, 3, 4], [0.5, 0.25, 0.25])


@pytest.mark.parametrize("weights", [(1, 3), (0.5, 1.5), (1e-3, 3e-3)])
def test_weights_are_shares_of_their_sum(weights: tuple[float, ...]) -> None:
    assert shares_of(weights) == pytest.approx([0.25, 0.75])

"""Samples: as often as the distribution says, and always the same."""

import math
import subprocess
from collections import Counter
from collections.abc import Callable
from random import Random

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seq2seq.data.vocabulary import EOS_ID
from seq2seq.decoding.constraints import Constraints
from seq2seq.decoding.hypothesis import Hypothesis
from seq2seq.decoding.sampling import (
    sample_inverse_cdf,
    sample_key,
    sample_search,
    truncated_distribution,
    uniform_draw,
)
from tests.support.tables import WORDS, Table, scored, sentences_up_to

COUNT = 20_000
WAYS = [
    {},
    {"temperature": 0.5},
    {"temperature": 2.0},
    {"top_k": 2},
    {"top_p": 0.7},
    {"top_p": 0.3, "temperature": 1.5},
    {"top_k": 3, "top_p": 0.8, "temperature": 1.3},
]


def distribution(
    log_probs: dict[int, float], temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0
) -> dict[int, float]:
    """The definition, token by token."""
    heights = {token: math.exp(value / temperature) for token, value in log_probs.items()}
    ranked = sorted(heights, key=lambda token: -heights[token])[: top_k or None]
    whole = sum(heights[token] for token in ranked)
    kept, mass = [], 0.0
    for token in ranked:
        if mass >= top_p * whole:
            break
        kept.append(token)
        mass += heights[token]
    return {token: heights[token] / mass for token in kept}


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS, ids=str)
def test_each_sentence_is_drawn_as_often_as_it_is_probable(way: dict[str, float]) -> None:
    table = Table.random(1, 1, spread=1.0)
    keys = [[sample_key(1, [7, 8], number) for number in range(COUNT)]]
    constraints = Constraints(torch.tensor([2]))
    [samples] = sample_search(table.step, table.start(), constraints, keys=keys, **way)
    counts = Counter(tuple(sample.tokens) for sample in samples)
    whole = 0.0
    for tokens in sentences_up_to(2, WORDS):
        probability = 1.0
        for place, token in enumerate([*tokens, EOS_ID]):
            log_probs = table.continuations(0, tokens[:place])
            may = {each: log_probs[each] for each in ([EOS_ID, *WORDS] if place < 2 else [EOS_ID])}
            probability *= distribution(may, **way).get(token, 0.0)
        whole += probability
        found = counts.pop(tuple(tokens), 0)
        # Five standard deviations; and what has no probability never comes.
        bound = 5 * math.sqrt(probability * (1 - probability) / COUNT)
        assert abs(found / COUNT - probability) <= bound + 1e-12
    assert whole == pytest.approx(1.0)
    assert not counts
    for sample in samples[:50]:
        assert sample == scored(sample.tokens, table.forced(0, sample.tokens), 0.0)


@given(st.integers(0, 10**6), st.integers(0, 9), st.floats(0.01, 1.0), st.floats(0.1, 5.0))
def test_the_distribution_is_its_definition(
    seed: int, top_k: int, top_p: float, temperature: float
) -> None:
    log_probs = torch.randn((3, 8), generator=torch.Generator().manual_seed(seed))
    log_probs[1, 2:5] = -math.inf
    found = truncated_distribution(log_probs.log_softmax(-1), temperature, top_k, top_p)
    assert found.dtype == torch.float64
    for row, values in zip(found.tolist(), log_probs.log_softmax(-1).tolist(), strict=True):
        expected = distribution(dict(enumerate(values)), temperature, top_k, top_p)
        for token, probability in enumerate(row):
            assert probability == pytest.approx(expected.get(token, 0.0), abs=1e-9)


@pytest.mark.parametrize("temperature", [1e-300, 1e-6])
def test_a_low_temperature_takes_the_best(temperature: float) -> None:
    log_probs = torch.randn(5, 9).log_softmax(-1)
    found = truncated_distribution(log_probs, temperature, 0, 1.0)
    assert torch.equal(found, torch.nn.functional.one_hot(log_probs.argmax(-1), 9).double())


def test_the_inverse_never_draws_what_is_impossible() -> None:
    probabilities = torch.tensor([[0.0, 0.5, 0.0, 0.5, 0.0]], dtype=torch.float64).expand(5, 5)
    uniforms = torch.tensor([0.0, 0.4999, 0.5, 0.75, 1 - 2**-53], dtype=torch.float64)
    assert sample_inverse_cdf(probabilities, uniforms).tolist() == [1, 1, 3, 3, 3]
    thirds = torch.tensor([[0.1] * 7 + [0.0]], dtype=torch.float64)
    assert sample_inverse_cdf(thirds, torch.tensor([1 - 2**-53], dtype=torch.float64)).tolist() == [
        6
    ]


def draws(
    table: Table, rows: list[int], caps: list[int], counts: list[int]
) -> list[list[Hypothesis]]:
    keys = [
        [sample_key(3, [row], number) for number in range(count)]
        for row, count in zip(rows, counts, strict=True)
    ]
    return sample_search(table.step, table.start(rows), Constraints(torch.tensor(caps)), keys=keys)


@given(
    st.integers(0, 10**6),
    st.lists(st.integers(0, 5), min_size=1, max_size=4),
    st.randoms(use_true_random=False),
)
def test_a_draw_does_not_depend_on_the_batch_its_order_or_the_other_samples(
    seed: int, caps: list[int], random: Random
) -> None:
    table = Table.random(seed, len(caps))
    order = list(range(len(caps)))
    together = draws(table, order, caps, [4] * len(caps))
    random.shuffle(order)
    mixed = draws(table, order, [caps[row] for row in order], [4] * len(caps))
    assert mixed == [together[row] for row in order]
    for row, cap in enumerate(caps):
        assert draws(table, [row], [cap], [2]) == [together[row][:2]]
    some = [row % 3 for row in range(len(caps))]
    assert draws(table, list(range(len(caps))), caps, some) == [
        row[:count] for row, count in zip(together, some, strict=True)
    ]


def test_draws_are_the_same_in_every_process_and_differ_by_all_they_depend_on(
    command: Callable[..., subprocess.CompletedProcess[bytes]],
) -> None:
    program = (
        "from seq2seq.decoding.sampling import sample_key, uniform_draw\n"
        "print(repr(uniform_draw(sample_key(1, [4, 5], 2), 3)))"
    )
    here = uniform_draw(sample_key(1, [4, 5], 2), 3)
    for seed in ("0", "1"):
        result = command("-c", program, environment={"PYTHONHASHSEED": seed})
        assert float(result.stdout) == here
    others = {
        uniform_draw(sample_key(2, [4, 5], 2), 3),
        uniform_draw(sample_key(1, [4, 5, 5], 2), 3),
        uniform_draw(sample_key(1, [45], 2), 3),
        uniform_draw(sample_key(1, [4, 5], 1), 3),
        uniform_draw(sample_key(1, [4, 5], 2), 4),
    }
    assert len(others | {here}) == 6


def test_draws_are_uniform() -> None:
    found = [
        uniform_draw(sample_key(1, [row], 0), place) for row in range(200) for place in range(50)
    ]
    assert all(0 <= each < 1 for each in found)
    counts = Counter(int(each * 10) for each in found)
    assert all(abs(count - 1000) < 5 * math.sqrt(1000 * 0.9) for count in counts.values())

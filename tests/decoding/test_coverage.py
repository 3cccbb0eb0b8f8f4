"""The coverage penalty and the attention of hypotheses, on tables that have attention."""

import math
from functools import partial
from random import Random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seq2seq.decoding.beam_search import beam_search, diverse_continuations
from seq2seq.decoding.constraints import Constraints
from seq2seq.decoding.greedy import greedy_search
from seq2seq.decoding.hypothesis import MIN_COVERAGE, Hypothesis, length_penalty
from seq2seq.decoding.interface import Scoring
from seq2seq.decoding.sampling import sample_key, sample_search
from tests.support.tables import WORDS, Table, sentences_up_to

SEEDS = st.integers(0, 10**6)
LENGTHS = (1, 4, 2, 6)


def score(table: Table, row: int, tokens: list[int], alpha: float, beta: float) -> float:
    """Equation 14 of Wu et al. 2016, in plain Python."""
    attention = table.attended(row, tokens, LENGTHS[row])
    covered = [min(sum(column), 1.0) for column in zip(*attention, strict=True)]
    words = covered[:-1]  # eos comes last, and is nothing to translate
    penalty = beta * sum(math.log(max(share, MIN_COVERAGE)) for share in words)
    return table.forced(row, tokens) / length_penalty(len(tokens) + 1, alpha) + penalty


def assert_scored(table: Table, found: list[list[Hypothesis]], alpha: float, beta: float) -> None:
    for row, hypotheses in enumerate(found):
        for hypothesis in hypotheses:
            expected = score(table, row, hypothesis.tokens, alpha, beta)
            assert hypothesis.score == pytest.approx(expected, rel=1e-5)
            assert hypothesis.log_probability == table.forced(row, hypothesis.tokens)
            assert hypothesis.attention is not None
            shape = (len(hypothesis.tokens) + 1, LENGTHS[row])
            assert hypothesis.attention.shape == shape
            attended = table.attended(row, hypothesis.tokens, LENGTHS[row])
            assert torch.equal(hypothesis.attention, torch.tensor(attended))


@settings(max_examples=30)
@given(SEEDS, st.sampled_from([0.0, 0.6, 1.0]), st.sampled_from([0.0, 0.2, 2.0]))
def test_a_wide_beam_ranks_everything_by_the_whole_score(
    seed: int, alpha: float, beta: float
) -> None:
    table = Table.random(seed, 4, source_lengths=LENGTHS)
    scoring = Scoring(alpha, beta, attention=True, source_lengths=LENGTHS)
    constraints = Constraints(torch.tensor([3, 0, 2, 3]))
    found = beam_search(table.step, table.start(), constraints, scoring, beam_size=200)
    assert_scored(table, found, alpha, beta)
    for row, cap in enumerate([3, 0, 2, 3]):
        every = sorted(
            sentences_up_to(cap, WORDS),
            key=lambda tokens: -score(table, row, tokens, alpha, beta),
        )
        assert [hypothesis.tokens for hypothesis in found[row]] == every


@settings(max_examples=40)
@given(SEEDS, st.integers(1, 5), st.sampled_from([0.0, 1.0]), st.sampled_from([0.1, 2.0]))
def test_stopping_early_loses_nothing(seed: int, size: int, alpha: float, beta: float) -> None:
    """The same beam in plain Python, which goes on to the end."""
    table = Table.random(seed, 4, source_lengths=LENGTHS)
    caps = [5, 2, 6, 4]
    scoring = Scoring(alpha, beta, source_lengths=LENGTHS)
    found = beam_search(
        table.step, table.start(), Constraints(torch.tensor(caps)), scoring, beam_size=size
    )
    for row, cap in enumerate(caps):
        live: list[tuple[float, list[int]]] = [(0.0, [])]
        finished: list[list[int]] = []
        while live:
            candidates = [
                (total + table.continuations(row, tokens)[token], [*tokens, token])
                for total, tokens in live
                for token in ([3, *WORDS] if len(tokens) < cap else [3])
            ]
            kept = sorted(candidates, key=lambda candidate: -candidate[0])[:size]
            finished += [tokens[:-1] for _, tokens in kept if tokens[-1] == 3]
            live = [candidate for candidate in kept if candidate[1][-1] != 3]
        finished.sort(key=lambda tokens: -score(table, row, tokens, alpha, beta))
        assert [hypothesis.tokens for hypothesis in found[row]] == finished[:size]


def test_coverage_can_change_the_order() -> None:
    table = Table.random(3, 4, source_lengths=LENGTHS)
    constraints = Constraints(torch.tensor([3] * 4))
    orders = [
        [
            [hypothesis.tokens for hypothesis in hypotheses]
            for hypotheses in beam_search(
                table.step,
                table.start(),
                constraints,
                Scoring(1.0, beta, source_lengths=LENGTHS),
                beam_size=200,
            )
        ]
        for beta in (0.0, 1.0)
    ]
    assert orders[0] != orders[1]


@pytest.mark.slow
@given(SEEDS, st.randoms(use_true_random=False))
def test_every_search_follows_attention_whatever_the_batch(seed: int, random: Random) -> None:
    table = Table.random(seed, 4, source_lengths=LENGTHS)
    caps = [4, 1, 3, 2]
    order = [0, 1, 2, 3]
    random.shuffle(order)

    def found(rows: list[int]) -> list[list[list[Hypothesis]]]:
        scoring = Scoring(0.6, 0.3, True, tuple(LENGTHS[row] for row in rows))
        constraints = Constraints(torch.tensor([caps[row] for row in rows]))
        start = table.start(rows)
        keys = [[sample_key(1, [row], k) for k in range(3)] for row in rows]
        return [
            [[each] for each in greedy_search(table.step, start, constraints, scoring)],
            beam_search(table.step, start, constraints, scoring, beam_size=3),
            beam_search(
                *(table.step, start, constraints, scoring),
                beam_size=4,
                groups=2,
                continuations=partial(diverse_continuations, groups=2, diversity=0.5),
            ),
            sample_search(table.step, start, constraints, scoring, keys=keys),
        ]

    together = found([0, 1, 2, 3])
    mixed = found(order)
    alone = [found([row]) for row in range(4)]
    for method, rows in enumerate(together):
        assert_scored(table, rows, 0.6, 0.3)
        plain = [[h._replace(attention=None) for h in row] for row in rows]
        for place, row in enumerate(order):
            assert [h._replace(attention=None) for h in mixed[method][place]] == plain[row]
            assert [h._replace(attention=None) for h in alone[row][method][0]] == plain[row]

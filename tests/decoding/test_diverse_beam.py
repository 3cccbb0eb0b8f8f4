"""Diverse beam search against a reference written out in plain Python."""

from functools import partial
from random import Random

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seq2seq.data.vocabulary import EOS_ID
from seq2seq.decoding.beam_search import beam_search, diverse_continuations
from seq2seq.decoding.constraints import Constraints
from seq2seq.decoding.hypothesis import Hypothesis
from seq2seq.decoding.interface import Scoring
from tests.support.tables import WORDS, Table, scored

SEEDS = st.integers(0, 10**6)
CAPS = st.lists(st.integers(0, 5), min_size=1, max_size=4)
ALPHAS = st.sampled_from([0.0, 0.6, 1.0])


def plain_diverse(
    table: Table,
    sentence: int,
    cap: int,
    *,
    width: int,
    groups: int,
    diversity: float,
    alpha: float,
) -> list[Hypothesis]:
    """Algorithm 1 of Vijayakumar et al. 2018: groups in turn, a step at a time.

    What can't come among a group's best any more leaves it, and so takes no tokens.
    """
    live: list[list[tuple[float, list[int]]]] = [[(0.0, [])] for _ in range(groups)]
    finished: list[list[Hypothesis]] = [[] for _ in range(groups)]
    while any(live):
        taken: dict[int, int] = {}
        for group in range(groups):
            candidates = []
            for total, tokens in live[group]:
                log_probs = table.continuations(sentence, tokens)
                for token in [EOS_ID, *WORDS] if len(tokens) < cap else [EOS_ID]:
                    after = total + log_probs[token]
                    penalized = after - diversity * taken.get(token, 0)
                    candidates.append((penalized, after, [*tokens, token]))
            candidates.sort(key=lambda candidate: -candidate[0])
            kept = [(total, tokens) for _, total, tokens in candidates[:width]]
            for token in {tokens[-1] for _, tokens in kept}:
                taken[token] = taken.get(token, 0) + 1
            finished[group] += [
                scored(tokens[:-1], total, alpha) for total, tokens in kept if tokens[-1] == EOS_ID
            ]
            scores = sorted((hypothesis.score for hypothesis in finished[group]), reverse=True)
            least = scores[width - 1] if len(scores) >= width else float("-inf")
            live[group] = [
                (total, tokens)
                for total, tokens in kept
                if tokens[-1] != EOS_ID and total / ((6 + cap) / 6) ** alpha > least
            ]
    different = {str(h.tokens): h for hypotheses in finished for h in hypotheses}
    best = sorted(different.values(), key=lambda hypothesis: -hypothesis.score)
    return best[: width * groups]


def diverse(
    table: Table,
    caps: list[int],
    width: int,
    groups: int,
    diversity: float,
    alpha: float,
    rows: list[int] | None = None,
) -> list[list[Hypothesis]]:
    constraints = Constraints(torch.tensor(caps))
    return beam_search(
        table.step,
        table.start(rows),
        constraints,
        Scoring(alpha),
        beam_size=width * groups,
        groups=groups,
        continuations=partial(diverse_continuations, groups=groups, diversity=diversity),
    )


@given(SEEDS, CAPS, st.integers(1, 3), st.integers(2, 4), st.sampled_from([0.3, 1.0, 5.0]), ALPHAS)
def test_it_is_the_reference(
    seed: int, caps: list[int], width: int, groups: int, diversity: float, alpha: float
) -> None:
    table = Table.random(seed, len(caps))
    found = diverse(table, caps, width, groups, diversity, alpha)
    for row, cap in enumerate(caps):
        options = {"width": width, "groups": groups, "diversity": diversity, "alpha": alpha}
        assert found[row] == plain_diverse(table, row, cap, **options)


@given(SEEDS, CAPS, st.integers(1, 5), st.integers(1, 3), ALPHAS)
def test_one_group_is_beam_search_and_no_diversity_a_smaller_one(
    seed: int, caps: list[int], width: int, groups: int, alpha: float
) -> None:
    table = Table.random(seed, len(caps))
    constraints = Constraints(torch.tensor(caps))
    plain = beam_search(table.step, table.start(), constraints, Scoring(alpha), beam_size=width)
    assert diverse(table, caps, width, 1, 3.0, alpha) == plain
    several = diverse(table, caps, width, groups, 0.0, alpha)
    for found, expected in zip(several, plain, strict=True):
        assert found[: len(expected)] == expected


@pytest.mark.slow
@given(SEEDS, CAPS, st.randoms(use_true_random=False))
def test_a_result_does_not_depend_on_the_batch_or_its_order(
    seed: int, caps: list[int], random: Random
) -> None:
    table = Table.random(seed, len(caps))
    together = diverse(table, caps, 2, 3, 0.5, 0.6)
    order = list(range(len(caps)))
    random.shuffle(order)
    mixed = diverse(table, [caps[row] for row in order], 2, 3, 0.5, 0.6, order)
    assert mixed == [together[row] for row in order]
    for row, cap in enumerate(caps):
        assert diverse(table, [cap], 2, 3, 0.5, 0.6, [row]) == [together[row]]


@pytest.mark.parametrize("groups", [2, 3])
def test_groups_begin_differently_if_diversity_is_high(groups: int) -> None:
    table = Table.random(5, 10)
    for hypotheses in diverse(table, [4] * 10, 1, groups, 100.0, 0.0):
        firsts = {(hypothesis.tokens or [EOS_ID])[0] for hypothesis in hypotheses}
        assert len(firsts) == groups

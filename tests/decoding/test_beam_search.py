"""Search on written-down probability tables, against enumeration and against plain Python."""

import math
from collections.abc import Sequence
from random import Random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seq2seq.data.vocabulary import BOS_ID, EOS_ID, PAD_ID, UNK_ID
from seq2seq.decoding.beam_search import beam_search
from seq2seq.decoding.constraints import Constraints
from seq2seq.decoding.greedy import greedy_search
from seq2seq.decoding.hypothesis import FORBIDDEN_IDS, Hypothesis
from seq2seq.decoding.interface import Scoring
from tests.support.tables import Table, TableState, scored, sentences_up_to

ALPHAS = st.sampled_from([0.0, 0.6, 1.0])
CAPS = st.lists(st.integers(0, 4), min_size=1, max_size=5)
SEEDS = st.integers(0, 10**6)


def plain_beam(table: Table, sentence: int, cap: int, beam: int, alpha: float) -> list[Hypothesis]:
    """Beam search as a textbook has it: one sentence, Python lists, no stopping before the end."""
    live: list[tuple[float, list[int]]] = [(0.0, [])]
    finished = []
    while live:
        candidates = []
        for total, tokens in live:
            for token, log_prob in enumerate(table.continuations(sentence, tokens)):
                if token == EOS_ID or (token not in FORBIDDEN_IDS and len(tokens) < cap):
                    candidates.append((total + log_prob, [*tokens, token]))
        candidates.sort(key=lambda candidate: -candidate[0])
        kept = candidates[:beam]
        finished += [scored(ids[:-1], total, alpha) for total, ids in kept if ids[-1] == EOS_ID]
        live = [candidate for candidate in kept if candidate[1][-1] != EOS_ID]
    return sorted(finished, key=lambda hypothesis: -hypothesis.score)[:beam]


def beam(
    table: Table,
    caps: list[int],
    size: int,
    alpha: float = 0.0,
    state: TableState | None = None,
    **options: Sequence[int],
) -> list[list[Hypothesis]]:
    constraints = Constraints(torch.tensor(caps), **options)
    return beam_search(
        table.step, state or table.start(), constraints, Scoring(alpha), beam_size=size
    )


def greedy(
    table: Table,
    caps: list[int],
    alpha: float = 0.0,
    state: TableState | None = None,
    **options: Sequence[int],
) -> list[Hypothesis]:
    constraints = Constraints(torch.tensor(caps), **options)
    return greedy_search(table.step, state or table.start(), constraints, Scoring(alpha))


@given(SEEDS, CAPS, ALPHAS)
def test_a_beam_of_1_is_greedy_search_exactly(seed: int, caps: list[int], alpha: float) -> None:
    table = Table.random(seed, len(caps))
    found = greedy(table, caps, alpha)
    assert beam(table, caps, 1, alpha) == [[best] for best in found]


@given(SEEDS, CAPS)
def test_greedy_search_takes_the_best_token_each_time(seed: int, caps: list[int]) -> None:
    table = Table.random(seed, len(caps))
    found = greedy(table, caps)
    for sentence, (hypothesis, cap) in enumerate(zip(found, caps, strict=True)):
        tokens: list[int] = []
        while True:
            choices = table.continuations(sentence, tokens)
            allowed = [EOS_ID, *range(4, len(choices))] if len(tokens) < cap else [EOS_ID]
            best = max(allowed, key=choices.__getitem__)
            if best == EOS_ID:
                break
            tokens.append(best)
        assert hypothesis.tokens == tokens


@settings(max_examples=40)
@given(SEEDS, st.lists(st.integers(0, 3), min_size=1, max_size=3), ALPHAS)
def test_a_beam_as_wide_as_the_tree_enumerates_it(seed: int, caps: list[int], alpha: float) -> None:
    table = Table.random(seed, len(caps))
    found = beam(table, caps, 200, alpha)  # 3³ live hypotheses, with 4 continuations each
    for sentence, (hypotheses, cap) in enumerate(zip(found, caps, strict=True)):
        every = [
            scored(tokens, table.forced(sentence, tokens), alpha)
            for tokens in sentences_up_to(cap, range(4, 7))
        ]
        assert hypotheses == sorted(every, key=lambda hypothesis: -hypothesis.score)


@given(
    SEEDS,
    st.lists(st.integers(0, 9), min_size=1, max_size=5),
    st.integers(1, 8),
    ALPHAS,
    st.sampled_from([1.0, 3.0, 9.0]),
)
def test_every_beam_equals_plain_beam_search_without_early_stopping(
    seed: int, caps: list[int], size: int, alpha: float, spread: float
) -> None:
    table = Table.random(seed, len(caps), spread)
    expected = [plain_beam(table, row, cap, size, alpha) for row, cap in enumerate(caps)]
    assert beam(table, caps, size, alpha) == expected


@given(SEEDS, CAPS, st.integers(1, 6), ALPHAS)
def test_a_score_is_the_forced_score_of_the_same_tokens(
    seed: int, caps: list[int], size: int, alpha: float
) -> None:
    table = Table.random(seed, len(caps))
    for sentence, hypotheses in enumerate(beam(table, caps, size, alpha)):
        for hypothesis in hypotheses:
            forced = table.forced(sentence, hypothesis.tokens)
            assert hypothesis == scored(hypothesis.tokens, forced, alpha)


@given(SEEDS, CAPS, st.integers(1, 6), ALPHAS)
def test_hypotheses_are_distinct_best_first_at_most_the_beam_and_at_least_one(
    seed: int, caps: list[int], size: int, alpha: float
) -> None:
    for hypotheses in beam(Table.random(seed, len(caps)), caps, size, alpha):
        assert 1 <= len(hypotheses) <= size
        assert len({tuple(hypothesis.tokens) for hypothesis in hypotheses}) == len(hypotheses)
        scores = [hypothesis.score for hypothesis in hypotheses]
        assert scores == sorted(scores, reverse=True)


@pytest.mark.slow
@pytest.mark.parametrize("ties", [False, True])
@given(SEEDS, CAPS, st.integers(1, 6), st.randoms(use_true_random=False))
def test_a_result_does_not_depend_on_the_batch_or_its_order(
    ties: bool, seed: int, caps: list[int], size: int, random: Random
) -> None:
    table = Table.random(seed, len(caps))
    if ties:
        table = Table(table.log_probs.round())
    together = beam(table, caps, size, 0.6)
    order = list(range(len(caps)))
    random.shuffle(order)
    state = table.start(order)
    chosen = [caps[row] for row in order]
    assert beam(table, chosen, size, 0.6, state) == [together[row] for row in order]
    one_each = greedy(table, caps)
    assert greedy(table, chosen, 0.0, state) == [one_each[row] for row in order]
    for row, cap in enumerate(caps):
        assert beam(table, [cap], size, 0.6, table.start([row])) == [together[row]]
        assert greedy(table, [cap], 0.0, table.start([row])) == [one_each[row]]


@pytest.mark.parametrize("never", [FORBIDDEN_IDS, (*FORBIDDEN_IDS, 5), ()])
def test_forbidden_tokens_never_come_out_and_allowed_ones_do(never: tuple[int, ...]) -> None:
    log_probs = Table.random(1, 20).log_probs
    log_probs[..., [PAD_ID, UNK_ID, BOS_ID, 5]] += 5.0  # what is forbidden is the most probable
    table, caps = Table(log_probs.log_softmax(-1)), [4] * 20
    one_each = greedy(table, caps, forbidden=never)
    for found in ([[best] for best in one_each], beam(table, caps, 4, forbidden=never)):
        seen = {t for hypotheses in found for h in hypotheses for t in h.tokens}
        assert seen <= set(range(7)) - {EOS_ID} - set(never)
        assert seen >= {PAD_ID, UNK_ID, BOS_ID, 5} - set(never)


def best_of_each(
    log_probs: torch.Tensor, totals: torch.Tensor, beams: int, width: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Each hypothesis goes on with its best token alone, so that there is one in each beam."""
    values, tokens = log_probs.max(dim=1)
    return torch.arange(len(totals)), tokens, totals + values.double()


@given(SEEDS, CAPS)
def test_another_choice_of_continuations_is_another_search(seed: int, caps: list[int]) -> None:
    table = Table.random(seed, len(caps))
    constraints = Constraints(torch.tensor(caps))
    found = beam_search(
        table.step, table.start(), constraints, beam_size=3, continuations=best_of_each
    )
    assert found == [[best] for best in greedy(table, caps)]


def never_ending(eos_log_prob: float) -> Table:
    """Tables in which eos almost never comes, or never."""
    log_probs = Table.random(2, 5).log_probs
    log_probs[..., EOS_ID] = eos_log_prob
    return Table(log_probs)


@pytest.mark.parametrize("eos_log_prob", [-50.0, -math.inf])
def test_each_row_ends_at_its_own_cap(eos_log_prob: float) -> None:
    table, caps = never_ending(eos_log_prob), [3, 0, 7, 1, 4]
    assert [len(hypothesis.tokens) for hypothesis in greedy(table, caps)] == caps
    found = beam(table, caps, 3)
    assert [len(hypotheses[0].tokens) for hypotheses in found] == caps


def test_the_length_penalty_can_change_the_order() -> None:
    table = Table.random(3, 200)
    caps = [4] * 200
    found = [[best.tokens for best, *_ in beam(table, caps, 400, alpha)] for alpha in (0.0, 1.0)]
    longer = [len(second) - len(first) for first, second in zip(*found, strict=True)]
    assert min(longer) >= 0  # a division by the length never prefers a shorter sentence
    assert max(longer) > 0


@given(SEEDS, st.integers(1, 5), ALPHAS)
def test_no_beam_beats_the_widest(seed: int, size: int, alpha: float) -> None:
    table = Table.random(seed, 3)
    for narrow, wide in zip(
        beam(table, [3] * 3, size, alpha), beam(table, [3] * 3, 200, alpha), strict=True
    ):
        assert narrow[0].score <= wide[0].score

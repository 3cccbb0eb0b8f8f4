"""The constraints of all searches, against enumeration of what they allow."""

import math
from collections.abc import Sequence
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seq2seq.data.vocabulary import BOS_ID, EOS_ID, UNK_ID
from seq2seq.decoding.beam_search import beam_search, diverse_continuations
from seq2seq.decoding.constraints import Constraints
from seq2seq.decoding.greedy import greedy_search
from seq2seq.decoding.hypothesis import Hypothesis
from seq2seq.decoding.interface import Scoring
from seq2seq.decoding.sampling import sample_key, sample_search
from tests.support.tables import WORDS, Table, scored, sentences_up_to

SEEDS = st.integers(0, 10**6)
DIVERSE = partial(diverse_continuations, groups=2, diversity=0.7)


def repeats(tokens: Sequence[int], size: int) -> bool:
    """Whether some n-gram of this size comes twice."""
    ngrams = [tuple(tokens[i : i + size]) for i in range(len(tokens) - size + 1)]
    return size > 0 and len(set(ngrams)) < len(ngrams)


def everything(
    table: Table,
    sentence: int,
    cap: int,
    *,
    size: int = 0,
    least: int = 0,
    prefix: Sequence[int] = (),
    alpha: float = 0.0,
) -> list[Hypothesis]:
    """Each sentence that the constraints allow, best first."""
    found = [
        scored(tokens, table.forced(sentence, tokens), alpha)
        for tokens in sentences_up_to(max(cap, least, len(prefix)), WORDS)
        if len(tokens) >= least
        and tokens[: len(prefix)] == list(prefix)
        and not repeats(tokens, size)
    ]
    return sorted(found, key=lambda hypothesis: -hypothesis.score)


def wide(table: Table, constraints: Constraints, alpha: float = 0.0) -> list[list[Hypothesis]]:
    return beam_search(table.step, table.start(), constraints, Scoring(alpha), beam_size=400)


def samples(table: Table, constraints: Constraints, count: int = 30) -> list[list[Hypothesis]]:
    keys = [[sample_key(1, [row], k) for k in range(count)] for row in range(len(table.log_probs))]
    return sample_search(table.step, table.start(), constraints, keys=keys)


@settings(max_examples=40)
@given(SEEDS, st.integers(1, 3), st.integers(0, 2), st.sampled_from([0.0, 1.0]))
def test_a_wide_beam_finds_all_that_the_rules_allow(
    seed: int, size: int, least: int, alpha: float
) -> None:
    caps, prefixes = [4, 3, 1, 3], [[4, 5], [], [6, 4], [5]]
    table = Table.random(seed, 4)
    constraints = Constraints(torch.tensor(caps), min_length=least, no_repeat_ngram=size)
    for row, found in enumerate(wide(table, constraints, alpha)):
        assert found == everything(table, row, caps[row], size=size, least=least, alpha=alpha)
    constraints = Constraints(
        torch.tensor(caps), min_length=least, no_repeat_ngram=size, prefixes=prefixes
    )
    for row, found in enumerate(wide(table, constraints, alpha)):
        expected = everything(
            table, row, caps[row], size=size, least=least, prefix=prefixes[row], alpha=alpha
        )
        assert found == expected


@given(
    SEEDS,
    st.lists(st.integers(0, 5), min_size=1, max_size=4),
    st.integers(0, 3),
    st.integers(0, 2),
    st.data(),
)
def test_greedy_narrow_and_diverse_beams_and_samples_keep_the_rules(
    seed: int, caps: list[int], size: int, least: int, data: st.DataObject
) -> None:
    prefixes = [data.draw(st.lists(st.sampled_from(WORDS), max_size=2, unique=True)) for _ in caps]
    table = Table.random(seed, len(caps))
    constraints = Constraints(
        torch.tensor(caps), min_length=least, no_repeat_ngram=size, prefixes=prefixes
    )
    start = table.start()
    results = [
        [[found] for found in greedy_search(table.step, start, constraints)],
        beam_search(table.step, start, constraints, beam_size=3),
        beam_search(table.step, start, constraints, beam_size=4, groups=2, continuations=DIVERSE),
        samples(table, constraints, 5),
    ]
    for result in results:
        for row, hypotheses in enumerate(result):
            assert hypotheses
            for hypothesis in hypotheses:
                tokens = hypothesis.tokens
                assert least <= len(tokens) <= max(caps[row], least, len(prefixes[row]))
                assert tokens[: len(prefixes[row])] == prefixes[row]
                assert not repeats(tokens, size)
                assert hypothesis == scored(tokens, table.forced(row, tokens), 0.0)


def test_eos_comes_where_no_token_may() -> None:
    table = Table.random(1, 3)
    constraints = Constraints(
        torch.tensor([9] * 3), min_length=6, no_repeat_ngram=1
    )  # there are three words
    start = table.start()
    results = [
        [[found] for found in greedy_search(table.step, start, constraints)],
        beam_search(table.step, start, constraints, beam_size=3),
        beam_search(table.step, start, constraints, beam_size=4, groups=2, continuations=DIVERSE),
        samples(table, constraints, 5),
    ]
    for result in results:
        for row, hypotheses in enumerate(result):
            for hypothesis in hypotheses:
                assert sorted(hypothesis.tokens) == [4, 5, 6]
                assert hypothesis.log_probability == table.forced(row, hypothesis.tokens)


def test_a_prefix_is_forced_even_where_it_is_impossible_or_forbidden() -> None:
    table = Table.random(1, 2)
    table.log_probs[:, :, :, 5] = -math.inf
    constraints = Constraints(
        torch.tensor([1, 3]), no_repeat_ngram=1, prefixes=[[5, 5, UNK_ID, 5], [UNK_ID]]
    )
    for hypotheses in (wide(table, constraints), samples(table, constraints)):
        assert {tuple(h.tokens) for h in hypotheses[0]} == {(5, 5, UNK_ID, 5)}
        for hypothesis in hypotheses[1]:
            assert hypothesis.tokens[0] == UNK_ID
            assert not {UNK_ID, 5} & set(hypothesis.tokens[1:])
            assert hypothesis.log_probability == table.forced(1, hypothesis.tokens)


def test_apply_leaves_what_may_come() -> None:
    log_probs = torch.randn(3, 6).log_softmax(-1)
    constraints = Constraints(torch.tensor([3, 1, 2]), forbidden=(0, 2, 5))
    histories = torch.tensor([[4], [1], [4]])
    result = constraints.apply(log_probs.clone(), histories, torch.arange(3))
    allowed = torch.tensor([[1, 3, 4], [3, 3, 3], [1, 3, 4]])
    mask = torch.zeros_like(log_probs, dtype=torch.bool).scatter(1, allowed, True)
    assert torch.equal(result[mask], log_probs[mask])
    assert (result[~mask] == -math.inf).all()


@pytest.mark.parametrize("cap", [0, 3])
def test_where_nothing_is_possible_eos_is(cap: int) -> None:
    log_probs = torch.full((1, 6), -math.inf)
    log_probs[0, BOS_ID] = 0.0
    empty = torch.empty((1, 0), dtype=torch.long)
    result = Constraints(torch.tensor([cap])).apply(log_probs, empty, torch.tensor([0]))
    assert result.isfinite().nonzero().tolist() == [[0, EOS_ID]]

"""What every search shares: how rows of a state are selected, how a hypothesis is scored."""

import math
from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from seq2seq.decoding.beam_search import beam_search
from seq2seq.decoding.constraints import Constraints
from seq2seq.decoding.hypothesis import length_penalty
from seq2seq.decoding.interface import Scoring, coverage, select_rows
from seq2seq.errors import SettingsError
from seq2seq.models.dropout import DropoutMasks
from tests.support.tables import Table, TableState


class Outer(NamedTuple):
    layers: tuple[tuple[Tensor, ...], ...]
    masks: DropoutMasks
    nothing: None = None


def test_rows_are_selected_in_every_part_of_a_state() -> None:
    values = torch.arange(12.0).view(4, 3)
    masks = DropoutMasks(values + 1, values + 2, torch.ones(9, 3))
    state = Outer(((values,), (values * 2, values * 3)), masks)
    rows = torch.tensor([2, 0, 0])
    found = select_rows(state, rows)
    assert type(found) is Outer
    assert type(found.masks) is DropoutMasks
    assert torch.equal(found.layers[1][1], (values * 3)[rows])
    assert torch.equal(found.masks.state, (values + 2)[rows])
    assert found.masks.weights is masks.weights, "one mask of the weights holds for all rows"
    assert found.nothing is None
    assert select_rows(state, rows[:0]).layers[0][0].shape == (0, 3)
    for other in ([values], {"a": values}, 3):
        with pytest.raises(TypeError, match=type(other).__name__):
            select_rows((values, other), rows)


class LongerState(NamedTuple):
    """As a `TableState`, and one field more, which has a default."""

    table: TableState
    read: Tensor | None = None


def test_a_new_field_with_a_default_goes_with_its_hypothesis_through_beam_search() -> None:
    table = Table.random(1, 3)

    def step(tokens: Tensor, state: LongerState) -> tuple[Tensor, LongerState]:
        log_probs, after = table.step(tokens, state.table)
        assert state.read is not None
        assert torch.equal(state.read[:, -1], state.table.earlier)
        # It is used: wrong rows would be found by the comparison below, too.
        log_probs = log_probs + 0.0 * state.read.sum(dim=1, keepdim=True)
        return log_probs, LongerState(after, torch.cat([state.read, tokens.unsqueeze(1)], dim=1))

    start = LongerState(table.start(), table.start().earlier.unsqueeze(1))
    for groups in (1, 2):
        results = [
            beam_search(
                each, state, Constraints(torch.tensor([4, 2, 3])), beam_size=4, groups=groups
            )
            for each, state in ((step, start), (table.step, table.start()))
        ]
        assert results[0] == results[1]


@pytest.mark.parametrize(
    ("length", "alpha", "expected"),
    [
        (1, 0.0, 1),
        (9, 0.0, 1),
        (1, 1.0, 1),
        (7, 1.0, 2),
        (19, 0.5, 2),
        (13, 2.0, 9),
        (7, 0.6, 2**0.6),
    ],
)
def test_length_penalty_is_equation_14(length: int, alpha: float, expected: float) -> None:
    assert length_penalty(length, alpha) == pytest.approx(expected, rel=1e-12)


def test_coverage_is_equation_14() -> None:
    attention = torch.tensor([[0.5, 0.2, 0.1, 0.2], [0.9, 0.05, 0.05, 0.0]])
    expected = math.log(1.0) + math.log(0.25) + math.log(0.15)  # the last column is eos's
    assert coverage(attention) == pytest.approx(expected, rel=1e-6)
    assert coverage(torch.eye(3)) == 0.0


def test_what_attention_passes_over_costs_no_more_than_a_hundredth() -> None:
    for passed_over in (0.0, 0.001, 0.01):
        attention = torch.tensor([[1 - passed_over, passed_over, 0.0]])
        assert coverage(attention) == pytest.approx(math.log(0.01) + math.log(1 - passed_over))


def test_a_score_is_the_penalized_log_probability_and_pads_do_not_count() -> None:
    attention = torch.tensor([[0.5, 0.5, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0]])
    scoring = Scoring(alpha=1.0, beta=0.4, source_lengths=(4, 2))
    found = scoring.finish(1, [5], -3.0, attention)
    assert found.score == pytest.approx(-3.0 / (7 / 6) + 0.4 * math.log(0.5))
    assert (found.tokens, found.log_probability, found.attention) == ([5], -3.0, None)
    kept = scoring._replace(attention=True).finish(1, [5], -3.0, attention).attention
    assert kept is not None
    assert torch.equal(kept, attention[:, :2])
    assert kept.untyped_storage().nbytes() == 4 * 4, "it keeps nothing else in memory"


def test_attention_is_followed_only_where_it_is_needed() -> None:
    state = TableState(torch.tensor([0]), torch.tensor([0]), torch.tensor([[0.25, 0.75]]))
    assert Scoring(alpha=0.6).track_attention(None, state) is None
    once = Scoring(attention=True).track_attention(None, state)
    twice = Scoring(beta=0.1).track_attention(once, state)
    assert once is not None
    assert twice is not None
    assert (once.shape, twice.shape) == ((1, 1, 2), (1, 2, 2))
    for scoring in (Scoring(attention=True), Scoring(beta=0.1)):
        with pytest.raises(SettingsError, match="no attention"):
            scoring.track_attention(None, state._replace(attention_weights=None))

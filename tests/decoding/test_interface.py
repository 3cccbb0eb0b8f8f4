"""What every search shares: how a hypothesis is scored."""

import math

import pytest
import torch

from seq2seq.decoding.interface import Scoring, coverage, length_penalty
from seq2seq.errors import SettingsError
from tests.support.tables import TableState


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

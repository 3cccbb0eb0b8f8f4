"""What every search shares: the length penalty, and which tokens may come."""

import math

import pytest
import torch

from seq2seq.decoding.steps import forbid, length_penalty

EOS = 3


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


def test_forbid_leaves_what_may_come_and_changes_nothing_in_place() -> None:
    log_probs = torch.randn(3, 6).log_softmax(-1)
    before = log_probs.clone()
    result = forbid(log_probs, torch.tensor([2, 0, 1]), EOS, (0, 2, 5))
    assert torch.equal(log_probs, before)
    allowed = torch.tensor([[1, 3, 4], [3, 3, 3], [1, 3, 4]])
    mask = torch.zeros_like(log_probs, dtype=torch.bool).scatter(1, allowed, True)
    assert torch.equal(result[mask], log_probs[mask])
    assert (result[~mask] == -math.inf).all()


@pytest.mark.parametrize("left", [0, 3])
def test_where_nothing_is_possible_eos_is(left: int) -> None:
    log_probs = torch.full((1, 6), -math.inf)
    log_probs[0, 0] = 0.0
    result = forbid(log_probs, torch.tensor([left]), EOS, (0,))
    assert result.isfinite().nonzero().tolist() == [[0, EOS]]

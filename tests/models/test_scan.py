"""The parallel scan equals the loop, forward and backward, at any length and coefficients."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seq2seq.models.cells.scan import linear_scan

COEFFICIENTS = st.sampled_from([0.0, 1.0, 0.5, 1e-30, -1.0, 0.999])


def by_loop(
    coefficients: torch.Tensor, values: torch.Tensor, initial: torch.Tensor
) -> torch.Tensor:
    """The recurrence as it is defined."""
    states = [initial]
    for coefficient, value in zip(coefficients.unbind(1), values.unbind(1), strict=True):
        states.append(coefficient * states[-1] + value)
    return torch.stack(states[1:], dim=1)


def random_terms(
    batch_size: int, length: int, size: int, dtype: torch.dtype = torch.float64
) -> list[torch.Tensor]:
    """Coefficients between 0 and 1, values and an initial state, which want gradients."""
    shape = (batch_size, length, size)
    terms = [torch.rand(shape), torch.randn(shape), torch.randn(batch_size, size)]
    return [term.to(dtype).requires_grad_() for term in terms]


def gradients(states: torch.Tensor, terms: list[torch.Tensor]) -> tuple[torch.Tensor, ...]:
    """Of a sum of all states, each with a weight of its own."""
    weights = torch.linspace(-1, 1, states.numel(), dtype=states.dtype).view_as(states)
    return torch.autograd.grad((weights * states).sum(), terms)


@given(st.integers(1, 3), st.integers(1, 70), st.integers(1, 3), st.data())
def test_a_scan_equals_the_loop_forward_and_backward(
    batch_size: int, length: int, size: int, data: st.DataObject
) -> None:
    terms = random_terms(batch_size, length, size)
    chosen = data.draw(st.dictionaries(st.integers(0, length - 1), COEFFICIENTS))
    with torch.no_grad():
        for position, coefficient in chosen.items():
            terms[0][:, position] = coefficient
    found, expected = linear_scan(*terms), by_loop(*terms)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(gradients(found, terms), gradients(expected, terms))


@pytest.mark.parametrize("length", [*range(1, 10), 16, 17])
def test_the_gradients_of_a_scan_are_those_of_finite_differences(length: int) -> None:
    assert torch.autograd.gradcheck(linear_scan, random_terms(2, length, 2))


@pytest.mark.parametrize("coefficient", [0.0, 1.0])
def test_nothing_is_kept_or_everything(coefficient: float) -> None:
    _, values, initial = random_terms(2, 300, 3)
    states = linear_scan(torch.full_like(values, coefficient), values, initial)
    expected = values if coefficient == 0 else initial.unsqueeze(1) + values.cumsum(dim=1)
    torch.testing.assert_close(states, expected)


@pytest.mark.parametrize("coefficient", [0.0, 1e-38, 1e-3, 1 - 1e-6, 1.0])
def test_a_long_scan_is_exact_in_float32(coefficient: float) -> None:
    """Where products of all coefficients vanish, and a division by them would be one by zero."""
    terms = random_terms(2, 500, 3, torch.float32)
    with torch.no_grad():
        terms[0][:, 100:400] = coefficient
    exact = [term.detach().double().requires_grad_() for term in terms]
    found, expected = linear_scan(*terms), by_loop(*exact)
    torch.testing.assert_close(found.double(), expected, rtol=1e-4, atol=1e-4)
    pairs = zip(gradients(found, terms), gradients(expected, exact), strict=True)
    for gradient, wanted in pairs:
        torch.testing.assert_close(gradient.double(), wanted, rtol=1e-3, atol=1e-3)


def test_a_scan_leaves_its_arguments_as_they_are() -> None:
    terms = random_terms(2, 6, 3)
    before = [term.detach().clone() for term in terms]
    states = linear_scan(*terms)
    gradient = torch.randn_like(states)
    given_gradient = gradient.clone()
    states.backward(gradient)
    assert torch.equal(gradient, given_gradient)
    assert all(torch.equal(*pair) for pair in zip(terms, before, strict=True))


def test_a_state_of_lower_precision_becomes_that_of_the_values() -> None:
    coefficients, values, initial = random_terms(2, 6, 3, torch.float32)
    states = linear_scan(coefficients, values, initial.bfloat16())
    assert states.dtype == torch.float32
    expected = by_loop(coefficients, values, initial.bfloat16().float())
    torch.testing.assert_close(states, expected)

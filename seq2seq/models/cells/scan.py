"""Linear recurrences over time, computed for all time steps at once.

.. math:: h_t = a_t ⊙ h_{t-1} + b_t

Two steps of such a recurrence are one step of another: from h_{t-2} to h_t the coefficient is
a_t ⊙ a_{t-1}, and what is added a_t ⊙ b_{t-1} + b_t. So every second state is found by a recurrence
of half the length, and the others by one step from these: a parallel prefix sum (Blelloch 1990),
with 2 log2(length) operations on whole tensors in the place of one operation for each time step.

Coefficients are multiplied and never divided by, so those at or near 0 are as good as others.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx


def linear_scan(coefficients: Tensor, values: Tensor, initial: Tensor) -> Tensor:
    """Computes h_t = a_t ⊙ h_{t-1} + b_t for all time steps.

    Args:
        coefficients: a, ``(batch_size, length, hidden_size)``.
        values: b, the same shape and type.
        initial: h before the first step, ``(batch_size, hidden_size)``.

    Returns:
        The state after each step, shaped as the values.
    """
    initial = initial.to(values.dtype)
    states: Tensor = LinearScan.apply(  # type: ignore[no-untyped-call]
        coefficients, values, initial
    )
    return states


class LinearScan(torch.autograd.Function):
    """`linear_scan` with its gradients.

    .. math::
        g_t &= dh_t + a_{t+1} ⊙ g_{t+1} \\\\
        da_t &= g_t ⊙ h_{t-1}, \\quad db_t = g_t, \\quad dh_0 = a_1 ⊙ g_1

    Here g is the whole gradient at a state, and dh that from outside the recurrence: the backward
    pass is the same recurrence, in the other direction.
    """

    @staticmethod
    def forward(ctx: FunctionCtx, coefficients: Tensor, values: Tensor, initial: Tensor) -> Tensor:
        """Computes the states, and keeps them for the backward pass."""
        states = values.clone()
        states[:, 0].addcmul_(coefficients[:, 0], initial)
        scan_forwards(states, coefficients[:, 1:])
        ctx.save_for_backward(coefficients, states, initial)
        return states

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Computes the gradients of coefficients, values and initial state."""
        coefficients, states, initial = ctx.saved_tensors
        totals = gradient.clone()
        scan_backwards(totals, coefficients[:, 1:])
        of_coefficients = torch.empty_like(totals)
        torch.mul(totals[:, 0], initial, out=of_coefficients[:, 0])
        torch.mul(totals[:, 1:], states[:, :-1], out=of_coefficients[:, 1:])
        return of_coefficients, totals, coefficients[:, 0] * totals[:, 0]


def scan_forwards(states: Tensor, links: Tensor) -> None:
    """Adds links[t] ⊙ states[t] to states[t + 1], in place and from the first to the last.

    Args:
        states: ``(batch_size, length, hidden_size)``.
        links: from each of them to the next, ``(batch_size, length - 1, hidden_size)``.
    """
    even, odd = states[:, 0::2], states[:, 1::2]
    pairs, more = odd.shape[1], even.shape[1] - 1
    if not pairs:
        return
    odd.addcmul_(links[:, 0::2], even[:, :pairs])
    scan_forwards(odd, links[:, 1 : 2 * pairs - 2 : 2] * links[:, 2 : 2 * pairs - 1 : 2])
    even[:, 1:].addcmul_(links[:, 1::2], odd[:, :more])


def scan_backwards(states: Tensor, links: Tensor) -> None:
    """Adds links[t] ⊙ states[t + 1] to states[t], in place and from the last to the first."""
    even, odd = states[:, 0::2], states[:, 1::2]
    pairs, more = odd.shape[1], even.shape[1] - 1
    if not pairs:
        return
    even[:, :pairs].addcmul_(links[:, 0::2], odd)
    scan_backwards(even, links[:, 0 : 2 * more : 2] * links[:, 1 : 2 * more : 2])
    odd[:, :more].addcmul_(links[:, 1::2], even[:, 1:])

"""Cells that are trained in parallel over time: gates that see the inputs, and not the state.

Where gates do not depend on the state, all matrix products of a sequence are one, and what is left
of the recurrence is linear and element by element: a `linear_scan`.
"""

from __future__ import annotations

import math
from abc import abstractmethod

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seq2seq.errors import SettingsError
from seq2seq.models.cells.base import Cell, CellState
from seq2seq.models.cells.scan import linear_scan
from seq2seq.models.dropout import NO_DROPOUT, DropoutMasks


class ParallelCell(Cell):
    """A cell whose recurrence is linear, with coefficients that depend on the inputs alone.

    A kind of cell implements all states of a sequence (`all_states`) besides the next one from the
    one before it (`update`). A mask of the state is a SettingsError: it is for products of the
    state with weights, and there are none.
    """

    def sequence(
        self,
        inputs: Tensor,
        state: CellState,
        lengths: Tensor | None = None,
        masks: DropoutMasks = NO_DROPOUT,
    ) -> tuple[Tensor, CellState]:
        """Computes all time steps, see `Cell.sequence`, at once; with zoneout step after step."""
        if self.zoneout:
            return super().sequence(inputs, state, lengths, masks)
        self.check_shapes(inputs, state, "(batch_size, length, input_size)")
        self.check_masks(masks)
        states = self.all_states(inputs, state)
        if lengths is None:
            return states[0], tuple(part[:, -1] for part in states)
        ended = torch.arange(inputs.shape[1]) >= lengths.unsqueeze(1)
        last = (lengths - 1).view(-1, 1, 1).expand(-1, 1, self.hidden_size).to(inputs.device)
        final = tuple(part.gather(1, last).squeeze(1) for part in states)
        return states[0].masked_fill(ended.unsqueeze(-1).to(inputs.device), 0.0), final

    @abstractmethod
    def all_states(self, inputs: Tensor, state: CellState) -> CellState:
        """Computes the state after each step: of each part ``(batch_size, length, hidden_size)``.

        Args:
            inputs: ``(batch_size, length, input_size)``.
            state: before the first of them.
        """

    def check_masks(self, masks: DropoutMasks) -> None:
        """Raises SettingsError if there is a mask of the state."""
        if masks.state is not None:
            raise SettingsError(
                f"{type(self).__name__} multiplies its state with no weights, so that "
                "--model.state-dropout would drop nothing: set it to 0"
            )


class SRUCell(ParallelCell):
    """The simple recurrent unit of Lei et al. (2018), with gates that see the inputs alone.

    .. math::
        f_t &= σ(W_f x_t + b_f) \\\\
        r_t &= σ(W_r x_t + b_r) \\\\
        c_t &= f_t ⊙ c_{t-1} + (1 - f_t) ⊙ (W x_t) \\\\
        h_t &= r_t ⊙ c_t + (1 - r_t) ⊙ α x_t

    In the published form the gates also see v ⊙ c_{t-1}, which makes the recurrence non-linear, so
    that it takes a kernel of its own. This is the form without v: the first versions of
    arXiv:1709.02755, and an ablation of the last.

    The state is (h, c); a step reads c alone. The highway connection shows x_t to the next layer,
    which makes deep stacks trainable. Where inputs are of another width than the state, V x_t
    stands for α x_t, with one more matrix, as in the authors' code.

    Weights start uniform with a variance of 1 / input_size, and biases at 0. α = √3, and V starts
    √3 times as large, so that outputs have about the variance of inputs (the paper's section on
    initialization).
    """

    HIGHWAY_SCALE = math.sqrt(3)
    """α: √(1 + 2 exp(b)) for a bias b = 0 of the gate r at the start."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(hidden_size, state_tensors=2)
        self.projects_highway = input_size != hidden_size
        matrices = 4 if self.projects_highway else 3  # of the candidate, f, r; and V
        self.input = nn.Linear(input_size, matrices * hidden_size, bias=False)
        self.bias = nn.Parameter(torch.zeros(2 * hidden_size))  # of f and r
        limit = math.sqrt(3 / input_size)
        with torch.no_grad():
            nn.init.uniform_(self.input.weight, -limit, limit)
            self.input.weight[3 * hidden_size :] *= self.HIGHWAY_SCALE

    def project_inputs(self, inputs: Tensor) -> Tensor:
        """Computes all that needs no state: ``(…, input_size)`` -> ``(…, 4 * hidden_size)``."""
        return torch.cat(self.project_parts(inputs), dim=-1)

    def project_parts(self, inputs: Tensor) -> tuple[Tensor, ...]:
        """Computes W x, W x + b of f and of r, and α x or V x, each ``(…, hidden_size)``."""
        size, weight = self.hidden_size, self.input.weight
        bias = F.pad(self.bias, (size, len(weight) - 3 * size))  # the other parts have none
        # The recurrence is not for the low precision of products under autocast.
        product = F.linear(inputs, weight, bias).to(weight.dtype)
        if self.projects_highway:
            return product.chunk(4, dim=-1)
        return *product.chunk(3, dim=-1), self.HIGHWAY_SCALE * inputs.to(weight.dtype)

    def named_gates(self, projected: Tensor, state: CellState) -> dict[str, Tensor]:
        """Computes f and r, see `Cell.gates`."""
        _, forget, reset, _ = projected.chunk(4, dim=-1)
        return {"forget": torch.sigmoid(forget), "reset": torch.sigmoid(reset)}

    def update(self, projected: Tensor, state: CellState, masks: DropoutMasks) -> CellState:
        """Computes the formula of the class, with all products given."""
        self.check_masks(masks)
        candidate, _, _, highway = projected.chunk(4, dim=-1)
        gates = self.named_gates(projected, state)
        forget, reset = gates["forget"], gates["reset"]
        memory = forget * state[1] + (1 - forget) * candidate
        return reset * memory + (1 - reset) * highway, memory

    def all_states(self, inputs: Tensor, state: CellState) -> CellState:
        """Computes h and c after each step, see `ParallelCell.all_states`."""
        candidate, forget_gate, reset_gate, highway = self.project_parts(inputs)
        forget, reset = torch.sigmoid(forget_gate), torch.sigmoid(reset_gate)
        memory = linear_scan(forget, (1 - forget) * candidate, state[1])
        return torch.lerp(highway, memory, reset), memory


class MinGRUCell(ParallelCell):
    """The minimal GRU of Feng et al. (2024), section 3.1: a gate that sees the inputs alone.

    .. math::
        z_t &= σ(W_z x_t + b_z) \\\\
        n_t &= W_n x_t + b_n \\\\
        h_t &= (1 - z_t) ⊙ h_{t-1} + z_t ⊙ n_t

    The candidate n is linear, as in the paper's formula. Its appendix B computes logarithms, which
    need a positive candidate, and passes it through a function g that makes it one; the scan here
    needs none.

    W starts as in other cells and b at 0, as in the GRU: with b_z at -1, which keeps more memory at
    first, models of translation learned more slowly.
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(hidden_size)
        self.input = nn.Linear(input_size, 2 * hidden_size)
        with torch.no_grad():
            for matrix in self.input.weight.chunk(2):
                nn.init.xavier_uniform_(matrix)
            nn.init.zeros_(self.input.bias)

    def project_inputs(self, inputs: Tensor) -> Tensor:
        """Computes W x + b of gate and candidate: ``(…, size)`` -> ``(…, 2 * hidden_size)``."""
        # The recurrence is not for the low precision of products under autocast.
        projected: Tensor = self.input(inputs).to(self.input.weight.dtype)
        return projected

    def named_gates(self, projected: Tensor, state: CellState) -> dict[str, Tensor]:
        """Computes z, see `Cell.gates`."""
        gate, _ = projected.chunk(2, dim=-1)
        return {"update": torch.sigmoid(gate)}

    def update(self, projected: Tensor, state: CellState, masks: DropoutMasks) -> CellState:
        """Computes the formula of the class, with W x + b given."""
        self.check_masks(masks)
        _, candidate = projected.chunk(2, dim=-1)
        update = self.named_gates(projected, state)["update"]
        return ((1 - update) * state[0] + update * candidate,)

    def all_states(self, inputs: Tensor, state: CellState) -> CellState:
        """Computes h after each step, see `ParallelCell.all_states`."""
        gate, candidate = self.project_inputs(inputs).chunk(2, dim=-1)
        update = torch.sigmoid(gate)
        return (linear_scan(1 - update, update * candidate, state[0]),)

"""The interface of every recurrent cell.

Each cell computes one function in two ways. ``step`` is the formula, written out as a textbook
prints it, for one time step. ``sequence`` is the same function over a whole sequence: step after
step here, with torch's fused kernel in `FusedCell`, and in parallel over time in `ParallelCell`.
``tests/models/test_cells.py`` shows that they agree, forward and backward.

A cell's state is a tuple of tensors ``(batch_size, hidden_size)``: one for most cells, two (the
hidden state and the memory cell) for LSTM and SRU. The first is always the output of the cell.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from seq2seq.data.batching import pad_mask
from seq2seq.errors import SettingsError
from seq2seq.models.dropout import NO_DROPOUT, DropoutMasks

CellState = tuple[Tensor, ...]


class Cell(nn.Module, ABC):
    """What all cells share: the two ways to run them, zero states, zoneout, and checks of shapes.

    A kind of cell implements the part of a step that needs no state (`project_inputs`), and the
    next state from that and the state before (`update`); one that has gates names them, too
    (`named_gates`). Inputs or a state of another shape are a SettingsError.

    Args:
        hidden_size: width of the state, which is also the output.
        state_tensors: how many tensors a state has.
    """

    def __init__(self, hidden_size: int, state_tensors: int = 1) -> None:
        super().__init__()
        self.hidden_size = hidden_size
        self.state_tensors = state_tensors
        self.zoneout = 0.0

    def zero_state(self, like: Tensor) -> CellState:
        """Returns zeros ``(batch_size, hidden_size)`` for the batch, device and type of `like`."""
        return (like.new_zeros(like.shape[0], self.hidden_size),) * self.state_tensors

    def step(
        self, inputs: Tensor, state: CellState, masks: DropoutMasks = NO_DROPOUT
    ) -> tuple[Tensor, CellState]:
        """Computes one step by the formula: output ``(batch_size, hidden_size)`` and new state."""
        self.check_shapes(inputs, state, "(batch_size, input_size)")
        state = self.update_with_zoneout(self.project_inputs(inputs), state, masks)
        return state[0], state

    def gates(self, inputs: Tensor, state: CellState) -> dict[str, Tensor]:
        """Computes the gates of one step, by name: ``(batch_size, hidden_size)`` each, in (0, 1).

        They are those of `step`, with nothing dropped; a cell without gates has none. What a gate
        does stands in the formula of each class: at 1, the update gate of a GRU keeps the old
        state, and that of a minimal GRU takes the new one.

        Args:
            inputs: ``(batch_size, input_size)``.
            state: before the step.
        """
        self.check_shapes(inputs, state, "(batch_size, input_size)")
        return self.named_gates(self.project_inputs(inputs), state)

    def named_gates(self, projected: Tensor, state: CellState) -> dict[str, Tensor]:
        """Computes `gates` from the result of `project_inputs` and the state before."""
        return {}

    def sequence(
        self,
        inputs: Tensor,
        state: CellState,
        lengths: Tensor | None = None,
        masks: DropoutMasks = NO_DROPOUT,
    ) -> tuple[Tensor, CellState]:
        """Computes all time steps, by the formula step after step.

        Args:
            inputs: ``(batch_size, length, input_size)``.
            state: before the first of them.
            lengths: ``(batch_size,)`` on the CPU, each at least 1; None if every row is full.

        Returns:
            Outputs ``(batch_size, length, hidden_size)``, zero after a row's end, and for each row
            the state at its own last token.
        """
        self.check_shapes(inputs, state, "(batch_size, length, input_size)")
        outputs = []
        ended = None if lengths is None else pad_mask(lengths, inputs.shape[1], inputs.device)
        for position, projected in enumerate(self.project_inputs(inputs).unbind(1)):
            after = self.update_with_zoneout(projected, state, masks)
            output = after[0]
            if ended is not None:
                live = ~ended[:, position].unsqueeze(1)
                output = torch.where(live, output, 0.0)
                after = tuple(
                    torch.where(live, new, old) for old, new in zip(state, after, strict=True)
                )
            outputs.append(output)
            state = after
        return torch.stack(outputs, dim=1), state

    @abstractmethod
    def project_inputs(self, inputs: Tensor) -> Tensor:
        """Computes what needs no state, as W x + b: ``(…, input_size)`` -> ``(…, any size)``."""

    @abstractmethod
    def update(self, projected: Tensor, state: CellState, masks: DropoutMasks) -> CellState:
        """Computes the next state from the result of `project_inputs` and the state before."""

    def update_with_zoneout(
        self, projected: Tensor, state: CellState, masks: DropoutMasks
    ) -> CellState:
        """Computes `update` with zoneout (Krueger et al. 2017): some units keep their value.

        Which ones is drawn anew at each step. In evaluation every unit gets its expectation.
        """
        after = self.update(projected, state, masks)
        if (
            not isinstance(after, tuple)
            or len(after) != len(state)
            or after[0].shape != state[0].shape
        ):
            raise SettingsError(
                f"{type(self).__name__}.update must return the next state, a tuple like the state "
                f"before it: {len(state)} × {tuple(state[0].shape)}"
            )
        if not self.zoneout:
            return after
        return tuple(self.apply_zoneout(old, new) for old, new in zip(state, after, strict=True))

    def apply_zoneout(self, old: Tensor, new: Tensor) -> Tensor:
        """Takes each unit's old value or its new one; in evaluation their mean by probability."""
        if not self.training:
            return self.zoneout * old + (1 - self.zoneout) * new
        kept = torch.bernoulli(torch.full_like(new, self.zoneout))
        return torch.where(kept.bool(), old, new)

    def recurrent_weight(self, masks: DropoutMasks = NO_DROPOUT) -> Tensor:
        """Returns U, which weight dropout masks; SettingsError if the cell has no such matrix."""
        raise SettingsError(
            f"{type(self).__name__} has no recurrent weight matrix for --model.weight-dropout to "
            "drop: set it to 0"
        )

    def check_shapes(self, inputs: Tensor, state: CellState, expected: str) -> None:
        """Raises SettingsError unless inputs and state are batch first and of the expected rank."""
        if (
            isinstance(state, tuple)
            and len(state) == self.state_tensors
            and inputs.dim() == expected.count(",") + 1
            and all(each.shape == (inputs.shape[0], self.hidden_size) for each in state)
        ):
            return
        name, count = type(self).__name__, self.state_tensors
        given = [tuple(each.shape) for each in state] if isinstance(state, tuple) else type(state)
        raise SettingsError(
            f"{name} takes inputs {expected} and as state a tuple of {count} "
            f"tensor{'s' * (count > 1)} (batch_size, {self.hidden_size}): inputs are "
            f"{tuple(inputs.shape)}, the state is {given}"
        )

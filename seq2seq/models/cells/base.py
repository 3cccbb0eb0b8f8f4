"""The interface of every recurrent cell.

Each cell computes one function in two ways. ``step`` is the formula, written out as a textbook
prints it, for one time step. ``sequence`` is the same function over a whole sequence: step after
step here, and with torch's fused kernel in `FusedCell`. ``tests/models/test_cells.py`` shows that
they agree, forward and backward.

A cell's state is a tuple of tensors ``(batch_size, hidden_size)``: one for most cells, two (the
hidden state and the memory cell) for LSTM. The first is always the output of the cell.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from seq2seq.errors import SettingsError
from seq2seq.models.dropout import NO_DROPOUT, DropoutMasks

CellState = tuple[Tensor, ...]


class Cell(nn.Module, ABC):
    """What all cells share: the two ways to run them, zero states, and zoneout.

    A kind of cell says what of a step needs no state (`project_inputs`), and how a state follows from
    that and the state before (`update`). `masks` is what training hides from it; see
    `seq2seq.models.dropout`.

    Args:
        hidden_size: width of the state, which is also the output.
        parts: tensors in a state.
    """

    def __init__(self, hidden_size: int, parts: int = 1) -> None:
        super().__init__()
        self.hidden_size = hidden_size
        self.parts = parts
        self.zoneout = 0.0

    def zero_state(self, like: Tensor) -> CellState:
        """Zeros ``(batch_size, hidden_size)`` for the batch, device and type of `like`."""
        return (like.new_zeros(like.shape[0], self.hidden_size),) * self.parts

    def step(
        self, inputs: Tensor, state: CellState, masks: DropoutMasks = NO_DROPOUT
    ) -> tuple[Tensor, CellState]:
        """The formula, once: ``(batch_size, input_size)`` -> ``(batch_size, hidden_size)``."""
        state = self.update_with_zoneout(self.project_inputs(inputs), state, masks)
        return state[0], state

    def sequence(
        self,
        inputs: Tensor,
        state: CellState,
        lengths: Tensor | None = None,
        masks: DropoutMasks = NO_DROPOUT,
    ) -> tuple[Tensor, CellState]:
        """All time steps, the formula step after step.

        Args:
            inputs: ``(batch_size, length, input_size)``.
            state: the initial state.
            lengths: ``(batch_size,)`` on the CPU, each at least 1; None if every row is full.
            masks: what training hides from the cell.

        Returns:
            Outputs ``(batch_size, length, hidden_size)``, zero after a row's end, and for each row
            the state at its own last token.
        """
        outputs = []
        for position, projected in enumerate(self.project_inputs(inputs).unbind(1)):
            after = self.update_with_zoneout(projected, state, masks)
            output = after[0]
            if lengths is not None:
                live = (position < lengths).unsqueeze(1).to(inputs.device)
                output = torch.where(live, output, 0.0)
                after = tuple(
                    torch.where(live, new, old) for old, new in zip(state, after, strict=True)
                )
            outputs.append(output)
            state = after
        return torch.stack(outputs, dim=1), state

    @abstractmethod
    def project_inputs(self, inputs: Tensor) -> Tensor:
        """What of a step needs no state, as W x + b: ``(…, input_size)`` -> ``(…, any size)``."""

    @abstractmethod
    def update(
        self, projected: Tensor, state: CellState, masks: DropoutMasks = NO_DROPOUT
    ) -> CellState:
        """The next state from `project_inputs`'s result and the state before; the output comes first."""

    def update_with_zoneout(
        self, projected: Tensor, state: CellState, masks: DropoutMasks
    ) -> CellState:
        """`update`, with zoneout (Krueger et al. 2017): some units keep their value for a step.

        Which ones is drawn anew at each step. In evaluation every unit moves by its expectation.
        """
        after = self.update(projected, state, masks)
        if not self.zoneout:
            return after
        return tuple(self.apply_zoneout(old, new) for old, new in zip(state, after, strict=True))

    def apply_zoneout(self, old: Tensor, new: Tensor) -> Tensor:
        """Each unit's old value or its new one, exactly; in evaluation what that is on average."""
        if not self.training:
            return self.zoneout * old + (1 - self.zoneout) * new
        kept = torch.bernoulli(torch.full_like(new, self.zoneout))
        return torch.where(kept.bool(), old, new)

    def recurrent_weight(self, masks: DropoutMasks = NO_DROPOUT) -> Tensor:
        """U, which weight dropout masks; SettingsError if the cell has no such matrix."""
        raise SettingsError(
            f"{type(self).__name__} has no recurrent weight matrix for --model.weight-dropout to "
            "drop: set it to 0"
        )

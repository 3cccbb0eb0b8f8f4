"""Stacks of cells: depth, a size for each layer, both directions.

Shapes: inputs ``(batch_size, length, input_size)``, outputs ``(batch_size, length, output_size)``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Literal, NamedTuple, cast

import torch
from torch import Tensor, nn

from seq2seq.config.model import NetworkSettings
from seq2seq.data.batching import pad_mask, to_device
from seq2seq.errors import SettingsError
from seq2seq.models.cells.base import Cell, CellState
from seq2seq.models.cells.registry import CELLS
from seq2seq.models.cells.together import LayersTogether
from seq2seq.models.dropout import (
    NO_DROPOUT,
    DropoutMasks,
    apply_mask,
    dropout,
    dropout_mask,
    locked_dropout_mask,
)


class StackState(NamedTuple):
    """The state of a stack, and its dropout masks.

    Attributes:
        layers: the state of each layer, lowest first; every tensor is ``(batch_size, its size)``.
        masks: the masks of each layer; an encoder hands none over.
    """

    layers: tuple[CellState, ...]
    masks: tuple[DropoutMasks, ...] = ()


class Regularization(NamedTuple):
    """What of an encoder or a decoder is dropped while training; `NetworkSettings` explains each.

    Attributes:
        dropout: share of the embedded tokens, of the inputs of each layer but the first (they are
            dropped already), and of the inputs and outputs of a decoder's readout.
        locked: whether dropout drops the same ones at every step of a sentence.
        state: share of the state that is dropped at every step of a sentence.
        weights: share of the recurrent weights, one draw for a batch.
        zoneout: share of the state's units that keep their value for a step.
        words: share of words whose embedding is dropped throughout a sentence.
    """

    dropout: float = 0.0
    locked: bool = False
    state: float = 0.0
    weights: float = 0.0
    zoneout: float = 0.0
    words: float = 0.0

    @classmethod
    def from_settings(cls, settings: NetworkSettings) -> Regularization:
        """Returns what the settings say."""
        return cls(
            settings.dropout,
            settings.locked_dropout,
            settings.state_dropout,
            settings.weight_dropout,
            settings.zoneout,
            settings.word_dropout,
        )

    def sample_masks(self, index: int, cell: Cell, input_size: int, like: Tensor) -> DropoutMasks:
        """Draws masks for a cell of layer `index` and a batch like `like` ``(batch_size, …)``."""
        if not cell.training:
            return NO_DROPOUT
        weights = tuple(cell.recurrent_weight().shape) if self.weights else ()
        return DropoutMasks(
            locked_dropout_mask(self.dropout if self.locked and index else 0.0, input_size, like),
            locked_dropout_mask(self.state, cell.hidden_size, like),
            dropout_mask(self.weights, weights, like) if self.weights else None,
        )

    def of_kernels(self, residual: bool) -> float | None:
        """Returns the dropout between layers that are one call of a kernel; None: they can't be."""
        other = self.state or self.weights or self.zoneout or self.locked or residual
        return None if other else self.dropout

    def drop(self, inputs: Tensor, index: int, masks: DropoutMasks, training: bool) -> Tensor:
        """Drops some of the inputs of layer `index`."""
        if self.locked:
            return apply_mask(inputs, masks.inputs)
        return dropout(inputs, self.dropout, training and index > 0)


NO_REGULARIZATION = Regularization()
"""Nothing is dropped."""


class RecurrentStack(nn.Module):
    """Layers of one cell, left to right: what a decoder can run step by step.

    Args:
        cell: a key of `CELLS`.
        hidden_sizes: width of each layer, lowest first.
        residual: add a layer's input to its output wherever the two have equal width.
    """

    def __init__(
        self,
        cell: str,
        input_size: int,
        hidden_sizes: Sequence[int],
        regularization: Regularization = NO_REGULARIZATION,
        *,
        residual: bool = False,
    ) -> None:
        super().__init__()
        self.sizes = (input_size, *hidden_sizes)
        self.cells = make_cells(cell, pairwise(self.sizes), regularization)
        self.regularization = regularization
        self.residual = residual
        self.output_size = hidden_sizes[-1]
        self.together = LayersTogether([self.cells], regularization.of_kernels(residual))

    def zero_state(self, like: Tensor) -> StackState:
        """Returns the state before anything was read, for a batch like `like`."""
        return self.init_state(tuple(cast(Cell, cell).zero_state(like) for cell in self.cells))

    def init_state(self, layers: tuple[CellState, ...]) -> StackState:
        """Returns a state to start a batch of sentences from; in training, with fresh masks."""
        sample = self.regularization.sample_masks
        return StackState(
            layers,
            tuple(
                sample(index, cast(Cell, cell), size, layers[0][0])
                for index, (cell, size) in enumerate(zip(self.cells, self.sizes, strict=False))
            ),
        )

    def step(self, inputs: Tensor, state: StackState) -> tuple[Tensor, StackState]:
        """Takes one step: ``(batch_size, input_size)`` -> ``(batch_size, output_size)``, state."""
        return self.run("step", inputs, state)

    def sequence(self, inputs: Tensor, state: StackState) -> tuple[Tensor, StackState]:
        """Reads a whole sequence from `state`; the same function as `step` after `step`."""
        return self.run("sequence", inputs, state)

    def run(
        self, way: Literal["step", "sequence"], inputs: Tensor, state: StackState
    ) -> tuple[Tensor, StackState]:
        """Runs all layers, by each cell's `step` or `sequence`; SettingsError if widths differ."""
        if inputs.shape[-1] != self.sizes[0]:
            raise SettingsError(
                f"the input's last number is {self.sizes[0]}, and here it is {tuple(inputs.shape)}"
            )
        if way == "sequence" and (together := self.together.run(inputs, state.layers, None)):
            outputs, layers_after = together
            return outputs, state._replace(layers=layers_after)
        layers = []
        parts = zip(self.cells, state.layers, state.masks, strict=True)
        for index, (module, before, masks) in enumerate(parts):
            cell = cast(Cell, module)
            dropped = self.regularization.drop(inputs, index, masks, self.training)
            if way == "step":
                outputs, after = cell.step(dropped, before, masks)
            else:
                outputs, after = cell.sequence(dropped, before, masks=masks)
            inputs = add_residual(outputs, inputs, self.residual)
            layers.append(after)
        return inputs, state._replace(layers=tuple(layers))


class EncoderStack(nn.Module):
    """Layers of one cell over a whole known sequence, in one or both directions.

    In both directions every layer has a cell that reads forwards and one that reads backwards, and
    passes on their outputs side by side (Schuster & Paliwal 1997). Arguments as in
    `RecurrentStack`; a layer's width is that of *each* direction.
    """

    def __init__(
        self,
        cell: str,
        input_size: int,
        hidden_sizes: Sequence[int],
        regularization: Regularization = NO_REGULARIZATION,
        *,
        bidirectional: bool = True,
        residual: bool = False,
    ) -> None:
        super().__init__()
        directions = 2 if bidirectional else 1
        self.sizes = (input_size, *(directions * size for size in hidden_sizes))
        pairs = list(zip(self.sizes, hidden_sizes, strict=False))
        self.forwards = make_cells(cell, pairs, regularization)
        self.backwards = make_cells(cell, pairs if bidirectional else [], regularization)
        self.regularization = regularization
        self.residual = residual
        self.layer_sizes = self.sizes[1:]
        self.output_size = self.sizes[-1]
        ways = [self.forwards, *([self.backwards] if bidirectional else [])]
        self.together = LayersTogether(ways, regularization.of_kernels(residual))

    def sequence(self, inputs: Tensor, lengths: Tensor) -> tuple[Tensor, StackState]:
        """Reads each row to its true length, from a zero state.

        Args:
            inputs: ``(batch_size, length, input_size)``.
            lengths: ``(batch_size,)``, on the CPU, each at least 1.

        Returns:
            Outputs ``(batch_size, length, output_size)``, zero on pads; and of each layer the final
            states of both directions side by side, ``(batch_size, layer's size)``.

        Raises:
            SettingsError: another shape, as time-first; a length of 0, or beyond the rows' end.
        """
        check_rows(inputs, lengths, self.sizes[0])
        if together := self.together.run(inputs, None, lengths):
            return together[0], StackState(together[1])
        sample = self.regularization.sample_masks
        order = to_device(reversed_positions(lengths, inputs.shape[1]), inputs.device)
        if self.residual:  # else a pad's vector would be added to an output
            pads = pad_mask(lengths, inputs.shape[1], inputs.device)
            inputs = inputs.masked_fill(pads.unsqueeze(-1), 0.0)
        layers = []
        for index, module in enumerate(self.forwards):
            forwards = cast(Cell, module)
            masks = sample(index, forwards, self.sizes[index], inputs)
            dropped = self.regularization.drop(inputs, index, masks, self.training)
            outputs, final = read_from_zero(forwards, dropped, lengths, masks)
            if self.backwards:
                # Only the true tokens are reversed, so this cell, too, starts on a token.
                backwards = cast(Cell, self.backwards[index])
                masks = sample(index, backwards, self.sizes[index], inputs)
                reversed_outputs, reversed_final = read_from_zero(
                    backwards, gather_positions(dropped, order), lengths, masks
                )
                outputs = torch.cat([outputs, gather_positions(reversed_outputs, order)], dim=-1)
                final = tuple(
                    torch.cat(parts, dim=-1) for parts in zip(final, reversed_final, strict=True)
                )
            inputs = add_residual(outputs, inputs, self.residual)
            layers.append(final)
        return inputs, StackState(tuple(layers))


def check_rows(rows: Tensor, lengths: Tensor, size: int | None = None) -> None:
    """Raises SettingsError unless rows are batch first, and there is a possible length for each.

    Args:
        rows: what is read: vectors ``(batch_size, length, size)``, or ids ``(batch_size, length)``.
        lengths: ``(batch_size,)``, on the CPU.
        size: the width of a vector; None: ids are read.
    """
    expected = "(batch_size, length)" if size is None else f"(batch_size, length, {size})"
    if (
        rows.dim() == expected.count(",") + 1
        and (size is None or rows.shape[-1] == size)
        and lengths.shape == rows.shape[:1]
        and bool((lengths >= 1).all() & (lengths <= rows.shape[1]).all())
    ):
        return
    raise SettingsError(
        f"what is read must be {expected}, batch first, and the lengths (batch_size,), each from 1 "
        f"to the second of these numbers: it is {tuple(rows.shape)}, the lengths are "
        f"{lengths.tolist() if len(lengths) < 9 else tuple(lengths.shape)}"
    )


def make_cells(
    cell: str, sizes: Iterable[tuple[int, int]], regularization: Regularization
) -> nn.ModuleList:
    """Makes cells of one kind, one for each pair of input and hidden size."""
    cells = [CELLS[cell](before, after) for before, after in sizes]
    for each in cells:
        each.zoneout = regularization.zoneout
    return nn.ModuleList(cells)


def read_from_zero(
    cell: Cell, inputs: Tensor, lengths: Tensor, masks: DropoutMasks
) -> tuple[Tensor, CellState]:
    """Runs one cell over a batch from a zero state."""
    return cell.sequence(inputs, cell.zero_state(inputs[:, 0]), lengths, masks)


def add_residual(outputs: Tensor, inputs: Tensor, residual: bool) -> Tensor:
    """Adds inputs to outputs where asked for and possible (He et al. 2016)."""
    return outputs + inputs if residual and outputs.shape == inputs.shape else outputs


def reversed_positions(lengths: Tensor, length: int) -> Tensor:
    """Returns positions that reverse each row's tokens, not its pads: ``(batch_size, length)``.

    >>> reversed_positions(torch.tensor([3, 2]), 4).tolist()
    [[2, 1, 0, 3], [1, 0, 2, 3]]
    """
    positions = torch.arange(length).expand(len(lengths), length)
    mirrored = lengths.unsqueeze(1) - 1 - positions
    return torch.where(mirrored >= 0, mirrored, positions)


def gather_positions(inputs: Tensor, order: Tensor) -> Tensor:
    """Rearranges ``(batch_size, length, size)`` by positions ``(batch_size, length)``."""
    return inputs.gather(1, order.unsqueeze(-1).expand(-1, -1, inputs.shape[-1]))

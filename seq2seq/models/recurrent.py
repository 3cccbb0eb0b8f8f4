"""Stacks of cells: depth, a size for each layer, both directions.

Shapes: inputs ``(batch_size, length, input_size)``, outputs ``(batch_size, length, output_size)``.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seq2seq.models.cells import CELLS, Cell, CellState


class StackState(NamedTuple):
    """The state of each layer, lowest first; every tensor is ``(batch_size, layer's size)``."""

    layers: tuple[CellState, ...]

    def select(self, rows: Tensor) -> StackState:
        """The state of the given rows ``(new_batch_size,)``, in that order, repeats allowed."""
        return StackState(
            tuple(tuple(part.index_select(0, rows) for part in layer) for layer in self.layers)
        )


class RecurrentStack(nn.Module):
    """Layers of one cell, left to right: what a decoder can run step by step.

    Args:
        cell: a key of `CELLS`.
        input_size: width of the inputs.
        hidden_sizes: width of each layer, lowest first.
        dropout: share of each layer's inputs dropped while training, the first layer's excepted.
        residual: add a layer's input to its output wherever the two have equal width.
    """

    def __init__(
        self,
        cell: str,
        input_size: int,
        hidden_sizes: Sequence[int],
        *,
        dropout: float = 0.0,
        residual: bool = False,
    ) -> None:
        super().__init__()
        sizes = [input_size, *hidden_sizes]
        self.cells = nn.ModuleList(CELLS[cell](before, after) for before, after in pairwise(sizes))
        self.dropout = dropout
        self.residual = residual
        self.hidden_sizes = tuple(hidden_sizes)
        self.output_size = hidden_sizes[-1]

    def zero_state(self, like: Tensor) -> StackState:
        """The state before anything was read, for a batch like `like` ``(batch_size, …)``."""
        return StackState(tuple(cast(Cell, cell).zero_state(like) for cell in self.cells))

    def step(self, inputs: Tensor, state: StackState) -> tuple[Tensor, StackState]:
        """One step: ``(batch_size, input_size)`` -> ``(batch_size, output_size)``, new state."""
        return self.run("step", inputs, state)

    def sequence(self, inputs: Tensor, state: StackState) -> tuple[Tensor, StackState]:
        """The whole sequence from `state`; the same function as `step` after `step`."""
        return self.run("sequence", inputs, state)

    def run(
        self, way: Literal["step", "sequence"], inputs: Tensor, state: StackState
    ) -> tuple[Tensor, StackState]:
        """Through all layers, by each cell's `step` or `sequence`."""
        layers = []
        for index, (module, before) in enumerate(zip(self.cells, state.layers, strict=True)):
            cell = cast(Cell, module)
            dropped = F.dropout(inputs, self.dropout, self.training and index > 0)
            advance = cell.step if way == "step" else cell.sequence
            outputs, after = advance(dropped, before)
            inputs = join_residual(outputs, inputs, self.residual)
            layers.append(after)
        return inputs, StackState(tuple(layers))


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
        *,
        bidirectional: bool = True,
        dropout: float = 0.0,
        residual: bool = False,
    ) -> None:
        super().__init__()
        directions = 2 if bidirectional else 1
        sizes = [input_size, *(directions * size for size in hidden_sizes)]
        pairs = list(zip(sizes, hidden_sizes, strict=False))
        self.forwards = nn.ModuleList(CELLS[cell](before, after) for before, after in pairs)
        self.backwards = nn.ModuleList(
            CELLS[cell](before, after) for before, after in pairs if bidirectional
        )
        self.dropout = dropout
        self.residual = residual
        self.layer_sizes = tuple(sizes[1:])
        self.output_size = sizes[-1]

    def sequence(self, inputs: Tensor, lengths: Tensor) -> tuple[Tensor, StackState]:
        """Reads each row to its true length, from a zero state.

        Args:
            inputs: ``(batch_size, length, input_size)``.
            lengths: ``(batch_size,)``, on the CPU, each at least 1.

        Returns:
            Outputs ``(batch_size, length, output_size)``, zero on pads; and of each layer the final
            states of both directions side by side, ``(batch_size, layer's size)``.
        """
        order = reversal(lengths, inputs.shape[1]).to(inputs.device)
        if self.residual:  # else a pad's vector would be added to an output
            pads = torch.arange(inputs.shape[1]) >= lengths.unsqueeze(1)
            inputs = inputs.masked_fill(pads.unsqueeze(-1).to(inputs.device), 0.0)
        layers = []
        for index, forwards in enumerate(self.forwards):
            dropped = F.dropout(inputs, self.dropout, self.training and index > 0)
            outputs, final = read(cast(Cell, forwards), dropped, lengths)
            if self.backwards:
                # Only the true tokens are reversed, so this cell, too, starts on a token.
                backwards = cast(Cell, self.backwards[index])
                reversed_outputs, reversed_final = read(backwards, take(dropped, order), lengths)
                outputs = torch.cat([outputs, take(reversed_outputs, order)], dim=-1)
                final = tuple(
                    torch.cat(parts, dim=-1) for parts in zip(final, reversed_final, strict=True)
                )
            inputs = join_residual(outputs, inputs, self.residual)
            layers.append(final)
        return inputs, StackState(tuple(layers))


def read(cell: Cell, inputs: Tensor, lengths: Tensor) -> tuple[Tensor, CellState]:
    """One cell over a batch from a zero state."""
    return cell.sequence(inputs, cell.zero_state(inputs[:, 0]), lengths)


def join_residual(outputs: Tensor, inputs: Tensor, residual: bool) -> Tensor:
    """Outputs plus inputs where asked for and possible (He et al. 2016), else outputs."""
    return outputs + inputs if residual and outputs.shape == inputs.shape else outputs


def reversal(lengths: Tensor, length: int) -> Tensor:
    """Positions that reverse each row's tokens and leave its pads: ``(batch_size, length)``.

    >>> reversal(torch.tensor([3, 2]), 4).tolist()
    [[2, 1, 0, 3], [1, 0, 2, 3]]
    """
    positions = torch.arange(length).expand(len(lengths), length)
    mirrored = lengths.unsqueeze(1) - 1 - positions
    return torch.where(mirrored >= 0, mirrored, positions)


def take(inputs: Tensor, order: Tensor) -> Tensor:
    """Rearranges ``(batch_size, length, size)`` by positions ``(batch_size, length)``."""
    return inputs.gather(1, order.unsqueeze(-1).expand(-1, -1, inputs.shape[-1]))

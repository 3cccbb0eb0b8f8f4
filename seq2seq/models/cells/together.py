"""The layers and directions of a stack as one call of a kernel, on a GPU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from seq2seq.models.cells.base import Cell, CellState
from seq2seq.models.cells.cudnn import CudnnLayers, bfloat16_on_gpu
from seq2seq.models.cells.fused import FusedCell


class LayersTogether:
    """The layers of a stack as one call of cuDNN, where nothing stands between them.

    Args:
        ways: the cells of all layers, lowest first, for each direction.
        dropout: of the inputs of each layer but the first; None: there is more between them.
    """

    def __init__(self, ways: Sequence[nn.ModuleList], dropout: float | None) -> None:
        self.cells = [[cast(Cell, cell) for cell in layer] for layer in zip(*ways, strict=True)]
        self.dropout = dropout or 0.0
        every = [cell for layer in self.cells for cell in layer]
        self.possible = (
            len(every) > 1
            and dropout is not None
            and len({(type(cell), cell.hidden_size) for cell in every}) == 1
            and all(isinstance(cell, FusedCell) and cell.fused for cell in every)
        )
        self.layers: CudnnLayers | None = None

    def run(
        self, inputs: Tensor, state: Sequence[CellState] | None, lengths: Tensor | None
    ) -> tuple[Tensor, tuple[CellState, ...]] | None:
        """Returns what a stack's `sequence` does, or None where it is not possible.

        Args:
            inputs: ``(batch_size, length, input_size)``.
            state: of each layer, of one direction; None: zeros.
            lengths: ``(batch_size,)``, on the CPU; None if every row is full.
        """
        if not self.possible or not bfloat16_on_gpu(inputs):
            return None
        every = [cast(FusedCell, cell) for layer in self.cells for cell in layer]
        kernels = [cell.kernel for cell in every]
        count, ways = len(self.cells), len(self.cells[0])
        if self.layers is None:
            self.layers = CudnnLayers([kernels[n : n + ways] for n in range(0, len(kernels), ways)])
        begun = None if state is None else [torch.stack(each) for each in zip(*state, strict=True)]
        weights = [weight for kernel in kernels for weight in kernel.parameters()]
        training = every[0].training
        dropout = self.dropout if count > 1 and training else 0.0
        outputs, final = self.layers(
            *(inputs, begun, weights, lengths), dropout=dropout, training=training
        )
        # (layers * directions, batch_size, size) -> for each layer, directions side by side
        shape = (count, ways, *final[0].shape[1:])
        parts = [part.view(shape).transpose(1, 2).flatten(2) for part in final]
        return outputs, tuple(zip(*parts, strict=True))

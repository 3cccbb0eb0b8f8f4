"""Cells whose weights live in one of torch's fused kernels, which runs whole sequences."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from seq2seq.models.cells.base import Cell, CellState
from seq2seq.models.cells.cudnn import CudnnLayers, bfloat16_on_gpu
from seq2seq.models.dropout import NO_DROPOUT, DropoutMasks, apply_mask

STEPS: dict[str, Callable[..., Tensor | tuple[Tensor, Tensor]]] = {
    "LSTM": torch.lstm_cell,
    "GRU": torch.gru_cell,
    "RNN_TANH": torch.rnn_tanh_cell,
    "RNN_RELU": torch.rnn_relu_cell,
}
"""What computes a single step, by the mode of torch's modules."""


class FusedCell(Cell):
    """A cell that reads its weights W, U and biases b, c from a kernel.

    A kind of cell implements the next state from the one before it (`update`).

    Args:
        kernel: torch's own, one layer in one direction, batch first; it holds the weights.
    """

    fused = True
    """Whether the kernel computes the formula of the cell; else a sequence is run step by step."""

    def __init__(self, kernel: nn.RNNBase, state_tensors: int = 1) -> None:
        super().__init__(kernel.hidden_size, state_tensors)
        self.kernel = kernel
        self.cudnn: CudnnLayers | None = None
        initialize_weights(kernel)

    def step(
        self, inputs: Tensor, state: CellState, masks: DropoutMasks = NO_DROPOUT
    ) -> tuple[Tensor, CellState]:
        """Computes one step, see `Cell.step`; on a GPU, where that is possible, by a kernel.

        There, each of the formula's twenty operations takes as long to begin as this one.
        """
        masked = masks.state is not None or masks.weights is not None
        if (
            not (inputs.is_cuda and self.fused)
            or self.zoneout
            or masked
            or torch.is_autocast_enabled("cuda")  # it would round an LSTM's memory at every step
        ):
            return super().step(inputs, state, masks)
        self.check_shapes(inputs, state, "(batch_size, input_size)")
        begun = state if len(state) > 1 else state[0]
        after = STEPS[self.kernel.mode](inputs, begun, *self.kernel.parameters())
        state = after if isinstance(after, tuple) else (after,)
        return state[0], state

    def sequence(
        self,
        inputs: Tensor,
        state: CellState,
        lengths: Tensor | None = None,
        masks: DropoutMasks = NO_DROPOUT,
    ) -> tuple[Tensor, CellState]:
        """Computes all time steps, see `Cell.sequence`, by the kernel where that is possible.

        It is not for zoneout and dropout of the state, which no kernel computes.
        """
        if not self.fused or self.zoneout or masks.state is not None:
            return super().sequence(inputs, state, lengths, masks)
        self.check_shapes(inputs, state, "(batch_size, length, input_size)")
        if bfloat16_on_gpu(inputs):
            layers = self.cudnn = self.cudnn or CudnnLayers([[self.kernel]])
            if masks.weights is not None:  # an earlier call may have saved other masked weights
                layers = CudnnLayers([[self.kernel]])
            weights: dict[str, Tensor] = dict(self.kernel.named_parameters())
            weights["weight_hh_l0"] = self.recurrent_weight(masks)
            outputs, final = layers(
                *(inputs, [part.unsqueeze(0) for part in state], [*weights.values()], lengths),
                dropout=0.0,
                training=self.training,
            )
            return outputs, tuple(part.squeeze(0) for part in final)
        length = inputs.shape[1]
        # A full batch needs no packing, and the kernel on a plain tensor is up to twice as fast.
        packed: Tensor | PackedSequence = inputs
        full = lengths is None or bool((lengths == length).all())
        if lengths is not None and not full:
            packed = pack_padded_sequence(inputs, lengths, batch_first=True, enforce_sorted=False)
        initial = tuple(part.unsqueeze(0) for part in state)  # each (1, batch_size, hidden_size)
        arguments = (packed, initial if len(initial) > 1 else initial[0])
        if masks.weights is None:
            outputs, final = self.kernel(*arguments)
        else:
            masked = {"weight_hh_l0": self.recurrent_weight(masks)}
            outputs, final = functional_call(self.kernel, masked, arguments)
        if not full:
            outputs, _ = pad_packed_sequence(outputs, batch_first=True, total_length=length)
        final = final if isinstance(final, tuple) else (final,)
        return outputs, tuple(part.squeeze(0) for part in final)

    def project_inputs(self, inputs: Tensor) -> Tensor:
        """Computes W x + b: ``(…, input_size)`` -> ``(…, gates * hidden_size)``."""
        return F.linear(inputs, self.weight("weight_ih_l0"), self.bias("bias_ih_l0"))

    def project_state(self, hidden: Tensor, masks: DropoutMasks = NO_DROPOUT) -> Tensor:
        """Computes U h + c: ``(…, hidden_size)`` -> ``(…, gates * hidden_size)``."""
        weight = self.recurrent_weight(masks)
        return F.linear(apply_mask(hidden, masks.state), weight, self.bias("bias_hh_l0"))

    def recurrent_weight(self, masks: DropoutMasks = NO_DROPOUT) -> Tensor:
        """Returns U, ``(gates * hidden_size, hidden_size)``, with its mask if there is one."""
        weight = self.weight("weight_hh_l0")
        return weight if masks.weights is None else weight * masks.weights

    def weight(self, name: str) -> Tensor:
        """Returns a weight of the kernel, by torch's name for it."""
        weight: Tensor = getattr(self.kernel, name)
        return weight

    def bias(self, name: str) -> Tensor | None:
        """Returns a bias of the kernel, by torch's name for it; None if it has none."""
        return self.weight(name) if self.kernel.bias else None


def initialize_weights(kernel: nn.RNNBase) -> None:
    """Initializes W as Glorot & Bengio (2010) do, U as an orthogonal matrix, and biases as 0.

    Orthogonal recurrent weights (Saxe et al. 2014) keep the norm of the state over many steps.
    Each gate has its own matrix. Weights without memory (the meta device) stay as they are.
    """
    if kernel.weight_hh_l0.is_meta:
        return
    for name, weight in kernel.named_parameters():
        if name.startswith("bias"):
            nn.init.zeros_(weight)
            continue
        fill = nn.init.xavier_uniform_ if name.startswith("weight_ih") else nn.init.orthogonal_
        with torch.no_grad():
            for gate in weight.chunk(weight.shape[0] // kernel.hidden_size):
                fill(gate)

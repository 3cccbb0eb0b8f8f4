"""Several layers and directions of fused cells in one call of cuDNN, in bfloat16.

For a GPU. Each call consists of hundreds of small kernels whose launching takes longer than their
work, so two directions or layers are one call wherever nothing stands between them. And autocast
computes torch's recurrent modules in float16, whatever it was asked for: gradients of a mean over
many tokens are smaller than that can say, and become 0. So weights are cast here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx

from seq2seq.data.batching import to_device

MODES = {"RNN_RELU": 0, "RNN_TANH": 1, "LSTM": 2, "GRU": 3}
"""cuDNN's numbers of what torch's modules call so (cudnnRNNMode_t)."""

KERNELS = {
    "RNN_RELU": torch.rnn_relu,
    "RNN_TANH": torch.rnn_tanh,
    "LSTM": torch.lstm,
    "GRU": torch.gru,
}
"""What computes a whole sequence, by the mode of torch's modules."""


def bfloat16_on_gpu(values: Tensor) -> bool:
    """Whether autocast would compute with these values in bfloat16 on a GPU."""
    return (
        values.is_cuda
        and torch.is_autocast_enabled("cuda")
        and torch.get_autocast_dtype("cuda") == torch.bfloat16
        and torch.backends.cudnn.enabled
    )


class CudnnLayers:
    """The weights of some kernels side by side in bfloat16, as cuDNN takes them.

    Args:
        kernels: of each layer, lowest first, those of its directions; alike but for the input size.
    """

    def __init__(self, kernels: Sequence[Sequence[nn.RNNBase]]) -> None:
        self.directions = len(kernels[0])
        self.layers = len(kernels)
        first = self.first = kernels[0][0]
        with torch.inference_mode(False), torch.no_grad():
            self.flat = [
                weight.detach().to(torch.bfloat16)
                for layer in kernels
                for kernel in layer
                for weight in kernel.parameters()
            ]
            torch._cudnn_rnn_flatten_weight(
                self.flat,
                4 if first.bias else 2,
                first.input_size,
                MODES[first.mode],
                first.hidden_size,
                0,
                self.layers,
                True,
                self.directions == 2,
            )

    def __call__(
        self,
        inputs: Tensor,
        state: Sequence[Tensor] | None,
        weights: Sequence[Tensor],
        lengths: Tensor | None,
        *,
        dropout: float,
        training: bool,
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Reads whole sequences.

        Args:
            inputs: ``(batch_size, length, input_size)``.
            state: before the first step, ``(layers * directions, batch_size, hidden_size)`` each;
                None: zeros.
            weights: what the kernels have or have in their place, in their order.
            lengths: ``(batch_size,)`` on the CPU; None if every row is full.
            dropout: of the inputs of each layer but the first, while `training`.

        Returns:
            Outputs ``(batch_size, length, directions * hidden_size)``, zero after a row's end, and
            for each row the state at its own last token, like `state`.
        """
        cast: tuple[Tensor, ...] = CastWeights.apply(self.flat, *weights)  # type: ignore[no-untyped-call]
        low = inputs.to(torch.bfloat16)
        how = (self.first.bias, self.layers, dropout, training, self.directions == 2)
        kernel: Any = KERNELS[self.first.mode]
        with torch.autocast("cuda", enabled=False):
            if lengths is None or bool((lengths == inputs.shape[1]).all()):
                begun = self.initial(low, state)
                outputs, *final = kernel(low, begun, list(cast), *how, True)
                return outputs, tuple(final)
            packing = Packing.of(lengths, inputs.shape[1], inputs.device)
            begun = self.initial(low, state and [each[:, packing.order] for each in state])
            data = low.flatten(0, 1).index_select(0, packing.places)
            outputs, *final = kernel(data, packing.batch_sizes, begun, list(cast), *how)
            padded = outputs.new_zeros(low.shape[0] * low.shape[1], outputs.shape[-1])
            padded = padded.index_copy(0, packing.places, outputs)
            return (
                padded.view(*low.shape[:2], -1),
                tuple(part.index_select(1, packing.back) for part in final),
            )

    def initial(self, inputs: Tensor, state: Sequence[Tensor] | None) -> Tensor | list[Tensor]:
        """Returns the state as a kernel takes it; zeros if there is none."""
        if state is None:
            size = (self.layers * self.directions, len(inputs), self.first.hidden_size)
            state = [inputs.new_zeros(size)] * (2 if self.first.mode == "LSTM" else 1)
        low = [part.to(torch.bfloat16) for part in state]
        return low if len(low) > 1 else low[0]


class Packing(NamedTuple):
    """Where the tokens of padded rows stand when they are packed, as `PackedSequence` has them.

    torch's own function makes some kernels for each length, and waits for the GPU.

    Attributes:
        places: of each packed token among the padded ones, on the device.
        order: of the rows, longest first.
        back: which undoes that.
        batch_sizes: how many rows have a token at each step, on the CPU.
    """

    places: Tensor
    order: Tensor
    back: Tensor
    batch_sizes: Tensor

    @classmethod
    def of(cls, lengths: Tensor, longest: int, device: torch.device) -> Packing:
        """Returns it for rows of `lengths`, on the CPU, padded to the longest."""
        # By numpy, see `real_places`.
        order = np.argsort(-lengths.numpy(), kind="stable")
        there = np.arange(longest)[:, None] < lengths.numpy()[order]  # (longest, batch_size)
        places = (order * longest + np.arange(longest)[:, None])[there]
        count, sizes = len(order), there.sum(axis=1)
        moved = to_device(
            torch.from_numpy(np.concatenate([order, np.argsort(order), places])), device
        )
        return cls(
            moved[2 * count :],
            moved[:count],
            moved[count : 2 * count],
            torch.from_numpy(sizes[sizes > 0]),
        )


class CastWeights(torch.autograd.Function):
    """Weights -> their copies in bfloat16, all at once into memory that is there already."""

    @staticmethod
    def forward(ctx: FunctionCtx, flat: Sequence[Tensor], *weights: Tensor) -> tuple[Tensor, ...]:
        """Returns the copies. They are new names of the same memory for each call."""
        # `data`: what an earlier call saved for its backward pass has the same values, for weights
        # change after it only.
        torch._foreach_copy_([each.data for each in flat], list(weights))
        return tuple(each.data for each in flat)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Returns the gradients in float32."""
        found = [torch.empty_like(each, dtype=torch.float32) for each in gradients]
        torch._foreach_copy_(found, list(gradients))
        return None, *found

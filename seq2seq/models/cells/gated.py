"""Cells with gates: GRU, LSTM and its normalized form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seq2seq.errors import SettingsError
from seq2seq.models.cells.base import CellState
from seq2seq.models.cells.fused import FusedCell
from seq2seq.models.dropout import NO_DROPOUT, DropoutMasks, apply_mask

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"tanh": torch.tanh, "linear": torch.positive}
"""The activation functions of an LSTM, for the candidate and the output."""


class GRUCell(FusedCell):
    """The gated recurrent unit of Cho et al. (2014), with the reset gate after the product.

    .. math::
        r_t &= σ(W_r x_t + b_r + U_r h_{t-1} + c_r) \\\\
        z_t &= σ(W_z x_t + b_z + U_z h_{t-1} + c_z) \\\\
        n_t &= \\tanh(W_n x_t + b_n + r_t ⊙ (U_n h_{t-1} + c_n)) \\\\
        h_t &= (1 - z_t) ⊙ n_t + z_t ⊙ h_{t-1}

    Cho et al. apply r_t to h_{t-1} before the product with U_n; every fused kernel, and so this
    one, applies it after (version 3 of arXiv:1406.1078, and cuDNN). As in their paper, z_t at 1
    keeps the old state; in that of Chung et al. (2014) it takes the new one.

    b_z starts at 0, so that half of the state is kept at first. The gradient of a fresh network
    then vanishes sooner than an Elman network's, and with b_z at 1 or 2 it reaches much further
    back. Nevertheless all models that were tried learned more in as many updates with 0: figures
    are in recipes/language_models.md. A model of characters learns to keep less, not more.

    Args:
        bias: whether b and c exist.
        update_bias: what b_z starts at: the higher, the more of the state is kept at first.
    """

    def __init__(
        self, input_size: int, hidden_size: int, *, bias: bool = True, update_bias: float = 0.0
    ) -> None:
        super().__init__(nn.GRU(input_size, hidden_size, bias=bias, batch_first=True))
        if bias:
            nn.init.constant_(self.weight("bias_ih_l0")[hidden_size : 2 * hidden_size], update_bias)

    def gates_and_candidate(
        self, projected: Tensor, state: CellState, masks: DropoutMasks
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Computes r, z and n, ``(batch_size, hidden_size)`` each, with W x + b given."""
        reset_input, update_input, new_input = projected.chunk(3, dim=-1)
        reset_state, update_state, new_state = self.project_state(state[0], masks).chunk(3, dim=-1)
        reset = torch.sigmoid(reset_input + reset_state)
        update = torch.sigmoid(update_input + update_state)
        return reset, update, torch.tanh(new_input + reset * new_state)

    def named_gates(self, projected: Tensor, state: CellState) -> dict[str, Tensor]:
        """Computes r and z, see `Cell.gates`."""
        reset, update, _ = self.gates_and_candidate(projected, state, NO_DROPOUT)
        return {"reset": reset, "update": update}

    def update(self, projected: Tensor, state: CellState, masks: DropoutMasks) -> CellState:
        """Computes the formula of the class, with W x + b given."""
        _, update, new = self.gates_and_candidate(projected, state, masks)
        return ((1 - update) * new + update * state[0],)


class LSTMCell(FusedCell):
    """Long short-term memory: Hochreiter & Schmidhuber (1997), forget gate of Gers et al. (2000).

    .. math::
        i_t &= σ(W_i x_t + b_i + U_i h_{t-1} + c_i) \\\\
        f_t &= σ(W_f x_t + b_f + U_f h_{t-1} + c_f) \\\\
        g_t &= \\tanh(W_g x_t + b_g + U_g h_{t-1} + c_g) \\\\
        o_t &= σ(W_o x_t + b_o + U_o h_{t-1} + c_o) \\\\
        c_t &= f_t ⊙ c_{t-1} + i_t ⊙ g_t \\\\
        h_t &= o_t ⊙ \\tanh(c_t)

    The forget gate's bias starts at 1 (Jozefowicz et al. 2015), so that memory is kept at first.

    Args:
        activation: in the place of tanh in g and h; with "linear" there is none, as in exercises
            that are worked by hand.
        bias: whether b and c exist.

    Raises:
        SettingsError: there is no such activation.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        activation: Literal["tanh", "linear"] = "tanh",
        bias: bool = True,
    ) -> None:
        super().__init__(
            nn.LSTM(input_size, hidden_size, bias=bias, batch_first=True), state_tensors=2
        )
        if activation not in ACTIVATIONS:
            raise SettingsError(f"activation {activation!r} is not one of {', '.join(ACTIVATIONS)}")
        self.activation = ACTIVATIONS[activation]
        self.fused = self.fused and activation == "tanh"
        if bias:
            nn.init.ones_(self.weight("bias_ih_l0")[hidden_size : 2 * hidden_size])

    def gates_and_candidate(
        self, projected: Tensor, state: CellState, masks: DropoutMasks
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Computes i, f, o and g, ``(batch_size, hidden_size)`` each, with W x + b given."""
        sums = projected + self.project_state(state[0], masks)
        write, keep, new, read = sums.chunk(4, dim=-1)
        gates = torch.sigmoid(write), torch.sigmoid(keep), torch.sigmoid(read)
        return *gates, self.activation(new)

    def named_gates(self, projected: Tensor, state: CellState) -> dict[str, Tensor]:
        """Computes i, f and o, see `Cell.gates`."""
        write, keep, read, _ = self.gates_and_candidate(projected, state, NO_DROPOUT)
        return {"input": write, "forget": keep, "output": read}

    def update(self, projected: Tensor, state: CellState, masks: DropoutMasks) -> CellState:
        """Computes the formula of the class, with W x + b given."""
        write, keep, read, new = self.gates_and_candidate(projected, state, masks)
        memory = keep * state[1] + write * new
        return read * self.activation(self.normalize_memory(memory)), memory

    def normalize_memory(self, memory: Tensor) -> Tensor:
        """Returns what the output is computed from: the memory cell as it is."""
        return memory


class NormalizedLSTMCell(LSTMCell):
    """The LSTM with layer normalization of Ba et al. (2016), equations 20 to 22.

    Both products and the memory cell are normalized before they are used, each with a gain of its
    own.

    The bias of g starts at random numbers. The slope of a norm at zeros is 1 / √ε = 316: if inputs
    of zeros (dropped words) left the state at zeros, gradients would explode from step to step.
    """

    fused = False

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.norm_input = nn.LayerNorm(4 * hidden_size, bias=False)
        self.norm_state = nn.LayerNorm(4 * hidden_size, bias=False)
        self.norm_memory = nn.LayerNorm(hidden_size)
        nn.init.uniform_(self.weight("bias_ih_l0")[2 * hidden_size : 3 * hidden_size], -1, 1)

    def project_inputs(self, inputs: Tensor) -> Tensor:
        """Computes LN(W x) + b: ``(…, input_size)`` -> ``(…, 4 * hidden_size)``."""
        product = F.linear(inputs, self.weight("weight_ih_l0"))
        projected: Tensor = self.norm_input(product) + self.weight("bias_ih_l0")
        return projected

    def project_state(self, hidden: Tensor, masks: DropoutMasks = NO_DROPOUT) -> Tensor:
        """Computes LN(U h) + c: ``(…, hidden_size)`` -> ``(…, 4 * hidden_size)``."""
        product = F.linear(apply_mask(hidden, masks.state), self.recurrent_weight(masks))
        recurrent: Tensor = self.norm_state(product) + self.weight("bias_hh_l0")
        return recurrent

    def normalize_memory(self, memory: Tensor) -> Tensor:
        """Returns LN(c): the output is computed from the normalized memory cell."""
        normalized: Tensor = self.norm_memory(memory)
        return normalized

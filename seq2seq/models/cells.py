"""The recurrent cells: Elman, GRU and LSTM, behind one interface.

Each cell computes one function in two ways. ``step`` is the formula, written out as a textbook
prints it, for one time step. ``sequence`` is the same function over a whole sequence with torch's
fused kernel, and is what training runs. Both read the same weights, which live in the kernel;
``tests/models/test_cells.py`` shows that they agree, forward and backward.

A cell's state is a tuple of tensors ``(batch_size, hidden_size)``: one for Elman and GRU, two (the
hidden state and the memory cell) for LSTM. The first is always the output of the cell.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

CellState = tuple[Tensor, ...]


class Cell(Protocol):
    """What a stack needs from a cell."""

    hidden_size: int

    def zero_state(self, like: Tensor) -> CellState:
        """Zeros ``(batch_size, hidden_size)`` for the batch, device and type of `like`."""

    def step(self, inputs: Tensor, state: CellState) -> tuple[Tensor, CellState]:
        """One time step: inputs ``(batch_size, input_size)`` -> output and new state."""

    def sequence(
        self, inputs: Tensor, state: CellState, lengths: Tensor | None = None
    ) -> tuple[Tensor, CellState]:
        """All time steps: ``(batch_size, length, input_size)`` -> outputs and final state."""


class ElmanCell(nn.Module):
    """The simple recurrent network of Elman (1990).

    .. math:: h_t = f(W x_t + b + U h_{t-1} + c)

    Args:
        input_size: width of one input vector.
        hidden_size: width of the state, which is also the output.
        nonlinearity: f, "tanh" or "relu".
        bias: whether b and c exist.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        nonlinearity: Literal["tanh", "relu"] = "tanh",
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.hidden_size = hidden_size
        self.activation = {"tanh": torch.tanh, "relu": torch.relu}[nonlinearity]
        self.kernel = nn.RNN(
            input_size, hidden_size, nonlinearity=nonlinearity, bias=bias, batch_first=True
        )
        initialize(self.kernel)

    def zero_state(self, like: Tensor) -> CellState:
        """One tensor of zeros ``(batch_size, hidden_size)``."""
        return (like.new_zeros(like.shape[0], self.hidden_size),)

    def step(self, inputs: Tensor, state: CellState) -> tuple[Tensor, CellState]:
        """The formula, once: ``(batch_size, input_size)`` -> ``(batch_size, hidden_size)``."""
        from_input, from_state = gate_sums(self.kernel, inputs, state[0])
        hidden = self.activation(from_input + from_state)
        return hidden, (hidden,)

    def sequence(
        self, inputs: Tensor, state: CellState, lengths: Tensor | None = None
    ) -> tuple[Tensor, CellState]:
        """The fused kernel over ``(batch_size, length, input_size)``; see `run_kernel`."""
        return run_kernel(self.kernel, inputs, state, lengths)


class GRUCell(nn.Module):
    """The gated recurrent unit of Cho et al. (2014), with the reset gate after the product.

    .. math::
        r_t &= σ(W_r x_t + b_r + U_r h_{t-1} + c_r) \\\\
        z_t &= σ(W_z x_t + b_z + U_z h_{t-1} + c_z) \\\\
        n_t &= \\tanh(W_n x_t + b_n + r_t ⊙ (U_n h_{t-1} + c_n)) \\\\
        h_t &= (1 - z_t) ⊙ n_t + z_t ⊙ h_{t-1}

    Cho et al. apply r_t to h_{t-1} before the product with U_n; every fused kernel, and so this
    one, applies it after (version 3 of arXiv:1406.1078, and cuDNN).
    """

    def __init__(self, input_size: int, hidden_size: int, *, bias: bool = True) -> None:
        super().__init__()
        self.hidden_size = hidden_size
        self.kernel = nn.GRU(input_size, hidden_size, bias=bias, batch_first=True)
        initialize(self.kernel)

    def zero_state(self, like: Tensor) -> CellState:
        """One tensor of zeros ``(batch_size, hidden_size)``."""
        return (like.new_zeros(like.shape[0], self.hidden_size),)

    def step(self, inputs: Tensor, state: CellState) -> tuple[Tensor, CellState]:
        """The formula, once: ``(batch_size, input_size)`` -> ``(batch_size, hidden_size)``."""
        (previous,) = state
        from_input, from_state = gate_sums(self.kernel, inputs, previous)
        reset_input, update_input, new_input = from_input.chunk(3, dim=-1)
        reset_state, update_state, new_state = from_state.chunk(3, dim=-1)
        reset = torch.sigmoid(reset_input + reset_state)
        update = torch.sigmoid(update_input + update_state)
        new = torch.tanh(new_input + reset * new_state)
        hidden = (1 - update) * new + update * previous
        return hidden, (hidden,)

    def sequence(
        self, inputs: Tensor, state: CellState, lengths: Tensor | None = None
    ) -> tuple[Tensor, CellState]:
        """The fused kernel over ``(batch_size, length, input_size)``; see `run_kernel`."""
        return run_kernel(self.kernel, inputs, state, lengths)


class LSTMCell(nn.Module):
    """Long short-term memory: Hochreiter & Schmidhuber (1997), forget gate of Gers et al. (2000).

    .. math::
        i_t &= σ(W_i x_t + b_i + U_i h_{t-1} + c_i) \\\\
        f_t &= σ(W_f x_t + b_f + U_f h_{t-1} + c_f) \\\\
        g_t &= \\tanh(W_g x_t + b_g + U_g h_{t-1} + c_g) \\\\
        o_t &= σ(W_o x_t + b_o + U_o h_{t-1} + c_o) \\\\
        c_t &= f_t ⊙ c_{t-1} + i_t ⊙ g_t \\\\
        h_t &= o_t ⊙ \\tanh(c_t)

    The forget gate's bias starts at 1 (Jozefowicz et al. 2015), so that memory is kept at first.
    """

    def __init__(self, input_size: int, hidden_size: int, *, bias: bool = True) -> None:
        super().__init__()
        self.hidden_size = hidden_size
        self.kernel = nn.LSTM(input_size, hidden_size, bias=bias, batch_first=True)
        initialize(self.kernel)
        if bias:
            with torch.no_grad():
                kernel_weights(self.kernel)["bias_ih_l0"][hidden_size : 2 * hidden_size] = 1.0

    def zero_state(self, like: Tensor) -> CellState:
        """Two tensors of zeros ``(batch_size, hidden_size)``: hidden state and memory cell."""
        zeros = like.new_zeros(like.shape[0], self.hidden_size)
        return zeros, zeros

    def step(self, inputs: Tensor, state: CellState) -> tuple[Tensor, CellState]:
        """The formula, once: ``(batch_size, input_size)`` -> ``(batch_size, hidden_size)``."""
        previous, memory = state
        from_input, from_state = gate_sums(self.kernel, inputs, previous)
        input_gate, forget_gate, new, output_gate = (from_input + from_state).chunk(4, dim=-1)
        memory = torch.sigmoid(forget_gate) * memory + torch.sigmoid(input_gate) * torch.tanh(new)
        hidden = torch.sigmoid(output_gate) * torch.tanh(memory)
        return hidden, (hidden, memory)

    def sequence(
        self, inputs: Tensor, state: CellState, lengths: Tensor | None = None
    ) -> tuple[Tensor, CellState]:
        """The fused kernel over ``(batch_size, length, input_size)``; see `run_kernel`."""
        return run_kernel(self.kernel, inputs, state, lengths)


def elman_relu(input_size: int, hidden_size: int) -> ElmanCell:
    """An Elman cell with rectified units, by the name that settings use."""
    return ElmanCell(input_size, hidden_size, nonlinearity="relu")


CELLS: dict[str, Callable[[int, int], nn.Module]] = {
    "elman": ElmanCell,
    "elman-relu": elman_relu,
    "gru": GRUCell,
    "lstm": LSTMCell,
}


def gate_sums(kernel: nn.RNNBase, inputs: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
    """The two products of a step, each ``(batch_size, gates * hidden_size)``: W x + b, U h + c.

    Their sum is one product of the concatenated [input, state] with the stacked weights [W U],
    which is how many textbooks draw the cell; GRU needs the two apart.
    """
    weights = kernel_weights(kernel)
    return (
        F.linear(inputs, weights["weight_ih_l0"], weights.get("bias_ih_l0")),
        F.linear(hidden, weights["weight_hh_l0"], weights.get("bias_hh_l0")),
    )


def kernel_weights(kernel: nn.RNNBase) -> dict[str, Tensor]:
    """The weights W, U and biases b, c (if it has them) of a kernel, by torch's names for them."""
    return dict(kernel.named_parameters())


def run_kernel(
    kernel: nn.RNNBase, inputs: Tensor, state: CellState, lengths: Tensor | None
) -> tuple[Tensor, CellState]:
    """Runs torch's fused kernel from `state` over each row's true length.

    Args:
        kernel: nn.RNN, nn.GRU or nn.LSTM: one layer, one direction, batch first.
        inputs: ``(batch_size, length, input_size)``.
        state: the initial state.
        lengths: ``(batch_size,)`` on the CPU, each at least 1; None if every row is full.

    Returns:
        Outputs ``(batch_size, length, hidden_size)``, zero after a row's end, and for each row the
        state at its own last token.
    """
    length = inputs.shape[1]
    # A full batch needs no packing, and the kernel on a plain tensor is up to twice as fast.
    packed: Tensor | PackedSequence = inputs
    full = lengths is None or bool((lengths == length).all())
    if lengths is not None and not full:
        packed = pack_padded_sequence(inputs, lengths, batch_first=True, enforce_sorted=False)
    initial = tuple(part.unsqueeze(0) for part in state)
    outputs, final = kernel(packed, initial if len(initial) > 1 else initial[0])
    if not full:
        outputs, _ = pad_packed_sequence(outputs, batch_first=True, total_length=length)
    final = final if isinstance(final, tuple) else (final,)
    return outputs, tuple(part.squeeze(0) for part in final)


def initialize(kernel: nn.RNNBase) -> None:
    """Glorot for what comes from the input, orthogonal for what comes from the state, bias 0.

    Orthogonal recurrent weights (Saxe et al. 2014) keep the norm of the state over many steps.
    Each gate has its own matrix.
    """
    for name, weight in kernel_weights(kernel).items():
        if name.startswith("bias"):
            nn.init.zeros_(weight)
            continue
        fill = nn.init.xavier_uniform_ if name.startswith("weight_ih") else nn.init.orthogonal_
        with torch.no_grad():
            for gate in weight.chunk(weight.shape[0] // kernel.hidden_size):
                fill(gate)

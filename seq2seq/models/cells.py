"""The recurrent cells: Elman, GRU, LSTM and its normalized form, behind one interface.

Each cell computes one function in two ways. ``step`` is the formula, written out as a textbook
prints it, for one time step. ``sequence`` is the same function over a whole sequence with torch's
fused kernel, and is what training runs. Both read the same weights, which live in the kernel;
``tests/models/test_cells.py`` shows that they agree, forward and backward.

A cell's state is a tuple of tensors ``(batch_size, hidden_size)``: one for Elman and GRU, two (the
hidden state and the memory cell) for LSTM. The first is always the output of the cell.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from seq2seq.models.noise import SILENCE, LayerNoise, masked

CellState = tuple[Tensor, ...]


class Cell(nn.Module, ABC):
    """What all cells share: where their weights live, and how a sequence is run.

    A kind of cell says how a state follows from the one before it (`advance`) and how many parts
    the state has. `noise` is what training hides from it; see `seq2seq.models.noise`.

    Args:
        kernel: torch's own, one layer in one direction, batch first; it holds the weights.
        parts: tensors in a state.
    """

    fused = True
    """Whether the kernel computes what the formula says."""

    def __init__(self, kernel: nn.RNNBase, parts: int = 1) -> None:
        super().__init__()
        self.hidden_size = kernel.hidden_size
        self.kernel = kernel
        self.parts = parts
        self.zoneout = 0.0
        initialize(kernel)

    def zero_state(self, like: Tensor) -> CellState:
        """Zeros ``(batch_size, hidden_size)`` for the batch, device and type of `like`."""
        return (like.new_zeros(like.shape[0], self.hidden_size),) * self.parts

    def step(
        self, inputs: Tensor, state: CellState, noise: LayerNoise = SILENCE
    ) -> tuple[Tensor, CellState]:
        """The formula, once: ``(batch_size, input_size)`` -> ``(batch_size, hidden_size)``."""
        state = self.next(self.project(inputs), state, noise)
        return state[0], state

    def sequence(
        self,
        inputs: Tensor,
        state: CellState,
        lengths: Tensor | None = None,
        noise: LayerNoise = SILENCE,
    ) -> tuple[Tensor, CellState]:
        """All time steps: ``(batch_size, length, input_size)`` -> outputs and final state.

        The fused kernel runs it (see `run_kernel`) where there is one for what is asked; else the
        formula does, step after step (see `unroll`).
        """
        if not self.fused or self.zoneout or noise.state is not None:
            return unroll(self, inputs, state, lengths, noise)
        return run_kernel(self.kernel, inputs, state, lengths, self.recurrent_weight(noise))

    def project(self, inputs: Tensor) -> Tensor:
        """What of a step needs no state, W x + b: ``(…, input_size)`` -> ``(…, gates * size)``."""
        return F.linear(inputs, self.weight("weight_ih_l0"), self.bias("bias_ih_l0"))

    def recur(self, hidden: Tensor, noise: LayerNoise = SILENCE) -> Tensor:
        """U h + c: ``(batch_size, hidden_size)`` -> ``(batch_size, gates * hidden_size)``."""
        weight = self.recurrent_weight(noise)
        return F.linear(masked(hidden, noise.state), weight, self.bias("bias_hh_l0"))

    @abstractmethod
    def advance(
        self, projected: Tensor, state: CellState, noise: LayerNoise = SILENCE
    ) -> CellState:
        """The next state from W x + b and the state before; its first part is the output."""

    def next(self, projected: Tensor, state: CellState, noise: LayerNoise) -> CellState:
        """`advance`, with zoneout (Krueger et al. 2017): some units keep their value for a step.

        Which ones is drawn anew at each step. In evaluation every unit moves by its expectation.
        """
        after = self.advance(projected, state, noise)
        if not self.zoneout:
            return after
        return tuple(self.keep(old, new) for old, new in zip(state, after, strict=True))

    def keep(self, old: Tensor, new: Tensor) -> Tensor:
        """Each unit's old value or its new one, exactly; in evaluation what that is on average."""
        if not self.training:
            return self.zoneout * old + (1 - self.zoneout) * new
        kept = torch.bernoulli(torch.full_like(new, self.zoneout))
        return torch.where(kept.bool(), old, new)

    def recurrent_weight(self, noise: LayerNoise = SILENCE) -> Tensor:
        """U, ``(gates * hidden_size, hidden_size)``, with its mask if there is one."""
        weight = self.weight("weight_hh_l0")
        return weight if noise.weights is None else weight * noise.weights

    def weight(self, name: str) -> Tensor:
        """A weight matrix of the kernel, by torch's name for it."""
        weight: Tensor = getattr(self.kernel, name)
        return weight

    def bias(self, name: str) -> Tensor | None:
        """A bias of the kernel, if it has any."""
        return self.weight(name) if self.kernel.bias else None


class ElmanCell(Cell):
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
        super().__init__(
            nn.RNN(input_size, hidden_size, nonlinearity=nonlinearity, bias=bias, batch_first=True)
        )
        self.activation = {"tanh": torch.tanh, "relu": torch.relu}[nonlinearity]

    def advance(
        self, projected: Tensor, state: CellState, noise: LayerNoise = SILENCE
    ) -> CellState:
        """The formula of the class, with W x + b given."""
        return (self.activation(projected + self.recur(state[0], noise)),)


class GRUCell(Cell):
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
        super().__init__(nn.GRU(input_size, hidden_size, bias=bias, batch_first=True))

    def advance(
        self, projected: Tensor, state: CellState, noise: LayerNoise = SILENCE
    ) -> CellState:
        """The formula of the class, with W x + b given."""
        reset_input, update_input, new_input = projected.chunk(3, dim=-1)
        reset_state, update_state, new_state = self.recur(state[0], noise).chunk(3, dim=-1)
        reset = torch.sigmoid(reset_input + reset_state)
        update = torch.sigmoid(update_input + update_state)
        new = torch.tanh(new_input + reset * new_state)
        return ((1 - update) * new + update * state[0],)


class LSTMCell(Cell):
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
        super().__init__(nn.LSTM(input_size, hidden_size, bias=bias, batch_first=True), parts=2)
        if bias:
            with torch.no_grad():
                kernel_weights(self.kernel)["bias_ih_l0"][hidden_size : 2 * hidden_size] = 1.0

    def advance(
        self, projected: Tensor, state: CellState, noise: LayerNoise = SILENCE
    ) -> CellState:
        """The formula of the class, with W x + b given."""
        sums = projected + self.recur(state[0], noise)
        input_gate, forget_gate, new, output_gate = sums.chunk(4, dim=-1)
        kept = torch.sigmoid(forget_gate) * state[1]
        memory = kept + torch.sigmoid(input_gate) * torch.tanh(new)
        return torch.sigmoid(output_gate) * torch.tanh(self.shown(memory)), memory

    def shown(self, memory: Tensor) -> Tensor:
        """What of the memory cell the output is made of: all of it."""
        return memory


class NormalizedLSTMCell(LSTMCell):
    """The LSTM with layer normalization of Ba et al. (2016), equations 20 to 22.

    Both products and the memory cell are normalized before they are used, each with a gain of its
    own. No kernel computes this, so a sequence is run step by step.

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

    def project(self, inputs: Tensor) -> Tensor:
        """LN(W x) + b: ``(…, input_size)`` -> ``(…, 4 * hidden_size)``."""
        product = F.linear(inputs, self.weight("weight_ih_l0"))
        projected: Tensor = self.norm_input(product) + self.weight("bias_ih_l0")
        return projected

    def recur(self, hidden: Tensor, noise: LayerNoise = SILENCE) -> Tensor:
        """LN(U h) + c: ``(batch_size, hidden_size)`` -> ``(batch_size, 4 * hidden_size)``."""
        product = F.linear(masked(hidden, noise.state), self.recurrent_weight(noise))
        recurrent: Tensor = self.norm_state(product) + self.weight("bias_hh_l0")
        return recurrent

    def shown(self, memory: Tensor) -> Tensor:
        """LN(c): the output is made of the normalized memory cell."""
        shown: Tensor = self.norm_memory(memory)
        return shown


def elman_relu(input_size: int, hidden_size: int) -> ElmanCell:
    """An Elman cell with rectified units, by the name that settings use."""
    return ElmanCell(input_size, hidden_size, nonlinearity="relu")


CELLS: dict[str, Callable[[int, int], Cell]] = {
    "elman": ElmanCell,
    "elman-relu": elman_relu,
    "gru": GRUCell,
    "lstm": LSTMCell,
    "lstm-norm": NormalizedLSTMCell,
}


def kernel_weights(kernel: nn.RNNBase) -> dict[str, Tensor]:
    """The weights W, U and biases b, c (if it has them) of a kernel, by torch's names for them."""
    return dict(kernel.named_parameters())


def unroll(
    cell: Cell,
    inputs: Tensor,
    state: CellState,
    lengths: Tensor | None = None,
    noise: LayerNoise = SILENCE,
) -> tuple[Tensor, CellState]:
    """Runs a cell's formula over each row's true length; arguments and results as `run_kernel`."""
    outputs = []
    for position, projected in enumerate(cell.project(inputs).unbind(1)):
        after = cell.next(projected, state, noise)
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


def run_kernel(
    kernel: nn.RNNBase,
    inputs: Tensor,
    state: CellState,
    lengths: Tensor | None,
    recurrent_weight: Tensor | None = None,
) -> tuple[Tensor, CellState]:
    """Runs torch's fused kernel from `state` over each row's true length.

    Args:
        kernel: nn.RNN, nn.GRU or nn.LSTM: one layer, one direction, batch first.
        inputs: ``(batch_size, length, input_size)``.
        state: the initial state.
        lengths: ``(batch_size,)`` on the CPU, each at least 1; None if every row is full.
        recurrent_weight: what to use in the place of U.

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
    arguments = (packed, initial if len(initial) > 1 else initial[0])
    if recurrent_weight is None or recurrent_weight is kernel.weight_hh_l0:
        outputs, final = kernel(*arguments)
    else:
        outputs, final = functional_call(kernel, {"weight_hh_l0": recurrent_weight}, arguments)
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

"""What all recurrent cells share: one interface, and two ways to run it.

Each cell computes one function in two ways. ``step`` is the formula, written out as a textbook
prints it, for one time step. ``sequence`` is the same function over a whole sequence, with torch's
fused kernel where there is one, and is what training runs. Both read the same weights, which live
in the kernel; ``tests/models/test_cells.py`` shows that they agree, forward and backward.

A cell's state is a tuple of tensors ``(batch_size, hidden_size)``: one for most cells, two (the
hidden state and the memory cell) for LSTM. The first is always the output of the cell.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

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

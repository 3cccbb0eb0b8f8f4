"""Cells without gates: Elman, Jordan, leaky integrators, and a reservoir that does not learn."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

from seq2seq.errors import SettingsError
from seq2seq.models.cells.base import CellState
from seq2seq.models.cells.fused import FusedCell
from seq2seq.models.dropout import DropoutMasks

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": torch.tanh,
    "relu": torch.relu,
    "sigmoid": torch.sigmoid,
    "linear": lambda values: values,
}
"""What an Elman network may put its sum through."""


class ElmanCell(FusedCell):
    """The simple recurrent network of Elman (1990).

    .. math:: h_t = f(W x_t + b + U h_{t-1} + c)

    Args:
        nonlinearity: f, the name of one of `ACTIVATIONS`.
        bias: whether b and c exist.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        nonlinearity: Literal["tanh", "relu", "sigmoid", "linear"] = "tanh",
        bias: bool = True,
    ) -> None:
        if nonlinearity not in ACTIVATIONS:
            raise SettingsError(f"{nonlinearity!r} is not one of {', '.join(ACTIVATIONS)}")
        computed = "relu" if nonlinearity == "relu" else "tanh"
        super().__init__(
            nn.RNN(input_size, hidden_size, nonlinearity=computed, bias=bias, batch_first=True)
        )
        self.fused = nonlinearity == computed  # torch's kernel has no others
        self.activation = ACTIVATIONS[nonlinearity]

    def update(self, projected: Tensor, state: CellState, masks: DropoutMasks) -> CellState:
        """Computes the formula of the class, with W x + b given."""
        return (self.activation(projected + self.project_state(state[0], masks)),)


class JordanCell(FusedCell):
    """The network of Jordan (1986, 1997), whose output is fed back in the place of its state.

    .. math::
        h_t &= \\tanh(W x_t + b + U y_{t-1} + c) \\\\
        y_t &= \\tanh(V h_t + d)

    The state is y alone; V is square. Jordan's own network also gives each fed-back output a decay;
    this is the form of the textbooks, after Elman's.
    """

    fused = False

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(nn.RNN(input_size, hidden_size, batch_first=True))
        self.output = nn.Linear(hidden_size, hidden_size)
        # V is passed at every step, as U is, so it starts like U: see `initialize_weights`.
        if not self.output.weight.is_meta:
            nn.init.orthogonal_(self.output.weight)
        nn.init.zeros_(self.output.bias)

    def update(self, projected: Tensor, state: CellState, masks: DropoutMasks) -> CellState:
        """Computes the formula of the class, with W x + b given."""
        hidden = torch.tanh(projected + self.project_state(state[0], masks))
        return (torch.tanh(self.output(hidden)),)


class LeakyCell(FusedCell):
    """Leaky integrators, or units in continuous time (Jaeger et al. 2007).

    .. math:: h_t = (1 - α) ⊙ h_{t-1} + α ⊙ \\tanh(W x_t + b + U h_{t-1} + c)

    is one Euler step of length 1 of

    .. math:: τ \\frac{dh}{dt} = -h + \\tanh(W x + b + U h + c), \\quad α = 1 / τ

    with a time constant τ (in steps) and so a rate α in (0, 1) for each unit. Rates are learned,
    through a sigmoid.

    Time constants start spread evenly in log τ between 1 step and 100: some units follow every
    token, some integrate over a long sentence, and each scale in between has as many units. With
    equal constants there would be one scale, and a rate near 0 or 1 learns slowly, as the sigmoid
    is flat there. The spread is even, not random, so that a small layer has all scales, too.
    """

    fused = False

    MAX_TIME_CONSTANT = 100.0
    """The longest time constant to start from, in steps."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(nn.RNN(input_size, hidden_size, batch_first=True))
        self.rate_logits = nn.Parameter(torch.empty(hidden_size))
        if not self.rate_logits.is_meta:
            # The middles of equal intervals: no unit starts at τ = 1, which no finite number gives.
            places = (torch.arange(hidden_size) + 0.5) / hidden_size
            constants = torch.exp(places * math.log(self.MAX_TIME_CONSTANT))
            self.rate_logits.data = -torch.log(constants - 1)  # sigmoid(-log(τ - 1)) = 1 / τ

    @property
    def rates(self) -> Tensor:
        """The rate α of each unit, ``(hidden_size,)``: how much of its value a step replaces."""
        return torch.sigmoid(self.rate_logits)

    def update(self, projected: Tensor, state: CellState, masks: DropoutMasks) -> CellState:
        """Computes the formula of the class, with W x + b given."""
        new = torch.tanh(projected + self.project_state(state[0], masks))
        rates = self.rates
        return ((1 - rates) * state[0] + rates * new,)


class EchoStateCell(ElmanCell):
    """The reservoir of an echo state network (Jaeger 2001): Elman's formula, random and fixed.

    .. math:: h_t = \\tanh(W x_t + b + U h_{t-1} + c)

    Its weights are not trained. Gradients pass through it to the layers below, an embedding for
    instance, and the layers above learn to read the reservoir's many random features of the past.

    U is a random orthogonal matrix times the radius. It is dense, since torch's kernel, which runs
    it, gains nothing from zeros. All its eigenvalues lie on the circle of that radius, which gives
    a linear reservoir a long memory (White et al. 2004), and all its singular values equal it. With
    a radius below 1, two states come nearer by that factor or more at every step, whatever the
    inputs are, so that the initial state is forgotten (the echo state property; Jaeger 2001,
    proposition 3).

    W starts as in other cells. b is random, else every unit would be an odd function of the inputs.

    Args:
        radius: the spectral radius of U, the largest absolute value among its eigenvalues; see
            `set_radius`.
    """

    def __init__(self, input_size: int, hidden_size: int, *, radius: float = 0.9) -> None:
        super().__init__(input_size, hidden_size)
        self.kernel.requires_grad_(False)
        nn.init.uniform_(self.weight("bias_ih_l0"), -0.2, 0.2)
        self.set_radius(radius)

    @property
    def radius(self) -> float:
        """The spectral radius of U, from its eigenvalues."""
        return float(torch.linalg.eigvals(self.weight("weight_hh_l0")).abs().max())

    def set_radius(self, radius: float) -> None:
        """Scales U to a spectral radius: the nearer to 1, the longer the memory.

        Raises:
            SettingsError: it is not a positive number.
        """
        if not 0 < radius < math.inf:
            raise SettingsError(f"the spectral radius {radius} must be positive and finite")
        matrix = self.weight("weight_hh_l0")
        if matrix.is_meta:  # only the sizes of the model are wanted
            return
        with torch.no_grad():
            matrix.mul_(radius / self.radius)

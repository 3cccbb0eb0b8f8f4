"""All recurrent cells, by the names that settings use."""

from __future__ import annotations

from collections.abc import Callable

from seq2seq.models.cell import Cell, CellState, run_kernel, unroll
from seq2seq.models.gated import GRUCell, LSTMCell, NormalizedLSTMCell
from seq2seq.models.ungated import EchoStateCell, ElmanCell, JordanCell, LeakyCell

__all__ = [
    "CELLS",
    "Cell",
    "CellState",
    "EchoStateCell",
    "ElmanCell",
    "GRUCell",
    "JordanCell",
    "LSTMCell",
    "LeakyCell",
    "NormalizedLSTMCell",
    "elman_relu",
    "run_kernel",
    "unroll",
]


def elman_relu(input_size: int, hidden_size: int) -> ElmanCell:
    """An Elman cell with rectified units."""
    return ElmanCell(input_size, hidden_size, nonlinearity="relu")


CELLS: dict[str, Callable[[int, int], Cell]] = {
    "elman": ElmanCell,
    "elman-relu": elman_relu,
    "jordan": JordanCell,
    "leaky": LeakyCell,
    "echo-state": EchoStateCell,
    "gru": GRUCell,
    "lstm": LSTMCell,
    "lstm-norm": NormalizedLSTMCell,
}
"""Each takes the width of one input vector and of the state."""

"""All recurrent cells, by the names that settings use."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from seq2seq.config.fields import OPEN_CHOICES
from seq2seq.config.model import CellName
from seq2seq.models.cells.base import Cell
from seq2seq.models.cells.elman import EchoStateCell, ElmanCell, JordanCell, LeakyCell
from seq2seq.models.cells.gated import GRUCell, LSTMCell, NormalizedLSTMCell
from seq2seq.models.cells.parallel import MinGRUCell, SRUCell

CELLS: dict[str, Callable[[int, int], Cell]] = {
    "elman": ElmanCell,
    "elman-relu": partial(ElmanCell, nonlinearity="relu"),
    "elman-sigmoid": partial(ElmanCell, nonlinearity="sigmoid"),
    "jordan": JordanCell,
    "leaky": LeakyCell,
    "echo-state": EchoStateCell,
    "gru": GRUCell,
    "lstm": LSTMCell,
    "lstm-norm": NormalizedLSTMCell,
    "sru": SRUCell,
    "mingru": MinGRUCell,
}
"""Each takes the width of one input vector and of the state. A script may add one of its own,
before it makes settings that name it."""
OPEN_CHOICES[CellName].table = CELLS

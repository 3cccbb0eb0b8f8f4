"""Small translation models of every kind, for what all of them promise."""

from collections.abc import Callable, Iterator
from itertools import product

import pytest
import torch

from seq2seq.config.model import UNWEIGHTED_CELLS
from seq2seq.data.batching import Batch
from seq2seq.errors import SettingsError
from seq2seq.models.attention.registry import ATTENTIONS
from seq2seq.models.cells.fused import FusedCell
from seq2seq.models.cells.registry import CELLS
from seq2seq.models.translation import TranslationModel

Build = Callable[..., TranslationModel]
SOURCES = [[4, 5, 6], [7, 8, 4, 9, 10], [], [5, 5], [9]]
TARGETS = [[6, 7, 12, 8], [4], [11, 10], [], [9, 4, 5, 6, 7, 8]]
ORDERS = ["luong", "bahdanau"]
FULL = ["elman", "gru", "lstm", "lstm-norm"]
"""Cells that are tried with everything: the states of the others are like Elman's."""

every_cell = pytest.mark.parametrize("cell", CELLS)
KERNEL_CELLS = [name for name, build in CELLS.items() if isinstance(build(1, 1), FusedCell)]
"""Those whose weights live in one of torch's kernels."""


def drops_weights(cell: str) -> bool:
    """Whether a cell has the one recurrent matrix that weight dropout is for."""
    try:
        CELLS[cell](1, 1).recurrent_weight()
    except SettingsError:
        return False
    return True


def drops_state(cell: str) -> bool:
    """Whether a cell multiplies its state with weights, which is where state dropout is."""
    return cell not in UNWEIGHTED_CELLS


every_attention = pytest.mark.parametrize("attention", ATTENTIONS)
every_kind = pytest.mark.parametrize("attention", ["none", *ATTENTIONS])


def attentive(tiny_model: Build, **settings: object) -> TranslationModel:
    """A small model in float64 whose decoder is as wide as its encoder's outputs."""
    sizes = {"decoder_sizes": (8,), "attention_size": 8, "attention_window": 3}
    return tiny_model(**{**sizes, "attention": "additive", **settings}).double()


def variants(tiny_model: Build, cell: str, attention: str) -> Iterator[TranslationModel]:
    """Every model with this cell and this attention, in float64.

    Without attention: every context, depth and direction. With it: both orders, and contexts,
    input feeding, coverage and lexical translation or none.
    """
    if attention == "none":
        layers = [((8,), (8,), False), ((8, 20), (9, 12, 12), True), ((8, 7, 7), (10,), True)]
        contexts = ("initial", "every-step", "both")
        for context, to_output, bidirectional, (encoder_sizes, decoder_sizes, residual) in product(
            contexts, (False, True), (False, True), layers
        ):
            yield tiny_model(
                cell=cell,
                attention="none",
                context=context,
                context_to_output=to_output,
                bidirectional=bidirectional,
                residual=residual,
                encoder_sizes=encoder_sizes,
                decoder_sizes=decoder_sizes,
            ).double()
        return
    choices = (False, True) if cell in FULL else (False,)
    context_and_lexical = [("initial", False), ("initial", True), ("every-step", False)]
    for order, feeding, coverage, (context, lexical) in product(
        ORDERS, choices, choices, [*context_and_lexical * (cell in FULL), ("both", True)]
    ):
        yield attentive(
            tiny_model,
            attention=attention,
            cell=cell,
            attention_order=order,
            input_feeding=feeding,
            coverage=coverage,
            context=context,
            lexical=lexical,
            context_to_output=context == "both",
            decoder_sizes=(5, 8) if context == "every-step" else (8,),
        )


def log_probs(model: TranslationModel, batch: Batch) -> torch.Tensor:
    """Of every next token, the reference being the history."""
    logits: torch.Tensor = model(batch.source, batch.source_lengths, batch.target_input)
    return logits.log_softmax(-1)

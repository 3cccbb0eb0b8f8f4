"""Exported graphs compute what the torch models compute, whatever these consist of."""

from collections.abc import Iterable
from itertools import product

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from seq2seq.data.batching import make_batch
from seq2seq.errors import RunError, SettingsError
from seq2seq.export.decoder import write_encoder, write_step
from seq2seq.export.operators import OPERATORS, find_operators
from seq2seq.models.attention.scores import DotAttention
from seq2seq.models.cells.elman import ElmanCell
from seq2seq.models.translation import TranslationModel
from tests.support.exports import every_exported_attention, every_exported_cell, exported
from tests.support.models import (
    SOURCES,
    TARGETS,
    Build,
    attentive,
    variants,
)

BATCH = make_batch(SOURCES, TARGETS)


def tolerance(model: TranslationModel) -> float:
    """How far log-probabilities may differ: a norm of a few near numbers magnifies rounding.

    In torch, too: the same model in float64 differs from it in float32 by a third of that.
    """
    return 1e-4 if model.settings.cell == "lstm-norm" else 1e-5


def check_equal(model: TranslationModel) -> None:
    """Steps through a batch with pads; each log-probability and each weight of attention is the
    same up to rounding."""
    model = model.float()
    graphs = exported(model)
    atol, rows = tolerance(model), len(SOURCES)
    every = np.tile(np.arange(13), (rows, 1))
    state = graphs.start(BATCH.source.numpy(), BATCH.source_lengths.numpy())
    with torch.no_grad():
        expected_state = model.start(BATCH.source, BATCH.source_lengths)
        for tokens in BATCH.target_input.unbind(1):
            expected, expected_state = model.step(tokens, expected_state)
            found, state = graphs.step(
                tokens.numpy(), state, every, count=4, attention=graphs.has_attention
            )
            assert np.allclose(found.wanted, expected, rtol=1e-5, atol=atol)
            assert np.allclose(found.values, expected.topk(4).values, rtol=1e-5, atol=atol)
            assert np.array_equal(np.take_along_axis(found.wanted, found.tokens, 1), found.values)
            assert graphs.has_attention == (expected_state.attention_weights is not None)
            if found.attention is not None:
                weights = expected_state.attention_weights
                assert np.allclose(found.attention, weights, rtol=1e-5, atol=atol)


def check_all(models: Iterable[TranslationModel]) -> None:
    for model in models:
        check_equal(model)


@every_exported_cell
def test_every_cell_context_depth_and_direction(tiny_model: Build, cell: str) -> None:
    check_all(variants(tiny_model, cell, "none"))


@every_exported_attention
def test_every_attention_order_feeding_coverage_and_lexical(
    tiny_model: Build, attention: str
) -> None:
    check_all(variants(tiny_model, "lstm", attention))


@every_exported_cell
def test_every_cell_with_attention_and_zoneout(tiny_model: Build, cell: str) -> None:
    for zoneout, feeding in product((0.0, 0.2), (False, True)):
        settings = {"zoneout": zoneout, "input_feeding": feeding, "encoder_sizes": (3, 4)}
        check_equal(attentive(tiny_model, cell=cell, lexical=True, **settings))


def test_every_embedding(tiny_model: Build) -> None:
    check_equal(tiny_model(embedding="one-hot"))
    check_equal(tiny_model(tied_output=True))


def test_a_tied_weight_is_stored_once(tiny_model: Build) -> None:
    sizes = [len(write_step(tiny_model(tied_output=tied)).serialize()) for tied in (True, False)]
    assert sizes[1] - sizes[0] >= 13 * 5 * 4


@every_exported_cell
def test_the_graphs_are_onnx_and_of_known_operators(tiny_model: Build, cell: str) -> None:
    model = attentive(tiny_model, cell=cell, coverage=True)
    for write in (write_encoder, write_step):
        data = write(model).serialize()
        onnx.checker.check_model(onnx.load_from_string(data), full_check=True)
        assert find_operators(data) <= OPERATORS


def test_every_operator_of_the_list_is_used(tiny_model: Build) -> None:
    models = [tiny_model(embedding="one-hot")]
    models += [attentive(tiny_model, cell=cell) for cell in ("elman-relu", "gru", "lstm-norm")]
    models += [attentive(tiny_model, attention=name) for name in ("local", "multi-head")]
    found = [
        find_operators(write(model, int8=int8).serialize())
        for model, write, int8 in product(models, (write_encoder, write_step), (False, True))
    ]
    assert set().union(*found) == OPERATORS


class OwnCell(ElmanCell):
    """A cell of one's own, whose formula nothing here knows."""


class OwnAttention(DotAttention):
    """An attention of one's own."""


def test_what_cant_be_written_is_named(tiny_model: Build) -> None:
    model = attentive(tiny_model, cell="elman")
    model.decoder.stack.cells = nn.ModuleList([OwnCell(5, 8)])
    with pytest.raises(SettingsError, match="a cell of the class OwnCell can't be"):
        write_step(model)
    model.decoder.attention = OwnAttention(8, 8)
    with pytest.raises(SettingsError, match="attention of the class OwnAttention can't"):
        write_encoder(model)
    model.encoder.embedding = nn.Embedding(11, 5)
    with pytest.raises(SettingsError, match="an embedding of the class Embedding can't"):
        write_encoder(model)


def test_weights_that_are_no_numbers_are_refused(tiny_model: Build) -> None:
    model = tiny_model()
    with torch.no_grad():
        model.decoder.output.weight[3, 2] = float("nan")
    with pytest.raises(RunError, match="not a finite number: the training has diverged"):
        write_step(model)

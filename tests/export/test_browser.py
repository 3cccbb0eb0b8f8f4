"""The JavaScript computes what an int8 export computes in ONNX Runtime, whatever the model."""

import base64
import json
import random
from collections.abc import Iterable
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from seq2seq.errors import RunError, SettingsError
from seq2seq.export.browser import Numbers, describe
from seq2seq.models.attention.scores import DotAttention
from seq2seq.models.cells.elman import ElmanCell
from seq2seq.models.cells.gated import LSTMCell
from seq2seq.models.translation import TranslationModel
from tests.support.exports import every_exported_attention, every_exported_cell, exported
from tests.support.javascript import needs_node, run_javascript
from tests.support.models import Build, attentive, variants

SOURCE, TARGET = [7, 8, 4, 9, 10, 3], [2, 6, 7, 12, 8]

STEPS = """
const found = [];
for (const each of given.models) {
  const model = await readModel(...each);
  let state = startDecoder(model.decoder, encode(model.encoder, given.source));
  found.push([]);
  for (const token of given.target) {
    const step = stepDecoder(model.decoder, token, state);
    state = step.state;
    found[found.length - 1].push([[...step.logProbabilities], step.weights && [...step.weights]]);
  }
}
return found;
"""


READ = """
return Promise.all(given.map((each) => readModel(...each).catch(({ message }) => message)));
"""


def embedded(model: TranslationModel) -> tuple[str, str]:
    """A description and weights, as they stand in a page."""
    numbers = Numbers()
    description = json.dumps(describe(model, numbers))
    return description, base64.b64encode(numbers.pack(description)).decode()


def check_equal(folder: Path, models: Iterable[TranslationModel], near: float = 2e-5) -> None:
    """Steps through a sentence. Where a number comes out on the other side of a half, since the
    functions of float32 have other last digits, a whole number differs by one: so nearly all models
    are equal but for such digits, and all but for such numbers."""
    models = [model.float() for model in models]
    given = {"models": [embedded(model) for model in models], "source": SOURCE, "target": TARGET}
    found = run_javascript(folder, STEPS, given)
    farthest = [distance(model, steps) for model, steps in zip(models, found, strict=True)]
    assert max(farthest) < 0.03, models[int(np.argmax(farthest))].settings
    assert np.mean([each < near for each in farthest]) > 0.9, farthest


def distance(model: TranslationModel, steps: list[tuple[list[float], list[float] | None]]) -> float:
    """How far the farthest log-probability or weight of attention is from that of the export."""
    graphs = exported(model, int8=True)
    state = graphs.start(np.array([SOURCE]), np.array([len(SOURCE)]))
    every, found = np.arange(13)[None], []
    for token, (log_probabilities, weights) in zip(TARGET, steps, strict=True):
        expected, state = graphs.step(
            np.array([token]), state, every, count=4, attention=graphs.has_attention
        )
        found.append(np.abs(expected.wanted[0] - log_probabilities).max())
        assert (weights is None) == (expected.attention is None)
        if expected.attention is not None:
            found.append(np.abs(expected.attention[0] - weights).max())
    return float(max(found))


@needs_node
@every_exported_cell
def test_every_cell_context_depth_and_direction(
    tiny_model: Build, tmp_path: Path, cell: str
) -> None:
    models = list(variants(tiny_model, cell, "none"))
    # Each of them for one cell; for the others some, of all contexts, depths and directions.
    chosen = models if cell == "lstm" else models[::5]
    check_equal(tmp_path, chosen, near=2e-4 if cell == "lstm-norm" else 2e-5)


@needs_node
@every_exported_attention
def test_every_attention_order_feeding_coverage_and_lexical(
    tiny_model: Build, tmp_path: Path, attention: str
) -> None:
    check_equal(tmp_path, variants(tiny_model, "lstm", attention))


@needs_node
@every_exported_cell
def test_every_cell_with_attention_and_zoneout(
    tiny_model: Build, tmp_path: Path, cell: str
) -> None:
    models = [
        attentive(
            tiny_model,
            cell=cell,
            zoneout=zoneout,
            input_feeding=feeding,
            lexical=True,
            encoder_sizes=(3, 4),
        )
        for zoneout, feeding in product((0.0, 0.2), (False, True))
    ]
    check_equal(tmp_path, models, near=2e-4 if cell == "lstm-norm" else 2e-5)


@needs_node
def test_every_embedding_and_a_single_unit(tiny_model: Build, tmp_path: Path) -> None:
    shared = attentive(tiny_model)
    shared.encoder.embedding = shared.decoder.embedding
    models = [
        shared,
        tiny_model(embedding="one-hot"),
        tiny_model(tied_output=True),
        *(
            attentive(tiny_model, cell=cell, attention="general", decoder_sizes=(1,))
            for cell in ("elman", "jordan", "leaky", "mingru", "sru")
        ),
    ]
    check_equal(tmp_path, models)


@needs_node
def test_activations_of_cells_made_by_hand(tiny_model: Build, tmp_path: Path) -> None:
    models = []
    for cell in (LSTMCell(5, 6, activation="linear"), ElmanCell(5, 6, nonlinearity="linear")):
        name = "lstm" if isinstance(cell, LSTMCell) else "elman"
        models.append(tiny_model(cell=name, context="initial"))
        models[-1].decoder.stack.cells = nn.ModuleList([cell])
    check_equal(tmp_path, models)


def test_a_weight_that_is_used_twice_is_stored_once(tiny_model: Build) -> None:
    sizes = []
    for tied in (False, True):
        numbers = Numbers()
        describe(attentive(tiny_model, embedding_size=8, tied_output=tied), numbers)
        sizes.append(numbers.size)
    assert sizes[0] - sizes[1] == 13 * 8 + 4 * 13  # the numbers, and the scales of the rows


class OwnCell(ElmanCell):
    """A cell of one's own, whose formula nothing here knows."""


class OwnAttention(DotAttention):
    """An attention of one's own."""


def test_all_that_is_missing_is_named(tiny_model: Build) -> None:
    model = attentive(tiny_model, cell="elman")
    cell = OwnCell(5, 8)
    cell.activation = torch.sin
    model.decoder.stack.cells = nn.ModuleList([cell])
    model.decoder.attention = OwnAttention(8, 8)
    model.encoder.embedding = nn.Embedding(11, 5)
    with pytest.raises(SettingsError) as error:
        describe(model, Numbers())
    for name in (
        "no cell of the class OwnCell, only of ElmanCell, EchoStateCell, JordanCell",
        "an activation of their own, none of tanh, relu, sigmoid, linear",
        "no attention of the class OwnAttention, only of AdditiveAttention",
        "no embedding of the class Embedding",
    ):
        assert name in str(error.value)


def test_weights_that_are_no_numbers_are_refused(tiny_model: Build) -> None:
    model = tiny_model()
    with torch.no_grad():
        model.decoder.output.bias[2] = float("inf")
    with pytest.raises(RunError, match="not a finite number: the training has diverged"):
        describe(model, Numbers())


@needs_node
def test_what_is_damaged_is_refused(tiny_model: Build, tmp_path: Path) -> None:
    description, weights = embedded(attentive(tiny_model))
    whole, draw = base64.b64decode(weights), random.Random(1)
    damaged = [whole[:10], whole[: len(whole) // 2], whole[:-1], b"", b"not packed"]
    for _ in range(100):
        data = bytearray(whole)
        data[draw.randrange(2, len(data))] ^= 1 << draw.randrange(8)
        damaged.append(bytes(data))
    pairs = [(description, base64.b64encode(data).decode()) for data in damaged]
    pairs += [(description, "no Base64"), (description[:-1], weights), ("", weights)]
    for _ in range(100):
        place = draw.randrange(len(description))
        changed = chr(ord(description[place]) ^ 1)
        pairs.append((description[:place] + changed + description[place + 1 :], weights))
    for message in run_javascript(tmp_path, READ, pairs):
        assert str(message).startswith("the file is damaged: ")

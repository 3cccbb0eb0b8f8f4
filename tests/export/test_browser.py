"""The JavaScript computes what an int8 export computes in ONNX Runtime, whatever the model."""

import base64
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seq2seq.errors import SettingsError
from seq2seq.export.browser import Numbers, describe
from seq2seq.models.translation import TranslationModel
from tests.support.exports import exported
from tests.support.javascript import needs_node, run_javascript
from tests.support.models import Build, attentive, variants

SOURCE, TARGET = [7, 8, 4, 9, 10, 3], [2, 6, 7, 12, 8]

STEPS = """
const found = [];
for (const { description, weights } of given.models) {
  const model = await readModel(description, weights);
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


def described(model: TranslationModel) -> dict[str, Any]:
    numbers = Numbers()
    description = describe(model, numbers)
    weights = base64.b64encode(zlib.compress(numbers.data)).decode()
    return {"description": {**description, "floats": numbers.floats}, "weights": weights}


def check_equal(folder: Path, models: Iterable[TranslationModel]) -> None:
    """Steps through a sentence. In between, sums of float32 have another order; where one comes out
    on the other side of a half, a whole number differs by one: so nearly all are equal to 1e-5."""
    models = [model.float() for model in models]
    given = {
        "models": [described(model) for model in models],
        "source": SOURCE,
        "target": TARGET,
    }
    for model, steps in zip(models, run_javascript(folder, STEPS, given), strict=True):
        graphs = exported(model, int8=True)
        state = graphs.start(np.array([SOURCE]), np.array([len(SOURCE)]))
        every = np.arange(13)[None]
        for token, (found, weights) in zip(TARGET, steps, strict=True):
            expected = graphs.step(
                np.array([token]), state, every, count=4, attention=graphs.has_attention
            )
            state = expected.state
            assert np.allclose(found, expected.wanted[0], atol=2e-5), model.settings
            if expected.attention is None:
                assert weights is None
            else:
                assert np.allclose(weights, expected.attention[0], atol=2e-5), model.settings


@needs_node
@pytest.mark.parametrize("cell", ["lstm", "gru", "elman"])
def test_every_context_depth_and_direction(tiny_model: Build, tmp_path: Path, cell: str) -> None:
    check_equal(tmp_path, variants(tiny_model, cell, "none"))


@needs_node
@pytest.mark.parametrize(
    "attention", ["additive", "dot", "general", "scaled-dot", "scaled-general"]
)
def test_every_attention_order_feeding_and_lexical(
    tiny_model: Build, tmp_path: Path, attention: str
) -> None:
    models = [
        model
        for cell in ("lstm", "gru", "elman")
        for model in variants(tiny_model, cell, attention)
        if not model.settings.coverage
    ]
    assert len(models) > 20
    check_equal(tmp_path, models)


@needs_node
def test_zoneout_and_tied_weights(tiny_model: Build, tmp_path: Path) -> None:
    settings = ({"zoneout": 0.3, "cell": cell} for cell in ("lstm", "gru", "elman"))
    check_equal(tmp_path, (attentive(tiny_model, **each) for each in settings))
    check_equal(tmp_path, [attentive(tiny_model, embedding_size=8, tied_output=True)])


def test_a_tied_weight_is_stored_once(tiny_model: Build) -> None:
    sizes = []
    for tied in (False, True):
        numbers = Numbers()
        model = attentive(tiny_model, embedding_size=8, tied_output=tied)
        describe(model, numbers)
        sizes.append(len(numbers.data))
    assert sizes[0] - sizes[1] == 13 * 8 + 4 * 13  # the numbers, and the scales of the rows


def test_all_that_is_missing_is_named(tiny_model: Build) -> None:
    model = attentive(tiny_model, cell="sru", attention="local", coverage=True)
    with pytest.raises(SettingsError) as error:
        describe(model, Numbers())
    for name in ("SRUCell", "LocalAttention", "coverage"):
        assert name in str(error.value)
    one_hot = tiny_model(embedding="one-hot", tied_output=False, lexical=False)
    with pytest.raises(SettingsError, match="one-hot"):
        describe(one_hot, Numbers())

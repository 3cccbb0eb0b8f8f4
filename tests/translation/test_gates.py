"""What is read of a model's gates is what its cells compute while it reads."""

from pathlib import Path
from typing import Any

import pytest
import torch

from seq2seq.config.data import DataSettings
from seq2seq.config.language_model import LanguageModelSettings
from seq2seq.config.model import ModelSettings
from seq2seq.data.token_stream import TokenStream
from seq2seq.data.tokenizers.pipeline import TextPipeline, build_pipeline
from seq2seq.errors import SettingsError
from seq2seq.language_modeling.model import LanguageModel
from seq2seq.models.language_model import build_language_model
from seq2seq.models.translation import build_translation_model
from seq2seq.translation.gates import read_gates
from seq2seq.translation.translator import Translator

KEPT = Path(__file__).parents[1] / "runs" / "format-2"
SENTENCE = "b a c"


@pytest.fixture
def pipeline() -> TextPipeline:
    return build_pipeline(["a b c", "b c d"], DataSettings(), "word", 40).pipeline


def language_model(pipeline: TextPipeline, **settings: object) -> LanguageModel:
    described = LanguageModelSettings(embedding_size=5, **settings)
    network = build_language_model(len(pipeline.vocab), described)
    return LanguageModel(network, TokenStream(pipeline, True), device="cpu")


def translator(pipeline: TextPipeline, **settings: object) -> Translator:
    described = ModelSettings(embedding_size=6, decoder_sizes=(4,), **settings)
    size = len(pipeline.vocab)
    model = build_translation_model(size, size, described)
    return Translator(model, pipeline, pipeline, device="cpu")


def gates_along(cell: Any, inputs: torch.Tensor) -> list[dict[str, torch.Tensor]]:
    """The gates at each step of ``(1, length, size)``, from the state that a sequence leaves."""
    found = []
    for place in range(inputs.shape[1]):
        state = cell.zero_state(inputs[:, 0])
        if place:
            _, state = cell.sequence(inputs[:, :place], state)
        found.append(cell.gates(inputs[:, place], state))
    return found


def assert_equal(got: dict[str, torch.Tensor], steps: list[dict[str, torch.Tensor]]) -> None:
    assert list(got) == list(steps[0])
    for name, values in got.items():
        torch.testing.assert_close(values, torch.cat([step[name] for step in steps]))


@pytest.mark.parametrize("residual", [False, True])
@torch.no_grad()
def test_of_a_language_model_each_layer_reads_what_the_one_below_says(
    pipeline: TextPipeline, residual: bool
) -> None:
    model = language_model(pipeline, cell="lstm", sizes=(5, 5), residual=residual)
    found = read_gates(model, SENTENCE)
    assert found.tokens == ["<bos>", "b", "a", "c"]
    assert list(found.layers) == ["layer 1", "layer 2"]
    lower, upper = model.network.decoder.stack.cells
    inputs = model.network.decoder.embedding(torch.tensor([[2, *pipeline.encode([SENTENCE])[0]]]))
    assert_equal(found.layers["layer 1"], gates_along(lower, inputs))
    outputs, _ = lower.sequence(inputs, lower.zero_state(inputs[:, 0]))
    above = outputs + inputs if residual else outputs
    assert_equal(found.layers["layer 2"], gates_along(upper, above))


@torch.no_grad()
def test_of_a_translation_model_the_encoder_reads_in_both_directions(
    pipeline: TextPipeline,
) -> None:
    model = translator(pipeline, cell="gru", encoder_sizes=(3, 4))
    found = read_gates(model, SENTENCE)
    assert found.tokens == ["b", "a", "c", "<eos>"]
    assert [f"layer {n}, {way}wards" for n in (1, 2) for way in ("for", "back")] == [*found.layers]
    encoder = model.model.encoder
    inputs = encoder.embedding(torch.tensor([[*pipeline.encode([SENTENCE])[0], 3]]))
    for number, (forwards, backwards) in enumerate(
        zip(encoder.stack.forwards, encoder.stack.backwards, strict=True), start=1
    ):
        assert_equal(found.layers[f"layer {number}, forwards"], gates_along(forwards, inputs))
        steps = gates_along(backwards, inputs.flip(1))
        assert_equal(found.layers[f"layer {number}, backwards"], steps[::-1])
        outputs = [
            cell.sequence(read, cell.zero_state(read[:, 0]))[0]
            for cell, read in ((forwards, inputs), (backwards, inputs.flip(1)))
        ]
        inputs = torch.cat([outputs[0], outputs[1].flip(1)], dim=-1)


def test_in_one_direction_there_is_one_name_for_each_layer(pipeline: TextPipeline) -> None:
    model = translator(pipeline, cell="mingru", encoder_sizes=(3,), bidirectional=False)
    found = read_gates(model, SENTENCE)
    assert {layer: list(gates) for layer, gates in found.layers.items()} == {"layer 1": ["update"]}


def test_a_table_has_the_means(pipeline: TextPipeline) -> None:
    found = read_gates(language_model(pipeline, cell="gru", sizes=(3,)), "")
    title, header, row = found.as_table().splitlines()
    assert (title, header.split()) == (
        "layer 1, means over its units",
        ["token", "reset", "update"],
    )
    means = [float(found.layers["layer 1"][gate].mean()) for gate in ("reset", "update")]
    assert row.split() == ["<bos>", *(f"{mean:.3f}" for mean in means)]


def test_what_has_no_gates_is_told(pipeline: TextPipeline) -> None:
    with pytest.raises(SettingsError, match="cells of this model have no gates"):
        read_gates(language_model(pipeline, cell="elman", sizes=(3,)), SENTENCE)
    with pytest.raises(SettingsError, match="one is of n-grams"):
        read_gates(LanguageModel.load(KEPT / "n-grams", "cpu"), SENTENCE)

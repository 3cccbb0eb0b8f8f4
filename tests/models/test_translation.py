"""The model as a whole, over every cell, context mode, depth and direction."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from seq2seq.config.model import ModelSettings
from seq2seq.data.batching import make_batch
from seq2seq.errors import SettingsError
from seq2seq.models.cells.registry import CELLS
from seq2seq.models.translation import TranslationModel, build_translation_model

Build = Callable[..., TranslationModel]
SOURCES = [[4, 5, 6], [7, 8, 4, 9, 10], [], [5, 5], [9]]
TARGETS = [[6, 7, 12, 8], [4], [11, 10], [], [9, 4, 5, 6, 7, 8]]
MODES = ["initial", "every-step", "both"]


@pytest.fixture(params=CELLS)
def cell(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def kinds(tiny_model: Build, cell: str, mode: str) -> list[TranslationModel]:
    """Every model of this cell and mode, in float64."""
    return [
        tiny_model(
            cell=cell,
            context=mode,
            context_to_output=to_output,
            bidirectional=bidirectional,
            residual=residual,
            encoder_sizes=encoder_sizes,
            decoder_sizes=decoder_sizes,
        ).double()
        for to_output in (False, True)
        for bidirectional in (False, True)
        for encoder_sizes, decoder_sizes, residual in (
            ((8,), (8,), False),
            ((8, 20), (9, 12, 12), True),
            ((8, 7, 7), (10,), True),
        )
    ]


def log_probs(model: TranslationModel, batch: Any) -> torch.Tensor:
    """Of every next token, the reference being the history."""
    features = model(batch.source, batch.source_lengths, batch.target_input)
    return model.decoder.logits(features).log_softmax(-1)


@pytest.mark.slow
def test_a_batch_equals_its_sentences_one_by_one_in_any_order(
    kinds: list[TranslationModel],
) -> None:
    order = [3, 0, 4, 2, 1]
    for model in kinds:
        together = log_probs(model, make_batch(SOURCES, TARGETS))
        shuffled = log_probs(
            model, make_batch([SOURCES[i] for i in order], [TARGETS[i] for i in order])
        )
        for place, row in enumerate(order):
            alone = log_probs(model, make_batch([SOURCES[row]], [TARGETS[row]]))[0]
            torch.testing.assert_close(together[row, : len(alone)], alone)
            torch.testing.assert_close(shuffled[place, : len(alone)], alone)


@pytest.mark.slow
def test_a_sequence_equals_its_steps(kinds: list[TranslationModel]) -> None:
    batch = make_batch(SOURCES, TARGETS)
    for model in kinds:
        expected = log_probs(model, batch).float()
        state = model.start(batch.source, batch.source_lengths)
        for position in range(batch.target_input.shape[1]):
            stepped, state = model.step(batch.target_input[:, position], state)
            torch.testing.assert_close(stepped, expected[:, position])


@pytest.mark.slow
def test_log_probabilities_sum_to_one(kinds: list[TranslationModel]) -> None:
    batch = make_batch(SOURCES, TARGETS)
    for model in kinds:
        state = model.start(batch.source, batch.source_lengths)
        stepped, _ = model.step(batch.target_input[:, 0], state)
        torch.testing.assert_close(stepped.exp().sum(-1), torch.ones(5))


@pytest.mark.slow
def test_another_source_gives_another_distribution_at_every_step(
    kinds: list[TranslationModel],
) -> None:
    """Every token of a source matters, the first and the last, and at the last target step."""
    sources = [[4, 5, 6], [9, 5, 6], [4, 5, 9], [4, 9, 6], [5, 4, 6]]
    for model in kinds:
        result = log_probs(model, make_batch(sources, [[6, 7, 8]] * 5))
        for first in range(5):
            for second in range(first):
                difference = (result[first] - result[second]).abs().amax(dim=-1)
                assert (difference > 1e-9).all(), (sources[first], sources[second])


@pytest.mark.slow
def test_the_future_of_the_target_is_not_seen(kinds: list[TranslationModel]) -> None:
    for model in kinds:
        one = log_probs(model, make_batch([[4, 5]], [[6, 7, 8, 9]]))
        other = log_probs(model, make_batch([[4, 5]], [[6, 7, 10, 11]]))
        torch.testing.assert_close(one[:, :3], other[:, :3])
        assert (one[:, 3] - other[:, 3]).abs().max() > 1e-9


def test_a_one_hot_model_equals_the_learned_one(tiny_model: Build, cell: str, mode: str) -> None:
    learned = tiny_model(cell=cell, context=mode)
    weights = learned.state_dict()
    for side, stacks in (("encoder", ("forwards", "backwards")), ("decoder", ("cells",))):
        vectors = weights.pop(f"{side}.embedding.weight")
        for stack in stacks:
            name = f"{side}.stack.{stack}.0.kernel.weight_ih_l0"
            embedded, context = weights[name][:, :5], weights[name][:, 5:]
            weights[name] = torch.cat([embedded @ vectors.T, context], dim=1)
    one_hot = tiny_model(cell=cell, context=mode, embedding="one-hot")
    one_hot.load_state_dict(weights)
    batch = make_batch(SOURCES, TARGETS)
    torch.testing.assert_close(log_probs(one_hot, batch), log_probs(learned, batch))


@pytest.mark.slow
@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("shared", [False, True])
def test_tied_and_shared_weights_are_the_very_same_tensor(tied: bool, shared: bool) -> None:
    settings = ModelSettings(embedding_size=5, tied_output=tied, shared_embedding=shared)
    model = build_translation_model(11, 11, settings)
    assert (model.decoder.output.weight is model.decoder.embedding.weight) == tied
    assert (model.encoder.embedding.weight is model.decoder.embedding.weight) == shared
    apart = ModelSettings(embedding_size=5, tied_output=False)
    separate = build_translation_model(11, 11, apart)
    saved = (sum(w.numel() for w in m.parameters()) for m in (separate, model))
    assert next(saved) - next(saved) == (tied + shared) * 11 * 5


@pytest.mark.parametrize(
    ("sizes", "settings", "message"),
    [
        ((11, 13), {"shared_embedding": True}, "one vocabulary"),
        ((11, 11), {"shared_embedding": True, "embedding": "one-hot"}, "no weights"),
        ((11, 11), {"embedding": "one-hot"}, "no-tied-output"),
    ],
)
def test_what_cannot_be_tied_or_shared_is_refused(
    sizes: tuple[int, int], settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        build_translation_model(*sizes, ModelSettings(**settings))

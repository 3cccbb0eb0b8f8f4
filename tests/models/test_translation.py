"""The model as a whole, over every cell, attention, context, order, depth and direction."""

from typing import Any

import pytest
import torch

from seq2seq.config.model import ModelSettings
from seq2seq.data.batching import make_batch
from seq2seq.errors import SettingsError
from seq2seq.models.translation import build_translation_model
from tests.support.models import (
    KERNEL_CELLS,
    SOURCES,
    TARGETS,
    Build,
    every_cell,
    every_kind,
    log_probs,
    variants,
)


@pytest.mark.slow
@every_kind
@every_cell
@torch.no_grad()
def test_a_sequence_equals_its_steps_which_are_distributions(
    tiny_model: Build, cell: str, attention: str
) -> None:
    batch = make_batch(SOURCES, TARGETS)
    pads = torch.arange(batch.source.shape[1]) >= batch.source_lengths.unsqueeze(1)
    for model in variants(tiny_model, cell, attention):
        expected = log_probs(model, batch).float()
        state = model.start(batch.source, batch.source_lengths)
        for position, tokens in enumerate(batch.target_input.unbind(1)):
            stepped, state = model.step(tokens, state)
            torch.testing.assert_close(stepped, expected[:, position])
            torch.testing.assert_close(stepped.exp().sum(-1), torch.ones(5))
            if attention != "none":
                torch.testing.assert_close(state.attention_weights.sum(-1), torch.ones(5).double())
                assert not state.attention_weights[pads].any()


@pytest.mark.slow
@every_kind
@every_cell
@torch.no_grad()
def test_the_future_of_the_target_is_not_seen(tiny_model: Build, cell: str, attention: str) -> None:
    batch = make_batch([[4, 5]] * 2, [[6, 7, 8, 9], [6, 7, 10, 11]])
    for model in variants(tiny_model, cell, attention):
        one, other = log_probs(model, batch)
        torch.testing.assert_close(one[:3], other[:3])
        assert ((one[3:] - other[3:]).abs().amax(-1) > 1e-9).all()


@pytest.mark.slow
@every_kind
@every_cell
@torch.no_grad()
def test_each_source_token_and_their_order_matter_at_every_target_step(
    tiny_model: Build, cell: str, attention: str
) -> None:
    sources = [[4, 5, 6, 7], [9, 5, 6, 7], [4, 9, 6, 7], [4, 5, 9, 7], [4, 5, 6, 9], [5, 4, 6, 7]]
    batch = make_batch(sources, [[6, 7, 8]] * len(sources))
    for model in variants(tiny_model, cell, attention):
        result = log_probs(model, batch)
        for row in range(1, len(sources)):
            assert ((result[row:] - result[row - 1]).abs().amax(dim=-1) > 1e-9).all()


@pytest.mark.parametrize("mode", ["initial", "every-step", "both"])
@pytest.mark.parametrize("cell", KERNEL_CELLS)
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

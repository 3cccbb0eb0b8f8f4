"""Models with attention: every kind in both orders, with input feeding and coverage or without."""

from typing import Any

import pytest
import torch

from seq2seq.data.batching import Batch, make_batch
from seq2seq.decoding.interface import select_rows
from seq2seq.models.decoder import DecoderState
from seq2seq.models.translation import TranslationModel
from tests.support.models import ORDERS, Build, attentive, every_attention, log_probs

pytestmark = pytest.mark.slow

SOURCES = [[4, 5, 6], [7, 8, 4, 9, 10], [], [5, 5]]
TARGETS = [[6, 7, 12, 8], [4], [11, 10], []]

every_order = pytest.mark.parametrize("order", ORDERS)


def start(model: TranslationModel, batch: Batch) -> DecoderState:
    return model.start(batch.source, batch.source_lengths)


@every_order
@every_attention
def test_attention_alone_tells_sources_apart(tiny_model: Build, attention: str, order: str) -> None:
    """Without what the bridge brings, the memory is the only thing that differs."""
    model = attentive(tiny_model, attention=attention, attention_order=order, context="initial")
    batch = make_batch([[4, 5, 6], [4, 9, 6]], [[6, 7, 8]] * 2)
    state = start(model, batch)
    silent = state._replace(recurrent=model.decoder.stack.zero_state(state.memory.values[:, 0]))
    one, other = model.decoder.sequence(batch.target_input, silent)[0]
    assert ((one - other).abs().amax(-1) > 1e-9).all()
    blind = silent._replace(memory=select_rows(silent.memory, torch.tensor([0, 0])))
    one, other = model.decoder.sequence(batch.target_input, blind)[0]
    torch.testing.assert_close(one, other)


@pytest.mark.parametrize("coverage", [False, True])
@pytest.mark.parametrize("feeding", [False, True])
@every_order
@every_attention
def test_a_step_is_made_of_these_parts(
    tiny_model: Build, attention: str, order: str, feeding: bool, coverage: bool
) -> None:
    """Bahdanau's query is the previous state, Luong's the new one; each step by hand, from parts.

    The zeros that are fed first and the sum that coverage is are computed here, too.
    """
    model = attentive(
        tiny_model,
        attention=attention,
        attention_order=order,
        input_feeding=feeding,
        coverage=coverage,
        cell="lstm",
        decoder_sizes=(5, 8),
    )
    decoder, batch = model.decoder, make_batch(SOURCES, TARGETS)
    encoded = model.encoder(batch.source, batch.source_lengths)
    memory = decoder.attention.prepare(encoded)
    state = decoder.start(encoded)
    recurrent, context = state.recurrent, encoded.context.layers[-1][0]
    fed = torch.zeros(4, 5, dtype=torch.float64)
    covered = torch.zeros(batch.source.shape, dtype=torch.float64)
    for tokens in batch.target_input.unbind(1):
        features, state = decoder.step_hidden(tokens, state)

        def attend(query: torch.Tensor, covered: torch.Tensor = covered) -> Any:
            found = decoder.attention(query[:, None], memory, covered if coverage else None)
            return (part[:, 0] for part in found)

        inputs = [decoder.embedding(tokens), context] + [fed] * feeding
        if order == "bahdanau":
            attended, weights = attend(recurrent.layers[-1][0])
            inputs.append(attended)
        outputs, recurrent = decoder.stack.step(torch.cat(inputs, dim=-1), recurrent)
        if order == "luong":
            attended, weights = attend(outputs)
        fed = torch.tanh(decoder.readout(torch.cat([outputs, attended], dim=-1)))
        covered = covered + weights
        torch.testing.assert_close(features, fed)
        torch.testing.assert_close(state.attention_weights, weights)
        torch.testing.assert_close(state.recurrent, recurrent)
        assert (state.input_feed is not None) == feeding
        assert (state.coverage is not None) == coverage
        if feeding:
            torch.testing.assert_close(state.input_feed, fed)
        if coverage:
            torch.testing.assert_close(state.coverage, covered)


@every_order
def test_what_one_step_hands_to_the_output_layer_the_next_one_sees(
    tiny_model: Build, order: str
) -> None:
    model = attentive(tiny_model, attention_order=order, input_feeding=True)
    batch = make_batch(SOURCES, TARGETS)
    state = start(model, batch)
    assert not state.input_feed.any()
    tokens = batch.target_input[:, 0]
    features, after = model.decoder.step_hidden(tokens, state)
    assert torch.equal(after.input_feed, features)
    for before in (state, after):
        expected, _ = model.step(tokens, before)
        for unit in range(5):
            changed = before.input_feed.clone()
            changed[:, unit] += 1
            other, _ = model.step(tokens, before._replace(input_feed=changed))
            assert ((other - expected).abs().amax(-1) > 1e-6).all()


@every_attention
def test_coverage_moves_attention(tiny_model: Build, attention: str) -> None:
    model = attentive(tiny_model, attention=attention, coverage=True)
    batch = make_batch(SOURCES, TARGETS)
    state = start(model, batch)
    assert not state.coverage.any()
    tokens = batch.target_input[:, 0]
    _, fresh = model.step(tokens, state)
    covered = torch.zeros_like(state.coverage)
    covered[:, 0] = 5.0
    _, after = model.step(tokens, state._replace(coverage=covered))
    moved = (after.attention_weights - fresh.attention_weights).abs().amax(-1) > 1e-6
    assert moved.tolist() == [len(source) > 0 for source in SOURCES]  # one token has all weight
    torch.testing.assert_close(after.coverage, covered + after.attention_weights)


@every_order
@every_attention
def test_a_gradient_reaches_every_weight(tiny_model: Build, attention: str, order: str) -> None:
    model = attentive(
        tiny_model, attention=attention, attention_order=order, input_feeding=True, coverage=True
    )
    log_probs(model, make_batch(SOURCES, TARGETS))[..., 4].sum().backward()
    for name, weight in model.named_parameters():
        assert weight.grad is not None, name
        assert weight.grad.isfinite().all(), name
        assert weight.grad.any(), name

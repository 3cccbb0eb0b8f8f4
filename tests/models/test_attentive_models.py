"""Models with attention: every kind in both orders, with input feeding and coverage or without."""

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
import torch

from seq2seq.data.batching import Batch, make_batch
from seq2seq.decoding.interface import select_rows
from seq2seq.models.cells.registry import CELLS
from seq2seq.models.decoder import DecoderState
from seq2seq.models.translation import TranslationModel

pytestmark = pytest.mark.slow

Build = Callable[..., TranslationModel]
SOURCES = [[4, 5, 6], [7, 8, 4, 9, 10], [], [5, 5]]
TARGETS = [[6, 7, 12, 8], [4], [11, 10], []]
ATTENTIONS = ["additive", "dot", "scaled-dot", "general", "scaled-general", "local", "multi-head"]
ORDERS = ["luong", "bahdanau"]
CONTEXTS = [("initial", False), ("initial", True), ("every-step", False), ("both", True)]
"""How the context reaches the decoder, and whether there is lexical translation."""
FULL = ["elman", "gru", "lstm", "lstm-norm"]
"""Cells that are tried with everything."""

every_order = pytest.mark.parametrize("order", ORDERS)
every_attention = pytest.mark.parametrize("attention", ATTENTIONS)


def attentive(tiny_model: Build, **settings: object) -> TranslationModel:
    """A small model in float64 whose decoder is as wide as its encoder's outputs."""
    sizes = {"decoder_sizes": (8,), "attention_size": 8, "attention_window": 3}
    return tiny_model(**{**sizes, "attention": "additive", **settings}).double()


@pytest.fixture(params=ATTENTIONS)
def attention(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(params=list(CELLS))
def cell(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def kinds(tiny_model: Build, attention: str, cell: str) -> list[TranslationModel]:
    """Every model with this attention and this cell.

    Attention sees only outputs, and how many parts a state has; so, for time, cells whose states
    are like Elman's come in both orders, and without the rest.
    """
    choices = (False, True) if cell in FULL else (False,)
    return [
        attentive(
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
        for order, feeding, coverage, (context, lexical) in product(
            ORDERS, choices, choices, CONTEXTS if cell in FULL else CONTEXTS[-1:]
        )
    ]


def start(model: TranslationModel, batch: Batch) -> DecoderState:
    return model.start(batch.source, batch.source_lengths)


def log_probs(model: TranslationModel, batch: Batch) -> torch.Tensor:
    """Of every next token, the reference being the history."""
    features = model(batch.source, batch.source_lengths, batch.target_input)
    return model.decoder.logits(features).log_softmax(-1)


@torch.no_grad()
def test_a_batch_equals_its_sentences_one_by_one_in_any_order(
    kinds: list[TranslationModel],
) -> None:
    order = [3, 0, 2, 1]
    shuffled = make_batch([SOURCES[row] for row in order], [TARGETS[row] for row in order])
    for model in kinds:
        together, mixed = log_probs(model, make_batch(SOURCES, TARGETS)), log_probs(model, shuffled)
        for place, row in enumerate(order):
            alone = log_probs(model, make_batch([SOURCES[row]], [TARGETS[row]]))[0]
            torch.testing.assert_close(together[row, : len(alone)], alone)
            torch.testing.assert_close(mixed[place, : len(alone)], alone)


@torch.no_grad()
def test_a_sequence_equals_its_steps_which_are_distributions(kinds: list[TranslationModel]) -> None:
    batch = make_batch(SOURCES, TARGETS)
    pads = torch.arange(batch.source.shape[1]) >= batch.source_lengths.unsqueeze(1)
    for model in kinds:
        expected, state = log_probs(model, batch).float(), start(model, batch)
        for position, tokens in enumerate(batch.target_input.unbind(1)):
            stepped, state = model.step(tokens, state)
            torch.testing.assert_close(stepped, expected[:, position])
            torch.testing.assert_close(stepped.exp().sum(-1), torch.ones(4))
            torch.testing.assert_close(state.attention_weights.sum(-1), torch.ones(4).double())
            assert not state.attention_weights[pads].any()


@torch.no_grad()
def test_the_future_of_the_target_is_not_seen(kinds: list[TranslationModel]) -> None:
    batch = make_batch([[4, 5]] * 2, [[6, 7, 8, 9], [6, 7, 10, 11]])
    for model in kinds:
        one, other = log_probs(model, batch)
        torch.testing.assert_close(one[:3], other[:3])
        assert ((one[3:] - other[3:]).abs().amax(-1) > 1e-9).all()


@torch.no_grad()
def test_each_source_token_matters_at_every_target_step(kinds: list[TranslationModel]) -> None:
    sources = [[4, 5, 6, 7], [9, 5, 6, 7], [4, 9, 6, 7], [4, 5, 9, 7], [4, 5, 6, 9], [5, 4, 6, 7]]
    batch = make_batch(sources, [[6, 7, 8]] * len(sources))
    for model in kinds:
        result = log_probs(model, batch)
        assert ((result[1:] - result[0]).abs().amax(dim=-1) > 1e-9).all()


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
def test_selected_states_step_as_their_rows_do(
    tiny_model: Build, attention: str, order: str
) -> None:
    model = attentive(
        tiny_model, attention=attention, attention_order=order, input_feeding=True, coverage=True
    )
    batch = make_batch(SOURCES, TARGETS)
    _, state = model.step(batch.target_input[:, 0], start(model, batch))
    tokens, rows = torch.tensor([4, 5, 6, 7]), torch.tensor([2, 0, 2, 3, 3])
    expected, after = model.step(tokens, state)
    chosen, chosen_after = model.step(tokens[rows], select_rows(state, rows))
    torch.testing.assert_close(chosen, expected[rows])
    torch.testing.assert_close(chosen_after, select_rows(after, rows))


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

"""The decoder: how the context reaches it, the bridge, and its state."""

from collections.abc import Callable

import pytest
import torch

from seq2seq.models.bridge import Bridge
from seq2seq.models.rnn import StackState
from seq2seq.models.translation import TranslationModel

Build = Callable[..., TranslationModel]
SOURCE = torch.tensor([[4, 5, 6, 3], [7, 3, 0, 0], [6, 9, 3, 0]])
LENGTHS = torch.tensor([4, 2, 3])


def context(sizes: tuple[int, ...], parts: int, scale: float = 1.0) -> StackState:
    return StackState(
        tuple(tuple(scale * torch.randn(3, size) for _ in range(parts)) for size in sizes)
    )


@pytest.mark.parametrize("parts", [1, 2])
@pytest.mark.parametrize(
    ("sources", "targets", "origins"),
    [
        ((4,), (4,), [0]),
        ((4, 5), (4, 5), [0, 1]),
        ((4, 5), (4, 4, 4, 5), [0, 0, 0, 1]),
        ((4, 5, 6), (5, 6), [1, 2]),
    ],
)
def test_bridge_hands_equal_sizes_over_as_they_are(
    sources: tuple[int, ...], targets: tuple[int, ...], origins: list[int], parts: int
) -> None:
    bridge = Bridge(sources, targets, parts)
    given = context(sources, parts)
    assert not list(bridge.parameters())
    for layer, origin in zip(bridge(given), origins, strict=True):
        for part, old in zip(layer, given.layers[origin], strict=True):
            assert part is old


def test_bridge_maps_only_unequal_sizes_and_bounds_only_hidden_states() -> None:
    bridge = Bridge((4, 6), (7, 4, 5), state_tensors=2)
    given = context((4, 6), parts=2, scale=50.0)
    start = bridge(given)
    assert [[part.shape[1] for part in layer] for layer in start] == [[7, 7], [4, 4], [5, 5]]
    assert start[1][0] is given.layers[0][0]
    assert start[1][1] is given.layers[0][1]
    assert len(list(bridge.parameters())) == 2 * 2 * 2  # layers, parts, weight and bias
    for layer in (0, 2):
        hidden, memory = start[layer]
        assert hidden.abs().max() <= 1
        assert memory.abs().max() > 1
    hidden_map, memory_map = bridge.maps[2]
    top_hidden, top_memory = given.layers[1]
    linear = hidden_map[0]
    expected = torch.tanh(top_hidden @ linear.weight.T + linear.bias)
    torch.testing.assert_close(start[2][0], expected)
    torch.testing.assert_close(start[2][1], top_memory @ memory_map.weight.T + memory_map.bias)


@pytest.mark.parametrize("mode", ["initial", "every-step", "both"])
@pytest.mark.parametrize("to_output", [False, True])
@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_the_context_arrives_where_the_mode_says_and_nowhere_else(
    tiny_model: Build, cell: str, mode: str, to_output: bool
) -> None:
    model = tiny_model(cell=cell, context=mode, context_to_output=to_output)
    decoder, encoded = model.decoder, model.encoder(SOURCE, LENGTHS)
    vector = encoded.context.layers[-1][0]  # final hidden states, both directions
    state = model.start(SOURCE, LENGTHS)
    zero = all(not part.any() for layer in state.recurrent.layers for part in layer)
    assert zero == (mode == "every-step")
    fed, shown = mode != "initial", to_output
    if not fed and not shown:
        assert state.context is None
        return
    assert torch.equal(state.context, vector)
    other = state._replace(context=state.context + 1)
    tokens = torch.tensor([4, 5, 6])
    inputs = decoder.embed(tokens, state)
    assert torch.equal(inputs[:, :5], decoder.embedding(tokens))
    assert torch.equal(inputs[:, 5:], vector if fed else vector[:, :0])
    outputs = torch.randn(3, decoder.stack.output_size)
    same = torch.equal(decoder.pre_logits(outputs, state), decoder.pre_logits(outputs, other))
    assert same == (not shown)


def test_dropout_acts_in_training_only(tiny_model: Build) -> None:
    model = tiny_model(dropout=0.5)
    state = model.start(SOURCE, LENGTHS)
    tokens = torch.tensor([4, 5, 6])
    first = model.step(tokens, state)[0]
    torch.testing.assert_close(model.step(tokens, state)[0], first)
    assert not torch.allclose(model.train().step(tokens, state)[0], first)


def test_a_deeper_encoder_is_learnt_from_top_to_bottom(tiny_model: Build) -> None:
    model = tiny_model(context="initial", encoder_sizes=(4, 5), decoder_sizes=(6,))
    model(SOURCE, LENGTHS, SOURCE).sum().backward()
    for name, weight in model.encoder.named_parameters():
        assert weight.grad is not None, name
        assert weight.grad.any(), name


def test_dropout_shows_the_same_context_at_every_step(tiny_model: Build) -> None:
    model = tiny_model(context="every-step", dropout=0.5).train()
    state = model.start(SOURCE, LENGTHS)
    assert (state.context == 0).any()
    size = state.context.shape[1]
    steps = [model.decoder.embed(SOURCE[:, 0], state)[:, -size:] for _ in range(2)]
    sequence = model.decoder.embed(SOURCE, state)[..., -size:]
    assert all(torch.equal(step, state.context) for step in [*steps, *sequence.unbind(1)])

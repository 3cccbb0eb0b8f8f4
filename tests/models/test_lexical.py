"""Lexical translation: what attention is on proposes words past the recurrent layers."""

from collections.abc import Callable

import pytest
import torch

from seq2seq.data.batching import make_batch
from seq2seq.models.lexical import LexicalTranslation
from seq2seq.models.translation import TranslationModel

Build = Callable[..., TranslationModel]
BATCH = make_batch([[4, 5, 6], [7, 8, 4, 9, 10], []], [[6, 7], [4], [11, 10, 5]])


def test_the_formula_by_hand() -> None:
    """Weights 0.25 and 0.75 on two words, then tanh, then a residual layer."""
    lexical = LexicalTranslation(2)
    with torch.no_grad():
        lexical.translate.weight.copy_(torch.tensor([[0.0, 1.0], [2.0, 0.0]]))
        lexical.translate.bias.copy_(torch.tensor([0.5, 0.0]))
    embedded = torch.tensor([[[1.0, -1.0], [3.0, 1.0]]])
    found = torch.tanh(torch.tensor([2.5, 0.5]))
    expected = found + torch.tanh(torch.stack([found[1] + 0.5, 2 * found[0]]))
    weights = torch.tensor([[0.25, 0.75]])
    torch.testing.assert_close(lexical(weights, embedded)[0], expected)
    torch.testing.assert_close(lexical(weights.unsqueeze(1), embedded)[0, 0], expected)


@pytest.mark.parametrize("attention", ["additive", "general", "multi-head"])
@pytest.mark.parametrize("coverage", [False, True])
def test_the_readout_and_what_the_source_words_say_are_added(
    tiny_model: Build, attention: str, coverage: bool
) -> None:
    settings = {"attention": attention, "attention_size": 8, "coverage": coverage}
    model = tiny_model(lexical=True, **settings).double()
    decoder = model.decoder
    encoded = model.encoder(BATCH.source, BATCH.source_lengths)
    state = decoder.start(encoded)
    assert torch.equal(state.source_embeddings, model.encoder.embedding(BATCH.source))
    features, _ = decoder.sequence(BATCH.target_input, state)
    decoder.lexical, lexical = None, decoder.lexical
    readout, _ = decoder.sequence(BATCH.target_input, state)
    for position, tokens in enumerate(BATCH.target_input.unbind(1)):
        _, state = decoder.step_hidden(tokens, state)
        said = lexical(state.attention_weights, state.source_embeddings)
        torch.testing.assert_close(features[:, position], readout[:, position] + said)


def test_a_gradient_reaches_the_source_embedding_past_the_encoder(tiny_model: Build) -> None:
    model = tiny_model(lexical=True, attention="general")
    encoded = model.encoder(BATCH.source, BATCH.source_lengths)
    blind = encoded._replace(memory=encoded.memory.detach())
    state = model.decoder.start(blind)
    state = state._replace(recurrent=model.decoder.stack.zero_state(encoded.memory[:, 0]))
    model.decoder.sequence(BATCH.target_input, state)[0].sum().backward()
    read = model.encoder.embedding.weight.grad.abs().sum(dim=1) > 0
    assert read[BATCH.source.unique()].tolist() == [token != 0 for token in BATCH.source.unique()]

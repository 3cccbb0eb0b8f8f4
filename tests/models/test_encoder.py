"""The encoder: one-hot input is an embedding, pads learn nothing."""

import pytest
import torch

from seq2seq.models.encoder import Encoder, LearnedEmbedding, OneHotEmbedding
from seq2seq.models.rnn import EncoderStack, Regularization
from tests.support.models import KERNEL_CELLS

SOURCE = torch.tensor([[4, 5, 6, 3], [7, 3, 0, 0], [6, 6, 3, 0]])
LENGTHS = torch.tensor([4, 2, 3])


def test_one_hot_vectors_indicate_their_token() -> None:
    vectors = OneHotEmbedding(8)(SOURCE)
    assert vectors.shape == (3, 4, 8)
    assert torch.equal(vectors.argmax(-1), SOURCE)
    assert torch.equal(vectors.sum(-1), torch.ones(3, 4))
    assert vectors.max() == 1


@pytest.mark.parametrize("cell", KERNEL_CELLS)
@pytest.mark.parametrize("bidirectional", [False, True])
def test_one_hot_input_equals_an_embedding_lookup(cell: str, bidirectional: bool) -> None:
    learned = Encoder(
        LearnedEmbedding(8, 5), EncoderStack(cell, 5, (4, 3), bidirectional=bidirectional)
    )
    weights = learned.state_dict()
    vectors = weights.pop("embedding.weight")
    for direction in ("forwards", "backwards") if bidirectional else ("forwards",):
        weights[f"stack.{direction}.0.kernel.weight_ih_l0"] @= vectors.T  # W·Eᵀ: a column a token
    one_hot = Encoder(
        OneHotEmbedding(8), EncoderStack(cell, 8, (4, 3), bidirectional=bidirectional)
    )
    one_hot.load_state_dict(weights)
    got, wanted = one_hot(SOURCE, LENGTHS), learned(SOURCE, LENGTHS)
    torch.testing.assert_close(got.embedded @ vectors, wanted.embedded)
    for name in ("memory", "lengths", "context"):
        torch.testing.assert_close(getattr(got, name), getattr(wanted, name))


def test_the_pad_vector_is_zero_and_gets_no_gradient() -> None:
    embedding = LearnedEmbedding(8, 5)
    encoder = Encoder(embedding, EncoderStack("gru", 5, (4,), residual=True))
    assert not embedding.weight[0].any()
    (gradient,) = torch.autograd.grad(embedding(SOURCE).sum(), embedding.weight)
    assert not gradient[0].any()
    encoded = encoder(SOURCE, LENGTHS)
    (encoded.memory.sum() + encoded.context.layers[0][0].sum()).backward()
    used = embedding.weight.grad.any(dim=1)
    assert used.tolist() == [False, False, False, True, True, True, True, True]


def test_dropout_of_embeddings_acts_in_training_only() -> None:
    encoder = Encoder(LearnedEmbedding(8, 5), EncoderStack("gru", 5, (4,)), Regularization(0.5))
    memory = encoder.eval()(SOURCE, LENGTHS).memory
    torch.testing.assert_close(encoder(SOURCE, LENGTHS).memory, memory)
    assert not torch.allclose(encoder.train()(SOURCE, LENGTHS).memory, memory)

"""The encoder: source ids -> memory (all outputs) and context (the final states)."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn
from torch.nn import functional as F

from seq2seq.config.model import NetworkSettings
from seq2seq.data.vocabulary import PAD_ID
from seq2seq.models.dropout import Dropout, WordDropout
from seq2seq.models.rnn import (
    NO_REGULARIZATION,
    EncoderStack,
    Regularization,
    StackState,
    check_rows,
)


class EncoderOutput(NamedTuple):
    """What the encoder hands over.

    Attributes:
        memory: all outputs, ``(batch_size, source_length, output_size)``, zero on pads.
        lengths: true lengths ``(batch_size,)``, on the CPU.
        context: the final states of every layer, both directions side by side.
        embedded: the source as the lowest layer saw it, ``(batch_size, source_length,
            embedding_size)``.
    """

    memory: Tensor
    lengths: Tensor
    context: StackState
    embedded: Tensor


class LearnedEmbedding(nn.Embedding):
    """A vector for each token: ids ``(…)`` -> ``(…, embedding_size)``; the pad's is zero."""

    def __init__(self, vocab_size: int, embedding_size: int) -> None:
        super().__init__(vocab_size, embedding_size, padding_idx=PAD_ID)
        # With this spread a tied output layer starts with logits of about unit size.
        nn.init.normal_(self.weight, std=embedding_size**-0.5)
        self.weight.data[PAD_ID].zero_()


class OneHotEmbedding(nn.Module):
    """Each token as its indicator vector: ids ``(…)`` -> ``(…, vocab_size)``.

    The first recurrent layer's input weights then hold one column for each token, which is a
    lookup table: a learned embedding of that width computes the same function.
    """

    def __init__(self, vocab_size: int) -> None:
        super().__init__()
        self.num_embeddings = self.embedding_dim = vocab_size

    def forward(self, ids: Tensor) -> Tensor:
        """Ids ``(…)`` -> float ``(…, vocab_size)``, one 1 in each vector."""
        return F.one_hot(ids, self.embedding_dim).float()


Embedding = LearnedEmbedding | OneHotEmbedding


def build_embedding(vocab_size: int, settings: NetworkSettings) -> Embedding:
    """Builds the embedding of a vocabulary, as the settings say."""
    if settings.embedding == "one-hot":
        return OneHotEmbedding(vocab_size)
    return LearnedEmbedding(vocab_size, settings.embedding_size)


class Encoder(nn.Module):
    """Embeds the source and reads it with a stack of recurrent layers.

    Args:
        stack: the recurrent layers; its input size is the embedding's width.
        regularization: how many words and embedded tokens are dropped.
    """

    def __init__(
        self,
        embedding: Embedding,
        stack: EncoderStack,
        regularization: Regularization = NO_REGULARIZATION,
    ) -> None:
        super().__init__()
        self.embedding = embedding
        self.stack = stack
        self.dropout = Dropout(regularization.dropout, locked=regularization.locked)
        self.word_dropout = WordDropout(regularization.words)

    def forward(self, source: Tensor, lengths: Tensor) -> EncoderOutput:
        """Reads ids ``(batch_size, source_length)`` of lengths ``(batch_size,)``, on the CPU.

        Raises:
            SettingsError: another shape, as time-first; a length of 0, or beyond the rows' end.
        """
        check_rows(source, lengths)
        embedded = self.embedding(source)  # (batch_size, source_length, embedding_size)
        words = self.word_dropout.sample_masks(self.embedding.num_embeddings, embedded)
        embedded = self.word_dropout(embedded, source, words)
        mask = self.dropout.sample_masks(embedded.shape[-1], embedded)
        embedded = self.dropout(embedded, mask)
        memory, context = self.stack.sequence(embedded, lengths)
        return EncoderOutput(memory, lengths, context, embedded)

"""The translation model: an encoder and a decoder, p(target | source)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from seq2seq.models.decoder import Bridge, ContextMode, Decoder, DecoderState
from seq2seq.models.encoder import Embedding, Encoder, LearnedEmbedding, OneHotEmbedding
from seq2seq.models.recurrent import EncoderStack, RecurrentStack


class TranslationModel(nn.Module):
    """Encoder and decoder together; `start` and `step` are all that search needs."""

    def __init__(self, encoder: Encoder, decoder: Decoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder

    def start(self, source: Tensor, lengths: Tensor) -> DecoderState:
        """Reads the source ``(batch_size, length)``; lengths ``(batch_size,)`` on the CPU."""
        return self.decoder.start(self.encoder(source, lengths))

    def step(self, tokens: Tensor, state: DecoderState) -> tuple[Tensor, DecoderState]:
        """Previous tokens ``(batch_size,)`` -> log-probabilities ``(batch_size, vocab_size)``."""
        return self.decoder.step(tokens, state)

    def forward(self, source: Tensor, lengths: Tensor, target: Tensor) -> Tensor:
        """Features of every next token, with `target` as the history (teacher forcing).

        Args:
            source: ids ``(batch_size, source_length)``.
            lengths: true source lengths ``(batch_size,)``, on the CPU.
            target: ids ``(batch_size, target_length)``, each row beginning with bos.

        Returns:
            ``(batch_size, target_length, readout_size)``, for `decoder.logits`. The output layer is
            left to the caller, who knows which positions are real.
        """
        return self.decoder.sequence(target, self.start(source, lengths))


def build_translation_model(
    source_vocab_size: int,
    target_vocab_size: int,
    *,
    cell: str = "gru",
    context: ContextMode = "both",
    embedding: str = "learned",
    embedding_size: int = 256,
    encoder_sizes: Sequence[int] = (256,),
    decoder_sizes: Sequence[int] = (512,),
    bidirectional: bool = True,
    context_to_output: bool = False,
    residual: bool = False,
    dropout: float = 0.0,
    tied_output: bool = False,
    shared_embedding: bool = False,
) -> TranslationModel:
    """A model from numbers alone; `seq2seq.settings.ModelSettings` explains each of them.

    Raises:
        ValueError: sizes that cannot be tied or shared.
    """

    def embed(vocab_size: int) -> Embedding:
        if embedding == "one-hot":
            return OneHotEmbedding(vocab_size)
        return LearnedEmbedding(vocab_size, embedding_size)

    if (tied_output or shared_embedding) and embedding == "one-hot":
        raise ValueError("a one-hot input has no weights to tie or to share")
    if shared_embedding and source_vocab_size != target_vocab_size:
        raise ValueError("a shared embedding needs one vocabulary for both sides")
    source_embedding = embed(source_vocab_size)
    target_embedding = source_embedding if shared_embedding else embed(target_vocab_size)
    encoder_stack = EncoderStack(
        cell,
        source_embedding.embedding_dim,
        encoder_sizes,
        bidirectional=bidirectional,
        dropout=dropout,
        residual=residual,
    )
    context_size = encoder_stack.output_size
    decoder_stack = RecurrentStack(
        cell,
        target_embedding.embedding_dim + (0 if context == "initial" else context_size),
        decoder_sizes,
        dropout=dropout,
        residual=residual,
    )
    parts = 2 if cell == "lstm" else 1
    decoder = Decoder(
        target_embedding,
        decoder_stack,
        Bridge(encoder_stack.layer_sizes, decoder_sizes, parts)
        if context != "every-step"
        else None,
        mode=context,
        context_size=context_size,
        vocab_size=target_vocab_size,
        readout_size=embedding_size,
        context_to_output=context_to_output,
        tied=tied_output,
        dropout=dropout,
    )
    return TranslationModel(Encoder(source_embedding, encoder_stack, dropout), decoder)

"""The translation model: an encoder and a decoder, p(target | source)."""

from __future__ import annotations

from torch import Tensor, nn

from seq2seq.errors import SettingsError
from seq2seq.models.decoder import Bridge, Decoder, DecoderState
from seq2seq.models.encoder import Embedding, Encoder, LearnedEmbedding, OneHotEmbedding
from seq2seq.models.recurrent import EncoderStack, RecurrentStack
from seq2seq.settings import ModelSettings


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
    source_vocab_size: int, target_vocab_size: int, settings: ModelSettings
) -> TranslationModel:
    """The network that the settings describe, with fresh weights.

    Raises:
        SettingsError: sizes that cannot be tied or shared.
    """

    def embed(vocab_size: int) -> Embedding:
        if settings.embedding == "one-hot":
            return OneHotEmbedding(vocab_size)
        return LearnedEmbedding(vocab_size, settings.embedding_size)

    if problems := list(settings.problems()):
        raise SettingsError("\n".join(problems))
    if settings.shared_embedding and source_vocab_size != target_vocab_size:
        raise SettingsError("a shared embedding needs one vocabulary for both sides")
    source_embedding = embed(source_vocab_size)
    target_embedding = source_embedding if settings.shared_embedding else embed(target_vocab_size)
    encoder_stack = EncoderStack(
        settings.cell,
        source_embedding.embedding_dim,
        settings.encoder_sizes,
        bidirectional=settings.bidirectional,
        dropout=settings.dropout,
        residual=settings.residual,
    )
    context_size = encoder_stack.output_size
    decoder_stack = RecurrentStack(
        settings.cell,
        target_embedding.embedding_dim + (0 if settings.context == "initial" else context_size),
        settings.decoder_sizes,
        dropout=settings.dropout,
        residual=settings.residual,
    )
    parts = 2 if settings.cell == "lstm" else 1
    decoder = Decoder(
        target_embedding,
        decoder_stack,
        Bridge(encoder_stack.layer_sizes, settings.decoder_sizes, parts)
        if settings.context != "every-step"
        else None,
        mode=settings.context,
        context_size=context_size,
        vocab_size=target_vocab_size,
        readout_size=settings.embedding_size,
        context_to_output=settings.context_to_output,
        tied=settings.tied_output,
        dropout=settings.dropout,
    )
    return TranslationModel(Encoder(source_embedding, encoder_stack, settings.dropout), decoder)

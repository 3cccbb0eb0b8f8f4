"""The translation model: an encoder and a decoder, p(target | source)."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

from seq2seq.config.arguments import check_count
from seq2seq.config.base import validate
from seq2seq.config.model import ModelSettings
from seq2seq.errors import SettingsError
from seq2seq.models.attention.registry import build_attention
from seq2seq.models.bridge import Bridge
from seq2seq.models.cells.base import Cell
from seq2seq.models.chosen_output import ChosenOutput
from seq2seq.models.decoder import Decoder, DecoderState
from seq2seq.models.encoder import Embedding, Encoder, build_embedding
from seq2seq.models.rnn import EncoderStack, RecurrentStack, Regularization


class TranslationModel(nn.Module):
    """Encoder and decoder together: `start` and `step` for search, `forward` for training.

    Attributes:
        settings: what `build_translation_model` built it from; None if it was made by hand.
    """

    settings: ModelSettings | None = None

    def __init__(self, encoder: Encoder, decoder: Decoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder

    def start(self, source: Tensor, lengths: Tensor) -> DecoderState:
        """Returns the state before the first target token; arguments as for `Encoder.forward`."""
        return self.decoder.start(self.encoder(source, lengths))

    def choose_targets(self, state: DecoderState, tokens: Tensor, allowed: Tensor) -> DecoderState:
        """Returns a state whose steps give some tokens only, see `StepModel.choose_targets`."""
        return state._replace(output=ChosenOutput.of(self.decoder.output, tokens, allowed))

    def step(self, tokens: Tensor, state: DecoderState) -> tuple[Tensor, DecoderState]:
        """Takes one step, see `Decoder.step`."""
        return self.decoder.step(tokens, state)

    def forward(self, source: Tensor, lengths: Tensor, target: Tensor) -> Tensor:
        """Returns the logits of every next token, with `target` as history (teacher forcing).

        Training calls `start` and `decoder.sequence` itself, to leave out what follows a row's end.

        Args:
            source: ids ``(batch_size, source_length)``, each row ended by eos.
            lengths: of the rows, ``(batch_size,)``, eos counted; on the CPU.
            target: ids ``(batch_size, target_length)``, each row beginning with bos.

        Returns:
            ``(batch_size, target_length, vocab_size)``, before the softmax; for
            `seq2seq.Batch.target_output`, which is `target` a token later.

        Raises:
            SettingsError: another shape, as time-first.
        """
        values, _ = self.decoder.sequence(target, self.start(source, lengths))
        return self.decoder.logits(values)


def build_translation_model(
    source_vocab_size: int, target_vocab_size: int, settings: ModelSettings
) -> TranslationModel:
    """Builds the network that the settings describe, with fresh weights.

    Raises:
        SettingsError: an impossible setting; unequal vocabularies that are to be shared.
    """
    validate(settings, "model.")
    check_count(source_vocab_size, "source_vocab_size", 1, "token")
    check_count(target_vocab_size, "target_vocab_size", 1, "token")
    if settings.shared_embedding and source_vocab_size != target_vocab_size:
        raise SettingsError(
            "--model.shared-embedding needs one vocabulary for both sides; these have "
            f"{source_vocab_size:,} and {target_vocab_size:,} tokens"
        )
    source_embedding = build_embedding(source_vocab_size, settings)
    target_embedding = (
        source_embedding
        if settings.shared_embedding
        else build_embedding(target_vocab_size, settings)
    )
    regularization = Regularization.from_settings(settings)
    stack = EncoderStack(
        settings.cell,
        source_embedding.embedding_dim,
        settings.encoder_sizes,
        regularization,
        bidirectional=settings.bidirectional,
        residual=settings.residual,
    )
    encoder = Encoder(source_embedding, stack, regularization)
    model = TranslationModel(encoder, build_decoder(target_embedding, stack, settings))
    model.settings = settings
    return model


def build_decoder(
    embedding: Embedding, encoder_stack: EncoderStack, settings: ModelSettings
) -> Decoder:
    """Builds the decoder for what this encoder hands over."""
    context_size, sizes = encoder_stack.output_size, settings.decoder_sizes
    attention = build_attention(settings, sizes[-1], context_size)
    input_size = embedding.embedding_dim
    if settings.context != "initial":
        input_size += context_size
    if settings.input_feeding:
        input_size += settings.embedding_size
    if attention is not None and settings.attention_order == "bahdanau":
        input_size += attention.output_size
    regularization = Regularization.from_settings(settings)
    stack = RecurrentStack(
        settings.cell, input_size, sizes, regularization, residual=settings.residual
    )
    bridge = None
    if settings.context != "every-step":
        state_tensors = cast(Cell, stack.cells[0]).state_tensors
        bridge = Bridge(encoder_stack.layer_sizes, sizes, state_tensors)
    return Decoder(
        embedding,
        stack,
        bridge,
        attention,
        regularization,
        readout_size=settings.embedding_size,
        context_size=context_size,
        context=settings.context,
        context_to_output=settings.context_to_output,
        attention_order=settings.attention_order,
        input_feeding=settings.input_feeding,
        lexical=settings.lexical,
        tied_output=settings.tied_output,
    )

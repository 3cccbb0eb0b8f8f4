"""The recurrent language model, p(token | tokens before it): the decoder without a source."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seq2seq.config.base import validate
from seq2seq.config.language_model import LanguageModelSettings
from seq2seq.models.cells.base import CellState
from seq2seq.models.cells.elman import EchoStateCell
from seq2seq.models.decoder import Decoder, DecoderState
from seq2seq.models.encoder import build_embedding
from seq2seq.models.rnn import RecurrentStack, Regularization

LOGITS_CHUNK = 256
"""Tokens whose distributions stand in memory together: these are by far the largest tensors."""


class LanguageNetwork(nn.Module):
    """A recurrent language model (Mikolov et al. 2010).

    It is a `Decoder` without a source, so its weights have the names of a translation model's
    decoder.
    """

    def __init__(self, decoder: Decoder) -> None:
        super().__init__()
        self.decoder = decoder

    def start(self, batch_size: int) -> DecoderState:
        """Returns the state before anything was read: zeros."""
        like = self.decoder.output.weight.new_zeros(batch_size, 1)
        return self.decoder.init_state(self.decoder.stack.zero_state(like))

    def state_from_layers(self, layers: tuple[CellState, ...]) -> DecoderState:
        """Returns a state that goes on from these layers, each ``(batch_size, its size)``.

        In training, dropout masks are drawn anew.
        """
        return self.decoder.init_state(self.decoder.stack.init_state(layers))

    def step(self, tokens: Tensor, state: DecoderState) -> tuple[Tensor, DecoderState]:
        """Takes one step, see `Decoder.step`."""
        return self.decoder.step(tokens, state)

    def log_probabilities(
        self, inputs: Tensor, targets: Tensor, state: DecoderState
    ) -> tuple[Tensor, DecoderState]:
        """Returns the log-probability of each target, and the state after the last input.

        Inputs, targets and log-probabilities are ``(batch_size, length)``; each input is the token
        before its target.
        """
        pre_logits, state = self.decoder.sequence(inputs, state)
        chunks = zip(
            torch.split(pre_logits.flatten(0, 1), LOGITS_CHUNK),
            torch.split(targets.flatten(), LOGITS_CHUNK),
            strict=True,
        )
        values = [
            self.decoder.logits(part).float().log_softmax(dim=-1).gather(1, wanted.unsqueeze(1))
            for part, wanted in chunks
        ]
        return torch.cat(values).view(targets.shape), state


def build_language_model(vocab_size: int, settings: LanguageModelSettings) -> LanguageNetwork:
    """Builds the network that the settings describe, with fresh weights.

    Raises:
        SettingsError: an impossible setting.
    """
    validate(settings, "model.")
    embedding = build_embedding(vocab_size, settings)
    regularization = Regularization.from_settings(settings)
    stack = RecurrentStack(
        settings.cell,
        embedding.embedding_dim,
        settings.sizes,
        regularization,
        residual=settings.residual,
    )
    for cell in stack.cells:
        if isinstance(cell, EchoStateCell):
            cell.set_radius(settings.spectral_radius)
    decoder = Decoder(
        embedding,
        stack,
        regularization=regularization,
        readout_size=settings.embedding_size,
        tied_output=settings.tied_output,
    )
    return LanguageNetwork(decoder)

"""A language model's weights as the beginning of a translation model's (Ramachandran et al. 2017).

A decoder has more inputs than a language model: a context, the result of attention. An encoder that
reads in both directions has a second set of cells. What a language model lacks keeps its fresh
weights; where a matrix has more columns, the first ones are the language model's, for the embedding
and the recurrent state.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import nn

from seq2seq.errors import SettingsError
from seq2seq.models.cells.base import Cell
from seq2seq.models.decoder import Decoder
from seq2seq.models.encoder import Encoder
from seq2seq.models.language_model import LanguageNetwork


def initialize_decoder(decoder: Decoder, network: LanguageNetwork, name: str) -> None:
    """Copies embedding, recurrent layers, readout and output layer of the network.

    Args:
        name: the language model's, for messages.

    Raises:
        SettingsError: the embedding is of another kind; the layers have another cell, number or
            width.
    """
    copy_layers("decoder", decoder.embedding, decoder.stack.cells, network, name)
    copy_weights(decoder.readout, network.decoder.readout, "--model.embedding-size", name)
    copy_weights(decoder.output, network.decoder.output, "--model.embedding-size", name)


def initialize_encoder(encoder: Encoder, network: LanguageNetwork, name: str) -> None:
    """Copies embedding and the layers that read forwards; arguments as `initialize_decoder`."""
    copy_layers("encoder", encoder.embedding, encoder.stack.forwards, network, name)


def copy_layers(
    side: str, embedding: nn.Module, cells: nn.ModuleList, network: LanguageNetwork, name: str
) -> None:
    """Copies embedding and cells; SettingsError unless the network has those of the same kind."""
    own = network.decoder
    if type(embedding) is not type(own.embedding):
        raise SettingsError(
            f"--model.initialize-{side} {name}: its tokens are embedded in another way, set "
            "--model.embedding as that run has it"
        )
    here, there = (
        ", ".join(f"{type(cell).__name__} {cast(Cell, cell).hidden_size}" for cell in stack)
        for stack in (cells, own.stack.cells)
    )
    if here != there:
        raise SettingsError(
            f"--model.initialize-{side} {name}: its layers are {there}, the {side}'s are {here}: "
            f"set --model.cell and --model.{side}-sizes as that run has them"
        )
    copy_weights(embedding, own.embedding, "--model.embedding-size", name)
    for cell, source in zip(cells, own.stack.cells, strict=True):
        copy_weights(cell, source, f"--model.{side}-sizes", name)


@torch.no_grad()
def copy_weights(module: nn.Module, source: nn.Module, setting: str, name: str) -> None:
    """Copies the weights of one module; where there are more columns, into the first ones."""
    given = dict(source.named_parameters())
    for key, weight in module.named_parameters():
        first_columns = weight if weight.dim() == 1 else weight[:, : given[key].shape[-1]]
        if first_columns.shape != given[key].shape:
            raise SettingsError(
                f"{name} can't be the beginning of this model: its {key} is "
                f"{tuple(given[key].shape)}, this one's {tuple(weight.shape)}: set {setting} as "
                "that run has it"
            )
        first_columns.copy_(given[key])

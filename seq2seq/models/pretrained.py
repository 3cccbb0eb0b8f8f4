"""A language model's weights as the beginning of a translation model's (Ramachandran et al. 2017).

A decoder has more inputs than a language model: a context, the result of attention. An encoder that
reads in both directions has a second set of cells. What a language model lacks keeps its fresh
weights; where a matrix has more columns, the first ones are the language model's, for the embedding
and the recurrent state.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from seq2seq.errors import SettingsError
from seq2seq.models.cells.base import Cell
from seq2seq.models.decoder import Decoder
from seq2seq.models.encoder import Encoder
from seq2seq.models.language_model import LanguageNetwork


def initialize_decoder(decoder: Decoder, network: LanguageNetwork, name: str) -> None:
    """Copies embedding, recurrent layers, readout and output layer.

    Args:
        decoder: whose weights are set.
        network: whose weights are copied.
        name: the language model's, for messages.

    Raises:
        SettingsError: the layers have another cell, number or width.
    """
    own = network.decoder
    check_same_layers("decoder", decoder.stack.cells, own.stack.cells, name)
    copy_weights(decoder.embedding, own.embedding, "--model.embedding-size", name)
    for cell, source in zip(decoder.stack.cells, own.stack.cells, strict=True):
        copy_weights(cell, source, "--model.decoder-sizes", name)
    copy_weights(decoder.readout, own.readout, "--model.embedding-size", name)
    copy_weights(decoder.output, own.output, "--model.embedding-size", name)


def initialize_encoder(encoder: Encoder, network: LanguageNetwork, name: str) -> None:
    """Copies embedding and the layers that read forwards; arguments as `initialize_decoder`."""
    own = network.decoder
    check_same_layers("encoder", encoder.stack.forwards, own.stack.cells, name)
    copy_weights(encoder.embedding, own.embedding, "--model.embedding-size", name)
    for cell, source in zip(encoder.stack.forwards, own.stack.cells, strict=True):
        copy_weights(cell, source, "--model.encoder-sizes", name)


def check_same_layers(side: str, layers: nn.ModuleList, others: nn.ModuleList, name: str) -> None:
    """Raises SettingsError unless two stacks have the same cells of the same widths."""
    here, there = (
        [(type(cell).__name__, cast(Cell, cell).hidden_size) for cell in stack]
        for stack in (layers, others)
    )
    if here != there:
        raise SettingsError(
            f"--model.initialize-{side} {name}: its layers are {describe_layers(there)}, the "
            f"{side}'s are {describe_layers(here)}: set --model.cell and --model.{side}-sizes as "
            "that run has them"
        )


def describe_layers(layers: list[tuple[str, int]]) -> str:
    """Describes layers in words.

    >>> describe_layers([("LSTMCell", 256), ("LSTMCell", 128)])
    'LSTMCell 256, LSTMCell 128'
    """
    return ", ".join(f"{cell} {size}" for cell, size in layers)


@torch.no_grad()
def copy_weights(module: nn.Module, source: nn.Module, setting: str, name: str) -> None:
    """Copies the weights of one module; where there are more columns, into the first ones."""
    given = dict(source.named_parameters())
    for key, weight in module.named_parameters():
        part = first_columns(weight, given[key])
        if part is None:
            raise SettingsError(
                f"{name} can't be the beginning of this model: its {key} is "
                f"{tuple(given[key].shape)}, this one's {tuple(weight.shape)}: set {setting} as "
                "that run has it"
            )
        part.copy_(given[key])


def first_columns(weight: Tensor, given: Tensor) -> Tensor | None:
    """Returns the first columns of `weight`, of the shape of `given`; None if it has too few."""
    if weight.dim() != given.dim() or weight.shape[0] != given.shape[0]:
        return None
    if weight.dim() == 1:
        return weight
    return weight[:, : given.shape[1]] if weight.shape[1] >= given.shape[1] else None

"""The weights of other models as the beginning of a translation model's.

Of a translation model all weights are taken, or those of its encoder or decoder. Where the
vocabulary is another one, a token that both have keeps its row of the embedding and of the output
layer (Zoph et al. 2016; Kocmi & Bojar 2018). A new token's row is drawn from the normal
distribution of the old rows, each number by itself, as if it had been among them (Hewitt 2021).

A language model's weights begin an encoder or a decoder, too (Ramachandran et al. 2017). A decoder
has more inputs than a language model: a context, the result of attention. An encoder that reads in
both directions has a second set of cells. What a language model lacks keeps its fresh weights;
where a matrix has more columns, the first ones are the language model's, for the embedding and the
recurrent state.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from seq2seq.data.vectors import WordVectors
from seq2seq.data.vocabulary import PAD_ID, Vocab
from seq2seq.errors import SettingsError
from seq2seq.models.cells.base import Cell
from seq2seq.models.decoder import Decoder
from seq2seq.models.encoder import Embedding, Encoder, LearnedEmbedding
from seq2seq.models.language_model import LanguageNetwork
from seq2seq.models.translation import TranslationModel

TOKEN_WEIGHTS = {
    "encoder.embedding.weight": "source",
    "decoder.embedding.weight": "target",
    "decoder.output.weight": "target",
    "decoder.output.bias": "target",
}
"""Weights with a row for each token, and the side whose tokens these are."""
NEW = -1
"""In the place of an old id: the token is new."""
FROM_LANGUAGE_MODEL = {
    "encoder": ("encoder.embedding.", "encoder.stack.forwards."),
    "decoder": tuple(f"decoder.{name}." for name in ("embedding", "stack", "readout", "output")),
}
"""What the names of the weights begin with that a language model gives."""


# --------------------------------------------------------------------------------------------------
# From a translation model


def old_ids(old: Vocab, new: Vocab) -> list[int]:
    """Returns for each token of the new vocabulary its id in the old one, or `NEW`."""
    return [old.ids(token) if token in old else NEW for token in new]


@torch.no_grad()
def initialize_from_model(
    model: TranslationModel,
    parent: TranslationModel,
    name: str,
    *,
    part: str = "",
    ids: Mapping[str, Sequence[int]] | None = None,
) -> list[str]:
    """Copies the weights of another translation model.

    Args:
        model: the one that begins with them.
        parent: the other.
        name: the other's, for messages.
        part: what the names of the weights begin with, as "encoder."; by default all.
        ids: of "source" and "target", for each token its id in the other model, or `NEW`; by
            default the vocabularies are the same.

    Returns:
        The names of the weights.

    Raises:
        SettingsError: a weight is of another shape, or lacks.
    """
    given = dict(parent.named_parameters(remove_duplicate=False))
    weights = {key: weight for key, weight in model.named_parameters() if key.startswith(part)}
    for key, weight in weights.items():
        old: Tensor | None = given.get(key)
        if old is not None and ids is not None and key in TOKEN_WEIGHTS:
            old = rows_by_id(old, ids[TOKEN_WEIGHTS[key]])
        if old is None or old.shape != weight.shape:
            there = "is not there" if old is None else f"is {tuple(old.shape)}"
            raise SettingsError(
                f"{name} can't be the beginning of this model: {key} is {tuple(weight.shape)} here "
                f"and {there}; set all of --model… as that run has it"
            )
        weight.copy_(old)
    return [*weights]


def rows_by_id(old: Tensor, ids: Sequence[int]) -> Tensor:
    """Returns rows of a weight by their ids, and rows drawn as these are distributed for `NEW`.

    ``(old tokens, …)`` -> ``(len(ids), …)``.
    """
    places = torch.tensor(ids)
    known = old[PAD_ID + 1 :]  # the pad's row is zero
    drawn = torch.randn(len(ids), *old.shape[1:])
    rows = known.mean(dim=0) + known.std(dim=0, correction=0) * drawn
    kept = places != NEW
    rows[kept] = old[places[kept]]
    return rows


# --------------------------------------------------------------------------------------------------
# From word vectors


@torch.no_grad()
def initialize_embedding(embedding: Embedding, vectors: WordVectors) -> None:
    """Gives the tokens that have a vector this one, all scaled alike to the embedding's spread.

    Without it a tied output layer would begin with logits of any size, see `LearnedEmbedding`.
    """
    assert isinstance(embedding, LearnedEmbedding)
    rows = torch.from_numpy(vectors.rows)
    spread = float(rows.double().square().mean().sqrt().clamp(min=1e-12))
    embedding.weight[vectors.ids] = rows * (embedding.embedding_dim**-0.5 / spread)


# --------------------------------------------------------------------------------------------------
# From a language model


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

"""Tokens to look at: a batch as the model sees it, and what scheduled sampling puts into it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple
from unicodedata import east_asian_width

import torch
from torch import Tensor

from seq2seq.config.training import SamplingSettings
from seq2seq.data.batching import Batch
from seq2seq.data.tokenizers.normalization import show_token
from seq2seq.data.vocabulary import PAD_ID, Vocab
from seq2seq.models.decoder import Decoder, DecoderState
from seq2seq.models.translation import TranslationModel
from seq2seq.training.scheduled_sampling import draw_coins, inputs_by_passes
from seq2seq.training.task import TrainingBatch

ROWS_SHOWN = 3
"""How many rows of a batch are shown."""


def describe_shapes(batch: TrainingBatch) -> str:
    """The shapes of all ids in a batch, as "source 32 × 9, target_input 32 × 11, …"."""
    return ", ".join(
        f"{name.replace('_', ' ')} {len(ids)} × {ids.shape[1]}" for name, ids in id_tables(batch)
    )


def id_tables(batch: TrainingBatch) -> list[tuple[str, Tensor]]:
    """The parts of a batch that are ids in rows: ``(batch_size, length)``."""
    parts = batch._asdict().items()
    return [(name, part) for name, part in parts if isinstance(part, Tensor) and part.dim() == 2]


def batch_lines(batch: TrainingBatch, sides: Mapping[str, Vocab], width: int) -> Iterator[str]:
    """The first rows of a batch in tokens, as the model sees them, cut to the width of a screen.

    Args:
        batch: one.
        sides: the vocabulary of each part that has ids.
        width: in characters.
    """
    yield describe_shapes(batch)
    parts = id_tables(batch)
    for row in range(min(ROWS_SHOWN, len(parts[0][1]))):
        shown = {
            name.replace("_", " "): " ".join(map(show_token, sides[name].tokens(ids[row].tolist())))
            for name, ids in parts
        }
        yield from numbered_lines(row + 1, shown, width)


def numbered_lines(number: int, shown: Mapping[str, str], width: int) -> Iterator[str]:
    """Texts below each other, each after its name, the first after a number, too."""
    for place, (name, text) in enumerate(shown.items()):
        line = f"{'' if place else number:>3}  {name:14} {text}".rstrip()
        yield line if len(line) <= width - 2 else line[: width - 3] + "…"


class History(NamedTuple):
    """What the decoder reads in a batch with teacher forcing.

    Attributes:
        decoder: in evaluation mode.
        state: before the first token.
        reference: its inputs, ids ``(batch_size, target_length)``.
        vocab: of these.
    """

    decoder: Decoder
    state: DecoderState
    reference: Tensor
    vocab: Vocab


@torch.no_grad()
def translation_history(model: TranslationModel, vocab: Vocab, batch: Batch) -> History:
    """The history of a batch of sentence pairs."""
    batch = batch.to(next(model.parameters()).device)
    state = model.start(batch.source, batch.source_lengths)
    return History(model.decoder, state, batch.target_input, vocab)


def history_lines(
    history: History,
    rates: Mapping[str, float],
    settings: SamplingSettings,
    *,
    rows: int = ROWS_SHOWN,
    sources: Sequence[str] = (),
    width: int,
) -> Iterator[str]:
    """The reference of each row, and below it the tokens that scheduled sampling puts in its place.

    Only the model's own tokens stand there, each below the one that it takes the place of; they may
    be the same. What is drawn at a lower rate is drawn at a higher one, too.

    Args:
        history: what teacher forcing shows the decoder.
        rates: of scheduled sampling, each by what its line is called.
        settings: how own tokens are chosen, and by which method.
        rows: how many rows to show at most.
        sources: a text for each row that is shown above it.
        width: what lines are cut to, in characters.
    """
    sampled = {name: sample_history(history, rate, settings) for name, rate in rates.items()}
    for row, ids in enumerate(history.reference[:rows].tolist()):
        reference = history.vocab.tokens([number for number in ids if number != PAD_ID])
        table = {"reference": reference}
        for name, (inputs, coins) in sampled.items():
            own = history.vocab.tokens(inputs[row].tolist())
            put = zip(own, coins[row].tolist(), strict=True)
            table[name] = [token if heads else "" for token, heads in put][: len(reference)]
        above = {"source": sources[row]} if sources else {}
        yield from numbered_lines(row + 1, {**above, **align_columns(table)}, width)


def sample_history(
    history: History, rate: float, settings: SamplingSettings
) -> tuple[Tensor, Tensor]:
    """The decoder's inputs with scheduled sampling, and where they are its own predictions.

    Both are ``(batch_size, target_length)``; the draws are the same every time.
    """
    decoder, state, reference, _ = history
    draws = draw_coins(reference, rate, settings.choice, torch.Generator().manual_seed(1))
    # As many passes as there are steps show what stepping shows.
    passes = settings.passes if settings.method == "passes" else reference.shape[1]
    return inputs_by_passes(decoder, state, reference, draws, passes), draws.coins


def align_columns(table: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Rows of tokens as text, each token below those of the same place.

    >>> align_columns({"a": ["<bos>", "好", "x"], "b": ["", "yes", "y"]})
    {'a': '<bos> 好  x', 'b': '      yes y'}
    """
    columns = [[*map(show_token, column)] for column in zip(*table.values(), strict=True)]
    widths = [max(map(display_width, column)) for column in columns]
    padded = [
        [token + " " * (width - display_width(token)) for token in column]
        for column, width in zip(columns, widths, strict=True)
    ]
    rows = zip(*padded, strict=True)
    return {name: " ".join(row) for name, row in zip(table, rows, strict=True)}


def display_width(token: str) -> int:
    """The columns of a terminal that a token takes: two for a Chinese character."""
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in token)

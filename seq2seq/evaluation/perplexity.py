"""How well a language model predicts a text: perplexity, also by word and by character.

Perplexity is exp of the mean negative log-likelihood of a token, so it depends on what a token is.
The same likelihood shared out among words or characters does not, and compares models with
different tokenizers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch

from seq2seq.data.batching import pad
from seq2seq.data.token_stream import TokenStream
from seq2seq.data.tokenizers.base import Tokenizer
from seq2seq.data.vocabulary import EOS_ID, UNK_ID
from seq2seq.decoding.interface import StepLanguageModel

BATCH_TOKENS = 4096
"""Tokens that are read at the same time."""

STREAMS = 32
"""How many parts a long text is cut into, to be read side by side."""


def perplexity(nats_per_token: float) -> float:
    """Returns exp of the mean negative log-likelihood; infinite where that overflows."""
    return math.inf if nats_per_token >= 700 else math.exp(nats_per_token)


class TextScore(NamedTuple):
    """The likelihood of a text, and what to share it out among.

    Attributes:
        nats: negative log-likelihood.
        tokens: that were predicted.
        words: between white space, and one for each line's end.
        characters: and one for each line's end.
        unknown_tokens: how many of the tokens are ``<unk>``.
        known_nats: negative log-likelihood of the other tokens.
    """

    nats: float
    tokens: int
    words: int
    characters: int
    unknown_tokens: int
    known_nats: float

    @property
    def perplexity(self) -> float:
        """exp of the nats per token."""
        return perplexity(self.nats / self.tokens)

    @property
    def perplexity_without_unknown(self) -> float | None:
        """exp of the nats per known token; None where every token is unknown.

        Unknown ones are still read, before those that follow them (as KenLM's "excluding OOVs").
        """
        known = self.tokens - self.unknown_tokens
        return perplexity(self.known_nats / known) if known else None

    @property
    def word_perplexity(self) -> float:
        """exp of the nats per word."""
        return perplexity(self.nats / self.words)

    @property
    def character_perplexity(self) -> float:
        """exp of the nats per character."""
        return perplexity(self.nats / self.characters)

    @property
    def bits_per_character(self) -> float:
        """The same likelihood in bits."""
        return self.nats / self.characters / math.log(2)

    def summary(self) -> dict[str, float | None]:
        """Returns all figures by name."""
        return {
            "tokens": self.tokens,
            "unknown_tokens": self.unknown_tokens,
            "nats_per_token": self.nats / self.tokens,
            "perplexity": self.perplexity,
            "perplexity_without_unknown": self.perplexity_without_unknown,
            "word_perplexity": self.word_perplexity,
            "character_perplexity": self.character_perplexity,
            "bits_per_character": self.bits_per_character,
        }


@torch.no_grad()
def row_log_probabilities(
    network: StepLanguageModel, rows: Sequence[Sequence[int]], device: torch.device
) -> list[list[float]]:
    """Returns the log-probability of each token of each row but its first, which is given.

    Rows of like length are read together; a long one a piece at a time, from the state that the
    last piece led to. Neither changes the result. The network is in evaluation mode.
    """
    results: list[list[float]] = [[] for _ in rows]
    predicted = [index for index, row in enumerate(rows) if len(row) > 1]
    order = sorted(predicted, key=lambda index: len(rows[index]))
    for begin in range(0, len(order), STREAMS):
        chosen = order[begin : begin + STREAMS]
        inputs, _ = pad([rows[index][:-1] for index in chosen])
        targets, lengths = pad([rows[index][1:] for index in chosen])
        state = network.start(len(chosen))
        steps = max(1, BATCH_TOKENS // len(chosen))
        pieces = []
        for at in range(0, inputs.shape[1], steps):
            piece = slice(at, at + steps)
            values, state = network.log_probabilities(
                inputs[:, piece].to(device), targets[:, piece].to(device), state
            )
            pieces.append(values.double().cpu())
        found = torch.cat(pieces, dim=1).tolist()
        for index, values, length in zip(chosen, found, lengths.tolist(), strict=True):
            results[index] = values[:length]
    return results


def held_out_score(
    network: StepLanguageModel, text: TokenStream, lines: Sequence[str], device: torch.device
) -> TextScore:
    """Scores held-out lines, running text in `STREAMS` parts that are read side by side.

    Each part begins with a state of zeros, so that running text comes out a little worse than read
    as a whole.
    """
    rows = text.rows(lines)
    if not text.sentences:
        rows = split_row(rows[0], STREAMS)
    values = row_log_probabilities(network, rows, device)
    return text_score(rows, values, lines, text.pipeline.tokenizer)


def text_score(
    rows: Sequence[Sequence[int]],
    values: Sequence[Sequence[float]],
    lines: Sequence[str],
    tokenizer: Tokenizer,
) -> TextScore:
    """Returns the score of rows that were made of these lines, from `row_log_probabilities`.

    The characters are those of the form that the tokenizer brings a line into.
    """
    ends = sum(row[1:].count(EOS_ID) for row in rows)
    targets = [token for row in rows for token in row[1:]]
    flat = [value for each in values for value in each]
    known = [value for token, value in zip(targets, flat, strict=True) if token != UNK_ID]
    return TextScore(
        -sum(flat),
        len(flat),
        sum(len(line.split()) for line in lines) + ends,
        sum(len(tokenizer.normalize(line)) for line in lines) + ends,
        targets.count(UNK_ID),
        -sum(known),
    )


def split_row(row: list[int], count: int) -> list[list[int]]:
    """Cuts a row into at most so many; each begins with the token that the last one ends with.

    >>> split_row([0, 1, 2, 3, 4, 5], 2)
    [[0, 1, 2, 3], [3, 4, 5]]
    """
    length = max(1, -(-(len(row) - 1) // count))
    return [row[at : at + length + 1] for at in range(0, len(row) - 1, length)]

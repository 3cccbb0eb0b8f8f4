"""The hypotheses that a search follows, as the rows of one batch."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor

from seq2seq.data.vocabulary import BOS_ID, EOS_ID
from seq2seq.decoding.hypothesis import Hypothesis
from seq2seq.decoding.interface import Scoring

FULL = 0.75
"""Rows that have ended are kept, and left out of the next choice, while at least this share of a
batch lives on: to copy the others at every step would take longer."""


class LiveHypotheses(NamedTuple):
    """Hypotheses, beam by beam; greedy search and sampling have beams of one.

    A row whose total is -inf has ended, and only keeps its place.

    Attributes:
        beams: which beam a row is of, ascending, ``(rows,)``.
        sentences: which sentence of the batch a row is of, ``(rows,)``.
        tokens: the last one of each, ``(rows,)``.
        totals: log-probabilities, in float64, ``(rows,)``.
        histories: all tokens but bos, ``(rows, length)``.
        attention: ``(rows, length, source_length)``, or None where it is not followed.
    """

    beams: Tensor
    sentences: Tensor
    tokens: Tensor
    totals: Tensor
    histories: Tensor
    attention: Tensor | None

    @classmethod
    def start(cls, sentences: Tensor) -> LiveHypotheses:
        """Returns one empty hypothesis for each beam, given the sentence of each ``(beams,)``."""
        count, device = len(sentences), sentences.device
        return cls(
            torch.arange(count, device=device),
            sentences,
            torch.full((count,), BOS_ID, device=device),
            torch.zeros(count, dtype=torch.float64, device=device),
            torch.empty((count, 0), dtype=torch.long, device=device),
            None,
        )

    def extend(self, tokens: Tensor, totals: Tensor) -> LiveHypotheses:
        """Returns the rows with one more token each and new totals, both ``(rows,)``."""
        histories = torch.cat([self.histories, tokens.unsqueeze(1)], dim=1)
        return self._replace(tokens=tokens, totals=totals, histories=histories)

    @property
    def alive(self) -> Tensor:
        """Which rows have not ended, ``(rows,)``; where a model has diverged, totals are NaN."""
        return self.totals != float("-inf")

    def ending(self, scoring: Scoring) -> list[tuple[int, Hypothesis]]:
        """The beam and the hypothesis of each row that ends with its last token, with its score."""
        rows = ((self.tokens == EOS_ID) & self.alive).nonzero().squeeze(1)
        if not len(rows):
            return []
        # Each list is one copy from the device, however many rows there are.
        beams, sentences, histories, totals = (
            part.index_select(0, rows).tolist()
            for part in (self.beams, self.sentences, self.histories[:, :-1], self.totals)
        )
        attention: Iterable[Tensor | None] = itertools.repeat(None)
        if self.attention is not None:
            attention = self.attention.index_select(0, rows)
        parts = zip(sentences, histories, totals, attention, strict=False)
        return [*zip(beams, (scoring.finish(*each) for each in parts), strict=True)]

    def without(self, ended: Tensor) -> LiveHypotheses:
        """Returns the same rows, of which those are at an end where `ended` is, ``(rows,)``."""
        return self._replace(totals=self.totals.masked_fill(ended, float("-inf")))

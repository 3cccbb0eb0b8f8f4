"""The hypotheses that a search follows, as the rows of one batch."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from seq2seq.data.vocabulary import BOS_ID
from seq2seq.decoding.interface import Hypothesis, Scoring


class LiveHypotheses(NamedTuple):
    """Hypotheses that have not ended, beam by beam; greedy search and sampling have beams of one.

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

    def finish(self, row: int, scoring: Scoring) -> Hypothesis:
        """Returns the hypothesis of a row whose last token is eos, with its score."""
        return scoring.finish(
            int(self.sentences[row]),
            self.histories[row, :-1].tolist(),
            float(self.totals[row]),
            None if self.attention is None else self.attention[row],
        )

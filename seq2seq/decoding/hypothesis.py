"""What a search finds, and how it is ranked: whatever computes the probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from seq2seq.data.vocabulary import BOS_ID, PAD_ID, UNK_ID

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

Ids: TypeAlias = Sequence[int]
"""The token ids of one sentence, without bos and eos."""

FORBIDDEN_IDS = (PAD_ID, UNK_ID, BOS_ID)
"""The ids that no search lets out, unless it is told to."""

MIN_COVERAGE = 0.01
"""The least coverage that a source token counts with. Words like "the" may rightly get no
attention; without a floor, the logarithm would let a single one outweigh all else."""


class Hypothesis(NamedTuple):
    """A sentence that search found.

    Attributes:
        tokens: ids without bos and eos.
        log_probability: natural logarithm of the probability of the tokens and of eos after them by
            the model, whatever a search forbids, prefers or draws from; with a shortlist, of
            each token among the sentence's tokens.
        score: what search ranks by, see `Scoring`; after minimum Bayes risk the expected utility.
        attention: ``(len(tokens) + 1, source tokens)``, eos counted on both sides; None where it
            was not asked for. An exported model gives an array.
        unmet: how many tokens are in phrases that it lacks though it must contain them, having
            come to its greatest length.
    """

    tokens: list[int]
    log_probability: float
    score: float
    attention: Tensor | NDArray[np.float32] | None = None
    unmet: int = 0


def length_penalty(length: int, alpha: float) -> float:
    """Returns the divisor of a hypothesis' log-probability (Wu et al. 2016, equation 14).

    Args:
        length: its tokens, eos counted.
        alpha: 0 ranks by log-probability alone; 1 nearly by log-probability per token.
    """
    return float(((5 + length) / 6) ** alpha)

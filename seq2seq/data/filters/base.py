"""The interface of all filters."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Literal

from seq2seq.data.pairs import Pair

Side = Literal["source", "target"]


class PairFilter(ABC):
    """A reason to drop pairs.

    A filter decides about a pair by that pair, the text that it was made with, and at most the
    pairs that it has seen before and kept. So it drops nothing more of what it has left.

    Attributes:
        reason: what a report says behind "3 dropped", as "for an empty side".
    """

    reason: str

    @abstractmethod
    def drops(self, pair: Pair) -> bool:
        """Whether a pair is to be dropped."""

    def drops_each(self, pairs: Sequence[Pair]) -> list[bool]:
        """`drops` for several pairs, in their order; what computes in batches overrides it."""
        return [self.drops(pair) for pair in pairs]


class TextFilter(PairFilter):
    """Drops pairs of which either side is bad by itself."""

    @abstractmethod
    def is_bad(self, text: str) -> bool:
        """Whether a side is a reason to drop its pair."""

    def drops(self, pair: Pair) -> bool:
        """Whether a side is bad."""
        return self.is_bad(pair.source) or self.is_bad(pair.target)

"""Filters by length: nothing, too much, or more on one side than on the other."""

from __future__ import annotations

from collections.abc import Callable

from seq2seq.data.filters.base import PairFilter, TextFilter
from seq2seq.data.pairs import Pair
from seq2seq.errors import SettingsError


class Empty(TextFilter):
    """Drops pairs with a side of nothing but white space."""

    reason = "for an empty side"

    def is_bad(self, text: str) -> bool:
        """Whether nothing can be seen of a text."""
        return not text.strip()


def count_words(text: str) -> int:
    """Returns the number of words between spaces."""
    return len(text.split())


class TooLong(PairFilter):
    """Drops pairs with a side that is longer than its limit.

    Args:
        source: the limit of the source side; None: there is none.
        target: that of the target side.
        length: what measures a text.
        unit: what it counts, for the report.

    Raises:
        SettingsError: a limit is below 1.
    """

    def __init__(
        self, source: int | None, target: int | None, length: Callable[[str], int], unit: str
    ) -> None:
        limits = sorted({limit for limit in (source, target) if limit is not None})
        for limit in limits:
            if limit < 1:
                raise SettingsError(f"a maximal length of {limit} is not possible; 1 is the least")
        self.limits = (source, target)
        self.length = length
        self.reason = f"over {' or '.join(f'{limit:,}' for limit in limits)} {unit}"

    def drops(self, pair: Pair) -> bool:
        """Whether a side is over its limit."""
        return any(
            limit is not None and self.length(text) > limit
            for text, limit in zip(pair, self.limits, strict=True)
        )


class LengthRatio(PairFilter):
    """Drops pairs of which one side has many more characters than the other.

    Characters vary less between the sides of a pair than words do (Gale & Church 1993). White space
    is not counted.
    """

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self.reason = f"for a length ratio over {limit:g}"

    def drops(self, pair: Pair) -> bool:
        """Whether the longer side is over the limit."""
        shorter, longer = sorted(sum(map(len, side.split())) for side in pair)
        return longer > self.limit * shorter

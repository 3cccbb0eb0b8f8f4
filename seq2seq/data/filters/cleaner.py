"""Several filters applied to pairs as they come, and what each one dropped."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar

from seq2seq.config.wording import counted
from seq2seq.data.filters.base import PairFilter
from seq2seq.data.filters.lengths import Empty
from seq2seq.data.pairs import Pair

CHUNK = 1024
"""So many pairs are looked at together: models score them in batches."""

ItemT = TypeVar("ItemT")


@dataclass(frozen=True)
class CorpusReport:
    """What was read from a corpus and what was dropped, in pairs.

    Attributes:
        name: of the corpus.
        read: how many there were.
        dropped: how many a filter has dropped, by its reason.
    """

    name: str = ""
    read: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict)

    @property
    def kept(self) -> int:
        """How many pairs are left."""
        return self.read - sum(self.dropped.values())

    def __str__(self) -> str:
        """One line, such as "train.tsv: 29,000 pairs read, 3 dropped for an empty side, …"."""
        dropped = ", ".join(f"{n:,} {why}" for why, n in self.dropped.items() if n)
        name = f"{self.name}: " if self.name else ""
        if not dropped:
            return f"{name}{counted(self.read, 'pair')}"
        dropped = dropped.replace(" ", " dropped ", 1)
        return f"{name}{counted(self.read, 'pair')} read, {dropped}, {self.kept:,} kept"

    def and_dropped(self, dropped: Mapping[str, int]) -> CorpusReport:
        """Returns the report of a corpus from which more was dropped."""
        both = dict.fromkeys((*self.dropped, *dropped), 0)
        for counts in (self.dropped, dropped):
            for reason, count in counts.items():
                both[reason] += count
        return CorpusReport(self.name, self.read, both)


class Cleaner:
    """Applies filters in their order; pairs with an empty side are always dropped, before all else.

    A pair that one filter drops is not shown to those after it.

    Args:
        filters: each is used by this cleaner alone, since some know what they have seen.

    Attributes:
        read: how many pairs there were.
        dropped: how many each filter has dropped, by its reason.
    """

    def __init__(self, filters: Sequence[PairFilter] = ()) -> None:
        self.filters = [Empty(), *filters]
        self.read = 0
        self.dropped = {each.reason: 0 for each in self.filters}

    def verdicts(self, pairs: Sequence[Pair]) -> list[str]:
        """Returns for each pair the reason to drop it, "" if there is none."""
        found = [""] * len(pairs)
        left = list(range(len(pairs)))
        for each in self.filters:
            dropped = each.drops_each([pairs[index] for index in left])
            for index, drop in zip(left, dropped, strict=True):
                if drop:
                    found[index] = each.reason
            left = [index for index in left if not found[index]]
            self.dropped[each.reason] += sum(dropped)
        self.read += len(pairs)
        return found

    def judged(
        self, items: Iterable[ItemT], pair_of: Callable[[ItemT], Pair]
    ) -> Iterator[tuple[ItemT, str]]:
        """Yields each item of a stream with the reason to drop its pair, or ""."""
        items = iter(items)
        while chunk := list(islice(items, CHUNK)):
            yield from zip(chunk, self.verdicts(list(map(pair_of, chunk))), strict=True)

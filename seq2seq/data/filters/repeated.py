"""Filters by what stands elsewhere: earlier in the text, in held-out text, on the other side.

Sentences are the same whatever their white space and Unicode form. What was seen is kept as hashes
of 64 bits: of ten million sentences, two that differ have the same with a probability of 3 in a
million, and then the later one is dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from hashlib import blake2b
from typing import Literal

from seq2seq.data.filters.base import PairFilter
from seq2seq.data.pairs import Pair, comparable

By = Literal["pair", "source", "target"]

KEYS: dict[By, Callable[[Pair], str]] = {
    "pair": lambda pair: f"{comparable(pair.source)}\n{comparable(pair.target)}",
    "source": lambda pair: comparable(pair.source),
    "target": lambda pair: comparable(pair.target),
}
"""What of pairs is compared."""


def hash64(text: str) -> int:
    """Returns a hash that is the same on every machine and in every process."""
    return int.from_bytes(
        blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big"
    )


class Duplicates(PairFilter):
    """Drops pairs of which the pair, the source or the target was seen before: the first stays."""

    def __init__(self, by: By) -> None:
        self.key = KEYS[by]
        self.reason = "as duplicates" if by == "pair" else f"for a {by} seen before"
        self.seen: set[int] = set()

    def drops(self, pair: Pair) -> bool:
        """Whether it was seen before; it is from now on."""
        before = len(self.seen)
        self.seen.add(hash64(self.key(pair)))
        return len(self.seen) == before


class HeldOut(PairFilter):
    """Drops pairs of which the pair, the source or the target stands in held-out text."""

    def __init__(self, held_out: Iterable[Pair], by: By) -> None:
        self.key = KEYS[by]
        self.reason = f"for a {by} in held-out text"
        self.hashes = {hash64(self.key(pair)) for pair in held_out}

    def drops(self, pair: Pair) -> bool:
        """Whether it stands there."""
        return hash64(self.key(pair)) in self.hashes


class Copy(PairFilter):
    """Drops pairs with the source itself as the target, which teach a model to copy.

    Khayrallah & Koehn (2018) found no noise that harms more.
    """

    reason = "for a target equal to its source"

    def drops(self, pair: Pair) -> bool:
        """Whether both sides are the same."""
        return comparable(pair.source) == comparable(pair.target)

"""Batches of prepared text, made while a model trains, and never all at once.

An epoch goes through the blocks of the text in an order of its own, `BUFFER` of them at a time. The
pairs of these are shuffled, laid into buckets by length, and their batches shuffled, as `bucket`
does with a text in memory: one that is no longer than a buffer has the very same batches. How many
batches a buffer has follows from lengths alone. So each batch has its number from the beginning,
and a training that is continued reads nothing that stands before it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import accumulate
from typing import NamedTuple, overload

import numpy as np
import torch
from numpy.typing import NDArray

from seq2seq.data.batching import Batch, bucket, make_batch, shuffled
from seq2seq.data.prepared import Block, PreparedText, ids_of, texts_of

BUFFER = 32
"""So many blocks are shuffled together."""
AHEAD = 16
"""So many batches are made before they are asked for."""
ORDER, NEXT_BUFFER = 2**60, 2**40
"""What is added to a seed, for the order of blocks and for each buffer after the first."""

Segment = Callable[[list[str], list[str], int], tuple[list[list[int]], list[list[int]]]]
"""Ids of source and target texts, in a segmentation that a seed draws."""


class BatchLimits(NamedTuple):
    """What batches may have.

    Attributes:
        tokens: the most tokens, pads counted, on the source or target side of a batch.
        longest: pairs with more tokens than this on a side are left out.
    """

    tokens: int
    longest: int


class Buffer(NamedTuple):
    """Blocks whose pairs are shuffled together.

    Attributes:
        blocks: what was read.
        starts: the position at which each block begins.
        batches: positions of the pairs of each batch.
    """

    blocks: list[Block]
    starts: list[int]
    batches: list[list[int]]


class EpochBatches(Sequence[Batch]):
    """The batches of an epoch, which a thread makes a few ahead of the one that was asked for.

    They are those of (seed, epoch), whichever was asked for first.

    Args:
        text: the pairs.
        limits: of a batch.
        seed: of the training.
        epoch: its number, from 0.
        segment: how texts become ids; None for text that was prepared as ids.
    """

    def __init__(
        self,
        text: PreparedText,
        limits: BatchLimits,
        seed: int,
        epoch: int,
        segment: Segment | None = None,
    ) -> None:
        self.text, self.limits, self.segment = text, limits, segment
        self.seed = seed * 1_000_003 + epoch
        order = shuffled(len(text.blocks), torch.Generator().manual_seed(self.seed + ORDER))
        self.buffers = [sorted(order[n : n + BUFFER]) for n in range(0, len(order), BUFFER)]
        self.ends = [*accumulate(map(self.count, self.buffers))]
        self.loaded: tuple[int, Buffer] | None = None
        self.thread = ThreadPoolExecutor(1)
        self.ahead: deque[tuple[int, Future[Batch]]] = deque()

    def count(self, blocks: Sequence[int]) -> int:
        """Counts the batches of a buffer; of its shards only the lengths are read."""
        read = [self.text.read(number, verify=False).lengths for number in blocks]
        lengths = np.concatenate(read, axis=1)
        return count_batches(self.kept(lengths)[1], self.limits.tokens)

    def kept(self, lengths: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """The positions of the pairs that are not too long, and their lengths, ``(2, pairs)``."""
        positions = np.flatnonzero(lengths.max(axis=0) <= self.limits.longest)
        return positions, lengths[:, positions]

    def __len__(self) -> int:
        """The number of batches."""
        return self.ends[-1]

    @overload
    def __getitem__(self, index: int) -> Batch: ...
    @overload
    def __getitem__(self, index: slice) -> list[Batch]: ...
    def __getitem__(self, index: int | slice) -> Batch | list[Batch]:
        """The batch of a number, or some; quickest in their order."""
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        if not 0 <= index < len(self):
            raise IndexError(f"there is no batch {index}, but {len(self):,} from 0 on")
        while self.ahead and self.ahead[0][0] != index:
            self.ahead.popleft()[1].cancel()
        for number in range(index + len(self.ahead), min(index + AHEAD, len(self))):
            self.ahead.append((number, self.thread.submit(self.make, number)))
        return self.ahead.popleft()[1].result()

    def make(self, number: int) -> Batch:
        """Makes a batch, in the thread."""
        place = bisect_right(self.ends, number)
        if self.loaded is None or self.loaded[0] != place:
            self.loaded = None  # two buffers would need twice the memory
            self.loaded = place, self.load(place)
        blocks, starts, batches = self.loaded[1]
        first = self.ends[place - 1] if place else 0
        sides: tuple[list[list[int]], list[list[int]]] = ([], [])
        texts: tuple[list[str], list[str]] = ([], [])
        for position in batches[number - first]:
            inside = bisect_right(starts, position) - 1
            row = [position - starts[inside]]
            for side, text, rows in zip(sides, texts, blocks[inside][:2], strict=True):
                if self.segment is None:
                    side += ids_of(rows, row)
                else:
                    text += texts_of(rows, row)
        if self.segment is not None:
            sides = self.segment(*texts, self.seed + number * NEXT_BUFFER)
        return make_batch(*sides)

    def load(self, place: int) -> Buffer:
        """Reads the blocks of a buffer, and lays their pairs into batches."""
        blocks = [self.text.read(number) for number in self.buffers[place]]
        starts = [0, *accumulate(block.lengths.shape[1] for block in blocks)]
        lengths = np.concatenate([block.lengths for block in blocks], axis=1)
        positions, (source, target) = self.kept(lengths)
        generator = torch.Generator().manual_seed(self.seed + place * NEXT_BUFFER)
        batches = bucket(source.tolist(), target.tolist(), self.limits.tokens, generator)
        return Buffer(blocks, starts[:-1], [positions[batch].tolist() for batch in batches])


def count_batches(lengths: NDArray[np.int32], budget: int) -> int:
    """How many batches `bucket` makes of pairs with these lengths, ``(2, pairs)``.

    Pairs of the same lengths are counted together, since their order makes no difference.
    """
    if not lengths.size:
        return 0
    width = int(lengths[1].max()) + 1
    kinds, counts = np.unique(lengths[0].astype(np.int64) * width + lengths[1], return_counts=True)
    batches, size, longest = 0, 0, 0
    for kind, count in zip(kinds.tolist(), counts.tolist(), strict=True):
        length = 1 + max(divmod(kind, width))
        while count:
            if size and max(longest, length) * (size + 1) > budget:
                batches, size, longest = batches + 1, 0, 0
            longest = max(longest, length)
            more = min(count, max(budget // longest - size, 1))
            size, count = size + more, count - more
    return batches + 1

"""Shards of text -> shards of ids, by several processes."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from seq2seq.data.pairs import comparable
from seq2seq.data.prepared import block_of, checksum, read_shard, write_shard
from seq2seq.data.prepared_folder import SIDES
from seq2seq.data.tokenizers.pipeline import TextPipeline
from seq2seq.errors import RunError
from seq2seq.runs.files import read_json, write_atomically, write_json
from seq2seq.training.reporting import ProgressBar

SMALL = 2**16
"""Ids of a vocabulary with no more tokens take two bytes, others four."""


class Tokenizing(NamedTuple):
    """What each process knows.

    Attributes:
        folder: where the shards are.
        source: tokenizer and vocabulary of the source side.
        target: those of the target side.
        held: sources that are set aside, as they are compared.
        is_text: whether texts are written; else ids.
    """

    folder: Path
    source: TextPipeline
    target: TextPipeline
    held: frozenset[str]
    is_text: bool

    def tokenize(self, number: int) -> dict[str, Any]:
        """Tokenizes a shard, unless that was done before; returns what is to be said of it."""
        name = f"pairs-{number:05}"
        path, said = self.folder / f"{name}.arrow", self.folder / f"{name}.json"
        if said.is_file():
            return dict(read_json(said))
        blocks, held = [], []
        lengths: dict[int, list[int]] = {}
        for batch in read_shard(self.folder / f"text-{number:05}.arrow"):
            texts = [batch.column(side).to_pylist() for side in SIDES]
            if self.held:
                aside = [comparable(source) in self.held for source in texts[0]]
                held += [
                    pair for pair, out in zip(zip(*texts, strict=True), aside, strict=True) if out
                ]
                texts = [
                    [text for text, out in zip(side, aside, strict=True) if not out]
                    for side in texts
                ]
            if texts[0]:
                blocks.append(self.block(texts, lengths))
        if blocks:
            write_atomically(path, lambda temporary: write_shard(temporary, blocks))
        content = {
            "name": path.name,
            "bytes": path.stat().st_size if blocks else 0,
            "blocks": [*map(checksum, blocks)],
            "lengths": lengths,
            "held": held,
        }
        write_json(said, content)
        return content

    def block(self, texts: Sequence[list[str]], lengths: dict[int, list[int]]) -> Any:
        """Tokenizes the pairs of a block, and counts them by their lengths."""
        import pyarrow

        sides = [
            pipeline.encode(side)
            for pipeline, side in zip((self.source, self.target), texts, strict=True)
        ]
        counts = np.array([[len(ids) for ids in side] for side in sides], dtype=np.int32)
        longer = counts.max(axis=0)
        for length in np.unique(longer).tolist():
            chosen = counts[:, longer == length]
            sums = lengths.setdefault(length, [0, 0, 0])
            found = [chosen.shape[1], *chosen.sum(axis=1).tolist()]
            lengths[length] = [one + other for one, other in zip(sums, found, strict=True)]
        if self.is_text:
            columns = dict(zip(SIDES, texts, strict=True))
            more = {f"{side}_length": row for side, row in zip(SIDES, counts, strict=True)}
            return block_of({**columns, **more})
        size = max(len(self.source.vocab), len(self.target.vocab))
        kind = pyarrow.uint16() if size <= SMALL else pyarrow.uint32()
        return block_of(dict(zip(SIDES, sides, strict=True)), kind)


def tokenize_shards(
    work: Tokenizing, shards: Sequence[int], workers: int = 0
) -> list[dict[str, Any]]:
    """Tokenizes all shards; returns what each process says of its own, in their order.

    Args:
        work: what is to be done.
        shards: how many pairs each has.
        workers: how many processes; 0: one for each core.

    Raises:
        RunError: a process was killed, or the disk is full.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    workers = min(workers or cores or 1, len(shards))
    with ProgressBar("pairs tokenized", sum(shards)) as bar:
        found = []
        for size, said in zip(shards, in_processes(work, len(shards), workers), strict=True):
            bar.add(size)
            found.append(said)
        return found


def in_processes(work: Tokenizing, shards: int, workers: int) -> Iterator[dict[str, Any]]:
    """Yields what is said of each shard, as they are done, in their order.

    Processes are forked; Apple's libraries don't bear that, and Windows has none.
    """
    if workers == 1 or sys.platform != "linux":
        yield from map(work.tokenize, range(shards))
        return
    context = multiprocessing.get_context("fork")
    with warnings.catch_warnings():
        # Python warns of threads, which the children do not use.
        warnings.simplefilter("ignore", DeprecationWarning)
        pool = ProcessPoolExecutor(workers, context, _begin, (work,))
        try:
            yield from pool.map(_tokenize, range(shards))
        except BrokenProcessPool as error:
            raise RunError(
                f"{work.folder}: one of the processes that tokenize has ended: was it killed, as "
                "for want of memory? Run the same command again, which goes on"
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)


_work: Tokenizing | None = None
"""What this process does, if it was begun by `in_processes`."""


def _begin(work: Tokenizing) -> None:
    global _work
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends this one, after its shard
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _work = work


def _end_with_parent() -> None:
    """Ends this process when its parent was killed, which nothing else would tell it."""
    parent = multiprocessing.parent_process()
    assert parent
    wait([parent.sentinel])
    os._exit(1)


def _tokenize(number: int) -> dict[str, Any]:
    assert _work
    return _work.tokenize(number)

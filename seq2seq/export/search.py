"""Many sentences -> hypotheses, by exported models; and the probability of given targets.

Compare `seq2seq.decoding.search`. An ensemble may have a single member.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from operator import itemgetter
from typing import TypeVar

import numpy as np

from seq2seq.config.decoding import DecodingSettings
from seq2seq.data.vocabulary import BOS_ID, EOS_ID, PAD_ID, UNK_ID
from seq2seq.decoding.batches import batches, hypotheses_each
from seq2seq.decoding.hypothesis import FORBIDDEN_IDS, Hypothesis, Ids
from seq2seq.export.beam_search import Request, beam_search, greedy_search
from seq2seq.export.ensemble import EnsembleState, ExportedEnsemble
from seq2seq.export.model import Array

Result = TypeVar("Result")


def search(
    model: ExportedEnsemble,
    sources: Sequence[Sequence[Ids]],
    settings: DecodingSettings,
    *,
    n: int = 1,
    prefixes: Sequence[Ids] | None = None,
    attention: bool = False,
    threads: int = 1,
) -> list[list[Hypothesis]]:
    """Returns the best hypotheses of each source, in the order of the sources.

    Arguments are as for `seq2seq.decoding.search.search`; `threads` is how many batches are
    searched at the same time.
    """
    width = hypotheses_each(settings, n)
    forbidden = np.zeros(model.vocab_size, np.bool_)
    for token in FORBIDDEN_IDS:
        forbidden[token] = token != UNK_ID or not settings.replace_unknown
    early = forbidden.copy()
    early[EOS_ID] = True

    def search_batch(chosen: Sequence[int]) -> list[list[Hypothesis]]:
        """Searches for some of the sources, by their numbers."""
        state, lengths = start_batch(model, sources, chosen)
        begun = pad([[] if prefixes is None else prefixes[index] for index in chosen])
        longest = np.maximum(max_lengths(settings, lengths - 1), settings.min_length)
        longest = np.maximum(longest, begun[1])
        request = Request(
            settings,
            width,
            model.vocab_size,
            lengths,
            longest,
            ((6 + longest) / 6) ** settings.length_penalty,
            *begun,
            attention or settings.replace_unknown,
            forbidden,
            early,
        )
        return (greedy_search if width == 1 else beam_search)(model, state, request)

    groups = [*batches(sources[0], settings.batch_size, settings.batch_tokens // width)]
    return in_threads(search_batch, groups, threads)


def score(
    model: ExportedEnsemble,
    sources: Sequence[Sequence[Ids]],
    targets: Sequence[Ids],
    *,
    batch_size: int,
    batch_tokens: int,
    threads: int = 1,
) -> list[list[float]]:
    """Returns the log-probability of each token of each target, and of eos after them."""

    def score_batch(chosen: Sequence[int]) -> list[list[float]]:
        """Scores some of the targets, by their numbers."""
        state, _ = start_batch(model, sources, chosen)
        ids, lengths = pad([[*targets[index], EOS_ID] for index in chosen])
        previous = np.full(len(chosen), BOS_ID)
        steps = []
        for position in range(ids.shape[1]):
            wanted = ids[:, position : position + 1]
            found, state = model.step(previous, state, wanted, count=1)
            previous = ids[:, position]
            steps.append(found.wanted[:, 0].astype(np.float64))
        values = np.stack(steps, axis=1)
        return [row[:length].tolist() for row, length in zip(values, lengths, strict=True)]

    return in_threads(score_batch, [*batches(targets, batch_size, batch_tokens)], threads)


def in_threads(
    work: Callable[[Sequence[int]], list[Result]], groups: Sequence[Sequence[int]], threads: int
) -> list[Result]:
    """Returns the results of all batches, in the order of the numbers in them.

    Threads of Python, since ONNX Runtime computes without holding Python up: its own would wait
    for each other at every node, and not survive a fork.
    """
    threads = min(threads, len(groups))
    pool = ThreadPoolExecutor(threads) if threads > 1 else None
    try:
        found = [*(pool.map if pool else map)(work, groups)]
    finally:
        if pool:
            pool.shutdown(cancel_futures=True)
    results = zip(chain.from_iterable(groups), chain.from_iterable(found), strict=True)
    return [result for _, result in sorted(results, key=itemgetter(0))]


def start_batch(
    model: ExportedEnsemble, sources: Sequence[Sequence[Ids]], chosen: Sequence[int]
) -> tuple[EnsembleState, Array]:
    """Returns the state before bos, and the lengths of the first member's sources with eos."""
    padded = [pad([[*rows[index], EOS_ID] for index in chosen]) for rows in sources]
    return model.start(padded), padded[0][1]


def pad(rows: Sequence[Ids]) -> tuple[Array, Array]:
    """Returns rows of ids, padded, ``(batch_size, longest)``; and lengths ``(batch_size,)``."""
    lengths = np.array([len(row) for row in rows], np.int64)
    padded = np.full((len(rows), int(lengths.max(initial=0))), PAD_ID, np.int64)
    for row, ids in zip(padded, rows, strict=True):
        row[: len(ids)] = ids
    return padded, lengths


def max_lengths(settings: DecodingSettings, lengths: Array) -> Array:
    """Returns the most tokens of each hypothesis, of source lengths without eos."""
    if settings.max_length:
        return np.full_like(lengths, settings.max_length)
    # In the float32 of torch, so that a product just below a whole number is cut the same.
    product = np.float32(settings.max_length_ratio) * lengths.astype(np.float32)
    longest: Array = (product + np.float32(settings.max_length_extra)).astype(np.int64)
    return longest

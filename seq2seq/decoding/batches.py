"""Many sentences -> batches of like length."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from seq2seq.config.decoding import DecodingSettings
from seq2seq.decoding.hypothesis import Ids


def batches(rows: Sequence[Ids], size: int, tokens: int) -> Iterator[list[int]]:
    """Yields positions of rows of like length, at least one at a time.

    Args:
        size: the most rows of a batch.
        tokens: the most tokens, with eos and pads.
    """
    chosen: list[int] = []
    for index in sorted(range(len(rows)), key=lambda index: len(rows[index])):
        longest = len(rows[index]) + 1
        if chosen and (len(chosen) == size or longest * (len(chosen) + 1) > tokens):
            yield chosen
            chosen = []
        chosen.append(index)
    if chosen:
        yield chosen


def hypotheses_each(settings: DecodingSettings, n: int) -> int:
    """Returns how many hypotheses of a sentence are followed at the same time."""
    if settings.method == "sample":
        return n
    return max(n, settings.samples if settings.method == "mbr" else settings.beam_size)

"""How a batch is computed by torch: its padded sources, the threads, the precision."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

import torch
from torch import Tensor

from seq2seq.config.decoding import DecodingSettings
from seq2seq.data.batching import pad_sources
from seq2seq.decoding.ensemble import Ensemble
from seq2seq.decoding.hypothesis import Ids
from seq2seq.decoding.interface import State
from seq2seq.decoding.shallow_fusion import ShallowFusion

MANY_ROWS = 8
"""From so many rows on, two threads are quicker than one (tests/benchmarks)."""

GPU_BATCHES = 16
"""A GPU takes so many times as much at once by default: a step takes about as long for 100 rows as
for 2,000."""


def batch_limits(settings: DecodingSettings, device: torch.device) -> tuple[int, int]:
    """Returns the most sentences and the most tokens of a batch on this device."""
    given = settings.batch_size, settings.batch_tokens
    usual = DecodingSettings.batch_size, DecodingSettings.batch_tokens
    if device.type == "cuda" and given == usual:
        return usual[0] * GPU_BATCHES, usual[1] * GPU_BATCHES
    return given


def start_batch(
    model: Ensemble | ShallowFusion,
    sources: Sequence[Sequence[Ids]],
    chosen: Sequence[int],
    device: torch.device,
) -> tuple[State, Tensor]:
    """Returns the state before bos, and the lengths of the first member's sources with eos."""
    padded = [pad_sources([member[index] for index in chosen]) for member in sources]
    state = model.start([(source.to(device), lengths) for source, lengths in padded])
    return state, padded[0][1]


def reduced_precision(
    settings: DecodingSettings, device: torch.device
) -> AbstractContextManager[object]:
    """A context in which matrix products have the precision that the settings name."""
    return torch.autocast(device.type, torch.bfloat16, enabled=settings.precision == "bfloat16")


@contextmanager
def threads_for(rows: int, device: torch.device) -> Iterator[None]:
    """A context with one thread for a few rows on a CPU.

    Products of few rows wait for memory, whatever the number of threads; and beside other programs
    threads wait for each other, at each of a sentence's hundreds of small products.
    """
    threads = torch.get_num_threads()
    if device.type != "cpu" or rows >= MANY_ROWS or threads == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)

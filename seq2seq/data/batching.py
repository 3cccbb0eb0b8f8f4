"""Ids -> batches: where bos starts and eos ends, length buckets by token budget, padding.

This file is the one place that puts bos and eos around a sentence:

    source           w1 w2 … wn eos
    target_input     bos v1 v2 … vm
    target_output        v1 v2 … vm eos
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from seq2seq.data.vocabulary import BOS_ID, EOS_ID, PAD_ID
from seq2seq.errors import DataError


class Batch(NamedTuple):
    """Some sentence pairs, padded; rows are sentences.

    Attributes:
        source: ``(batch_size, source_length)``, each row ended by eos.
        source_lengths: ``(batch_size,)``, eos counted; always on the CPU.
        target_input: ``(batch_size, target_length)``, each row begun by bos.
        target_output: ``(batch_size, target_length)``, each row ended by eos.
        target_lengths: ``(batch_size,)``; always on the CPU.
    """

    source: Tensor
    source_lengths: Tensor
    target_input: Tensor
    target_output: Tensor
    target_lengths: Tensor

    @property
    def target_tokens(self) -> int:
        """How many target tokens there are to predict, eos counted, without padding."""
        return int(self.target_lengths.sum())

    def split(self, count: int) -> list[Batch]:
        """Returns at most so many batches with about equally many of the sentences each."""
        parts = zip(*(part.tensor_split(min(count, len(part))) for part in self), strict=True)
        return [Batch(*each) for each in parts]

    def to(self, device: torch.device) -> Batch:
        """Returns the same batch with its ids on `device`; the lengths stay on the CPU."""
        return self._replace(
            source=to_device(self.source, device),
            target_input=to_device(self.target_input, device),
            target_output=to_device(self.target_output, device),
        )


def to_device(values: Tensor, device: torch.device) -> Tensor:
    """Returns the same values on `device`, without waiting for what a GPU has yet to do.

    Only memory that stays where it is (pinned) can be copied while the program goes on.
    """
    if device.type == "cuda" and values.device.type == "cpu":
        values = values.pin_memory()
    return values.to(device, non_blocking=device.type == "cuda")


def pad_mask(lengths: Tensor, longest: int, device: torch.device) -> Tensor:
    """Returns True where a row has ended, ``(batch_size, longest)`` on `device`."""
    places = torch.arange(longest, device=device)
    return places >= to_device(lengths, device).unsqueeze(1)


def real_places(lengths: Tensor, longest: int) -> Tensor:
    """Returns the places of all tokens before their rows' ends, among padded rows one by one.

    By numpy: torch's indexing by a mask took milliseconds on the processor beside a GPU.

    >>> real_places(torch.tensor([3, 1]), 3).tolist()
    [0, 1, 2, 3]

    Args:
        lengths: ``(batch_size,)``, on the CPU.
        longest: the length of the padded rows.
    """
    return torch.from_numpy(np.flatnonzero(np.arange(longest) < lengths.numpy()[:, None]))


def pad(rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Returns rows of ids, padded, ``(batch_size, longest)``; and lengths ``(batch_size,)``."""
    lengths = torch.tensor([len(row) for row in rows], dtype=torch.long)
    longest = max(map(len, rows), default=0)
    padded = torch.full((len(rows), longest), PAD_ID)
    # All ids at once: a tensor for each row would take several times as long.
    ids = torch.tensor([*chain.from_iterable(rows)], dtype=torch.long)
    return padded.masked_scatter(torch.arange(longest) < lengths.unsqueeze(1), ids), lengths


def pad_sources(sources: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Returns padded sources with eos and their lengths, of ids without bos and eos."""
    return pad([[*ids, EOS_ID] for ids in sources])


def make_batch(sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]) -> Batch:
    """Returns a padded batch with bos and eos, of pairs of ids without them.

    Raises:
        DataError: there are not as many targets as sources.
    """
    if len(sources) != len(targets):
        raise DataError(f"{len(sources):,} sources and {len(targets):,} targets are no pairs")
    source, source_lengths = pad_sources(sources)
    target_input, target_lengths = pad([[BOS_ID, *ids] for ids in targets])
    target_output, _ = pad([[*ids, EOS_ID] for ids in targets])
    return Batch(source, source_lengths, target_input, target_output, target_lengths)


def bucket(
    source_lengths: Sequence[int],
    target_lengths: Sequence[int],
    budget: int,
    generator: torch.Generator | None = None,
) -> list[list[int]]:
    """Returns batches of the positions of sentences of similar length; each occurs exactly once.

    Sorted by source length first, so that most batches have one source length and no source pads,
    which is also what the recurrent kernels are quickest on. A pair longer than the budget is a
    batch of its own. Lengths are counted without bos and eos, which the budget does count.

    Args:
        budget: the most tokens, pads counted, that a batch has on its source or target side.
        generator: shuffles which sentences meet in a batch, and the batches; None leaves them
            sorted by length.
    """
    count = len(source_lengths)
    order = list(range(count)) if generator is None else shuffled(count, generator)
    order.sort(key=lambda position: (source_lengths[position], target_lengths[position]))
    batches: list[list[int]] = []
    batch: list[int] = []
    longest = 0
    for position in order:
        length = 1 + max(source_lengths[position], target_lengths[position])
        if batch and max(longest, length) * (len(batch) + 1) > budget:
            batches.append(batch)
            batch, longest = [], 0
        batch.append(position)
        longest = max(longest, length)
    if batch:
        batches.append(batch)
    if generator is None:
        return batches
    return [batches[index] for index in shuffled(len(batches), generator)]


def shuffled(count: int, generator: torch.Generator) -> list[int]:
    """Returns the numbers below `count` in an order drawn from `generator`."""
    order: list[int] = torch.randperm(count, generator=generator).tolist()
    return order

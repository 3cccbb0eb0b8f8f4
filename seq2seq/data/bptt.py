"""Windows of one long text for truncated BPTT: random sampling and sequential partition.

A language model of running text predicts each token from those before it, in windows of `steps`
tokens (Zhang et al., Dive into Deep Learning, section 9.3; there for the sequence 0 … 34):

    inputs    5 6 7 8 9            targets are the inputs shifted by one
    targets   6 7 8 9 10

An epoch begins at an offset drawn below `steps`, so that the text is cut elsewhere each time. In
random sampling windows come in random order, and the state starts at zero in each. In sequential
partition row i of a window continues row i of the one before, and so does its state.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from seq2seq.data.batching import shuffled
from seq2seq.errors import DataError


class Window(NamedTuple):
    """A batch of pieces of one text, all equally long; rows are pieces.

    Attributes:
        inputs: ``(batch_size, steps)``.
        targets: ``(batch_size, steps)``, the token after each input.
        first: whether the state starts at zero; else it is that after the window before, through
            which no gradient flows (truncated BPTT).
    """

    inputs: Tensor
    targets: Tensor
    first: bool

    @property
    def target_tokens(self) -> int:
        """How many tokens there are to predict."""
        return self.targets.numel()

    def split(self, count: int) -> list[Window]:
        """Returns the window alone: the next one goes on from the state of every row."""
        return [self]

    def to(self, device: torch.device) -> Window:
        """Returns the same window with its ids on `device`."""
        return self._replace(
            inputs=self.inputs.to(device, non_blocking=True),
            targets=self.targets.to(device, non_blocking=True),
        )


def random_windows(
    ids: Sequence[int], steps: int, batch_size: int, generator: torch.Generator
) -> list[Window]:
    """Returns an epoch in random order: the text from a random offset on, in pieces of `steps`.

    Every token after the one at the offset is a target exactly once: what is left over is a last
    batch of fewer rows, and a window of one shorter row. `generator` draws the offset, which pieces
    meet in a window, and the order of windows.

    Raises:
        DataError: the text has not more than `steps` tokens.
    """
    text = _from_offset(ids, steps, batch_size, steps + 1, generator)
    inputs, targets = text[:-1], text[1:]
    count = len(inputs) // steps
    end = count * steps  # where the pieces of full length do
    order = torch.randperm(count, generator=generator)
    full_inputs, full_targets = (part[:end].reshape(-1, steps)[order] for part in (inputs, targets))
    windows = [
        Window(full_inputs[rows : rows + batch_size], full_targets[rows : rows + batch_size], True)
        for rows in range(0, count, batch_size)
    ]
    if end < len(inputs):
        windows.append(Window(inputs[None, end:], targets[None, end:], True))
    return [windows[index] for index in shuffled(len(windows), generator)]


def sequential_windows(
    ids: Sequence[int], steps: int, batch_size: int, generator: torch.Generator
) -> list[Window]:
    """Returns an epoch in the order of the text, of which `batch_size` equal parts are the rows.

    Row i of a window continues row i of the one before; the last window may have fewer steps. Every
    token after the one at the offset, which `generator` draws, is a target exactly once, but for
    those at the very end, fewer than `batch_size`, that do not fill a column.

    Raises:
        DataError: some row could have no target.
    """
    text = _from_offset(ids, steps, batch_size, steps + batch_size, generator)
    length = (len(text) - 1) // batch_size  # of a row
    end = length * batch_size
    inputs = text[:end].reshape(batch_size, length)
    targets = text[1 : end + 1].reshape(batch_size, length)
    return [
        Window(inputs[:, at : at + steps], targets[:, at : at + steps], first=at == 0)
        for at in range(0, length, steps)
    ]


def _from_offset(
    ids: Sequence[int], steps: int, batch_size: int, least: int, generator: torch.Generator
) -> Tensor:
    """Returns the text from a random offset on; DataError unless it has `least` tokens in all."""
    if len(ids) < least:
        raise DataError(
            f"the text has {len(ids):,} tokens, too few for windows of {steps:,} steps in "
            f"{batch_size:,} rows, which need {least:,}: lower the steps or the batch size, or "
            f"take more text"
        )
    offset = int(torch.randint(steps, (1,), generator=generator))
    return torch.tensor(ids[offset:])

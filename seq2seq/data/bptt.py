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
from seq2seq.errors import DataError, SettingsError


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

    def halves(self) -> None:
        """Returns None: the next window goes on from the state of every row."""

    def to(self, device: torch.device) -> Window:
        """Returns the same window with its ids on `device`."""
        return self._replace(
            inputs=self.inputs.to(device, non_blocking=True),
            targets=self.targets.to(device, non_blocking=True),
        )


def random_windows(
    ids: Tensor | Sequence[int], steps: int, batch_size: int, generator: torch.Generator
) -> list[Window]:
    """Returns an epoch in random order: the text from a random offset on, in pieces of `steps`.

    Every token after the one at the offset is a target exactly once: what is left over is a last
    batch of fewer rows, and a window of one shorter row.

    Args:
        ids: the text, ``(length,)``.
        steps: tokens in a piece.
        batch_size: pieces in a window.
        generator: draws the offset, which pieces meet in a window, and the order of windows.

    Raises:
        SettingsError: `steps` or `batch_size` is below 1.
        DataError: the text has not more than `steps` tokens.
    """
    text = _checked(ids, steps, batch_size, least=steps + 1)
    offset = _draw_offset(steps, generator)
    inputs, targets = text[offset:-1], text[offset + 1 :]
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
    ids: Tensor | Sequence[int],
    steps: int,
    batch_size: int,
    offset: torch.Generator | int = 0,
) -> list[Window]:
    """Returns an epoch in the order of the text, of which `batch_size` equal parts are the rows.

    Row i of a window continues row i of the one before; the last window may have fewer steps. Every
    token after the one at the offset is a target exactly once, but for those at the very end, fewer
    than `batch_size`, that do not fill a column.

    Args:
        ids: the text, ``(length,)``.
        steps: tokens in a row of a window.
        batch_size: rows.
        offset: where the first row begins, as for validation; or, for training, a generator that
            draws it below `steps`.

    Raises:
        SettingsError: `steps` or `batch_size` is below 1, or `offset` below 0.
        DataError: some row could have no target.
    """
    if isinstance(offset, torch.Generator):
        text = _checked(ids, steps, batch_size, least=steps + batch_size)
        begin = _draw_offset(steps, offset)
    elif offset < 0:
        raise SettingsError(f"the offset is {offset}; it must be 0 or more")
    else:
        text = _checked(ids, steps, batch_size, least=offset + batch_size + 1)
        begin = offset
    length = (len(text) - 1 - begin) // batch_size  # of a row
    end = begin + length * batch_size
    inputs = text[begin:end].reshape(batch_size, length)
    targets = text[begin + 1 : end + 1].reshape(batch_size, length)
    return [
        Window(inputs[:, at : at + steps], targets[:, at : at + steps], first=at == 0)
        for at in range(0, length, steps)
    ]


def _draw_offset(steps: int, generator: torch.Generator) -> int:
    return int(torch.randint(steps, (1,), generator=generator))


def _checked(ids: Tensor | Sequence[int], steps: int, batch_size: int, least: int) -> Tensor:
    """Returns the text as a tensor; raises unless it has `least` tokens, whatever the offset."""
    for name, value in (("steps", steps), ("batch_size", batch_size)):
        if value < 1:
            raise SettingsError(f"{name} is {value}; it must be 1 or more")
    text = torch.as_tensor(ids, dtype=torch.long)
    if text.dim() != 1:
        raise DataError(
            f"the text must be one sequence of ids, not of shape {tuple(text.shape)}; flatten it"
        )
    if len(text) < least:
        raise DataError(
            f"the text has {len(text):,} tokens, too few for windows of {steps:,} steps in "
            f"{batch_size:,} rows, which need {least:,}: lower the steps or the batch size, or "
            f"take more text"
        )
    return text

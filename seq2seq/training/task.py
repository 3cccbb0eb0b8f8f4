"""What differs between kinds of model, and all that the trainer asks of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor

from seq2seq.errors import SettingsError
from seq2seq.training.loss import Loss
from seq2seq.training.reporting import log_line

AnyBatchT = TypeVar("AnyBatchT", bound="TrainingBatch")


class TrainingBatch(Protocol):
    """What the loop itself needs to know of a batch."""

    @property
    def target_tokens(self) -> int:
        """Real tokens to predict."""

    def _asdict(self) -> dict[str, Any]:
        """Its parts by name: every batch is a NamedTuple."""

    def halves(self: AnyBatchT) -> tuple[AnyBatchT, AnyBatchT] | None:
        """Two batches with half of the rows each; None where rows can't be parted."""


BatchT = TypeVar("BatchT", bound=TrainingBatch)


class Validation(NamedTuple):
    """Scores on held-out text.

    Attributes:
        loss: mean negative log-likelihood in nats per token, without label smoothing.
        bleu: if the model translates.
        samples: to look at: a few sentences, each with "source", "reference" and "hypothesis"; or
            made-up text.
        figures: other scores by name, which metrics.jsonl gets as well.
    """

    loss: float
    bleu: float | None
    samples: list[dict[str, str]]
    figures: Mapping[str, float] = MappingProxyType({})


def check_batch_tokens(lengths: Sequence[int], budget: int) -> None:
    """Says how many sentences, or pairs of them, are more than a batch by themselves.

    Args:
        lengths: their tokens, without eos; of a pair those of its longer side.
        budget: the most tokens of a batch.

    Raises:
        SettingsError: all of them are.
    """
    long = sum(length + 1 > budget for length in lengths)
    if long == len(lengths):
        raise SettingsError(
            f"--training.batch-tokens {budget} is less than a single sentence: the shortest one "
            f"has {min(lengths) + 1:,} tokens with its end. Raise it"
        )
    if long:
        log_line(
            f"{long:,} of {len(lengths):,} have more tokens than --training.batch-tokens {budget}: "
            "each of them is a batch of its own"
        )


class Task(Protocol[BatchT]):
    """What differs between kinds of model."""

    def batches(self, epoch: int) -> Sequence[BatchT]:
        """The batches of an epoch, from 0, in order; the same each time for the same number."""

    def loss(
        self, batch: BatchT, *, rate: float, device: torch.device, generator: torch.Generator
    ) -> Loss:
        """The loss of a batch, with the given rate of scheduled sampling."""

    def validate(self, device: torch.device) -> Validation:
        """Scores of the model as it is."""

    def state_dict(self) -> dict[str, Tensor]:
        """What one batch hands on to the next, by name; a checkpoint has to have it."""

    def load_state_dict(self, tensors: dict[str, Tensor]) -> None:
        """Continues with what `state_dict` gave."""

"""`Task`: what the trainer asks of a kind of model, and all that differs between kinds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor

from seq2seq.errors import SettingsError
from seq2seq.training.loss import Loss
from seq2seq.training.reporting import log_line

AnyBatchT = TypeVar("AnyBatchT", bound="TrainingBatch")


class TrainingBatch(Protocol):
    """What the trainer needs to know of a batch, which is a NamedTuple."""

    @property
    def target_tokens(self) -> int:
        """How many tokens there are to predict, without padding."""

    def __iter__(self) -> Iterator[Any]:
        """Goes through its fields."""

    def _asdict(self) -> dict[str, Any]:
        """Returns its fields by name."""

    def split(self: AnyBatchT, count: int) -> list[AnyBatchT]:
        """Returns at most `count` batches of its rows; the batch alone if it can't be split."""


BatchT = TypeVar("BatchT", bound=TrainingBatch)
GivenBatchT = TypeVar("GivenBatchT", bound=TrainingBatch, contravariant=True)


class Validation(NamedTuple):
    """Scores on held-out text.

    Attributes:
        loss: mean negative log-likelihood in nats per token, without label smoothing.
        figures: other scores by name, for metrics.jsonl; "sets": those of several validation sets.
        samples: a few sentences to look at, each with "source", "reference" and "hypothesis"; or
            generated text.
        best_by: the score that chooses the best weights, higher is better; None: the loss does.
    """

    loss: float
    figures: Mapping[str, Any]
    samples: list[dict[str, str]]
    best_by: float | None = None


def check_batch_tokens(lengths: Iterable[int] | Mapping[int, int], budget: int) -> None:
    """Reports how many sentences, or sentence pairs, have more tokens than a batch may have.

    Args:
        lengths: their tokens, without eos; of a pair, those of the longer side; or how many there
            are of each length.
        budget: the most tokens of a batch.

    Raises:
        SettingsError: all of them have more.
    """
    counts = Counter(lengths)
    total = counts.total()
    long = sum(count for length, count in counts.items() if length + 1 > budget)
    if long == total:
        raise SettingsError(
            f"--training.batch-tokens {budget} is less than a single sentence: the shortest one "
            f"has {min(counts) + 1:,} tokens with its end. Raise it"
        )
    if long:
        log_line(
            f"{long:,} of {total:,} have more tokens than --training.batch-tokens {budget}: "
            "each of them is a batch of its own"
        )


class Learner(Protocol[GivenBatchT]):
    """A model as one update sees it."""

    def loss(
        self, batch: GivenBatchT, *, rate: float, device: torch.device, generator: torch.Generator
    ) -> Loss:
        """Returns the loss of a batch, with the given rate of scheduled sampling."""


class Task(Learner[BatchT], Protocol[BatchT]):
    """What differs between kinds of model."""

    def batches(self, epoch: int) -> Sequence[BatchT]:
        """Returns the batches of an epoch, counted from 0; always the same for the same number.

        It is called often: the batches of the last epoch are kept.
        """

    def seen(self, epoch: int, batch: int) -> Mapping[str, Any]:
        """Returns what metrics.jsonl says of the corpora of the batches before this one."""

    def validate(self, device: torch.device) -> Validation:
        """Returns scores of the model on held-out text."""

    def state_dict(self) -> dict[str, Tensor]:
        """Returns what one batch hands on to the next, by name, for a checkpoint."""

    def load_state_dict(self, tensors: dict[str, Tensor]) -> None:
        """Restores what `state_dict` returned."""

"""The processes of torchrun, its ranks, that compute the gradients of one update together.

    torchrun --nproc-per-node 2 -m seq2seq train pairs.tsv --run-dir runs/a --training.minutes 20

Rank 0 is the training: it alone reads the command line and text, decides, validates and writes.
For each update it sends weights and batches to the others; each computes the gradient of its part
of every batch, and rank 0 adds these up. So all that is decided is decided once, and an update is
that of one process, whatever the number of ranks.

Nothing is unpickled: what is sent are tensors, and JSON as a tensor of bytes.
"""

from __future__ import annotations

import atexit
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any, Generic

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.distributed_c10d import PrefixStore, Store

from seq2seq.config.training import TrainingSettings
from seq2seq.errors import TrainingError
from seq2seq.torchrun import Rank
from seq2seq.training.meeting import LONG, release_followers
from seq2seq.training.replicas import Gradients, own_part, seed_process
from seq2seq.training.saved_tensors import OverBudgetError, out_of_memory
from seq2seq.training.task import BatchT


class Ranks(Generic[BatchT]):
    """All ranks, as each of them sees them: what goes to and fro.

    Args:
        rank: this one.
        store: where the ranks find each other, see `open_store`.
        place: a name that they, and no ranks before them, have for it.
        model: on its device; it gets the weights of rank 0.
        compute: what each rank does with its part of an update; it leaves the gradients with the
            weights.
        settings: how gradients travel, and how long a rank waits for another within an update.
        batch: the class of batches, which rank 0 need not name.

    Raises:
        TrainingError: not all of them come.
    """

    def __init__(
        self,
        rank: Rank,
        store: Store,
        place: str,
        model: nn.Module,
        compute: Gradients[BatchT],
        settings: TrainingSettings,
        batch: Any = None,
    ) -> None:
        self.rank = rank
        self.batch = batch
        self.model = model
        self.weights = [weight for weight in model.parameters() if weight.requires_grad]
        self.compute = compute
        self.settings = settings
        self.updating = False
        on_gpu, timeout = self.weights[0].is_cuda, timedelta(seconds=settings.rank_timeout)
        with lost_ranks(settings):
            dist.init_process_group(
                "cpu:gloo,cuda:nccl" if on_gpu else "gloo",
                store=PrefixStore(place, store),
                rank=rank.number,
                world_size=rank.size,
                timeout=LONG if rank.number else timeout,  # rank 0 alone keeps others waiting
            )
            self.updates = dist.new_group(timeout=timeout)
            for tensor in model.state_dict().values():
                dist.broadcast(tensor, 0, group=self.updates)

    def close(self) -> None:
        """Ends the connection; in rank 0, tells the others before, if they wait for an update."""
        if not self.rank.number and not self.updating:
            with suppress(TrainingError), lost_ranks(self.settings):
                self.send({}, [])
        dist.destroy_process_group()

    def gradients(
        self, batches: Sequence[BatchT], tokens: int, rate: float, generator: torch.Generator
    ) -> tuple[float, float]:
        """Computes the gradients of an update in rank 0, each rank those of a part of every batch.

        Arguments and result are those of `Gradients`. Each rank draws its own random numbers, from
        the seed of the generator.

        Raises:
            TrainingError: a rank has ended, or does not answer.
            MemoryError: a rank has not enough memory.
        """
        self.updating = True  # the others wait for more than an order, whatever is raised here
        with lost_ranks(self.settings):
            self.send({"tokens": tokens, "rate": rate, "seed": generator.initial_seed()}, batches)
        sums = self.update(batches, tokens, rate, generator)
        self.updating = False
        smoothed, likelihood, out_of_memory, over_budget = sums.tolist()
        if out_of_memory:
            raise OverBudgetError if over_budget else MemoryError
        return smoothed, likelihood

    def follow(self) -> None:
        """Computes this rank's part of one update after the other, until there is none.

        Raises:
            TrainingError: rank 0 has ended without a word.
        """
        while True:
            with lost_ranks(self.settings):
                order, batches = self.receive()
            if not order:
                return
            for weight in self.weights:
                weight.grad = None
            generator = seed_process(order["seed"], self.rank.number)
            self.update(batches, order["tokens"], order["rate"], generator)

    def update(
        self, batches: Sequence[BatchT], tokens: int, rate: float, generator: torch.Generator
    ) -> Tensor:
        """Computes the gradients of this rank's part of an update; those of all end in rank 0.

        Returns:
            In rank 0 the sums of `Gradients`, and how many ranks had not enough memory, and how
            many of these reached the limit of the settings; ``(4,)``.
        """
        with lost_ranks(self.settings):
            self.share_weights()
        sums = torch.zeros(4, dtype=torch.float64)
        try:
            part = own_part(batches, self.rank.number, self.rank.size)
            sums[0], sums[1] = self.compute(part, tokens, rate, generator)
        except (MemoryError, RuntimeError) as error:
            if not out_of_memory(error):
                raise
            sums[2:] = torch.tensor([1, isinstance(error, OverBudgetError)])
        with lost_ranks(self.settings):
            self.add_gradients()
            dist.reduce(sums, 0, group=self.updates)
        return sums

    @torch.no_grad()
    def share_weights(self) -> None:
        """Gives all ranks the weights of rank 0."""
        flat = flatten(self.weights)
        dist.broadcast(flat, 0, group=self.updates)
        if self.rank.number:
            for weight, part in zip(self.weights, unflatten(flat, self.weights), strict=True):
                weight.copy_(part)

    def add_gradients(self) -> None:
        """Gives rank 0 the sum of the gradients of all ranks; a weight without one keeps none."""
        reduced = self.settings.reduce_precision == "bfloat16"
        flat = flatten(
            [torch.zeros_like(each) if each.grad is None else each.grad for each in self.weights]
        )
        flat = flat.bfloat16() if reduced else flat
        # The reduction of gloo takes longer than giving all of them the sum.
        if flat.is_cuda:
            dist.reduce(flat, 0, group=self.updates)
        else:
            dist.all_reduce(flat, group=self.updates)
        for weight, part in zip(self.weights, unflatten(flat, self.weights), strict=True):
            if weight.grad is not None:
                weight.grad.copy_(part)

    def send(self, order: Mapping[str, Any], batches: Sequence[BatchT]) -> None:
        """Gives all other ranks an order and batches."""
        shapes = [
            [list(part.shape) if isinstance(part, Tensor) else part for part in batch]
            for batch in batches
        ]
        text = torch.frombuffer(bytearray(json.dumps([order, shapes]).encode()), dtype=torch.uint8)
        ids = flatten([part for batch in batches for part in batch if isinstance(part, Tensor)])
        dist.broadcast(torch.tensor([len(text), len(ids)]), 0)
        dist.broadcast(torch.cat([ids.view(torch.uint8), text]), 0)

    def receive(self) -> tuple[dict[str, Any], list[BatchT]]:
        """Returns what `send` was given in rank 0."""
        sizes = torch.empty(2, dtype=torch.long)
        dist.broadcast(sizes, 0)
        length, numbers = sizes.tolist()
        received = torch.empty(8 * numbers + length, dtype=torch.uint8)
        dist.broadcast(received, 0)
        ids = received[: 8 * numbers].view(torch.long)
        order, shapes = json.loads(received[8 * numbers :].numpy().tobytes())
        return order, [*unpack(self.batch, shapes, ids)]


def unpack(kind: Any, shapes: list[list[Any]], ids: Tensor) -> Iterator[Any]:
    """Yields batches of their shapes, and of all their ids one after the other."""
    first = 0
    for parts in shapes:
        fields = []
        for part in parts:
            if isinstance(part, list):
                size = torch.Size(part).numel()
                fields.append(ids[first : first + size].view(part))
                first += size
            else:
                fields.append(part)
        yield kind._make(fields)


def flatten(tensors: Sequence[Tensor]) -> Tensor:
    """Returns the numbers of all tensors, one after the other."""
    if not tensors:
        return torch.zeros(0, dtype=torch.long)
    return torch.cat([each.detach().reshape(-1) for each in tensors])


def unflatten(flat: Tensor, like: Sequence[Tensor]) -> list[Tensor]:
    """Returns the tensors that `flatten` was given, which have the shapes of these."""
    parts = torch.split(flat, [each.numel() for each in like])
    return [part.view(each.shape) for part, each in zip(parts, like, strict=True)]


@contextmanager
def lost_ranks(settings: TrainingSettings) -> Iterator[None]:
    """A context in which an error of communication is a TrainingError."""
    try:
        yield
    except RuntimeError as error:
        atexit.unregister(release_followers)  # all others end the same way
        raise TrainingError(no_answer(settings)) from error


def no_answer(settings: TrainingSettings) -> str:
    """Says that a rank is lost, and what to do."""
    return (
        "another process of this training has ended, or has not answered for "
        f"{settings.rank_timeout:g} seconds (--training.rank-timeout). The last checkpoint is "
        "untouched: torchrun --max-restarts continues from it, or the same command with --resume"
    )

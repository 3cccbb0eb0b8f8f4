"""Several processes that compute the gradients of one update together, on one machine.

One process of two threads waits at every small product for the slower core, and loses most of its
speed where another program takes part of one; processes of one thread wait once an update
(`python -m tests.benchmarks steady`). They are forked when the model and its text are in memory,
which they share; so they do the weights, which only the parent changes. For each update a batch is
cut into as many parts by sentences, each process computes the gradient of its part, and their sum
is the gradient of the whole batch.

A process ends when its parent does, however that ends.
"""

from __future__ import annotations

import mmap
import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any, Generic, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from seq2seq.config.training import TrainingSettings
from seq2seq.errors import SettingsError, TrainingError
from seq2seq.models.device import choose_device
from seq2seq.torchrun import own_rank
from seq2seq.training.task import BatchT

ALIGNMENT = 64
"""Bytes: where kernels like a tensor to begin."""

Sum = float | Tensor
"""A number, which on a GPU stays there until it is asked for."""

Gradients = Callable[[Sequence[BatchT], int, float, torch.Generator], tuple[Sum, Sum]]
"""Computes the gradients of some batches: from them, the target tokens of the whole update, the
rate of scheduled sampling and a generator for it, to the sums of the label-smoothed loss and the
negative log-likelihood."""


class Replica(NamedTuple):
    """A process that was forked.

    Attributes:
        process: its id.
        connection: to it.
        gradients: where it writes those of each weight, in memory that both see.
    """

    process: int
    connection: Connection
    gradients: list[Tensor]


class Replicas(Generic[BatchT]):
    """The other processes of a training; a context, at whose end they end.

    Args:
        model: its parameters move to memory that all processes see.
        compute: what each of them does with its part of an update; it leaves the gradients with the
            parameters.
        count: how many processes there are, this one counted.
    """

    def __init__(self, model: nn.Module, compute: Gradients[BatchT], count: int) -> None:
        self.weights = [weight for weight in model.parameters() if weight.requires_grad]
        self.compute = compute
        self.count = count
        self.others: list[Replica] = []
        self.processors = own_processors(count)

    def __enter__(self) -> Replicas[BatchT]:
        for weight, shared in zip(self.weights, share_memory(self.weights), strict=True):
            weight.data = shared.copy_(weight.data)
        for number in range(1, self.count):
            self.others.append(self.fork(number))
        return self

    def __exit__(self, *error: object) -> None:
        for other in self.others:
            other.connection.close()
        for other in self.others:
            os.waitpid(other.process, 0)
        self.others = []

    def fork(self, number: int) -> Replica:
        """Begins a process; it never returns from here, but computes until its parent is gone."""
        own, its = Pipe()
        gradients = share_memory(self.weights)
        with warnings.catch_warnings():
            # Python warns of threads, which the children do not use.
            warnings.simplefilter("ignore", DeprecationWarning)
            process = os.fork()
        if process:
            its.close()
            return Replica(process, own, gradients)
        try:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent completes the update
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            for connection in (own, *(other.connection for other in self.others)):
                connection.close()  # else no process would see that the parent has ended
            self.work(its, gradients, number)
        finally:
            os._exit(1)

    def work(self, connection: Connection, gradients: Sequence[Tensor], number: int) -> None:
        """Computes one part after the other, until the parent closes the connection."""
        torch.set_num_threads(1)
        if self.processors:
            os.sched_setaffinity(0, {self.processors[number]})
        while True:
            try:
                parts, tokens, rate, seed = connection.recv()
            except (EOFError, OSError):
                os._exit(0)
            for weight in self.weights:
                weight.grad = None
            generator = seed_process(seed, number)
            try:
                answer: object = self.compute(unpack(parts), tokens, rate, generator)
            except (MemoryError, RuntimeError) as error:
                answer = error
            for weight, shared in zip(self.weights, gradients, strict=True):
                shared.zero_() if weight.grad is None else shared.copy_(weight.grad)
            connection.send(answer)

    def gradients(
        self, batches: Sequence[BatchT], tokens: int, rate: float, generator: torch.Generator
    ) -> tuple[float, float]:
        """Computes the gradients of an update, each process those of a part of every batch.

        Arguments and result are those of `Gradients`. Each process draws its own random numbers,
        from the seed of the generator.

        Raises:
            TrainingError: a process has ended, as the system's for want of memory; or none could
                be forked.
            MemoryError, RuntimeError: what one of them met.
        """
        parts = [own_part(batches, number, self.count) for number in range(self.count)]
        try:
            for other, own in zip(self.others, parts[1:], strict=True):
                other.connection.send((pack(own), tokens, rate, generator.initial_seed()))
            try:
                with self.own_processor():
                    answers: list[Any] = [self.compute(parts[0], tokens, rate, generator)]
            finally:  # each of them has its answer read, whatever happens here
                others = [other.connection.recv() for other in self.others]
            answers += others
        except (EOFError, OSError) as error:
            raise TrainingError(
                "one of the processes of this training has ended: was it killed, as for want of "
                "memory? Continue with --resume; --training.processes 1 needs less"
            ) from error
        for answer in answers:
            if isinstance(answer, Exception):
                raise after_fork(answer)
        for other in self.others:
            for weight, shared in zip(self.weights, other.gradients, strict=True):
                weight.grad = shared.clone() if weight.grad is None else weight.grad.add_(shared)
        smoothed, likelihood = (sum(values) for values in zip(*answers, strict=True))
        return smoothed, likelihood

    @contextmanager
    def own_processor(self) -> Iterator[None]:
        """A context in which this process has its processor alone, if each has one.

        Not for longer: threads that began meanwhile would have no other either, for ever.
        """
        if not self.processors:
            yield
            return
        os.sched_setaffinity(0, self.processors[:1])
        try:
            yield
        finally:
            os.sched_setaffinity(0, self.processors)


def after_fork(error: Exception) -> Exception:
    """Returns an error of computing gradients; in the user's words if torch can't after a fork."""
    if "fork-based multiprocessing" not in str(error):
        return error
    return TrainingError(
        "this Python process has computed gradients already: where there is a GPU, a training's "
        "processes can't be forked from it any more. Train in a new one, or with "
        "--training.processes 1"
    )


def own_part(batches: Sequence[BatchT], number: int, count: int) -> list[BatchT]:
    """Returns what one of `count` processes has of each batch; nothing of one with fewer rows."""
    split = [batch.split(count) for batch in batches]
    return [parts[number] for parts in split if number < len(parts)]


def seed_process(seed: int, number: int) -> torch.Generator:
    """Seeds torch, and the generator that is returned, for one process and one update."""
    torch.manual_seed(seed + number * 2**40)
    return torch.Generator().manual_seed(torch.initial_seed())


def pack(batches: Sequence[BatchT]) -> list[tuple[Any, list[Any]]]:
    """Returns batches as arrays, which go through a pipe; tensors would become files."""
    return [
        (type(batch), [part.numpy() if isinstance(part, Tensor) else part for part in batch])
        for batch in batches
    ]


def unpack(packed: Sequence[tuple[Any, list[Any]]]) -> list[Any]:
    """Returns the batches that `pack` was given."""
    return [
        kind._make(
            torch.as_tensor(part) if isinstance(part, np.ndarray) else part for part in parts
        )
        for kind, parts in packed
    ]


def own_processors(count: int) -> list[int]:
    """Returns a processor for each process, if there are as many; else none.

    Else the system may wake two of them on one processor, and give the other to a program of the
    lowest priority: a third of the speed was lost to it.
    """
    if not hasattr(os, "sched_getaffinity"):
        return []
    allowed = sorted(os.sched_getaffinity(0))
    return allowed if len(allowed) == count else []


@contextmanager
def every_thread(settings: TrainingSettings) -> Iterator[None]:
    """A context in which this process has the threads of all, which wait meanwhile."""
    threads = torch.get_num_threads()
    if settings.processes > 1:
        torch.set_num_threads(threads * settings.processes)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def settle_processes(settings: TrainingSettings, device: str) -> TrainingSettings:
    """Returns settings with a number in the place of `processes` 0.

    Two processes are at most a little slower than two threads, and about twice as quick beside
    another program (tests/README.md). With more cores this was not measured; Apple's libraries
    don't bear a fork. Under torchrun there are processes already.
    """
    if own_rank():
        return replace(settings, processes=1)
    if settings.processes:
        return settings
    two = (
        sys.platform == "linux"
        and choose_device(device).type == "cpu"
        and not settings.threads
        and torch.get_num_threads() == 2
    )
    return replace(settings, processes=2 if two else 1)


def check_processes(count: int, device: torch.device) -> None:
    """Raises SettingsError where there can't be so many processes."""
    if count > 1 and (device.type != "cpu" or not hasattr(os, "fork")):
        where = device.type if device.type != "cpu" else "a system without fork"
        raise SettingsError(
            f"--training.processes {count} is for processors (--device cpu), not on Windows, and "
            f"this is {where}: leave it out"
        )


def share_memory(like: Iterable[Tensor]) -> list[Tensor]:
    """Returns tensors like those, in memory that a forked process shares with its parent.

    It has no name, so that nothing is left behind, and no limit but that of all memory.
    """
    like = list(like)
    sizes = [-(-each.numel() * each.element_size() // ALIGNMENT) * ALIGNMENT for each in like]
    memory = mmap.mmap(-1, max(sum(sizes), ALIGNMENT))
    found, offset = [], 0
    for each, size in zip(like, sizes, strict=True):
        flat = torch.frombuffer(memory, dtype=each.dtype, count=each.numel(), offset=offset)
        found.append(flat.view(each.shape))
        offset += size
    return found

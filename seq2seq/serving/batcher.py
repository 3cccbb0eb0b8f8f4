"""Sentences of many requests -> batches: a queue of bounded length before each model."""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from seq2seq.config.serving import ServingSettings
from seq2seq.serving.errors import RequestError
from seq2seq.serving.models import ServedModel
from seq2seq.translation.results import Translation


@dataclass(eq=False)
class Order:
    """The sentences of a request.

    Attributes:
        texts: the sentences.
        n: how many candidates of each are wanted.
        attention: whether each is to have its attention.
        found: the candidates of those that are done, by their places.
        result: the candidates of all, once they are; the one who waits may cancel it.
        begun: whether the last one's batch has begun.
    """

    texts: Sequence[str]
    n: int
    attention: bool
    result: asyncio.Future[list[list[Translation]]]
    found: dict[int, list[Translation]] = field(default_factory=dict)
    begun: bool = False

    def add(self, place: int, candidates: list[Translation]) -> None:
        """Adds the candidates of a sentence, and gives all when they are there."""
        self.found[place] = candidates[: self.n]
        if len(self.found) == len(self.texts) and not self.result.done():
            self.result.set_result([self.found[place] for place in range(len(self.texts))])


Job: TypeAlias = tuple[Order, int]
"""A sentence that waits: its order, and its place there."""


class Batcher:
    """Translates sentences in batches, as they come in, in a thread of its own.

    What waits is in the order of arrival, and never more than `queue_size` sentences. All that is
    here runs in the event loop, but for `_translate`.
    """

    def __init__(self, model: ServedModel, settings: ServingSettings) -> None:
        self.model = model
        self.settings = settings
        self.waiting: deque[Job] = deque()
        self.arrived = asyncio.Event()
        self.pace = 0.0
        """Seconds for each sentence, of late."""
        self.batches = 0
        self.sentences = 0

    async def translate(
        self,
        texts: Sequence[str],
        n: int = 1,
        *,
        attention: bool = False,
        gone: Callable[[], Awaitable[object]],
    ) -> list[list[Translation]]:
        """Returns the best candidates of each sentence, at most `n`, best first.

        Args:
            texts: the sentences.
            n: how many of each are wanted.
            attention: whether each is to have its attention.
            gone: returns when nobody waits for the answer any longer.

        Raises:
            RequestError: there is no room in the queue, or it takes too long, or nobody waits.
        """
        order = self._submit(texts, n, attention)
        leaving = asyncio.ensure_future(gone())
        waited: set[asyncio.Future[Any]] = {order.result, leaving}
        try:
            await asyncio.wait(
                waited, timeout=self.settings.timeout, return_when=asyncio.FIRST_COMPLETED
            )
            if order.result.done():
                return order.result.result()
            if leaving.done():
                raise RequestError(499, "the client has gone")
            if order.begun:
                raise RequestError(504, f"not done within {self.settings.timeout:g} seconds")
            raise self._busy()
        finally:
            order.result.cancel()
            leaving.cancel()

    def _submit(self, texts: Sequence[str], n: int, attention: bool) -> Order:
        """Puts sentences into the queue; RequestError if there is no room."""
        limit = self.settings.queue_size
        if len(texts) > limit:
            raise RequestError(413, f"{len(texts):,} sentences: at most {limit:,} in a request")
        if len(self.waiting) + len(texts) > limit:
            self.waiting = deque(job for job in self.waiting if not job[0].result.done())
        ahead = len(self.waiting) + len(texts)
        is_late = bool(self.waiting) and self.pace * ahead > self.settings.timeout
        if ahead > limit or is_late:
            raise self._busy()
        order = Order(texts, n, attention, asyncio.get_running_loop().create_future())
        self.waiting.extend((order, place) for place in range(len(texts)))
        self.arrived.set()
        return order

    def _busy(self) -> RequestError:
        """What a client is told when there is more to do than can be done."""
        seconds = max(1, math.ceil(self.pace * len(self.waiting)))
        return RequestError(429, f"too busy: come back in {seconds} s", seconds)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """A context in which sentences are translated."""
        with ThreadPoolExecutor(1, f"model-{self.model.name}") as thread:
            work = asyncio.create_task(self._work(thread))
            try:
                yield
            finally:
                work.cancel()
                with suppress(asyncio.CancelledError):
                    await work

    async def _work(self, thread: ThreadPoolExecutor) -> None:
        """Takes batches from the queue, for ever."""
        loop = asyncio.get_running_loop()
        while True:
            if not self.waiting:
                self.arrived.clear()
                await self.arrived.wait()
                await asyncio.sleep(self.settings.batch_wait / 1000)
            jobs = self._take()
            if not jobs:
                continue
            start = time.perf_counter()
            try:
                found = await loop.run_in_executor(thread, self._translate, jobs)
            except Exception as error:  # a bug: each request is told, and the next one is served
                for order in {order for order, _ in jobs if not order.result.done()}:
                    order.result.set_exception(error)
                continue
            pace = (time.perf_counter() - start) / len(jobs)
            self.pace = 0.8 * self.pace + 0.2 * pace if self.pace else pace
            self.batches += 1
            self.sentences += len(jobs)
            for (order, place), candidates in zip(jobs, found, strict=True):
                order.add(place, candidates)

    def _take(self) -> list[Job]:
        """Takes the next batch, without what nobody waits for any longer."""
        jobs: list[Job] = []
        while self.waiting and len(jobs) < self.settings.batch_size:
            order, place = self.waiting.popleft()
            if not order.result.done():
                order.begun = place + 1 == len(order.texts)
                jobs.append((order, place))
        return jobs

    def _translate(self, jobs: Sequence[Job]) -> list[list[Translation]]:
        """Translates a batch; in the model's thread."""
        return self.model.candidates(
            [order.texts[place] for order, place in jobs],
            max(order.n for order, _ in jobs),
            attention=any(order.attention for order, _ in jobs),
        )

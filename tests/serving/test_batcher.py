"""Requests are translated together: within bounds, and each as if it were alone."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from seq2seq.config.serving import ServingSettings
from seq2seq.data.parallel import ParallelCorpus
from seq2seq.errors import DataError
from seq2seq.serving.batcher import Batcher
from seq2seq.serving.errors import RequestError
from seq2seq.serving.models import ServedModels
from seq2seq.translation.translator import Translator
from tests.support.serving import KEPT

Work = Callable[[Batcher], Awaitable[Any]]


def run(models: ServedModels, work: Work, **settings: object) -> Any:
    """What comes of some work with a batcher that runs."""

    async def main() -> Any:
        batcher = Batcher(next(iter(models)), ServingSettings(**settings))
        async with batcher.running():
            await asyncio.sleep(0)  # its task waits for sentences
            return await work(batcher)

    return asyncio.run(main())


async def stays() -> None:
    """A client that waits for ever."""
    await asyncio.Event().wait()


async def leaves() -> None:
    """A client that has gone."""


async def ask(batcher: Batcher, *texts: str, n: int = 1) -> list[list[str]] | int:
    """The candidates of some sentences; or the status, if they are refused."""
    try:
        found = await batcher.translate(texts, n, gone=stays)
    except RequestError as error:
        return error.status
    return [[each.text for each in candidates] for candidates in found]


def test_whatever_is_in_a_batch_each_request_gets_its_own(
    models: ServedModels, translator: Translator
) -> None:
    sources = ParallelCorpus.read(KEPT.parent / "text.tsv").sources[:10]
    alone = {text: [each.text for each in translator.candidates(text)] for text in sources}
    assert [alone[text][0] for text in sources] == [translator.translate(text) for text in sources]
    generator = random.Random(1)
    asked = [
        (generator.sample(sources, generator.randint(1, 5)), generator.randint(1, 5))
        for _ in range(30)
    ]

    async def work(batcher: Batcher) -> Any:
        found = await asyncio.gather(*(ask(batcher, *texts, n=n) for texts, n in asked))
        return found, batcher.batches, batcher.sentences

    found, batches, sentences = run(models, work, batch_size=16)
    for (texts, n), candidates in zip(asked, found, strict=True):
        assert candidates == [alone[text][:n] for text in texts]
    assert sentences == sum(len(texts) for texts, _ in asked)
    assert batches == -(-sentences // 16)


def test_the_queue_has_an_end(models: ServedModels) -> None:
    async def work(batcher: Batcher) -> Any:
        found = await asyncio.gather(*(ask(batcher, "a", "b") for _ in range(5)))
        return found, await ask(batcher, "a")

    found, afterwards = run(models, work, queue_size=6)
    assert [isinstance(each, list) for each in found] == [True, True, True, False, False]
    assert found[3:] == [429, 429]
    assert isinstance(afterwards, list)


def test_who_is_refused_hears_when_to_come_back(models: ServedModels) -> None:
    async def work(batcher: Batcher) -> Any:
        waiting = asyncio.ensure_future(ask(batcher, "a", "b"))
        await asyncio.sleep(0)
        batcher.pace = 3.0  # seconds for a sentence
        with pytest.raises(RequestError) as caught:
            await batcher.translate(["c"], gone=stays)
        await waiting
        return caught.value

    full = run(models, work, queue_size=2)
    assert (full.status, full.retry_after) == (429, 6)
    slow = run(models, work, timeout=5.0)  # it would wait for longer than that
    assert (slow.status, slow.retry_after) == (429, 6)


def test_who_waits_too_long_is_refused(models: ServedModels) -> None:
    long = "Emma hört die Brücke. " * 20

    async def waits(batcher: Batcher) -> Any:
        return await ask(batcher, "a"), len(batcher.waiting)

    async def computes(batcher: Batcher) -> Any:
        late = await ask(batcher, long)
        batcher.settings = ServingSettings()
        return late, await ask(batcher, "a")

    assert run(models, waits, timeout=0.05, batch_wait=60_000)[0] == 429
    late, afterwards = run(models, computes, timeout=0.001, batch_wait=0)
    assert late == 504
    assert isinstance(afterwards, list)


def test_nothing_is_computed_for_who_has_gone(models: ServedModels) -> None:
    async def work(batcher: Batcher) -> Any:
        with pytest.raises(RequestError):
            await batcher.translate(["a"] * 6, gone=leaves)
        await ask(batcher, "a")
        return batcher.sentences

    assert run(models, work, queue_size=6) == 1


def test_a_bug_in_a_batch_is_told_and_the_next_one_is_served(models: ServedModels) -> None:
    async def work(batcher: Batcher) -> Any:
        nothing: Any = None
        with pytest.raises(DataError):
            await batcher.translate([nothing], gone=stays)
        return await ask(batcher, "a")

    assert isinstance(run(models, work), list)

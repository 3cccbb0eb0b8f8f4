"""Signs of life of rank 0, for which the others wait without a limit: it may be validating.

A rank that ends closes its connections, which the others notice. One that is stopped, or waits for
a disk that has gone, leaves them open.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread

from torch.distributed.distributed_c10d import Store

from seq2seq.config.training import TrainingSettings
from seq2seq.console import fail
from seq2seq.torchrun import Rank
from seq2seq.training.meeting import open_store
from seq2seq.training.ranks import no_answer

BEATS = 10
"""So many signs are given in the time after which one is missed."""


@contextmanager
def heartbeat(rank: Rank, place: str, settings: TrainingSettings) -> Iterator[None]:
    """A context in which rank 0 gives signs of life, and another one ends where there are none.

    Args:
        rank: this one.
        place: a name that the ranks of this training alone have, see `announce`.
        settings: after how many seconds without a sign this program ends.
    """
    ended = Event()
    store, name = open_store(rank), f"seq2seq/{place}/alive"
    work = watch if rank.number else beat
    thread = Thread(target=work, args=(store, name, settings, ended), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def beat(store: Store, name: str, settings: TrainingSettings, ended: Event) -> None:
    """Gives signs of life; where torchrun has ended there is nobody to see them."""
    with suppress(RuntimeError):
        while not ended.wait(settings.rank_timeout / BEATS):
            store.add(name, 1)


def watch(store: Store, name: str, settings: TrainingSettings, ended: Event) -> None:
    """Ends this program where there are no signs of life: its main thread waits and can't."""
    last, since = -1, time.monotonic()
    while not ended.wait(settings.rank_timeout / BEATS):
        signs = last
        with suppress(RuntimeError):
            signs = store.add(name, 0)
        if signs != last:
            last, since = signs, time.monotonic()
        elif time.monotonic() - since > settings.rank_timeout:
            with suppress(SystemExit):
                fail(no_answer(settings))
            os._exit(2)

"""Where the ranks of torchrun find each other: rank 0 tells the others of a training, or of none.

They have the store of torchrun for it, as torch.distributed itself has.
"""

from __future__ import annotations

import atexit
import json
import secrets
import time
from contextlib import suppress
from datetime import timedelta
from typing import Any, NamedTuple

from torch.distributed.distributed_c10d import Store
from torch.distributed.rendezvous import rendezvous

import seq2seq
from seq2seq.errors import RunError, TrainingError
from seq2seq.torchrun import Rank, own_rank

LONG = timedelta(days=100)
"""How long a rank waits for the next update: rank 0 may read text, or validate."""
EXIT_PATIENCE = 60.0
"""Seconds that rank 0 waits, when it ends, for others that have not begun yet."""


class Meeting(NamedTuple):
    """What rank 0 tells the others of a training.

    Attributes:
        version: of this package.
        experiment: the description, as experiment.json has it.
        vocabularies: how many tokens each has.
        device: the kind of device, as "cuda".
        precision: of matrix products.
    """

    version: str
    experiment: dict[str, Any]
    vocabularies: list[int]
    device: str
    precision: str


def open_store(rank: Rank) -> Store:
    """Returns where the ranks find each other: torchrun says where it is."""
    store: Store = next(rendezvous("env://", rank.number, rank.size, timeout=LONG))[0]
    return store


def announce(store: Store, rank: Rank, meeting: Meeting | None, patience: float) -> str:
    """Tells all other ranks, from rank 0, of a training, or that no other one follows.

    After a restart the store still has what the ranks before it left there. So each rank asks under
    a name that no other has had, and is answered with another such name, where they then meet.

    Args:
        patience: how many seconds to wait for the others to ask.

    Returns:
        Where they meet.

    Raises:
        RuntimeError: not all of them ask.
    """
    place = secrets.token_hex(8)
    answer = json.dumps([place, meeting])
    end = time.monotonic() + patience
    while store.add(f"seq2seq/{place}", 0) < rank.size - 1:
        if time.monotonic() > end:
            raise RuntimeError("not all ranks have come")
        for number in range(1, rank.size):
            asks = f"seq2seq/rank {number}"
            if store.check([asks]):
                store.set(f"seq2seq/{store.get(asks).decode()}", answer)
        time.sleep(0.05)
    return place


def lead() -> None:
    """Lets the other ranks end when this program, that of rank 0, does."""
    atexit.unregister(release_followers)  # once is enough
    atexit.register(release_followers)


def release_followers() -> None:
    """Tells the other ranks, from rank 0 as it ends, that no training follows."""
    rank = own_rank()
    if rank and rank.size > 1:
        with suppress(RuntimeError, ValueError):  # torchrun itself may have ended
            announce(open_store(rank), rank, None, EXIT_PATIENCE)


def meet(store: Store, rank: Rank) -> tuple[str, Meeting | None]:
    """Waits for the next training of rank 0.

    Returns:
        Where the ranks meet, and the training; None if there is no other one.

    Raises:
        RunError: rank 0 is of another version of the package.
        TrainingError: torchrun has ended.
    """
    name = secrets.token_hex(8)
    try:
        store.set(f"seq2seq/rank {rank.number}", name)
        place, found = json.loads(store.get(f"seq2seq/{name}"))
        store.add(f"seq2seq/{place}", 1)
    except RuntimeError as error:
        raise TrainingError("the connection to torchrun is lost") from error
    if found is None:
        return place, None
    meeting = Meeting(*found)
    if meeting.version != seq2seq.__version__:
        raise RunError(
            f"rank 0 has seq2seq {meeting.version}, and here is {seq2seq.__version__}: install the "
            "same version on each machine"
        )
    return place, meeting

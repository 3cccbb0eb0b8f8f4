"""Which of the processes of torchrun this is; a program that it did not start is none of them."""

from __future__ import annotations

import os
from typing import NamedTuple


class Rank(NamedTuple):
    """A process of torchrun.

    Attributes:
        number: 0 reads, decides and writes; the others compute parts of its updates.
        size: how many there are, on all machines.
        local_number: its number among those of its machine.
        local_size: how many there are on its machine.
        launch: the id of this torchrun, the same after a restart; "" if it has none of its own.
    """

    number: int
    size: int
    local_number: int
    local_size: int
    launch: str


def own_rank() -> Rank | None:
    """Returns the rank of this process, which torchrun tells it; None if torchrun did not start it.

    The variables are described in the documentation of torch.distributed.run.
    """
    launch = os.environ.get("TORCHELASTIC_RUN_ID")
    if launch is None:
        return None
    return Rank(
        number=int(os.environ["RANK"]),
        size=int(os.environ["WORLD_SIZE"]),
        local_number=int(os.environ["LOCAL_RANK"]),
        local_size=int(os.environ["LOCAL_WORLD_SIZE"]),
        launch="" if launch == "none" else launch,
    )


def follows() -> bool:
    """Whether this process computes parts of the updates of another one."""
    rank = own_rank()
    return rank is not None and rank.number > 0

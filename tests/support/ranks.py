"""Processes that have what torchrun gives its own, begun at once: Python and torch are loaded."""

import importlib
import os
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path

from torch.distributed import TCPStore

from seq2seq.console import run_command
from seq2seq.training.meeting import release_followers

LATEST = 100.0
"""Seconds after which processes that have not ended are killed."""


STORES: list[int] = []
"""The processes that have a store; `end_stores` ends them."""


def begin_store() -> int:
    """Begins a process that has the store, as torchrun's own has; returns its port.

    Not this one: its threads would not survive that ranks are forked from it.
    """
    begun, own = os.pipe()
    process = os.fork()
    if not process:
        try:
            kept = TCPStore("localhost", 0, is_master=True, wait_for_workers=False)
            os.write(own, f"{kept.port}\n".encode())
            time.sleep(2 * LATEST)
        finally:
            os._exit(0)
    os.close(own)
    STORES.append(process)
    with os.fdopen(begun, encoding="utf-8") as stream:
        return int(stream.readline())


def end_stores() -> None:
    """Ends all processes that have a store."""
    while STORES:
        process = STORES.pop()
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)


def begin_ranks(
    count: int, work: Callable[[], object], said: Path, launch: str = "tests"
) -> list[int]:
    """Begins processes that do some work, each as one rank of torchrun; returns their ids.

    What rank n says goes to a file, `said` with n as its ending.
    """
    importlib.import_module("torch._dynamo")  # what every optimizer imports
    port = begin_store()
    return [begin_rank(number, count, work, port, said, launch) for number in range(count)]


def begin_rank(
    number: int, count: int, work: Callable[[], object], port: int, said: Path, launch: str
) -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads, which do not compute
        process = os.fork()
    if process:
        return process
    code: object = 1
    try:
        os.environ |= dict.fromkeys(("RANK", "LOCAL_RANK"), str(number))
        os.environ |= dict.fromkeys(("WORLD_SIZE", "LOCAL_WORLD_SIZE"), str(count))
        os.environ |= {"MASTER_ADDR": "localhost", "MASTER_PORT": str(port)}
        os.environ |= {"TORCHELASTIC_USE_AGENT_STORE": "True", "TORCHELASTIC_RUN_ID": launch}
        signal.signal(signal.SIGINT, signal.default_int_handler)
        file = os.open(f"{said}.{number}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, 1)
        os.dup2(file, 2)
        sys.stdout = sys.stderr = os.fdopen(2, "w", encoding="utf-8")  # not that of pytest
        run_command(work)
        code = 0
    except SystemExit as end:
        code = end.code or 0
    except BaseException:
        os.write(2, traceback.format_exc().encode())
    finally:
        if number == code == 0:
            release_followers()
        os._exit(code if isinstance(code, int) else 1)


def wait_for(processes: list[int]) -> list[int]:
    """Waits for all processes; returns their exit codes, or minus the signal that ended them."""
    latest = time.monotonic() + LATEST
    codes = {}
    while len(codes) < len(processes):
        for process in processes:
            if process not in codes:
                ended, status = os.waitpid(process, os.WNOHANG)
                if ended:
                    codes[process] = os.waitstatus_to_exitcode(status)
                elif time.monotonic() > latest:
                    os.kill(process, signal.SIGKILL)
        time.sleep(0.01)
    return [codes[process] for process in processes]

"""Ctrl-C and SIGTERM while a model trains: the update is completed, and the run is saved."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType, TracebackType
from typing import Any

from seq2seq.torchrun import own_rank

STDERR_FD = 2
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopSignals:
    """A context in which Ctrl-C and SIGTERM set `received` instead of ending the program.

    A second signal raises KeyboardInterrupt; but not under torchrun, which hands a signal on that
    the terminal has sent to all of its processes already. Outside the main thread, which alone may
    set handlers, the context does nothing.

    Args:
        saved: whether what was learned is saved then.
    """

    def __init__(self, *, saved: bool = True) -> None:
        self.received = False
        self.saved = saved
        self.handlers: list[tuple[int, Any]] = []

    def __enter__(self) -> None:
        if threading.current_thread() is threading.main_thread():
            self.handlers = [
                (number, signal.signal(number, self.handle)) for number in STOP_SIGNALS
            ]

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Handles a signal; on the second one, raises KeyboardInterrupt."""
        if self.received:
            if own_rank():
                return
            raise KeyboardInterrupt
        self.received = True
        # The file itself: sys.stderr may be in the middle of a write, and can't be entered twice.
        end = b"; the run will be saved.\n" if self.saved else b".\n"
        with suppress(OSError):
            os.write(STDERR_FD, b"\nStopping as soon as this step is done" + end)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self.handlers:
            signal.signal(number, handler)


@contextmanager
def handled(handler: signal.Handlers) -> Iterator[None]:
    """A context in which Ctrl-C and SIGTERM are ignored, or end the process at once.

    Python's own handlers wait for the end of a call of C, as one that waits for another process.
    """
    before = {number: signal.signal(number, handler) for number in STOP_SIGNALS}
    try:
        yield
    finally:
        for number, each in before.items():
            signal.signal(number, each)

"""How a program ends before its time: a known error, Ctrl-C, a reader that has gone.

A program imports this first, so that Ctrl-C ends it quietly from its first moments on.
"""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

from seq2seq.errors import Seq2SeqError

INTERRUPTED = 128 + signal.SIGINT
"""The exit code of a program that Ctrl-C ended, by convention."""
STDERR = 2


def on_interrupt(number: int, frame: FrameType | None) -> None:
    """Handles Ctrl-C: KeyboardInterrupt, as always; but while a module is imported, the end.

    An exception would get lost there: modules in C take it for a failed import of theirs, or for
    nothing, and the program would go on.
    """
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            os.write(STDERR, b"interrupted\n")
            os._exit(INTERRUPTED)
        frame = frame.f_back
    raise KeyboardInterrupt


def guarded(command: Callable[[], object]) -> None:
    """Runs a command, with every known error as one message and exit code 2."""
    warnings.showwarning = lambda message, *_, **__: print(f"warning: {message}", file=sys.stderr)
    if isinstance(sys.stdout, io.TextIOWrapper):  # text goes out in UTF-8, whatever the locale
        sys.stdout.reconfigure(encoding="utf-8", newline="\n")
    try:
        command()
        sys.stdout.flush()
    except Seq2SeqError as error:
        fail(str(error))
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output has gone, as `head` does; nothing is wrong.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def fail(message: str) -> NoReturn:
    """Prints an error and exits with 2."""
    print(f"error: {message}", file=sys.stderr)
    sys.exit(2)


# Only Python's own handler is replaced, and only where a handler can be set.
if (
    threading.current_thread() is threading.main_thread()
    and signal.getsignal(signal.SIGINT) is signal.default_int_handler
):
    signal.signal(signal.SIGINT, on_interrupt)

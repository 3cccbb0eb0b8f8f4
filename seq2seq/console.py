"""How a program of ours starts and ends: its process, known errors, Ctrl-C, closed pipes.

Importing this changes nothing of the process; `setup_process` does, when a program calls it.
"""

from __future__ import annotations

import errno
import io
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable
from io import BufferedIOBase
from types import FrameType
from typing import NoReturn, TextIO, cast

from seq2seq.errors import ON_COMMAND_LINE, DataError, Seq2SeqError
from seq2seq.torchrun import own_rank

EXIT_INTERRUPTED = 128 + signal.SIGINT
"""The exit code of a program that Ctrl-C ended, by convention."""
STDERR_FD = 2
DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}
"""What writing to a stream fails with where its disk is full or broken."""
ENVIRONMENT = {
    # How many shapes of product oneDNN and torch keep code for, some megabytes each; they default
    # to 1,024, and every batch has shapes of its own.
    "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "32",
    "LRU_CACHE_CAPACITY": "32",
}
"""Variables that torch and its libraries read once, when they are loaded."""


def setup_process() -> None:
    """Prepares a process that belongs to seq2seq alone: a command's, a recipe's, a server's.

    Sets the variables of `ENVIRONMENT` that are not set, which has an effect only before torch is
    loaded; and lets Ctrl-C end the program quietly while modules are imported, where Python's own
    handler is in place. A program that uses seq2seq among other things does not call it.
    """
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    if (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    ):
        signal.signal(signal.SIGINT, handle_interrupt)


def handle_interrupt(number: int, frame: FrameType | None) -> None:
    """Handles Ctrl-C: raises KeyboardInterrupt, but ends the program while a module is imported.

    An exception would get lost there: modules in C take it for a failed import of theirs, or
    ignore it, and the program would go on.
    """
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            os.write(STDERR_FD, b"interrupted\n")
            os._exit(EXIT_INTERRUPTED)
        frame = frame.f_back
    raise KeyboardInterrupt


def run_command(command: Callable[[], object]) -> None:
    """Runs a program of ours: `setup_process`, and every known error is a message and exit code 2.

    Args:
        command: what to do; it loads torch itself, after the process is set up.
    """
    setup_process()
    ON_COMMAND_LINE.set(True)
    if sys.stderr is None:  # closed; without it, `print` would take stdout
        sys.stderr = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8")
    warnings.showwarning = lambda message, *_, **__: write_stderr(f"warning: {message}")
    if isinstance(sys.stdout, io.TextIOWrapper):  # text goes out in UTF-8, whatever the locale
        sys.stdout.reconfigure(encoding="utf-8", newline="\n")
    try:
        if sys.stdout is None:
            fail("standard output is closed")
        command()
        sys.stdout.flush()
    except Seq2SeqError as error:
        fail(str(error))
    except ModuleNotFoundError as error:
        package = (error.name or "seq2seq").partition(".")[0]
        if package == "seq2seq":
            raise
        fail(f"this needs the package {package}, which is not installed: pip install {package}")
    except KeyboardInterrupt:
        write_stderr("interrupted")
        sys.exit(EXIT_INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output has gone, as `head` does; nothing is wrong.
        redirect_to_null(sys.stdout)
    except OSError as error:
        if error.filename is not None or error.errno not in DISK_ERRORS:
            raise  # every other file has a message of its own: a bug
        redirect_to_null(sys.stdout)
        fail(f"standard output could not be written: {error.strerror}")


def standard_input() -> BufferedIOBase:
    """Returns the bytes of stdin; DataError if it is closed."""
    if sys.stdin is None:
        raise DataError("standard input is closed: give lines of text")
    return cast(BufferedIOBase, sys.stdin.buffer)


def redirect_to_null(stream: TextIO) -> None:
    """Discards all that is still to be written to a stream, so that closing it raises nothing."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def write_stderr(text: str, write: Callable[[str], object] | None = None) -> None:
    """Writes a line to stderr, with `write` or plainly; where nobody can read it, it is lost.

    A training of days does not end because its log can't be shown.
    """
    try:
        write(text) if write else print(text, file=sys.stderr, flush=True)
    except OSError:
        redirect_to_null(sys.stderr)


def fail(message: str) -> NoReturn:
    """Prints an error and exits with 2; of a process of torchrun, its rank stands before it."""
    rank = own_rank()
    write_stderr(f"error: {f'rank {rank.number}: ' if rank and rank.number else ''}{message}")
    sys.exit(2)

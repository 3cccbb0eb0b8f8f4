"""One training at a time in a run directory: two would write over each other's checkpoints."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from seq2seq.errors import RunError
from seq2seq.runs.directory import LOCK_NAME, RunDirectory
from seq2seq.runs.files import flush_directory, system_errors


@contextmanager
def lock_run(run: Path) -> Iterator[None]:
    """Holds a run directory, which is made if it is not there, for as long as a training takes.

    The system releases the lock when the process ends, however it ends; what is left of a killed
    one is a file that locks nothing, and perhaps half a file under a temporary name, which is
    deleted.

    Raises:
        RunError: on entering: another process trains here, or the directory can't be written to.
    """
    path = run / LOCK_NAME
    lock = FileLock(path, timeout=0)
    with system_errors(f"{path} could not be written"):
        is_new = not run.exists()
        run.mkdir(parents=True, exist_ok=True)
        if is_new:
            flush_directory(run.parent)
        if os.path.lexists(path) and not path.is_file():
            raise RunError(f"{path} is no plain file: move it away")
        acquire(lock, run)
        path.write_text(str(os.getpid()), encoding="ascii")
    try:
        RunDirectory(run).delete_temporary_files()
        yield
    except BaseException:
        release(lock)
        if is_new:
            with suppress(OSError):  # nothing was begun: only an empty directory goes
                run.rmdir()
        raise
    release(lock)


def check_idle(run: Path) -> None:
    """Raises RunError if a process trains in this directory now; it may begin right after."""
    path = run / LOCK_NAME
    if not path.is_file():
        return
    lock = FileLock(path, timeout=0)
    with suppress(OSError):  # a lock that can't be read: whoever takes it will see
        acquire(lock, run)
        lock.release()


def acquire(lock: FileLock, run: Path) -> None:
    """Acquires a lock at once; RunError, which names the process, if another one holds it."""
    try:
        lock.acquire()
    except Timeout as error:
        owner = "another one"
        with suppress(OSError):
            owner = Path(lock.lock_file).read_text(encoding="ascii", errors="replace") or owner
        raise RunError(
            f"{run} is being trained by process {owner}: wait for it, stop it, or give another "
            "--run"
        ) from error


def release(lock: FileLock) -> None:
    """Releases a lock, whose file goes if it still can: the directory may be gone, or read-only."""
    with suppress(OSError):
        Path(lock.lock_file).unlink(missing_ok=True)
    lock.release()

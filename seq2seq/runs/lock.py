"""One training at a time in a run directory: two would write over each other's checkpoints."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from filelock import FileLock, Timeout

from seq2seq.errors import RunError
from seq2seq.runs.directory import LOCK_NAME, RunDirectory
from seq2seq.runs.files import flush_directory, system_errors


class RunLock:
    """Holds a run directory, which is made if it is not there, for as long as a training takes.

    The system releases the lock when the process ends, however it ends; what is left of a killed
    one is a file that locks nothing, and perhaps half a file under a temporary name, which is
    deleted.

    Raises:
        RunError: on entering: another process trains here, or the directory can't be written to.
    """

    def __init__(self, path: Path) -> None:
        self.path = path / LOCK_NAME
        self.lock = FileLock(self.path, timeout=0)
        self.made = False

    def __enter__(self) -> RunLock:
        run = self.path.parent
        with system_errors(f"{self.path} could not be written"):
            self.made = not run.exists()
            run.mkdir(parents=True, exist_ok=True)
            if self.made:
                flush_directory(run.parent)
            if os.path.lexists(self.path) and not self.path.is_file():
                raise RunError(f"{self.path} is no plain file: move it away")
            acquire(self.lock, run)
            self.path.write_text(str(os.getpid()), encoding="ascii")
        RunDirectory(run).delete_temporary_files()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with suppress(OSError):  # the directory may be gone, or read-only by now
            self.path.unlink(missing_ok=True)
        self.lock.release()
        if self.made and error is not None:
            with suppress(OSError):  # nothing was begun: only an empty directory goes
                self.path.parent.rmdir()


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

"""One training at a time in a run directory: two would write over each other's checkpoints."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from seq2seq.errors import RunError
from seq2seq.runs.directory import LOCK_NAME, RunDirectory
from seq2seq.runs.files import flush_directory


class RunLock:
    """Holds a run directory, which is made if it is not there, for as long as a training takes.

    The system lets go of it when the process ends, however it ends; what is left of a killed one
    is a file that locks nothing, and perhaps half a file under a temporary name, which is deleted.

    Args:
        path: the run directory.

    Raises:
        RunError: on entering: another process trains here, or the directory can't be written to.
    """

    def __init__(self, path: Path) -> None:
        self.path = path / LOCK_NAME
        self.file: int | None = None
        self.made = False

    def __enter__(self) -> RunLock:
        try:
            self.made = not self.path.parent.exists()
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if self.made:
                flush_directory(self.path.parent.parent)
            while self.file is None:
                self.file = self.take()
        except OSError as error:
            raise RunError(f"{self.path} could not be written: {error.strerror}") from error
        RunDirectory(self.path.parent).delete_temporary_files()
        return self

    def take(self) -> int | None:
        """The open file, locked; None if it was deleted by the one who held it before."""
        if os.path.lexists(self.path) and not self.path.is_file():
            raise RunError(f"{self.path} is no plain file: move it away")
        file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            lock(file)
            if not self.path.exists() or not os.path.samestat(os.fstat(file), self.path.stat()):
                os.close(file)
                return None
            os.ftruncate(file, 0)
            os.write(file, str(os.getpid()).encode())
        except BlockingIOError as error:
            raise busy(self.path.parent, file) from error
        return file

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.file is not None:
            with suppress(OSError):  # the directory may be gone, or read-only by now
                self.path.unlink(missing_ok=True)
            os.close(self.file)
            self.file = None
        if self.made and error is not None:
            with suppress(OSError):  # nothing was begun: only an empty directory goes
                self.path.parent.rmdir()


def busy(run: Path, file: int) -> RunError:
    """The error of a run whose open lock another process holds; the file is closed."""
    owner = os.read(file, 20).decode(errors="replace") or "another one"
    os.close(file)
    return RunError(
        f"{run} is being trained by process {owner}: wait for it, stop it, or give another --run"
    )


def check_idle(run: Path) -> None:
    """Raises RunError if a process trains in this directory now; it may begin right after."""
    try:
        if not (run / LOCK_NAME).is_file():
            return
        file = os.open(run / LOCK_NAME, os.O_RDONLY)
    except OSError:  # none that can be read: whoever takes it will see
        return
    try:
        lock(file)
    except BlockingIOError as error:
        raise busy(run, file) from error
    os.close(file)


def lock(file: int) -> None:
    """Locks an open file; BlockingIOError if another process has."""
    try:
        import fcntl
    except ImportError:  # Windows: there nobody can delete or write an open file anyway
        return
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

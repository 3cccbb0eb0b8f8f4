"""A whole text -> a file of its translations: in order, by several processes, and after a kill on
from where it was.

The text is cut into chunks of as many lines each time. A chunk is translated as a text by itself,
and its translations are added to the partial output when those of all chunks before it are; so the
output does not depend on how many processes there are, nor on where it was interrupted.
"""

from __future__ import annotations

import hashlib
import math
import multiprocessing
import os
import signal
import sys
import threading
import time
import warnings
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager
from datetime import timedelta
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from seq2seq.console import write_stderr
from seq2seq.data.readers.lines import stream_lines, without_end
from seq2seq.data.readers.plain_text import read_plain_lines
from seq2seq.errors import DataError, RunError, SettingsError
from seq2seq.export.directory import open_export
from seq2seq.runs.directory import RunDirectory
from seq2seq.runs.files import system_errors
from seq2seq.runs.hub import resolve
from seq2seq.runs.metadata import read_metadata
from seq2seq.translation.partial_output import PartialOutput, lock_output, partial_path

AHEAD = 4
"""So many chunks for each process are read before the first of them is written: while a slow one is
waited for, the others have something to do."""
FIRST_LINES = 128
"""The first chunk has no more lines, so that it is soon known how quick the work is."""
REPORTED = 30.0
"""Seconds between two lines of progress, where there is no terminal."""
_LOOKED_AT = 1000
"""So many lines say whether a file is a table."""


class Chunk(NamedTuple):
    """Lines that are translated together.

    Attributes:
        first: the number of the first one, from 1.
        lines: without their ends.
    """

    first: int
    lines: list[str]


class Answer(NamedTuple):
    """What became of a chunk.

    Attributes:
        text: its part of the output.
        warnings: their texts and categories.
    """

    text: str
    warnings: list[tuple[str, type[Warning]]]


Translate: TypeAlias = Callable[[Chunk], str]
"""Returns a chunk's part of the output; for other processes, what pickle can write."""


class Bulk(NamedTuple):
    """A text to be translated into a file.

    Attributes:
        text: the file to read, compressed or not.
        out: the file to write, compressed if its name says so.
        chunk_lines: the lines of a chunk.
        workers: how many processes translate; 0: this one.
        header: the line that the output begins with, if there is one.
        check_line: raises DataError for a line, by its number, that can't be written.
    """

    text: Path
    out: Path
    chunk_lines: int
    workers: int
    header: str
    check_line: Callable[[int, str], None]


def translate_file(
    bulk: Bulk, translate: Translate, job: Mapping[str, Any], *, restart: bool
) -> None:
    """Translates a text into a file, or goes on with it.

    Args:
        bulk: what is read and written.
        translate: what translates.
        job: what the output depends on, besides the text; see `PartialOutput`.
        restart: begin anew, whatever is there.

    Raises:
        DataError: the text can't be read, or changes meanwhile.
        RunError: the output is there already, another job has begun it, it can't be written, or a
            process has ended.
    """
    check_free(bulk, restart=restart)
    lines, digest = scan_text(bulk.text, bulk.check_line)
    with lock_output(bulk.out):
        if restart:
            with system_errors(f"{partial_path(bulk.out)} could not be deleted"):
                partial_path(bulk.out).unlink(missing_ok=True)
        text = {"lines": lines, "sha256": digest}
        with closing(PartialOutput(bulk.out, {"text": text, **job})) as partial:
            progress = Progress(bulk, partial.lines, lines)
            found = hashlib.sha256()
            chunks = read_chunks(bulk, partial.lines, found)
            try:
                with closing(in_order(translate, chunks, bulk.workers)) as answers:
                    for chunk, answer in answers:
                        progress.warn(answer.warnings)
                        partial.append(len(chunk.lines), answer.text)
                        progress.add(len(chunk.lines))
            finally:
                progress.close()
            if found.hexdigest() != digest:
                raise DataError(
                    f"{bulk.text} was changed while it was translated: begin anew with --restart"
                )
            partial.finish(bulk.header)


def check_free(bulk: Bulk, *, restart: bool) -> None:
    """Raises an error if the output can't be written, or would take the place of another file."""
    out, partial = bulk.out, partial_path(bulk.out)
    if not out.parent.is_dir() or (out.exists() and not out.is_file()):
        what = "is no plain file" if out.exists() else "is in no folder that there is"
        raise SettingsError(f"--out {out} {what}: give the name of a file")
    if bulk.text.resolve() == out.resolve():
        raise SettingsError(f"--out {out} is the text itself: give another file")
    if out.exists() and not (restart or partial.exists()):
        raise RunError(f"{out} is there already: give another --out, or --restart to replace it")


def scan_text(path: Path, check_line: Callable[[int, str], None]) -> tuple[int, str]:
    """Returns the number of lines of a text and their SHA-256, once all of them can be read.

    Raises:
        DataError: as `read_plain_lines`, or as `check_line`.
    """
    read_plain_lines(path, lambda each: [*map(without_end, islice(stream_lines(each), _LOOKED_AT))])
    number, digest = 0, hashlib.sha256()
    for number, line in enumerate(map(without_end, stream_lines(path)), start=1):
        check_line(number, line)
        digest.update(f"{line}\n".encode())
    return number, digest.hexdigest()


def read_chunks(bulk: Bulk, done: int, digest: hashlib._Hash) -> Iterator[Chunk]:
    """Yields the chunks of a text after the lines that are done; all lines go into the digest."""
    lines = map(without_end, stream_lines(bulk.text))
    for line in islice(lines, done):
        digest.update(f"{line}\n".encode())
    first = done + 1
    size = bulk.chunk_lines
    while chunk := [*islice(lines, size if first > 1 else min(size, FIRST_LINES))]:
        digest.update("".join(f"{line}\n" for line in chunk).encode())
        yield Chunk(first, chunk)
        first += len(chunk)


def in_order(
    translate: Translate, chunks: Iterator[Chunk], workers: int
) -> Generator[tuple[Chunk, Answer]]:
    """Yields each chunk with what became of it, computed by so many processes; by this one for 0.

    Raises:
        RunError: one of them has ended.
    """
    if not workers:
        for chunk in chunks:
            yield chunk, answer(translate, chunk)
        return
    others = {*multiprocessing.active_children()}
    spawn = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, spawn, initializer=prepare_worker)
    waiting: deque[tuple[Chunk, Future[Answer]]] = deque()
    try:
        for chunk in chunks:
            with without_interrupts():  # processes that begin inherit it
                waiting.append((chunk, pool.submit(answer, translate, chunk)))
            if len(waiting) >= AHEAD * workers:
                first, future = waiting.popleft()
                yield first, future.result()
        while waiting:
            first, future = waiting.popleft()
            yield first, future.result()
    except BaseException as error:
        for process in {*multiprocessing.active_children()} - others:
            process.terminate()  # else it would finish its chunk
        if isinstance(error, BrokenProcessPool):
            raise RunError(
                "one of the processes that translate has ended: was it killed, as for want of "
                "memory? Fewer --workers need less"
            ) from error
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def answer(translate: Translate, chunk: Chunk) -> Answer:
    """Returns what becomes of a chunk, with the warnings that it met."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        text = translate(chunk)
    return Answer(text, [(str(each.message), each.category) for each in caught])


def prepare_worker() -> None:
    """Prepares a process of `in_order`: it has one thread, and ends when its parent does."""
    os.environ["OMP_NUM_THREADS"] = "1"  # torch is not loaded yet
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    threading.Thread(target=end_with_parent, daemon=True).start()


def end_with_parent() -> None:
    """Ends this process as soon as its parent has ended, as by SIGKILL."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@contextmanager
def without_interrupts() -> Iterator[None]:
    """A context in which Ctrl-C is ignored, also for the life of processes that begin in it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def fingerprint(paths: Sequence[str]) -> list[str]:
    """Returns for each run or export a digest of all that its translations depend on.

    Raises:
        RunError: there is none, or its description is damaged.
    """
    found = []
    for path in map(resolve, paths):
        if export := open_export(path):
            found.append(str(export.metadata["sha256"]))
            continue
        run = RunDirectory(path)
        digest = hashlib.sha256(str(read_metadata(run)["id"]).encode())
        weights = run.best if run.best.exists() else run.last
        for file in (weights, run.ngrams, run.shortlist):
            if file.is_file():
                with system_errors(f"{file} could not be read"), file.open("rb") as stream:
                    digest.update(hashlib.file_digest(stream, "sha256").digest())
        found.append(digest.hexdigest())
    return found


class Progress:
    """How far a translation is, on stderr: a bar on a terminal, else a line now and then.

    Args:
        bulk: what is translated.
        done: lines that were done before.
        lines: of the whole text.
    """

    def __init__(self, bulk: Bulk, done: int, lines: int) -> None:
        self.name, self.before, self.done, self.lines = bulk.text, done, done, lines
        self.began, self.said = time.monotonic(), -math.inf  # a first line as soon as there is one
        if done:
            write_stderr(f"{self.name}: {done:,} of {lines:,} lines are done already, going on")
        self.bar = None
        if sys.stderr is not None and sys.stderr.isatty() and find_spec("tqdm"):
            from tqdm import tqdm  # an export is used without it

            self.bar = tqdm(total=lines, initial=done, unit=" lines", file=sys.stderr)

    def add(self, lines: int) -> None:
        """Shows that so many more lines are done."""
        self.done += lines
        now = time.monotonic()
        if self.bar is not None:
            self.bar.update(lines)
        elif now - self.said >= REPORTED or self.done == self.lines:
            self.said = now
            speed = (self.done - self.before) / max(now - self.began, 1e-3)
            left = timedelta(seconds=round((self.lines - self.done) / speed))
            write_stderr(
                f"{self.name}: {self.done:,} of {self.lines:,} lines, {speed:,.1f} a second, "
                f"{left} left"
            )

    def warn(self, found: Sequence[tuple[str, type[Warning]]]) -> None:
        """Gives the warnings of a chunk, not in the line of the bar."""
        if self.bar is not None and found:
            self.bar.clear()
        for message, category in found:
            warnings.warn(message, category, stacklevel=2)

    def close(self) -> None:
        """Removes the bar; says how to go on, if this is not the end."""
        if self.bar is not None:
            self.bar.close()
        if self.done < self.lines:
            write_stderr(
                f"{self.name}: {self.done:,} of {self.lines:,} lines are done; the same command "
                "goes on with the rest"
            )

"""metrics.jsonl as TensorBoard reads it: an event file in the run directory.

The file is written record by record in this process, without a thread beside it, as torch's
SummaryWriter has one: processes that share a training are forked while it is open.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from typing import Any

from seq2seq.runs.directory import RunDirectory
from seq2seq.runs.files import system_errors

NOT_SHOWN = ("step", "best")
"""The horizontal axis; and whether weights are the best so far, which is no curve."""


def monitor_problems(name: str) -> Iterator[str]:
    """A line if a monitor is asked for whose package is not installed."""
    if name == "none":
        return
    try:
        import_module("tensorboard.summary.writer.record_writer")
    except ImportError:
        yield (
            f"--monitor {name} needs the package tensorboard, which is not installed: "
            'pip install "seq2seq[tensorboard]", or leave it out'
        )


class EventFile:
    """The lines of a metrics.jsonl as curves of TensorBoard, "validation/bleu" for example.

    Each time that a training begins or is continued, the file is written anew from the lines that
    count, so that it has what metrics.jsonl has, in float32. A TensorBoard that is open then drops
    what it had read.

    Args:
        run: where the file goes, and whose older ones are deleted.
        rows: the lines so far.
        seconds: how long the training has lasted.

    Raises:
        RunError: the directory can't be written to.
    """

    def __init__(
        self, run: RunDirectory, rows: Iterable[Mapping[str, Any]], seconds: float
    ) -> None:
        from tensorboard.compat.proto.event_pb2 import Event, SessionLog
        from tensorboard.summary.writer.record_writer import RecordWriter

        self.make_event = Event
        self.begun = time.time() - seconds
        run.delete_events()
        self.path = run.events(int(time.time()))
        with system_errors(f"{self.path} could not be written"):
            self.records = RecordWriter(self.path.open("wb"))
        # What stood in an earlier file, from step 0 on, is void.
        start = SessionLog(status=SessionLog.START)
        self.write({"file_version": "brain.Event:2"}, {"session_log": start})
        for row in rows:
            self.add(row)

    def add(self, row: Mapping[str, Any]) -> None:
        """Adds the numbers of a line; RunError if the disk is full."""
        numbers = [
            {"tag": f"{row['kind']}/{name}", "simple_value": value}
            for name, value in row.items()
            if isinstance(value, int | float) and name not in NOT_SHOWN
        ]
        when = self.begun + row.get("seconds", 0.0)
        self.write({"step": row["step"], "wall_time": when, "summary": {"value": numbers}})

    def write(self, *events: Mapping[str, Any]) -> None:
        """Writes events, for whoever reads the file meanwhile."""
        with system_errors(f"{self.path} could not be written"):
            for event in events:
                self.records.write(self.make_event(**event).SerializeToString())
            self.records.flush()

    def close(self) -> None:
        """Closes the file."""
        self.records.close()

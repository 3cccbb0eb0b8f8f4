"""What the user sees while a model trains: a progress bar on a terminal, plain lines in a pipe.

All of it goes to stderr; every line's numbers also go to metrics.jsonl, and to a monitor.
"""

from __future__ import annotations

import json
import math
import os
import sys
from functools import partial
from typing import Any

from tqdm import tqdm

from seq2seq.config.training import Monitor
from seq2seq.config.wording import counted
from seq2seq.console import write_stderr
from seq2seq.errors import RunError
from seq2seq.evaluation.metrics import METRICS
from seq2seq.runs.directory import RunDirectory
from seq2seq.runs.files import finite_or_none, write_text
from seq2seq.training.monitoring import EventFile
from seq2seq.training.state import TrainerState

LINE_EVERY = 1_000_000
"""In a pipe, there is a line of progress for so many."""


def log_line(text: str = "") -> None:
    """Writes a line to stderr, above any progress bar that is drawn there."""
    write_stderr(text, partial(tqdm.write, file=sys.stderr))


class ProgressBar:
    """Shows how much of some work is done: a bar on a terminal, now and then a line in a pipe.

    Args:
        what: is counted.
        total: how much there is, if that is known.
    """

    def __init__(self, what: str, total: int | None = None) -> None:
        self.what, self.total, self.done = what, total, 0
        hidden = not sys.stderr.isatty()
        self.bar = tqdm(
            total=total, unit=f" {what}", unit_scale=True, disable=hidden, file=sys.stderr
        )

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(self, *error: object) -> None:
        self.bar.close()

    def add(self, count: int) -> None:
        """Counts so much more; in a pipe, each million that is full gives a line."""
        before, self.done = self.done, self.done + count
        self.bar.update(count)
        if self.bar.disable and before // LINE_EVERY < self.done // LINE_EVERY:
            log_line(f"{self.done:,}{f' of {self.total:,}' if self.total else ''} {self.what}")


class Reporter:
    """Shows the progress of a training, and logs its metrics.

    Args:
        run: whose metrics.jsonl is appended to.
        progress: the share of the budget that is already used up, 0 to 1.
        monitor: what shows the metrics besides; its package is installed.
    """

    def __init__(self, run: RunDirectory, progress: float = 0.0, monitor: Monitor = "none") -> None:
        self.run = run
        self.metrics = run.metrics
        self.monitor = monitor
        self.events: EventFile | None = None
        self.bar = tqdm(
            total=100,
            initial=round(100 * progress),
            disable=not sys.stderr.isatty(),
            bar_format="{percentage:3.0f}% {bar} {elapsed}<{remaining} {postfix}",
            dynamic_ncols=True,
            file=sys.stderr,
        )

    def rewind(self, state: TrainerState) -> None:
        """Goes back to the checkpoint with `state`, from which training begins or resumes.

        Raises:
            RunError: a file can't be read or written.
        """
        rows = self.remove_after(state)
        if self.monitor == "tensorboard":
            self.events = EventFile(self.run, rows, state.seconds)

    def remove_after(self, state: TrainerState) -> list[dict[str, Any]]:
        """Removes what was logged after the checkpoint with `state`; returns the lines that stay.

        A checkpoint may have been written after the updates of a step and before its validation:
        each kind of line has its own last step.

        Raises:
            RunError: the file can't be read or written.
        """
        if not os.path.lexists(self.metrics):
            if state.step:
                log_line(f"{self.metrics} is missing: the log begins anew")
            return []
        if not self.metrics.is_file():
            raise RunError(f"{self.metrics} is no plain file: move it away")
        last = {"validation": state.validated, "mean": state.averaged}
        kept, rows, damaged = [], [], 0
        try:
            lines = self.metrics.read_bytes().split(b"\n")
        except OSError as error:
            raise RunError(f"{self.metrics} could not be read: {error.strerror}") from error
        for line in lines[:-1]:  # the last one before a crash may be half written
            try:
                text = line.decode("utf-8")
                row = json.loads(text)
                if row["step"] <= last.get(row["kind"], state.step):
                    kept.append(text + "\n")
                    rows.append(row)
            except (ValueError, KeyError, TypeError):
                damaged += 1
        if damaged:
            log_line(f"{self.metrics}: {damaged:,} damaged lines are left out")
        write_text(self.metrics, "".join(kept))
        return rows

    def advance(self, progress: float, postfix: str) -> None:
        """Moves the bar to a share of the budget, 0 to 1, with a text after it."""
        self.bar.set_postfix_str(postfix, refresh=False)
        self.bar.update(min(round(100 * progress), 100) - self.bar.n)

    def record(self, kind: str, values: dict[str, Any]) -> None:
        """Appends a line to metrics.jsonl; shows it, but for training lines where there is a bar.

        Args:
            kind: "training", "validation", or "mean" (of checkpoints).
            values: the numbers by name.

        Raises:
            RunError: the disk is full, or the directory can't be written to.
        """
        line = {"kind": kind, **finite_or_none(values)}
        try:
            with self.metrics.open("a", encoding="utf-8", newline="\n") as file:
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
                file.flush()
                os.fsync(file.fileno())  # a checkpoint that is younger does not outlive its line
        except OSError as error:
            raise RunError(f"{self.metrics} could not be written: {error.strerror}") from error
        if self.events is not None:
            self.events.add(line)
        if kind == "training" and self.bar.disable:
            log_line(training_line(values))
        if kind in ("validation", "mean"):
            log_line(validation_line(values))

    def close(self) -> None:
        """Removes the bar, and closes what the monitor reads."""
        self.bar.close()
        if self.events is not None:
            self.events.close()


def training_line(values: dict[str, Any]) -> str:
    """Returns the numbers of some updates as a line of text."""
    skipped = f"  skipped {values['skipped']}" if values.get("skipped") else ""
    sampling = f"  sampling {values['sampling_rate']:.3f}" if values["sampling_rate"] else ""
    return (
        f"{_progress(values)}  {_loss(values)}  "
        f"{speed(values['tokens_per_second'], values['perplexity'])}  "
        f"norm {values['gradient_norm']:.2f}  "
        f"learning rate {values['learning_rate']:.2e}{sampling}{skipped}"
    )


def validation_line(values: dict[str, Any]) -> str:
    """Returns the scores of a validation and its samples as text."""
    bits = values.get("bits_per_character")
    per_character = f"  {bits:.3f} bits per character" if bits is not None else ""
    scores = shown_scores(values)
    own = f"  score {values['score']:.4f}" if "score" in values else ""
    best = "  (best so far)" if values["best"] else ""
    head = f"{_progress(values)}  validation: {_loss(values)}{per_character}{scores}{own}{best}"
    sets = [
        f"    {name}: loss {found['loss']:.3f}{shown_scores(found)}"
        for name, found in values.get("sets", {}).items()
    ]
    seen = [
        f"{name} {counted(found['pairs'], 'pair')} ({found['times']:.2f} times)"
        for name, found in values.get("seen", {}).items()
    ]
    corpora = [f"    seen of {', '.join(seen)}"] if seen else []
    samples = [
        f"    {name:10} " + value.replace("\n", "\n" + 15 * " ")
        for sample in values.get("samples", [])
        for name, value in sample.items()
    ]
    return "\n".join([head, *sets, *corpora, *samples])


def shown_scores(values: dict[str, Any]) -> str:
    """Returns the scores among some figures, as "  BLEU 12.34"."""
    return "".join(
        f"  {metric.title} {values[name]:.2f}" for name, metric in METRICS.items() if name in values
    )


def _progress(values: dict[str, Any]) -> str:
    duration = format_duration(values["seconds"])
    return f"{duration}  epoch {values['epoch']:.2f}  step {values['step']}"


def speed(per_second: float, likelihood: float) -> str:
    """Returns how much is learned from in a second: examples, if their loss is no likelihood."""
    return f"{per_second:,.0f} {'examples' if math.isnan(likelihood) else 'tokens'}/s"


def _loss(values: dict[str, Any]) -> str:
    """The loss; and its perplexity, if it is of tokens."""
    perplexity = values["perplexity"]
    tail = "" if math.isnan(perplexity) else f"  perplexity {perplexity:.2f}"
    return f"loss {values['loss']:.3f}{tail}"


def format_duration(seconds: float) -> str:
    """Returns seconds as minutes and seconds, and hours if there are any.

    >>> format_duration(75.4), format_duration(3675)
    ('01:15', '1:01:15')
    """
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes:02}:{rest:02}"

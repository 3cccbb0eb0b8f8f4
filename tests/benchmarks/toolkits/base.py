"""What a toolkit must be able to do: prepare text, train and translate, and log how fast."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

TRANSLATED_TOKENS = 13
"""Of every translation, whatever the model would like: all do the same number of steps."""

TRANSLATION_BATCH = 64
BATCH_TOKENS = 2048


class Work(NamedTuple):
    """What a command is told.

    Attributes:
        text: the folder of train.src, train.tgt, dev.src, dev.tgt and test.src.
        folder: for what the toolkit writes.
        updates: of a training.
        log_every: so many updates it logs its speed.
    """

    text: Path
    folder: Path
    updates: int
    log_every: int

    @property
    def model(self) -> Path:
        """The folder of the model, empty before each training."""
        return self.folder / "model"


class Command(NamedTuple):
    """A command line.

    Attributes:
        arguments: what follows the Python of the toolkit.
        standard_input: a file.
    """

    arguments: list[str]
    standard_input: Path | None = None


class PeerModel(NamedTuple):
    """A model of a toolkit that is like one of ours.

    Attributes:
        settings: what the toolkit calls them.
        but: what is not as in ours, in a few words for the table.
    """

    settings: Mapping[str, Any]
    but: str


class Toolkit(NamedTuple):
    """How to use one.

    Attributes:
        module: what its Python must be able to import.
        models: those that it has, by the titles of `training.MODELS`.
        prepare: returns what has to be run once.
        train: returns a training of the model with these settings.
        translate: returns a translation of test.src by the model trained last, given a beam size.
        training_speed: finds target tokens a second in the log, once every `log_every` updates.
        translating_seconds: returns how long translating took without the start, given the log
            and the number of sentences; None if the log does not say.
    """

    module: str
    models: Mapping[str, PeerModel]
    prepare: Callable[[Work], list[Command]]
    train: Callable[[Work, Mapping[str, Any]], Command]
    translate: Callable[[Work, int], Command]
    training_speed: re.Pattern[str]
    translating_seconds: Callable[[str, int], float | None]


def number_in(pattern: str, log: str) -> float | None:
    """The number that the pattern finds in a log."""
    found = re.search(pattern, log)
    return float(found[1]) if found else None

"""Where a training is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class LogWindow:
    """Sums over the updates since the last log line."""

    smoothed: float = 0.0
    likelihood: float = 0.0
    tokens: int = 0
    seconds: float = 0.0


@dataclass
class TrainerState:
    """Where a training is: with weights and optimizer, all that continuing it needs.

    Attributes:
        step: updates made.
        epoch: whole passes over the text.
        batch: batches of the current pass.
        seconds: time since the beginning, interruptions not counted.
        best: the best validation score; None before the first.
        unimproved: validations since then.
        cuts: how often the plateau schedule has cut the learning rate.
        validated: the update after which the last validation was; -1 before the first.
        averaged: the update after which the mean of checkpoints was tried; -1 before.
        kept: score and update of each validation whose weights are kept for their mean.
        skipped: updates that were not made, as their gradient was not finite.
        skipped_in_row: those since the last that was.
        window: what the next log line reports.
    """

    step: int = 0
    epoch: int = 0
    batch: int = 0
    seconds: float = 0.0
    best: float | None = None
    unimproved: int = 0
    cuts: int = 0
    validated: int = -1
    averaged: int = -1
    kept: list[tuple[float, int]] = field(default_factory=list)
    skipped: int = 0
    skipped_in_row: int = 0
    window: LogWindow = field(default_factory=LogWindow)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> TrainerState:
        """What `dataclasses.asdict` made; TypeError or KeyError if it is of another version."""
        kept = [(score, step) for score, step in values["kept"]]
        for name, value in {**values, **values["window"], "kept": 0, "window": 0}.items():
            if not isinstance(value, int | float | None):
                raise TypeError(f"{name} is {value!r}")
        if not all(isinstance(step, int) for _, step in kept):  # they become names of files
            raise TypeError("kept steps are not numbers")
        return cls(**{**values, "window": LogWindow(**values["window"]), "kept": kept})

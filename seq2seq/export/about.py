"""What is said of a run where it is handed on, also of one that was trained before it knew."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from typing import TYPE_CHECKING

from seq2seq.config.about import AboutSettings
from seq2seq.config.experiment import Experiment
from seq2seq.config.model import ModelSettings
from seq2seq.data.readers.languages import guess_languages

if TYPE_CHECKING:  # it needs torch, and a page of a server does without
    from seq2seq.runs.run import Run


def about_run(run: Run) -> AboutSettings:
    """Returns what a run of a translation model says of itself, completed by guesses.

    Guesses are made of the names of the files and columns that the run was trained on, and of the
    languages that a recipe calls --source and --target. They are languages, and never a path.

    Raises:
        RunError: as `Run.experiment`.
    """
    experiment = run.experiment(Experiment)
    data = experiment.data
    one = data.train if len(data.train) == 1 else ()  # of several, each may have its own
    files = [*one, *(data.train_target if one else ())] or [""]
    columns = [str(run.metadata["recipe"].get(role, "")) for role in ("source", "target")]
    if not all(columns):
        columns = [data.source, data.target]
    numbered: list[str | int] = [
        int(name) if name.isdecimal() else name for name in columns if name
    ]
    languages = guess_languages(files, numbered)
    return experiment.about.or_else(AboutSettings(*languages))


@dataclass(frozen=True)
class About(AboutSettings):
    """What a page says of its model: beside what is said of the run, what can be seen of it."""

    date: str = ""
    """The day of its weights: that of their file, as a run has no other."""
    model: str = ""
    """What it is, in a line."""


def about_page(run: Run, about: AboutSettings, parameters: int) -> About:
    """Returns what a page says of a run.

    Args:
        run: of a translation model.
        about: what is said of it.
        parameters: how many numbers the model has.

    Raises:
        RunError: as `Run.experiment`.
    """
    day = date.fromtimestamp(run.directory.best.stat().st_mtime).isoformat()
    model = describe_model(run.experiment(Experiment).model, parameters)
    return About(**asdict(about), date=day, model=model)


def describe_model(settings: ModelSettings, parameters: int) -> str:
    """Returns a line about a model of a page."""
    cell = {"lstm": "LSTM", "gru": "GRU", "elman": "Elman"}.get(settings.cell, settings.cell)
    attention = settings.attention
    kind = attention.replace("-", " ")
    looking = "without attention" if attention == "none" else f"with attention ({kind})"
    return f"{cell} {looking}, {parameters / 1e6:.1f} million weights of 8 bits"

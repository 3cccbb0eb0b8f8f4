"""What is said of a run where it is handed on, also of one that was trained before it knew."""

from __future__ import annotations

from seq2seq.config.about import AboutSettings
from seq2seq.config.experiment import Experiment
from seq2seq.data.readers.languages import guess_languages
from seq2seq.runs.run import Run


def about_run(run: Run, given: AboutSettings) -> AboutSettings:
    """Returns what is given, completed by what the run knows, and that by guesses.

    Guesses are made of the names of the files and columns that the run was trained on, and of the
    languages that a recipe calls --source and --target. They are languages, and never a path.

    Args:
        run: of a translation model.
        given: what counts more than what the run says.

    Raises:
        RunError: as `Run.experiment`.
    """
    experiment = run.experiment(Experiment)
    data = experiment.data
    files = [data.train, data.train_target] if data.train_target else [data.train]
    columns = [str(run.metadata["recipe"].get(role, "")) for role in ("source", "target")]
    if not all(columns):
        columns = [data.source, data.target]
    numbered: list[str | int] = [
        int(name) if name.isdecimal() else name for name in columns if name
    ]
    languages = guess_languages(files, numbered)
    return given.or_else(experiment.about).or_else(AboutSettings(*languages))

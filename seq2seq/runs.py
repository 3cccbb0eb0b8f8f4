"""A run, whatever its model: described on disk, and trained."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, TypeVar

import torch

import seq2seq
from seq2seq.checks import from_dict, to_dict
from seq2seq.errors import DataError, RunError, SettingsError
from seq2seq.language_settings import LanguageExperiment, NGramExperiment
from seq2seq.settings import AnyExperiment, Experiment
from seq2seq.storage import read_json, write_atomically, write_json
from seq2seq.text.pipeline import TextPipeline
from seq2seq.text.tokenizers import load_tokenizer
from seq2seq.text.vocab import Vocab
from seq2seq.training.checkpoint import load_tensors, load_weights, part_of
from seq2seq.training.lock import RunLock
from seq2seq.training.progress import say
from seq2seq.training.run_directory import FORMAT, RunDirectory
from seq2seq.training.task import BatchT, Task
from seq2seq.training.trainer import Trainer

ExperimentT = TypeVar("ExperimentT", bound=AnyExperiment)


class Text(NamedTuple):
    """What a run learns from.

    Attributes:
        fingerprint: of training and validation text.
        pipelines: tokenizer and vocabulary of each side.
        words: how much text, and how large a vocabulary.
    """

    fingerprint: str
    pipelines: Mapping[str, TextPipeline]
    words: str


def count_weights(model: torch.nn.Module) -> int:
    """How many numbers are learned; tied ones count once."""
    return sum(weight.numel() for weight in model.parameters())


def run_training(
    model: torch.nn.Module,
    task: Task[BatchT],
    experiment: Experiment | LanguageExperiment,
    run: RunDirectory,
    text: Text,
) -> str:
    """Writes the description, trains, and says so; returns why training ended, in words.

    Args:
        model: with fresh weights; those of the run, if it is continued, are loaded.
        task: batches, loss and validation.
        experiment: how to train, where, and whether it is continued.
        run: where everything goes; no other process may train there.
        text: what it learns from.
    """
    with RunLock(run.path):
        save_description(run, experiment, text.fingerprint, text.pipelines)
        trainer = Trainer(
            model,
            task,
            experiment.training,
            run,
            seed=experiment.seed,
            device=experiment.device,
            resume=experiment.resume,
        )
        precision = str(trainer.precision).removeprefix("torch.")
        say(
            f"{text.words}, {count_weights(model):,} weights, {trainer.device} in {precision} with "
            f"{torch.get_num_threads()} threads"
        )
        reason = trainer.train()
    say(
        f"Training ended after {trainer.position.step:,} steps: {reason}. "
        f"The run is in {run.path}"
        + ("; continue it with the same command and --resume" if reason == "interrupted" else "")
    )
    return reason


def save_description(
    run: RunDirectory,
    experiment: AnyExperiment,
    text: str,
    pipelines: Mapping[str, TextPipeline],
) -> None:
    """Writes all of a run but its weights; if it is a new one, into a directory made for it.

    Args:
        run: where.
        experiment: the whole description.
        text: a fingerprint of training and validation text.
        pipelines: tokenizer and vocabulary of each side.

    Raises:
        DataError: a run is continued with other text than it was begun with.
    """
    if not experiment.resume:
        run.create(overwrite=experiment.overwrite)
    elif text != read_json(run.experiment).get("text", text):
        raise DataError(
            f"training or validation text is not what {run.path} was begun with: give it the same "
            "text, or train another run with --run"
        )
    # Before the rest: without its description, a directory is not known as a run.
    save_experiment(run, experiment, text)
    if not experiment.resume:
        for side, pipeline in pipelines.items():
            write_atomically(run.tokenizer(side), pipeline.tokenizer.save)
            write_atomically(run.vocab(side), pipeline.vocab.save)


def fingerprint(texts: Sequence[Any]) -> str:
    """SHA-256 of all the text, each part of it lists of lines."""
    result = hashlib.sha256()
    for part in texts:
        result.update(json.dumps(part).encode())
    return result.hexdigest()


def base_of(kind: type[AnyExperiment]) -> type[AnyExperiment]:
    """The class whose fields describe a run of this kind; what a recipe adds is not among them."""
    return next(each for each in kind.__mro__ if "KIND" in vars(each))


def load_pipeline(run: RunDirectory, side: str, sampling: float = 0.0) -> TextPipeline:
    """One side of a run, with its `subword_sampling`; RunError if a file is missing or damaged."""
    for path in (run.tokenizer(side), run.vocab(side)):
        if not path.is_file():
            raise RunError(f"{path} is missing: {run.path} is not a complete run")
    try:
        tokenizer = load_tokenizer(run.tokenizer(side))
        vocab = Vocab.load(run.vocab(side))
    except DataError as error:
        raise RunError(str(error)) from error
    if sampling and hasattr(tokenizer, "alpha"):
        tokenizer.alpha = sampling
    return TextPipeline(tokenizer, vocab)


def save_experiment(run: RunDirectory, experiment: AnyExperiment, text: str) -> None:
    """Writes the description of the run, with the versions that made it."""
    own = {item.name for item in dataclasses.fields(base_of(type(experiment)))}
    values = to_dict(experiment)
    # Where a run lies and how its training was started is no part of what it is.
    for name in ("run", "resume", "overwrite", "device", "dry_run"):
        values.pop(name, None)
    write_json(
        run.experiment,
        {
            "format": FORMAT,
            "model": experiment.KIND,
            "versions": {
                "seq2seq": seq2seq.__version__,
                "torch": torch.__version__,
                "python": platform.python_version(),
            },
            "text": text,
            "experiment": {name: value for name, value in values.items() if name in own},
            "recipe": {name: value for name, value in values.items() if name not in own},
        },
    )


def load_experiment(run: RunDirectory, kind: type[ExperimentT]) -> ExperimentT:
    """What `save_experiment` wrote, as its class or as a recipe's own subclass of it.

    Raises:
        RunError: there is no run, it is one of another kind of model, or its description is damaged
            or of another version.
    """
    values = read_description(run)
    found = values.get("model", Experiment.KIND)
    if found != kind.KIND:
        needed = kind.KIND
        if found == NGramExperiment.KIND and needed == LanguageExperiment.KIND:
            needed = f"recurrent {needed}"
        raise RunError(
            f"{run.path} is {with_article(found)}, and {with_article(needed)} is needed here"
            + (": see seq2seq lm --help" if kind is Experiment else "")
        )
    fields: Any = values.get("experiment")
    if kind is not base_of(kind) and isinstance(fields, dict):
        fields = {**fields, **values.get("recipe", {})}
    try:
        return replace(from_dict(kind, fields), run=str(run.path))
    except SettingsError as error:
        raise RunError(f"{run.experiment}: {error}") from error


def read_description(run: RunDirectory) -> dict[str, Any]:
    """All that `save_experiment` wrote; RunError as for `load_experiment`."""
    run.check_exists()
    values = read_json(run.experiment)
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise RunError(f"{run.experiment} is not a description of the format {FORMAT!r}")
    return values


def with_article(kind: str) -> str:
    """A kind of model in a sentence.

    >>> with_article("language model"), with_article("n-gram model")
    ('a language model', 'an n-gram model')
    """
    return f"an {kind}" if kind == NGramExperiment.KIND else f"a {kind}"


def load_best(run: RunDirectory, model: torch.nn.Module) -> None:
    """Gives the model its best weights, or its last ones if no validation has chosen any yet."""
    if run.best.is_file() or not run.last.is_file():
        load_weights(model, load_tensors(run.best)[0], run.best)
    else:
        load_weights(model, part_of(load_tensors(run.last)[0], "model."), run.last)

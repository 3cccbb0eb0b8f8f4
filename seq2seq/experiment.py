"""One run from its description: corpus, tokenizers, vocabularies, model, training.

A recipe fills in an `Experiment`, brings its corpora, and calls `train`.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import platform
from dataclasses import replace
from typing import Any, TypeVar

import torch

import seq2seq
from seq2seq.checks import from_dict, to_dict
from seq2seq.errors import DataError, RunError, SettingsError
from seq2seq.models.translation import TranslationModel, build_translation_model
from seq2seq.settings import DataSettings, Experiment
from seq2seq.text.corpus import ParallelCorpus
from seq2seq.text.pipeline import TextPipeline, build_pipelines
from seq2seq.text.tokenizers import load_tokenizer
from seq2seq.text.vocab import Vocab
from seq2seq.training.checkpoint import load_tensors, load_weights, part_of
from seq2seq.training.hardware import choose_device
from seq2seq.training.progress import say
from seq2seq.training.run_directory import (
    FORMAT,
    SIDES,
    RunDirectory,
    read_json,
    write_atomically,
    write_json,
)
from seq2seq.training.trainer import Trainer
from seq2seq.translation_task import Corpora, TranslationTask

ExperimentT = TypeVar("ExperimentT", bound=Experiment)


def train(experiment: Experiment, corpora: Corpora | None = None) -> str:
    """Trains, or continues, the run that `experiment` describes.

    Args:
        experiment: the whole description.
        corpora: training and validation text, where `experiment.data` does not name another.

    Returns:
        Why training ended, in words: "interrupted" if the user stopped it.

    Raises:
        Seq2SeqError: anything that the user can set right.
    """
    run = check_before(experiment)
    corpora = read_corpora(experiment.data, experiment.seed, corpora)
    for part in corpora:
        say(str(part.report))
    say(f"training and validation: {corpora.train.overlap(corpora.validation)}")
    if experiment.resume:
        source, target = load_pipelines(run, experiment.data)
    else:
        source, target = build_pipelines(
            corpora.train.sources, corpora.train.targets, experiment.data
        )
    torch.manual_seed(experiment.seed)
    model = build_model(experiment, source.vocab, target.vocab)
    task = TranslationTask(model, corpora, source, target, experiment)
    save_description(run, experiment, corpora, source, target)
    trainer = Trainer(
        model,
        task,
        experiment.training,
        run,
        seed=experiment.seed,
        device=experiment.device,
        resume=experiment.resume,
    )
    say(
        f"{len(task.corpora.train):,} training pairs, vocabularies of {len(source.vocab):,} and "
        f"{len(target.vocab):,}, {count_weights(model):,} weights, {trainer.device} in "
        f"{str(trainer.precision).removeprefix('torch.')} with {torch.get_num_threads()} threads"
    )
    reason = trainer.train()
    say(
        f"Training ended after {trainer.position.step:,} steps: {reason}. "
        f"The run is in {run.path}"
        + ("; continue it with the same command and --resume" if reason == "interrupted" else "")
    )
    return reason


def check_before(experiment: Experiment) -> RunDirectory:
    """Finds what would stop the training later, before any text is read."""
    problems = []
    if not experiment.run:
        problems.append("no run directory: give --run DIR")
    budget = experiment.training
    if budget.minutes is None and budget.epochs is None and budget.max_steps is None:
        problems.append(
            "no budget: give --training.minutes, --training.epochs or --training.max-steps"
        )
    if problems:
        raise SettingsError("\n".join(problems))
    choose_device(experiment.device)
    run = RunDirectory(experiment.run)
    if experiment.resume:
        run.check_exists()
    else:
        run.check_free(overwrite=experiment.overwrite)
    return run


def count_weights(model: torch.nn.Module) -> int:
    """How many numbers are learned; tied ones count once."""
    return sum(weight.numel() for weight in model.parameters())


def read_corpora(settings: DataSettings, seed: int, given: Corpora | None = None) -> Corpora:
    """The text that the settings name, cleaned; where they name none, what is given.

    If there is no validation text at all, some is set aside from the training text.
    """
    if settings.train:
        train = read_corpus(settings, settings.train, settings.train_target, "train")
    elif given:
        train = given.train.clean()
    else:
        raise SettingsError(
            "no training text: give --data.train FILE; a run that a recipe began is continued with "
            "the recipe's own command and --resume"
        )
    if settings.validation:
        path, target_path = settings.validation, settings.validation_target
        return Corpora(train, read_corpus(settings, path, target_path, "validation"))
    if given:
        return Corpora(train, given.validation)
    sources = len(train.references()[0])
    if sources <= settings.validation_size:
        raise DataError(
            f"{settings.train} has {sources:,} different source sentences, and "
            f"{settings.validation_size:,} are to be set aside for validation: give "
            "--data.validation FILE or a smaller --data.validation-size"
        )
    say(str(train.report))
    rest, validation, _ = train.split_by_source(
        validation=settings.validation_size, test=0, seed=seed
    )
    return Corpora(rest, validation)


def read_corpus(settings: DataSettings, path: str, target_path: str, split: str) -> ParallelCorpus:
    """One part of the text that the settings name, cleaned."""
    corpus = ParallelCorpus.read(
        path,
        target_path or None,
        source=column(settings.source),
        target=column(settings.target),
        split=split,
    )
    return corpus.clean()


def column(name: str) -> str | int | None:
    """A column as the settings spell it: a name, a number, or nothing."""
    return int(name) if name.isdecimal() else name or None


def build_model(experiment: Experiment, source: Vocab, target: Vocab) -> TranslationModel:
    """The network that the experiment describes, with fresh weights."""
    return build_translation_model(len(source), len(target), experiment.model)


def save_description(
    run: RunDirectory,
    experiment: Experiment,
    corpora: Corpora,
    source: TextPipeline,
    target: TextPipeline,
) -> None:
    """Writes all of a run but its weights; if it is a new one, into a directory made for it.

    Raises:
        DataError: a run is continued with other text than it was begun with.
    """
    text = fingerprint(corpora)
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
        save_pipelines(run, source, target)


def save_pipelines(run: RunDirectory, source: TextPipeline, target: TextPipeline) -> None:
    """Writes tokenizers and vocabularies of both sides."""
    for side, pipeline in zip(SIDES, (source, target), strict=True):
        write_atomically(run.tokenizer(side), pipeline.tokenizer.save)
        write_atomically(run.vocab(side), pipeline.vocab.save)


def load_pipelines(run: RunDirectory, settings: DataSettings) -> tuple[TextPipeline, TextPipeline]:
    """What `save_pipelines` wrote."""
    source, target = (load_pipeline(run, side, settings) for side in SIDES)
    return source, target


def load_pipeline(run: RunDirectory, side: str, settings: DataSettings) -> TextPipeline:
    """One side of a run; RunError if its files are missing or damaged."""
    for path in (run.tokenizer(side), run.vocab(side)):
        if not path.is_file():
            raise RunError(f"{path} is missing: {run.path} is not a complete run")
    try:
        tokenizer = load_tokenizer(run.tokenizer(side))
        vocab = Vocab.load(run.vocab(side))
    except DataError as error:
        raise RunError(str(error)) from error
    if settings.subword_sampling and hasattr(tokenizer, "alpha"):
        tokenizer.alpha = settings.subword_sampling
    return TextPipeline(tokenizer, vocab)


def fingerprint(corpora: Corpora) -> str:
    """SHA-256 of all the text."""
    result = hashlib.sha256()
    for corpus in corpora:
        result.update(json.dumps([corpus.sources, corpus.targets]).encode())
    return result.hexdigest()


def save_experiment(run: RunDirectory, experiment: Experiment, text: str) -> None:
    """Writes the description of the run, with the versions that made it."""
    own = {item.name for item in dataclasses.fields(Experiment)}
    values = to_dict(experiment)
    # Where a run lies and how its training was started is no part of what it is.
    for name in ("run", "resume", "overwrite", "device"):
        del values[name]
    write_json(
        run.experiment,
        {
            "format": FORMAT,
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
    """What `save_experiment` wrote, as `Experiment` or as a recipe's own kind of it.

    Raises:
        RunError: there is no run, or its description is damaged or of another version.
    """
    run.check_exists()
    values = read_json(run.experiment)
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise RunError(f"{run.experiment} is not a description of the format {FORMAT!r}")
    fields: Any = values.get("experiment")
    if kind is not Experiment and isinstance(fields, dict):
        fields = {**fields, **values.get("recipe", {})}
    try:
        return replace(from_dict(kind, fields), run=str(run.path))
    except SettingsError as error:
        raise RunError(f"{run.experiment}: {error}") from error


def load_model(
    run: RunDirectory, experiment: Experiment, source: Vocab, target: Vocab
) -> TranslationModel:
    """The model with its best weights, or its last ones if no validation has chosen any yet."""
    model = build_model(experiment, source, target)
    if run.best.is_file() or not run.last.is_file():
        load_weights(model, load_tensors(run.best)[0], run.best)
        return model
    load_weights(model, part_of(load_tensors(run.last)[0], "model."), run.last)
    return model

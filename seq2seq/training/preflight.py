"""What would stop a run later, found before any text is read, and all of it at once.

Settings that are impossible are refused when an experiment is made. Here is what depends on more:
on the machine, the run directory, other runs, and on whether anything is trained at all.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from seq2seq.config.base import flag_name, flatten, to_dict, type_problems
from seq2seq.config.experiment import BaseExperiment, Experiment
from seq2seq.config.language_model import LanguageExperiment, NGramExperiment
from seq2seq.config.parent import ARCHITECTURE, format_flag, settings_of_tokens
from seq2seq.config.training import PARTS
from seq2seq.data.prepared_folder import is_begun
from seq2seq.errors import DataError, RunError, SettingsError
from seq2seq.runs.directory import RunDirectory
from seq2seq.runs.files import missing_checkpoint
from seq2seq.runs.hub import resolve
from seq2seq.runs.lock import check_idle
from seq2seq.training.monitoring import monitor_problems
from seq2seq.training.preflight_ranks import rank_problems
from seq2seq.training.preflight_text import filter_runs, text_problems

NO_TRAINING_TEXT = "no training text: give --data.train FILE"
TRAIN_COMMANDS = {
    Experiment.KIND: ("seq2seq train", "pairs.tsv"),
    LanguageExperiment.KIND: ("seq2seq lm train", "book.txt"),
    NGramExperiment.KIND: ("seq2seq lm ngram", "book.txt"),
}
"""The command that trains a kind of model, and what its text may be called."""
INITIALIZE_FLAG = "--model.initialize-"
"""Options that name a run whose weights a side begins with."""
INITIALIZE_ALL = "--model.initialize"
ENCODER_SETTINGS = (
    *("cell", "encoder_sizes", "bidirectional", "residual", "embedding", "embedding_size"),
)
"""What an encoder computes with."""
DECODER_SETTINGS = tuple(name for name in ARCHITECTURE if name != "shared_embedding")
"""The same for a decoder, which reads what an encoder made."""


def preflight(
    experiment: BaseExperiment, *, text_given: bool = True, problems: Sequence[str] = ()
) -> RunDirectory:
    """Returns the run directory of an experiment, if nothing is in its way.

    A dry run writes nothing: what it would lack for a training is in `missing_for_training`, and
    no error.

    Args:
        experiment: the whole description.
        text_given: whether there is training text, other than the settings name.
        problems: what is known to be wrong already, a line each.

    Raises:
        SettingsError: all problems, these and those found here.
        RunError: the run directory, and other runs that are named, are the only problems; or a
            model that was only saved is to be continued, and nothing else matters.
    """
    if experiment.resume:
        check_was_trained(RunDirectory(experiment.run))
    found = list(problems)
    runs: list[str] = []
    if not type_problems(experiment):  # else nothing can be compared
        found += setting_problems(experiment, text_given)
        if not experiment.resume:  # a run that was begun has all that it needs
            found += incompatible_runs(experiment)
            runs += missing_runs(experiment)
        if not is_dry_run(experiment):
            found += missing_requirements(experiment)
            runs += directory_problems(experiment)
    if runs and not found:
        raise RunError("\n".join(runs))
    if found:
        raise SettingsError("\n".join(dict.fromkeys([*found, *runs])))
    return RunDirectory(experiment.run)


def check_was_trained(run: RunDirectory) -> None:
    """Raises RunError if a run has no training to continue: its model was only saved there."""
    if not run.is_run() or run.last.is_file():
        return
    from seq2seq.runs.metadata import read_metadata  # it imports torch

    if read_metadata(run).get("text") == {}:
        raise RunError(
            f"{run.path} was not trained here, but saved from Python: it has no training to "
            "continue; train another run with --run"
        )


def missing_for_training(experiment: BaseExperiment) -> list[str]:
    """What a dry run may lack, and a training may not: a line each."""
    return [*missing_requirements(experiment), *directory_problems(experiment)]


def is_dry_run(experiment: BaseExperiment) -> bool:
    """Whether nothing is to be written, nor read from the run directory."""
    return bool(getattr(experiment, "dry_run", False)) and not experiment.resume


def setting_problems(experiment: BaseExperiment, text_given: bool) -> Iterator[str]:
    """A line for each setting that this machine, or a training, can't do anything with."""
    if not experiment.resume:
        yield from experiment.training_problems()
        yield from vector_problems(experiment)
        yield from freezing_problems(experiment)
    yield from device_problems(experiment.device)
    yield from monitor_problems(experiment.monitor)
    yield from rank_problems(experiment)
    if isinstance(experiment, Experiment):
        yield from tokenization_problems(experiment.tokenize)
        has_prepared = experiment.resume and is_begun(RunDirectory(experiment.run).text)
        yield from text_problems(experiment.data, has_prepared)
    if not text_given and not names_training_text(experiment):
        yield no_training_text(experiment)
    for option, path in {**referenced_runs(experiment), **filter_runs(experiment)}.items():
        if experiment.overwrite and os.path.realpath(path) == os.path.realpath(experiment.run):
            yield f"--overwrite would delete {path}, which {option} names: give another --run"


def device_problems(name: str) -> Iterator[str]:
    """A line if a device is asked for that this machine does not have."""
    if name in ("auto", "cpu"):
        return  # nothing to find out, and torch takes long to import
    try:
        from seq2seq.models.device import choose_device

        choose_device(name)
    except ModuleNotFoundError:
        yield f"--device {name} needs torch, which is not installed"
    except SettingsError as error:
        yield str(error)


def vector_problems(experiment: BaseExperiment) -> Iterator[str]:
    """A line for each file of word vectors that can't be read, or whose vectors don't fit."""
    if not isinstance(experiment, Experiment):
        return
    model = experiment.model
    for side, path in (("source", model.source_vectors), ("target", model.target_vectors)):
        if not path:
            continue
        from seq2seq.data.vectors import vector_width

        try:
            width = vector_width(path)
        except DataError as error:
            yield f"--model.{side}-vectors: {error}"
            continue
        if width != model.embedding_size:
            yield (
                f"--model.{side}-vectors {path} has vectors of {width:,} numbers, and "
                f"--model.embedding-size is {model.embedding_size:,}: set it to {width}"
            )


def freezing_problems(experiment: BaseExperiment) -> Iterator[str]:
    """A line for each part that is to be frozen and that the model lacks, or if all is frozen."""
    parts = experiment.training.freeze if isinstance(experiment, Experiment) else ()
    if not (isinstance(experiment, Experiment) and parts and {*parts} <= {*PARTS}):
        return  # nothing is frozen, or what there is none of, which is told already
    from seq2seq.models.freezing import freeze
    from seq2seq.models.translation import build_translation_model
    from seq2seq.runs.checkpoint import build_without_memory

    try:  # the vocabulary decides nothing here
        model = build_without_memory(lambda: build_translation_model(5, 5, experiment.model))
        freeze(model, parts)
    except SettingsError as error:
        yield from str(error).split("\n")
    except (RuntimeError, TypeError, ValueError):
        return  # a size that 64 bits don't hold is told where the model is built


def tokenization_problems(name: str) -> Iterator[str]:
    """A line if BLEU is to count words in a way that needs what is not installed."""
    if name == "13a":
        return  # nothing to find out, and sacreBLEU takes long to import
    from seq2seq.evaluation.metrics import bleu_metric

    try:
        bleu_metric(name)
    except SettingsError as error:
        yield str(error)


def missing_requirements(experiment: BaseExperiment) -> Iterator[str]:
    """A line if a training would have no end, and if it would be nowhere."""
    if isinstance(experiment, Experiment | LanguageExperiment):
        budget = experiment.training
        if not budget.has_budget:
            sampling = budget.sampling
            counted = sampling.schedule != "none" and sampling.unit == "percent"
            what = ", of which --training.sampling.unit percent counts percent" * counted
            yield (
                f"no budget{what}: give --training.minutes, --training.epochs or "
                "--training.max-steps"
            )
    if not experiment.run:
        yield "no run directory: give --run DIR"


def directory_problems(experiment: BaseExperiment) -> Iterator[str]:
    """A line if the run can't be in the directory that is named, or not now."""
    if not experiment.run:
        return
    run = RunDirectory(experiment.run)
    try:
        if experiment.resume:
            run.check_exists()
            if not run.last.is_file():
                yield missing_checkpoint(run.last)
        else:
            trains = not isinstance(experiment, NGramExperiment)
            run.check_free(overwrite=experiment.overwrite, resumable=trains)
        check_idle(run.path)
    except RunError as error:
        yield str(error)


def names_training_text(experiment: BaseExperiment) -> bool:
    """Whether the settings say where there is training text, or a model that needs none."""
    if isinstance(experiment, NGramExperiment) and experiment.model.from_arpa:
        return True
    if isinstance(experiment, Experiment) and experiment.data.mix:
        return True
    kinds = Experiment | LanguageExperiment | NGramExperiment
    return isinstance(experiment, kinds) and bool(experiment.data.train)


def no_training_text(experiment: BaseExperiment) -> str:
    """What to say where no training text is named: it may have been named in a wrong place."""
    command, example = TRAIN_COMMANDS[experiment.KIND]
    if isinstance(experiment, Experiment | LanguageExperiment | NGramExperiment):
        for symbol in experiment.data.special_symbols:
            if os.path.isfile(symbol):
                return (
                    f"no training text: {symbol} was read as one of --data.special-symbols; put "
                    f"the file first: {command} {symbol}"
                )
    if experiment.resume:
        return (
            f"{NO_TRAINING_TEXT}; a run that a recipe began is continued by the recipe itself, "
            "with --resume"
        )
    return f"{NO_TRAINING_TEXT}, or in short: {command} {example}"


def referenced_runs(experiment: BaseExperiment) -> dict[str, str]:
    """The runs that an experiment takes something from, by option."""
    runs = {}
    if isinstance(experiment, Experiment | LanguageExperiment | NGramExperiment):
        runs["--data.vocabulary"] = experiment.data.vocabulary
    if isinstance(experiment, Experiment):
        runs[INITIALIZE_ALL] = experiment.model.initialize
        runs[f"{INITIALIZE_FLAG}encoder"] = experiment.model.initialize_encoder
        runs[f"{INITIALIZE_FLAG}decoder"] = experiment.model.initialize_decoder
    return {option: path for option, path in runs.items() if path}


def missing_runs(experiment: BaseExperiment) -> Iterator[str]:
    """A line for each other run that is not there, or not of the kind that is needed."""
    for option, path in filter_runs(experiment).items():
        try:
            RunDirectory(resolve(path)).check_exists()
        except RunError as error:
            yield f"{option} {path}: {error}"
    for option, path in referenced_runs(experiment).items():
        try:
            if isinstance(experiment, Experiment):
                load_referenced(option, path)
            else:
                RunDirectory(resolve(path)).check_exists()
        except RunError as error:
            yield f"{option} {path}: {error}"


def load_referenced(option: str, path: str) -> Experiment | LanguageExperiment:
    """The description of another run of a translation model; RunError if of the wrong kind."""
    from seq2seq.runs.run import Run

    run = Run(path)
    if option.startswith(INITIALIZE_FLAG) and run.kind != Experiment.KIND:
        return run.experiment(LanguageExperiment)
    return run.experiment(Experiment)


def incompatible_runs(experiment: BaseExperiment) -> Iterator[str]:
    """A line for each other run with settings that this translation model must have, too."""
    if not isinstance(experiment, Experiment):
        return
    values = {
        **flatten(to_dict(experiment)),
        "data.special_symbols": experiment.data.symbols,
    }
    for option, path in referenced_runs(experiment).items():
        try:
            other = load_referenced(option, path)
        except RunError:
            continue  # see missing_runs
        required = required_settings(option, other, experiment)
        flags = [
            format_flag(f"--{flag_name(name)}", value)
            for name, value in required.items()
            if values[name] != value
        ]
        if flags:
            what = "model" if option.startswith(INITIALIZE_FLAG) else "run"
            yield (
                f"{option} {path} does not fit this {what}: set {' '.join(flags)}, as that run "
                "has them"
            )


def required_settings(
    option: str, other: Experiment | LanguageExperiment, experiment: Experiment
) -> dict[str, object]:
    """The settings that a run which gives its weights, or its vocabularies, brings with them."""
    side = option.removeprefix(INITIALIZE_FLAG)
    if option == INITIALIZE_ALL:
        return {}  # taken, or contradicted, before: see `seq2seq.config.parent`
    if isinstance(other, LanguageExperiment):
        return language_model_settings(other, side, experiment)
    if option == "--data.vocabulary":
        return settings_of_tokens(other)
    names = ENCODER_SETTINGS if side == "encoder" else DECODER_SETTINGS
    needed = {f"model.{name}": getattr(other.model, name) for name in names}
    return {**needed, "data.lowercase": other.data.lowercase}


def language_model_settings(
    other: LanguageExperiment, side: str, experiment: Experiment
) -> dict[str, object]:
    """The settings of encoder or decoder that begins with the weights of a language model."""
    model = other.model
    needed: dict[str, object] = {
        "model.cell": model.cell,
        f"model.{side}_sizes": model.sizes,
        "model.embedding": model.embedding,
        "model.embedding_size": model.embedding_size,
    }
    if side == "decoder" and experiment.model.tied_output and not model.tied_output:
        needed["model.tied_output"] = False
    return needed

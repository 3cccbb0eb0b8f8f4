"""The description of a run on disk: what it is, what made it, and which files belong to it.

experiment.json has an id, made of all the settings a run was begun with, of its text and its
tokenizers. The id stands in each of its files of tensors, and the checksums of its other files in
the description: a file that was damaged, or taken from another run, is named when it is loaded.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import torch
from torch import nn

from seq2seq.config.base import from_dict, to_dict
from seq2seq.config.experiment import BaseExperiment, Experiment
from seq2seq.config.language_model import LanguageExperiment, NGramExperiment
from seq2seq.data.tokenizers.base import load_tokenizer
from seq2seq.data.tokenizers.pipeline import TextPipeline
from seq2seq.data.vocabulary import Vocab
from seq2seq.errors import DataError, RunError, SettingsError
from seq2seq.runs.checkpoint import (
    check_shapes,
    load_weights,
    named_weights,
    tensor_shapes,
    with_prefix,
)
from seq2seq.runs.directory import FORMAT, RunDirectory
from seq2seq.runs.files import read_bytes, read_json, write_bytes, write_json
from seq2seq.runs.provenance import environment
from seq2seq.runs.tensors import Shapes, load_tensors

ExperimentT = TypeVar("ExperimentT", bound=BaseExperiment)
ModelT = TypeVar("ModelT", bound=nn.Module)

EXCLUDED_FIELDS = ("run", "resume", "overwrite", "device", "dry_run")
"""Where a run lies and how its training was started is no part of what it is."""
MAX_CONTINUATIONS = 100
"""So many times that a run was continued are described, the last ones."""


class TextSummary(NamedTuple):
    """A part of the text that a run learns from, for its description.

    Attributes:
        sha256: of all its lines.
        lines: how many there are, of each side.
        read: how many there were in the files.
    """

    sha256: str
    lines: int
    read: int


def summarize_text(sides: Sequence[Sequence[str]], read: int | None = None) -> TextSummary:
    """A part of the text: its sides, or its one list of lines, and how many lines were read."""
    digest = hashlib.sha256(json.dumps([list(side) for side in sides]).encode()).hexdigest()
    return TextSummary(digest, len(sides[0]), len(sides[0]) if read is None else read)


def save_metadata(
    run: RunDirectory,
    experiment: BaseExperiment,
    parts: Mapping[str, TextSummary],
    pipelines: Mapping[str, TextPipeline],
) -> None:
    """Writes all of a run but its weights; if it is a new one, into a directory made for it.

    Args:
        run: where.
        experiment: the whole description.
        parts: of the text, by name.
        pipelines: tokenizer and vocabulary of each side.

    Raises:
        DataError: a run is continued with other text than it was begun with.
    """
    text = {name: each._asdict() for name, each in parts.items()}
    values = describe_experiment(experiment)
    if experiment.resume:
        stored = read_metadata(run)
        check_text(stored["text"], text, run)
        kept = {name: stored[name] for name in ("id", "files", "text", "begun")}
        again = [*stored["continued"][1 - MAX_CONTINUATIONS :], environment()]
        write_with_checksum(run, {**values, **kept, "continued": again})
        return
    run.create(overwrite=experiment.overwrite)
    contents = {
        path: saved_bytes(save)
        for side, pipeline in pipelines.items()
        for path, save in (
            (run.tokenizer(side), pipeline.tokenizer.save),
            (run.vocab(side), pipeline.vocab.save),
        )
    }
    files = {path.name: hashlib.sha256(data).hexdigest() for path, data in contents.items()}
    own = hashlib.sha256(json.dumps([values, text, files]).encode()).hexdigest()
    # Before the rest: without its description, a directory is not known as a run.
    begun = {"begun": environment(), "continued": []}
    write_with_checksum(run, {**values, "id": own, "files": files, "text": text, **begun})
    for path, data in contents.items():
        write_bytes(path, data)


def write_with_checksum(run: RunDirectory, values: Mapping[str, Any]) -> None:
    """Writes a description with a checksum of itself."""
    write_json(run.experiment, {**values, "sha256": checksum(values)})


def checksum(values: Mapping[str, Any]) -> str:
    """SHA-256 of a description, whatever the white space; "sha256" itself is left out."""
    rest = {name: value for name, value in values.items() if name != "sha256"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def saved_bytes(save: Callable[[Path], None]) -> bytes:
    """What would be written."""
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "content"
            save(path)
            return path.read_bytes()
    except OSError as error:
        raise RunError(f"no temporary file could be written: {error.strerror or error}") from error


def check_text(before: Any, now: Mapping[str, Any], run: RunDirectory) -> None:
    """Raises DataError unless each part of the text is what the run was begun with."""
    try:
        known = {name: TextSummary(**before[name]) for name in now}
    except (KeyError, TypeError) as error:
        raise RunError(
            f"{run.experiment} is damaged: it does not say which text was read"
        ) from error
    other = [
        f"{name} text ({each['lines']:,} lines) is not what {run.path} was begun with "
        f"({known[name].lines} lines)"
        for name, each in now.items()
        if each["sha256"] != known[name].sha256
    ]
    if other:
        raise DataError(
            f"{' and '.join(other)}: give it the same text, or train another run with --run"
        )


def describe_experiment(experiment: BaseExperiment) -> dict[str, Any]:
    """What an experiment is, for the description; the same for the same run, wherever it lies."""
    own = {item.name for item in dataclasses.fields(base_class(type(experiment)))}
    values = to_dict(experiment)
    for name in EXCLUDED_FIELDS:
        values.pop(name, None)
    return {
        "format": FORMAT,
        "model": experiment.KIND,
        "experiment": {name: value for name, value in values.items() if name in own},
        "recipe": {name: value for name, value in values.items() if name not in own},
    }


def base_class(kind: type[BaseExperiment]) -> type[BaseExperiment]:
    """The class whose fields describe a run of this kind; what a recipe adds is not among them."""
    return next(each for each in kind.__mro__ if "KIND" in vars(each))


def load_pipeline(run: RunDirectory, side: str, sampling: float = 0.0) -> TextPipeline:
    """One side of a run, with its `subword_sampling`.

    Raises:
        RunError: a file is missing, damaged, or of another run.
    """
    files = read_metadata(run)["files"]
    paths = (run.tokenizer(side), run.vocab(side))
    for path in paths:
        check_file(path, files.get(path.name))
    try:
        tokenizer = load_tokenizer(paths[0])
        vocab = Vocab.load(paths[1])
    except DataError as error:
        raise RunError(str(error)) from error
    if sampling and hasattr(tokenizer, "alpha"):
        tokenizer.alpha = sampling
    return TextPipeline(tokenizer, vocab)


def check_file(path: Path, expected: str | None) -> None:
    """Raises RunError unless a file is there and is the one that the description names."""
    if not path.is_file():
        raise RunError(f"{path} is missing: {path.parent} is not a complete run")
    if expected is None:
        raise RunError(f"{path} is no part of the run in {path.parent}: experiment.json lacks it")
    if hashlib.sha256(read_bytes(path)).hexdigest() != expected:
        raise RunError(
            f"{path} is damaged, or belongs to another run than experiment.json beside it: copy "
            "the files of one run together"
        )


def load_experiment(run: RunDirectory, kind: type[ExperimentT]) -> ExperimentT:
    """What `save_metadata` wrote, as its class or as a recipe's own subclass of it.

    Raises:
        RunError: there is no run, it is one of another kind of model, or its description is damaged
            or of another version.
    """
    values = read_metadata(run)
    found = values["model"]
    if found != kind.KIND:
        needed = kind.KIND
        if found == NGramExperiment.KIND and needed == LanguageExperiment.KIND:
            needed = f"recurrent {needed}"
        raise RunError(
            f"{run.path} is {with_article(found)}, and {with_article(needed)} is needed here"
            + (": see seq2seq lm --help" if kind is Experiment else "")
        )
    fields = values["experiment"]
    if kind is not base_class(kind):
        fields = {**fields, **values["recipe"]}
    try:
        return replace(from_dict(kind, fields), run=str(run.path))
    except SettingsError as error:
        raise RunError(f"{run.experiment}: {error}") from error


def read_metadata(run: RunDirectory) -> dict[str, Any]:
    """All that `save_metadata` wrote; RunError as for `load_experiment`."""
    run.check_exists()
    values = read_json(run.experiment)
    found = values.get("format") if isinstance(values, dict) else None
    if found != FORMAT:
        known = isinstance(found, str) and found.startswith(FORMAT.rstrip("0123456789"))
        why = f": {found} was written by another version of seq2seq" if known else ""
        raise RunError(f"{run.experiment} is not a description of the format {FORMAT!r}{why}")
    kinds = {"model": str, "id": str, "experiment": dict, "recipe": dict, "continued": list}
    kinds |= {"files": dict, "text": dict, "begun": dict}
    wrong = [name for name, kind in kinds.items() if not isinstance(values.get(name), kind)]
    if wrong:
        raise RunError(f"{run.experiment} is damaged: it lacks {', '.join(wrong)}")
    if values.get("sha256") != checksum(values):
        raise RunError(
            f"{run.experiment} is damaged, or was changed by hand: copy it again. Settings are "
            "given where a run is used, as in seq2seq translate RUN --decoding.beam-size 3"
        )
    return dict(values)


def read_run_id(run: RunDirectory) -> str | None:
    """The id of the run that lies here; None if nothing describes one."""
    return str(read_metadata(run)["id"]) if run.experiment.is_file() else None


def with_article(kind: str) -> str:
    """A kind of model in a sentence.

    >>> with_article("language model"), with_article("n-gram model")
    ('a language model', 'an n-gram model')
    """
    return f"an {kind}" if kind == NGramExperiment.KIND else f"a {kind}"


def load_best(run: RunDirectory, build: Callable[[], ModelT]) -> ModelT:
    """A model with the best weights of a run, or its last ones if no validation has chosen any yet.

    Args:
        run: where they are.
        build: makes the model that the experiment describes. It is called twice: first without
            memory for any weight, to compare its shapes with those that the file has.

    Raises:
        RunError: the weights are missing, damaged, of another run, or do not fit.
    """
    # Not whether the best is a file: where it is something else, that is an error.
    prefix = "" if os.path.lexists(run.best) or not run.last.is_file() else "model."
    path = run.last if prefix else run.best
    run_id = read_run_id(run)
    sketch = sketched(build, path)

    def check(shapes: Shapes) -> None:
        check_shapes(sketch, with_prefix(shapes, prefix), path)

    found, state = load_tensors(path, run_id, check)
    if prefix and (not isinstance(state, dict) or state.get("best") is not None):
        raise RunError(
            f"{run.best} is missing, though a validation has chosen it: copy it from where the run "
            "was trained"
        )
    tensors = with_prefix(found, prefix)
    model = build()
    load_weights(model, tensors, path)
    return model


def sketched(build: Callable[[], nn.Module], path: Path) -> dict[str, tuple[int, ...]]:
    """The shapes of a model's weights by name, without memory for them."""
    try:
        with torch.device("meta"):
            return tensor_shapes(named_weights(build()))
    except (RuntimeError, TypeError, ValueError) as error:  # a size that 64 bits do not hold
        raise RunError(f"{path.parent / 'experiment.json'} describes no possible model") from error

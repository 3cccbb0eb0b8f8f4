"""A run, opened once: its settings, tokenizers, vocabularies and weights, verified as they come."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from seq2seq.config.arguments import check_run_path
from seq2seq.config.base import from_dict
from seq2seq.config.experiment import BaseExperiment, Experiment, base_class
from seq2seq.config.language_model import LanguageExperiment, NGramExperiment
from seq2seq.data.tokenizers.base import load_tokenizer
from seq2seq.data.tokenizers.pipeline import TextPipeline
from seq2seq.data.vocabulary import Vocab
from seq2seq.errors import DataError, RunError, SettingsError
from seq2seq.runs.checkpoint import (
    ModelT,
    build_without_memory,
    load_checkpoint,
    set_parameters,
    with_prefix,
)
from seq2seq.runs.directory import SIDES, RunDirectory
from seq2seq.runs.files import read_bytes
from seq2seq.runs.hub import resolve
from seq2seq.runs.metadata import read_metadata

ExperimentT = TypeVar("ExperimentT", bound=BaseExperiment)

LANGUAGE_MODEL_HINT = ": see seq2seq lm --help, or in Python LanguageModel.load"


class Run:
    """A run directory whose experiment.json was read and verified, once.

    It hands out what is in the directory. Models are built elsewhere, from its settings.

    Attributes:
        run_id: what each of its files of tensors repeats.
        kind: which kind of model it is: the `KIND` of an experiment class.

    Raises:
        RunError: there is no run, or experiment.json is damaged or of another version.
        SettingsError, RunError: as `resolve`, of a model on the Hub.
    """

    def __init__(self, path: str | Path) -> None:
        self.directory = RunDirectory(resolve(path))
        self.metadata: dict[str, Any] = read_metadata(self.directory)
        self.run_id = str(self.metadata["id"])
        self.kind = str(self.metadata["model"])

    def experiment(self, kind: type[ExperimentT]) -> ExperimentT:
        """Returns the settings, as their class or as a recipe's own subclass of it.

        Raises:
            RunError: the run is one of another kind of model, or its settings are impossible.
        """
        if self.kind != kind.KIND:
            needed = kind.KIND
            if self.kind == NGramExperiment.KIND and needed == LanguageExperiment.KIND:
                needed = f"recurrent {needed}"
            raise RunError(
                f"{self.directory.path} is {with_article(self.kind)}, and {with_article(needed)} "
                "is needed here" + (LANGUAGE_MODEL_HINT if kind is Experiment else "")
            )
        fields = self.metadata["experiment"]
        if kind is not base_class(kind):
            fields = {**fields, **self.metadata["recipe"]}
        try:
            return replace(from_dict(kind, fields, stored=True), run=str(self.directory.path))
        except SettingsError as error:
            raise RunError(f"{self.directory.experiment}: {error}") from error

    def pipeline(self, side: str, subword_sampling: float = 0.0) -> TextPipeline:
        """Returns tokenizer and vocabulary of "source" or "target", or "text" in a language model.

        `subword_sampling` is how freely the tokenizer samples, if it can.

        Raises:
            RunError: a file is missing, damaged, or of another run.
        """
        paths = (self.directory.tokenizer(side), self.directory.vocab(side))
        for path in paths:
            found = hashlib.sha256(read_bytes(path)).hexdigest()
            expected = self.metadata["files"].get(path.name)
            if expected is None:
                raise RunError(f"{path} is no part of its run: experiment.json lacks it")
            if found != expected:
                raise RunError(
                    f"{path} is damaged, or belongs to another run than experiment.json beside it: "
                    "copy the files of one run together"
                )
        try:
            tokenizer, vocab = load_tokenizer(paths[0]), Vocab.load(paths[1])
        except DataError as error:
            raise RunError(str(error)) from error
        if subword_sampling and hasattr(tokenizer, "alpha"):
            tokenizer.alpha = subword_sampling
        return TextPipeline(tokenizer, vocab)

    def pipelines(self, subword_sampling: float = 0.0) -> tuple[TextPipeline, TextPipeline]:
        """Returns the source and the target side of a translation model; see `pipeline`."""
        source, target = (self.pipeline(side, subword_sampling) for side in SIDES)
        return source, target

    def load_model(self, build: Callable[[], ModelT]) -> ModelT:
        """Returns a model with the best weights, or the last ones if no validation has chosen any.

        `build` makes the model that the settings describe. Its shapes are compared with the file's
        before memory is taken for a weight.

        Raises:
            RunError: the weights are missing, damaged, of another run, or do not fit.
        """
        run = self.directory
        # Not whether the best is a file: where it is something else, that is an error.
        prefix = "" if os.path.lexists(run.best) or not run.last.is_file() else "model."
        path = run.last if prefix else run.best
        try:
            model = build_without_memory(build)
        except (RuntimeError, TypeError, ValueError) as error:  # a size that 64 bits don't hold
            raise RunError(f"{run.experiment} describes no possible model") from error
        tensors, state = load_checkpoint(path, self.run_id, model, [prefix])
        if prefix and (not isinstance(state, dict) or state.get("best") is not None):
            if os.path.lexists(run.best):  # a training has just written it
                return self.load_model(build)
            raise RunError(
                f"{run.best} is missing, though a validation has chosen it: copy it from where the "
                "run was trained"
            )
        set_parameters(model, with_prefix(tensors, prefix))
        return model


def open_run(run: str | Path | Run, name: str = "run") -> Run:
    """Opens a run, unless it is open already; `name` is that of the argument, for messages.

    Raises:
        SettingsError: it can't be a path.
        RunError: as `Run`.
    """
    return run if isinstance(run, Run) else Run(check_run_path(run, name))


def with_article(kind: str) -> str:
    """A kind of model in a sentence.

    >>> with_article("language model"), with_article("n-gram model")
    ('a language model', 'an n-gram model')
    """
    return f"an {kind}" if kind == NGramExperiment.KIND else f"a {kind}"

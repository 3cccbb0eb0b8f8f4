"""Settings that fit the text which an experiment names: measured as a training reads it."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import chain
from typing import Any, TypeVar

import torch

from seq2seq.config.base import flag_name
from seq2seq.config.data import DataSettings
from seq2seq.config.experiment import Experiment, with_settings
from seq2seq.config.fitted import TextSize, seconds_of_update
from seq2seq.config.parent import format_flag
from seq2seq.config.training import TrainingSettings
from seq2seq.config.wording import counted
from seq2seq.data.readers.headers import as_column
from seq2seq.models.device import choose_device
from seq2seq.torchrun import own_rank
from seq2seq.training.preflight import names_training_text
from seq2seq.training.reporting import log_line
from seq2seq.translation.prepared_runs import is_large
from seq2seq.translation.text import column_names, read_files

AnyExperiment = TypeVar("AnyExperiment", bound=Experiment)

GRAPHICS_SPEED = 10.0
"""How many times as quick as two cores a graphics processor is with small networks, about."""
MOST_THREADS = 4
"""More make training hardly quicker: its steps are small."""


def fit_to_text(
    experiment: AnyExperiment,
    stated: Collection[str],
    corpus: Iterable[tuple[str, str]] | None = None,
) -> AnyExperiment:
    """Returns an experiment with settings that fit its text and its budget; says which.

    Args:
        experiment: it has a budget; a dry run without one stays as it is.
        stated: full names of settings that stay.
        corpus: the pairs that a recipe learns from where the settings name none, as a
            `ParallelCorpus`; it has validation text beside them.

    Raises:
        DataError, SettingsError: the text can't be read, as `ParallelCorpus.read`.
    """
    data = experiment.data
    if names_training_text(experiment):
        corpus = None
    if corpus is None and is_large(data):  # fitted settings are for little text, held in memory
        log_line("note: nothing is fitted to text that is read while the model trains")
        return experiment
    if not experiment.training.has_budget:
        log_line("note: without a budget nothing is fitted to the text")
        return experiment
    if corpus is not None:
        stated = {*stated, "data.validation_size"}
    size = measure_text(data) if corpus is None else TextSize.of(corpus, data.tokenizer)
    chosen = experiment.fit(size, stated, device_speed(experiment))
    for line in chosen_lines(size, chosen):
        log_line(line)
    return with_settings(experiment, chosen)


def device_speed(experiment: Experiment) -> float:
    """Returns how quick the device of a training is, beside two cores of a processor."""
    on_processor = choose_device(experiment.device).type == "cpu"
    return processor_speed(experiment.training) if on_processor else GRAPHICS_SPEED


def assumed_seconds(experiment: Experiment, tokens: int) -> float:
    """Returns how long an update is thought to take where settings are fitted.

    Args:
        experiment: as it was fitted.
        tokens: of the larger side of a batch, pads counted.
    """
    model = experiment.model
    widths = (model.embedding_size, model.encoder_sizes, model.decoder_sizes)
    seconds = seconds_of_update(widths, experiment.data.vocab_size, tokens)
    return seconds / device_speed(experiment)


def processor_speed(training: TrainingSettings) -> float:
    """Returns how quick the threads of a training are, beside two: one is half as quick."""
    rank = own_rank()
    processes = rank.size if rank else training.processes
    if processes > 1:
        threads = processes * (training.threads or 1)
    else:
        threads = training.threads or torch.get_num_threads()
    return min(threads, MOST_THREADS) / 2


def measure_text(data: DataSettings) -> TextSize:
    """Returns the size of the training text that settings name, before filters.

    Of a mix, sources count that are in its first corpus: validation text is set aside from it.
    """
    usual = as_column(data.source), as_column(data.target)
    groups = [
        read_files(corpus.train, corpus.train_target, column_names(data, corpus), "train")
        for corpus in data.mix
    ] or [read_files(data.train, data.train_target, usual, "train")]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the training reads it again, and warns then
        first, *rest = (TextSize.of(chain.from_iterable(group), data.tokenizer) for group in groups)
    return replace(
        first,
        pairs=first.pairs + sum(size.pairs for size in rest),
        tokens=first.tokens + sum(size.tokens for size in rest),
        characters=max(size.characters for size in (first, *rest)),
    )


def chosen_lines(size: TextSize, chosen: Mapping[str, Any]) -> Iterator[str]:
    """Yields what to say of settings that were chosen: as options, a line for each group."""
    if not chosen:
        return
    pairs = counted(size.pairs, "pair")
    yield f"Settings that fit {pairs} and the budget (--no-fit keeps the defaults):"
    for group in ("data", "model", "training"):
        flags = [
            format_flag(f"--{flag_name(name)}", value)
            for name, value in chosen.items()
            if name.startswith(f"{group}.")
        ]
        if flags:
            of_sources = group == "data" and "data.validation_size" in chosen
            note = "  # source sentences, each with all its pairs" if of_sources else ""
            yield f"  {' '.join(flags)}{note}"

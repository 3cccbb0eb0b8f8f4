"""What a training's text and its filters need that is not there, found before any is read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from seq2seq.config.base import flag_name, type_problems
from seq2seq.config.corpora import CorpusSettings, describe_corpus, in_table
from seq2seq.config.data import DataSettings
from seq2seq.config.experiment import BaseExperiment, Experiment
from seq2seq.config.filters import FilterSettings
from seq2seq.data.filters.problems import filter_problems
from seq2seq.data.readers.hub import missing_names

SCORING_MODELS = ("forward_model", "backward_model", "domain_model", "general_model")
"""Settings of filters that name a run."""


def text_problems(data: DataSettings) -> Iterator[str]:
    """A line for each file that is missing, and for each filter that can't work here."""
    yield from filter_problems(data.filters)
    for name in ("train", "train_target", "validation", "validation_target"):
        for line in missing_names(getattr(data, name)):
            yield f"--data.{flag_name(name)}: {line}"
    yield from missing_in_mix(data.mix)


def missing_in_mix(mix: Sequence[CorpusSettings]) -> Iterator[str]:
    """A line for each file of a mix that is missing, and for each filter that can't work here."""
    for number, corpus in enumerate(mix, 1):
        if type_problems(corpus):
            continue
        where = describe_corpus(number, corpus.name)
        for name in ("train", "train_target", "validation", "validation_target"):
            for line in missing_names(getattr(corpus, name)):
                yield f"{where}: {name}: {line}"
        for line in filter_problems(corpus.filters):
            yield f"{where}: {in_table(line)}"


def filter_runs(experiment: BaseExperiment) -> dict[str, str]:
    """The runs that score the training text, by option."""
    if not isinstance(experiment, Experiment):
        return {}

    def of(filters: FilterSettings, flag: str) -> dict[str, str]:
        return {f"{flag}{flag_name(name)}": getattr(filters, name) for name in SCORING_MODELS}

    data = experiment.data
    runs = of(data.filters, "--data.filters.")
    for number, corpus in enumerate(data.mix, 1):
        runs |= of(corpus.filters, f"{describe_corpus(number, corpus.name)}: filters.")
    return {option: path for option, path in runs.items() if path}

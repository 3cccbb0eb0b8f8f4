"""What a training's text and its filters need that is not there, found before any is read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from seq2seq.config.base import as_typed, flag_name, flatten, to_dict, type_problems
from seq2seq.config.changes import check_unused
from seq2seq.config.corpora import CorpusSettings, describe_corpus, in_table
from seq2seq.config.data import TOKEN_SETTINGS, DataSettings
from seq2seq.config.experiment import BaseExperiment, Experiment
from seq2seq.config.noise import NoiseSettings
from seq2seq.data.filters.problems import filter_problems
from seq2seq.data.prepared_folder import VALIDATION, is_begun
from seq2seq.data.readers.hub import missing_names
from seq2seq.errors import DataError

if TYPE_CHECKING:
    from seq2seq.data.prepared import PreparedText

SCORING_MODELS = ("forward_model", "backward_model", "domain_model", "general_model")
"""Settings of filters that name a run."""


def text_problems(data: DataSettings, has_prepared: bool = False) -> Iterator[str]:
    """A line for each file that is missing, and for each filter that can't work here.

    A run that `has_prepared` text of its own needs the files no more that this was made from.
    """
    yield from filter_problems(data.filters)
    yield from prepared_problems(data)
    training = () if has_prepared else ("train", "train_target")
    for name in (*training, "validation", "validation_target"):
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


TOKENS_ARE_MADE = ("vocabulary", "extend_vocabulary", "new_vocabulary")
"""Settings that make a vocabulary, which prepared text has."""
TEXT_IS_READ = (
    *("exclude_validation", "source", "target", "train_target", "validation_size"),
    "prepare_above",
)
"""Settings of text that is read, which prepared text was before."""


def prepared_folder(data: DataSettings) -> str:
    """The folder of prepared text that the settings name; "" if they name other text."""
    return next((name for name in data.train if is_begun(name)), "")


def prepared_settings(prepared: PreparedText) -> dict[str, Any]:
    """The settings of tokens that prepared text has, by the names of `DataSettings`."""
    found = {name: prepared.settings[name] for name in TOKEN_SETTINGS}
    return {name: tuple(v) if isinstance(v, list) else v for name, v in found.items()}


def prepared_problems(data: DataSettings) -> Iterator[str]:
    """A line for each setting that can't be where the training text is prepared."""
    folder = prepared_folder(data)
    for corpus in data.mix:
        for name in filter(is_begun, corpus.train):
            yield (
                f"--data.mix, corpus {corpus.name}: {name} is prepared text, which can't be a part "
                "of a mix: give the files that it was made from"
            )
    if not folder:
        return
    if len(data.train) > 1:
        yield (
            f"--data.train {folder} is prepared text, which is trained on alone: prepare all files "
            "together with seq2seq prepare"
        )
    from seq2seq.data.prepared import PreparedText  # it imports numpy

    try:
        prepared = PreparedText(folder)
    except DataError as error:
        yield f"--data.train {folder}: {error}"
        return
    because = f"prepared text ({folder}): give it to seq2seq prepare"
    unused = dict.fromkeys((*TOKENS_ARE_MADE, *TEXT_IS_READ), False)
    yield from check_unused(data, "--data.", unused, because)
    yield from check_unused(
        data.filters,
        "--data.filters.",
        dict.fromkeys(flatten(to_dict(data.filters)), False),
        because,
    )
    if data.subword_sampling and not prepared.is_text:
        yield (
            f"--data.subword-sampling {data.subword_sampling}: {folder} has ids, of one "
            "segmentation: give it to seq2seq prepare, too, which then stores text"
        )
    if data.noise != NoiseSettings() and not prepared.is_text:
        yield (
            f"--data.noise: {folder} has ids, and noise changes text: give it to seq2seq prepare, "
            "too, which then stores text"
        )
    for name, value in prepared_settings(prepared).items():
        own, usual = getattr(data, name), getattr(DataSettings(), name)
        if own not in (usual, value):
            yield (
                f"--data.{flag_name(name)} {as_typed(own)}: {folder} was prepared with "
                f"{as_typed(value)}: leave it out, or prepare the text anew"
            )
    if not data.validation and not (prepared.folder / VALIDATION).is_file():
        yield f"{folder} was prepared beside validation text: give it with --data.validation FILE"


def filter_runs(experiment: BaseExperiment) -> dict[str, str]:
    """The runs that score the training text, by option."""
    if not isinstance(experiment, Experiment):
        return {}

    data, runs = experiment.data, {}
    for name in SCORING_MODELS:
        runs[f"--data.filters.{flag_name(name)}"] = getattr(data.filters, name)
        for number, corpus in enumerate(data.mix, 1):
            where = describe_corpus(number, corpus.name)
            runs[f"{where}: filters.{name}"] = getattr(corpus.filters, name)
    return {option: path for option, path in runs.items() if path}

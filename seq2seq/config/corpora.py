"""The corpora of a mix: where each one stands, and how much of it is learned from."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from seq2seq.config.base import find_problems
from seq2seq.config.fields import CHANGEABLE, PositiveFloat, only_if
from seq2seq.config.filters import FilterSettings
from seq2seq.config.noise import NoiseSettings
from seq2seq.config.symbols import symbol_problems


def as_files(value: Any) -> Any:
    """Returns names of files as a tuple; a string is one of them, or none if it is empty."""
    if isinstance(value, str):
        return (value,) if value else ()
    return tuple(value) if isinstance(value, list) else value


def as_column_name(value: Any) -> Any:
    """Returns a column's number as settings have it, which is text; else the value itself."""
    return str(value) if type(value) is int else value  # a truth value is no number


@dataclass(frozen=True)
class CorpusSettings:
    """One corpus of a mix. Its fields are called as those of `DataSettings` that they stand for."""

    name: str = ""
    """What it is called in the log."""
    train: Annotated[tuple[str, ...], CHANGEABLE] = ()
    """Its files, as for --data.train."""
    train_target: Annotated[tuple[str, ...], only_if("train"), CHANGEABLE] = ()
    """The target side of each, if they are text files."""
    validation: Annotated[tuple[str, ...], CHANGEABLE] = ()
    """Validation sets that get its tag. Those of --data.validation come before them."""
    validation_target: Annotated[tuple[str, ...], only_if("validation"), CHANGEABLE] = ()
    """The target side of each, if they are text files."""
    source: str = ""
    """Name or number of the source column. Empty: as --data.source."""
    target: str = ""
    """Name or number of the target column. Empty: as --data.target."""
    weight: PositiveFloat = 1.0
    """Its share of the pairs that are learned from, beside the weights of the others."""
    tag: str = ""
    """A special symbol that is put before each source, as "<BT>" or "<2fr>"."""
    filters: FilterSettings = field(default_factory=FilterSettings)
    """Which of its pairs are dropped, beside what --data.filters drops of all corpora."""
    noise: NoiseSettings = field(default_factory=NoiseSettings)
    """Noise on its sources, beside that which --data.noise puts on all corpora."""

    def __post_init__(self) -> None:
        """Takes lists, too, a file as a string, a column's number, and the tag in the form NFC."""
        for name in ("train", "train_target", "validation", "validation_target"):
            object.__setattr__(self, name, as_files(getattr(self, name)))
        for name in ("source", "target"):
            object.__setattr__(self, name, as_column_name(getattr(self, name)))
        if isinstance(self.tag, str):
            object.__setattr__(self, "tag", unicodedata.normalize("NFC", self.tag))

    def __str__(self) -> str:
        """Its name, weight and tag, as "web (2, <BT>)"."""
        return f"{self.name} ({self.weight}{', ' * bool(self.tag)}{self.tag})"

    def problems(self) -> Iterator[str]:
        """One line for each impossible setting."""
        if not self.train:
            yield "--train is missing: give a file or more"
        yield from unequal_sides("--", self)
        if self.tag:
            yield from symbol_problems((self.tag,), "--tag")
        if bool(self.source) != bool(self.target):
            yield "--source and --target name two columns: give both"
        elif self.source and self.source == self.target:
            yield f"--source and --target are both {self.source}: name two columns"
        elif self.source and self.train_target:
            yield "--source and --target name columns, and --train-target a second file: give one"


def unequal_sides(prefix: str, settings: Any) -> Iterator[str]:
    """One line where there is not a target file for each source file."""
    for name in ("train", "validation"):
        sources, targets = getattr(settings, name), getattr(settings, f"{name}_target")
        if sources and targets and len(sources) != len(targets):
            yield (
                f"{prefix}{name} and {prefix}{name}-target name {len(sources)} and {len(targets)} "
                "files: give one for each"
            )


def mix_problems(mix: Sequence[CorpusSettings]) -> Iterator[str]:
    """One line for each impossible setting of a corpus, with the corpus."""
    names = [corpus.name for corpus in mix]
    for number, corpus in enumerate(mix, 1):
        where = describe_corpus(number, corpus.name)
        if not corpus.name:
            yield f"{where}: name is missing"
        elif names.count(corpus.name) > 1:
            yield f"{where}: another corpus has this name"
        for line in find_problems(corpus):
            yield f"{where}: {in_table(line)}"


def describe_corpus(number: int, name: object) -> str:
    """Which corpus of a mix it is, for a message."""
    return f"--data.mix, corpus {number}{f' ({name})' if name else ''}"


def in_table(line: str) -> str:
    """A message with the names of settings as they stand in the table of a corpus.

    >>> in_table("--data.filters.max-ratio 0.5 must be at least 1")
    'filters.max_ratio 0.5 must be at least 1'
    """
    return re.sub(
        r"--(?:data\.(?=filters|noise))?([a-z]+(?:[.-][a-z]+)*)",
        lambda match: match[1].replace("-", "_"),
        line,
    )

"""Parallel text: pairs of a source and a target sentence, read from files and checked on the way.

corpus = ParallelCorpus.read("pairs.tsv").clean(max_source_length=100, max_target_length=100)
print(corpus.report)
train, validation, test = corpus.split_by_source(validation=1000, test=1000, seed=1)
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import NamedTuple, overload

from seq2seq.config.about import AboutSettings
from seq2seq.config.arguments import check_several
from seq2seq.config.wording import counted
from seq2seq.data.filters.base import PairFilter
from seq2seq.data.filters.cleaner import Cleaner, CorpusReport
from seq2seq.data.filters.lengths import TooLong, count_words
from seq2seq.data.pairs import Pair, comparable
from seq2seq.data.readers.headers import Columns
from seq2seq.data.readers.hub import read_named
from seq2seq.data.readers.languages import guess_languages
from seq2seq.data.readers.lines import ending, read_sentences, unequal_files
from seq2seq.data.readers.plain_text import TableError, read_plain_lines
from seq2seq.data.readers.tables import TABLE_SUFFIXES, read_columns
from seq2seq.errors import DataError, SettingsError


@dataclass(frozen=True)
class Overlap:
    """How many sentences of one corpus (a test set) occur in another one (the training data)."""

    sources: int
    targets: int
    pairs: int
    total: int
    name: str = ""
    other: str = ""

    def __str__(self) -> str:
        """One readable line."""
        other, name = self.other or "the other corpus", self.name or "this corpus"
        if not (self.sources or self.targets):
            return f'"{other}" has no source or target in common with "{name}"'
        total, sources = counted(self.total, "pair"), counted(self.sources, "source")
        targets, pairs = counted(self.targets, "target"), counted(self.pairs, "pair")
        return f'"{other}" ({total}) has {sources}, {targets} and {pairs} in common with "{name}"'


@dataclass(frozen=True, repr=False)
class ParallelCorpus:
    """Sentence pairs in order; an int gives a `Pair`, a slice another corpus.

    `about` is what is known of the text, which a run that learns from it records.
    """

    sources: list[str]
    targets: list[str]
    name: str = ""
    report: CorpusReport = field(default_factory=CorpusReport, compare=False)
    about: AboutSettings = field(default_factory=AboutSettings, compare=False)

    def __post_init__(self) -> None:
        """Checks the sides and makes the report; raises DataError if they differ in length."""
        for side, texts in (("sources", self.sources), ("targets", self.targets)):
            check_several(texts, side, "a list of strings")
        if len(self.sources) != len(self.targets):
            raise DataError(
                f"{self.name or 'corpus'}: {counted(len(self.sources), 'source')} but "
                f"{counted(len(self.targets), 'target')}; both must have a line for each pair"
            )
        if self.report == CorpusReport():
            report = CorpusReport(self.name, read=len(self.sources))
            object.__setattr__(self, "report", report)

    @classmethod
    def read(
        cls,
        path: str | Path,
        target_path: str | Path | None = None,
        *,
        source: str | int | None = None,
        target: str | int | None = None,
        split: str = "train",
        about: AboutSettings | None = None,
    ) -> ParallelCorpus:
        """Reads pairs from one of:

        - two text files with a sentence a line, the same number of lines in both;
        - a .tsv, .csv, .jsonl, .json or .parquet file;
        - a folder laid out like a dataset on the Hub, with the files of each `split`;
        - a dataset on the Hub, "user/name" or "user/name:configuration", which is downloaded.

        Any of the files may be compressed (.gz, .bz2, .xz, .lzma, .zst). In TSV and CSV columns
        have numbers from 0, or names, and then the first line is a header; without either it is
        columns 0 and 1, and there is a header only if it has "source" and "target" (or "src" and
        "tgt", "input" and "output" and the like, in any spelling), or, with a `HeaderWarning`, two
        languages. Above columns with numbers such a header is left out, with that warning. No line
        may have more columns than the first one. In CSV, semicolons or tabs may stand for commas.
        In the other formats columns have names, also of what is below "translation"; without them
        it is those called by their roles, as above, or else the only two columns of text. TSV knows
        no quoting. A column with a number, an id, a URL, a date or nothing on every line is an
        error where another may be meant, else a `ColumnWarning`. Nothing is dropped here (see
        `clean`).

        `source` and `target` are columns; `target_path` is the second text file. `about` is what is
        known of the text; if it has no languages, names of columns and files may say them.

        Raises:
            DataError: there are no pairs, text that can't be used as it is (with file and line), or
                no text at all, as in an archive.
            SettingsError: the arguments are impossible.
        """
        if target_path is not None:
            if source is not None or target is not None:
                raise SettingsError(
                    "source and target name the columns of one file; leave them out for two files"
                )
            corpus = _read_aligned(Path(path), Path(target_path))
            languages = guess_languages([str(path), str(target_path)])
        else:
            if (source is None) != (target is None):
                one, other = ("source", "target") if target is None else ("target", "source")
                given_one = source if target is None else target
                raise SettingsError(f"--data.{one} {given_one} needs --data.{other}, too")
            given = None if source is None or target is None else (source, target)
            columns = Columns(("source", "target"), given)
            table = read_named(str(path), columns, split, read_columns)
            sources, targets = table.texts
            corpus = cls(sources, targets, Path(path).name)
            languages = guess_languages([str(path)], table.names)
        if not len(corpus):
            raise DataError(f"{path} has no sentence pairs; is it the right file?")
        on_hub = "" if Path(path).exists() else str(path)
        known = AboutSettings(*languages, data=on_hub)
        return replace(corpus, about=(about or AboutSettings()).or_else(known))

    @classmethod
    def join(cls, parts: Sequence[ParallelCorpus], name: str = "") -> ParallelCorpus:
        """Returns several corpora as one, in their order; a single one as it is, but for a name.

        Of what is known of them, it has what they agree on.
        """
        report = CorpusReport(name, sum(part.report.read for part in parts))
        for part in parts:
            report = report.and_dropped(part.report.dropped)
        first, *rest = parts
        if not rest:
            name = name or first.name
            return replace(first, name=name, report=replace(first.report, name=name))
        return cls(
            [*chain.from_iterable(part.sources for part in parts)],
            [*chain.from_iterable(part.targets for part in parts)],
            name or " + ".join(part.name for part in parts),
            report,
            first.about.in_common(*(part.about for part in rest)),
        )

    def tagged(self, tag: str) -> ParallelCorpus:
        """Returns the same pairs with a tag before each source; without one if it is empty."""
        return replace(self, sources=[f"{tag} {text}" for text in self.sources]) if tag else self

    def __repr__(self) -> str:
        return f"ParallelCorpus({self.name!r}, {counted(len(self), 'pair')})"

    def __len__(self) -> int:
        """The number of pairs."""
        return len(self.sources)

    @overload
    def __getitem__(self, index: int) -> Pair: ...
    @overload
    def __getitem__(self, index: slice) -> ParallelCorpus: ...
    def __getitem__(self, index: int | slice) -> Pair | ParallelCorpus:
        """The pair at `index`, or the corpus of a slice."""
        if isinstance(index, slice):
            sources, targets = self.sources[index], self.targets[index]
            return replace(self, sources=sources, targets=targets, report=CorpusReport())
        return Pair(self.sources[index], self.targets[index])

    def __iter__(self) -> Iterator[Pair]:
        """All pairs in order."""
        return map(Pair, self.sources, self.targets)

    def _with_pairs(
        self, pairs: list[Pair], name: str, report: CorpusReport | None = None
    ) -> ParallelCorpus:
        sources, targets = [pair.source for pair in pairs], [pair.target for pair in pairs]
        report = report or CorpusReport()
        return replace(self, sources=sources, targets=targets, name=name, report=report)

    def clean(
        self,
        max_source_length: int | None = None,
        max_target_length: int | None = None,
        length: Callable[[str], int] = count_words,
        filters: Sequence[PairFilter] = (),
    ) -> ParallelCorpus:
        """Drops pairs with a side that is blank or too long, and what filters drop; all is counted.

        `length` returns the length of a text: by default in words between spaces; or, for example,
        ``lambda text: len(tokenizer.tokenize(text))``. `filters` are what `make_filters` returns
        for settings, or others; they are used for this corpus only.

        Raises:
            DataError: no pair is left.
            SettingsError: a limit is below 1.
        """
        limited = max_source_length is not None or max_target_length is not None
        limits = (
            [TooLong(max_source_length, max_target_length, length, "tokens")] if limited else []
        )
        cleaner = Cleaner([*limits, *filters])
        kept = [pair for pair, reason in cleaner.judged(self, Pair._make) if not reason]
        report = self.report.and_dropped(cleaner.dropped)
        if not kept:
            raise DataError(f"no pair is left: {report}; raise the limits, or check the files")
        return self._with_pairs(kept, self.name, report)

    def shuffled(self, seed: int) -> ParallelCorpus:
        """Returns the pairs in an order that depends on `seed` alone."""
        pairs = list(self)
        random.Random(seed).shuffle(pairs)
        return self._with_pairs(pairs, self.name, self.report)

    def split_by_source(
        self, *, validation: int, test: int, seed: int
    ) -> tuple[ParallelCorpus, ParallelCorpus, ParallelCorpus]:
        """Returns corpora for training, validation and test that share no source sentence.

        Sources that differ only in white space or in Unicode form are the same. `validation` and
        `test` are numbers of different sources, which come with all their pairs. All three corpora
        are shuffled, with the pairs of a source side by side.

        Raises:
            SettingsError: a number is negative.
            DataError: nothing would be left for training.
        """
        if min(validation, test) < 0:
            raise SettingsError(f"validation={validation}, test={test}: neither may be negative")
        groups: dict[str, list[Pair]] = {}
        for pair in self:
            groups.setdefault(comparable(pair.source), []).append(pair)
        if validation + test >= len(groups):
            raise DataError(
                f"{self.name or 'the corpus'} has {counted(len(groups), 'different source')}, too "
                f"few for {validation:,} in validation, {test:,} in test and some in training"
            )
        order = list(groups.values())
        random.Random(seed).shuffle(order)

        def corpus(part: list[list[Pair]], label: str) -> ParallelCorpus:
            name = f"{self.name}, {label}" if self.name else label
            return self._with_pairs([*chain.from_iterable(part)], name)

        held = validation + test
        return (
            corpus(order[held:], "training"),
            corpus(order[:validation], "validation"),
            corpus(order[validation:held], "test"),
        )

    def references(self) -> tuple[list[str], list[list[str]]]:
        """Returns the different sources in the order they first occur, and all targets of each.

        Which ones are the same is as in `split_by_source`.
        """
        found: dict[str, tuple[str, list[str]]] = {}
        for source, target in self:
            found.setdefault(comparable(source), (source, []))[1].append(target)
        return [source for source, _ in found.values()], [each for _, each in found.values()]

    def overlap(self, other: ParallelCorpus) -> Overlap:
        """Counts the pairs of `other` whose source, target, or both together occur in this corpus.

        White space and Unicode form make no difference.
        """
        pairs = {(comparable(source), comparable(target)) for source, target in self}
        theirs = [(comparable(source), comparable(target)) for source, target in other]
        sources, targets = {source for source, _ in pairs}, {target for _, target in pairs}
        return Overlap(
            sources=sum(source in sources for source, _ in theirs),
            targets=sum(target in targets for _, target in theirs),
            pairs=sum(pair in pairs for pair in theirs),
            total=len(theirs),
            name=self.name,
            other=other.name,
        )


class Corpora(NamedTuple):
    """What a training reads: no sentence of `validation` should be in `train`."""

    train: ParallelCorpus
    validation: ParallelCorpus


def _read_aligned(source: Path, target: Path) -> ParallelCorpus:
    try:
        sources = read_plain_lines(source, read_sentences)
    except TableError as error:
        if not ending(target.name, TABLE_SUFFIXES):
            raise
        both = f"--data.train {source} {target}"
        raise TableError(f"{error}; or, if both are tables of pairs, {both}") from None
    targets = read_plain_lines(target, read_sentences)
    if len(sources) != len(targets):
        raise unequal_files(source, len(sources), target, len(targets))
    return ParallelCorpus(sources, targets, f"{source.name} + {target.name}")

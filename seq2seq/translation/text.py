"""The text of a training: its corpora read, cleaned, tagged and joined; validation sets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple

from seq2seq.config.arguments import describe_value
from seq2seq.config.corpora import CorpusSettings
from seq2seq.config.data import DataSettings
from seq2seq.config.wording import counted
from seq2seq.data.filters.base import PairFilter
from seq2seq.data.filters.repeated import HeldOut
from seq2seq.data.mixing import Mix, shares_of
from seq2seq.data.parallel import Corpora, ParallelCorpus
from seq2seq.data.prepared import PreparedText
from seq2seq.data.readers.headers import as_column
from seq2seq.errors import DataError, SettingsError
from seq2seq.training.preflight import NO_TRAINING_TEXT
from seq2seq.training.reporting import log_line
from seq2seq.translation.filters import make_filters

MANY_ZERO_WIDTH = 0.02
"""The share of zero width spaces in a side's characters from which on they are told."""


class TrainingText(NamedTuple):
    """What a translation model is trained on, and validated on.

    Attributes:
        corpora: all the training text, and the validation set that decides about the best weights.
        more_sets: the other validation sets.
        parts: the training text by corpus, or by file, without tags.
        held: the validation sets, without tags.
        mix: in which shares the parts are learned from; None: all pairs alike.
        prepared: the training text, where it is read while the model trains; there is none else.
    """

    corpora: Corpora
    more_sets: Sequence[ParallelCorpus]
    parts: Sequence[ParallelCorpus]
    held: Sequence[ParallelCorpus]
    mix: Mix | None
    prepared: PreparedText | None = None

    def lines(self) -> Iterator[str]:
        """What was read of each part and each set, and how much of a set stands in a part."""
        if self.prepared:
            yield str(self.prepared.report)
        for corpus in (*self.parts, *self.held):
            yield str(corpus.report)
        for part in self.parts:
            for each in self.held:
                yield f"training and validation: {part.overlap(each)}"
        yield from zero_width_spaces(self.corpora.train)


def zero_width_spaces(corpus: ParallelCorpus) -> Iterator[str]:
    """A note on each side of which zero width spaces are many: each costs a token, unseen."""
    for side, texts in (("source", corpus.sources), ("target", corpus.targets)):
        share = sum(text.count("\u200b") for text in texts) / max(sum(map(len, texts)), 1)
        if share > MANY_ZERO_WIDTH:
            yield (
                f"note: {share:.0%} of the characters of the {side} text are zero width spaces "
                "(U+200B), each a token to learn: a model learns more from text without them"
            )


def check_corpora(given: object) -> Corpora:
    """Training and validation text as it was handed over; SettingsError if it is something else."""
    if isinstance(given, tuple | list) and len(given) == 2:
        train, validation = given
        if isinstance(train, ParallelCorpus) and isinstance(validation, ParallelCorpus):
            for name, corpus in (("training", train), ("validation", validation)):
                if not len(corpus):
                    raise DataError(f"the {name} text has no pairs")
            return Corpora(train, validation)
    raise SettingsError(
        f"corpora is {describe_value(given)}: give two of them, as Corpora(train, validation); "
        "validation text is set aside with corpus.split_by_source(validation=500, test=0, seed=1)"
    )


def read_text(
    settings: DataSettings, seed: int, given: Corpora | None = None, device: str = "auto"
) -> TrainingText:
    """The text that the settings name, cleaned; where they name none, what is given.

    Filters are for the training text alone. Models among them compute on `device`. If there is no
    validation text at all, some is set aside from the training text: of a mix, from its first
    corpus.
    """
    parts = read_parts(settings, given, device)
    sets = [*validation_sets(settings)]
    if not sets and given and not settings.mix:
        sets = [(given.validation, "")]
    if not sets:
        if not settings.mix:
            parts = [ParallelCorpus.join(parts)]
        parts[0], held = set_aside(parts[0], settings.validation_size, seed)
        sets = [(held, settings.mix[0].tag if settings.mix else "")]
    if settings.exclude_validation:
        pairs = [*chain.from_iterable(corpus for corpus, _ in sets)]
        parts = [part.clean(filters=[HeldOut(pairs, "source")]) for part in parts]
    tags = [corpus.tag for corpus in settings.mix] or [""] * len(parts)
    tagged = [part.tagged(tag) for part, tag in zip(parts, tags, strict=True)]
    first, *rest = (corpus.tagged(tag) for corpus, tag in sets)
    corpora = Corpora(ParallelCorpus.join(tagged), first)
    return TrainingText(
        corpora, rest, parts, [corpus for corpus, _ in sets], make_mix(settings, parts)
    )


def read_beside(prepared: PreparedText, settings: DataSettings) -> TrainingText:
    """The validation text that the settings name, or that was set aside, beside prepared text."""
    sets = [*validation_sets(settings)] or [(prepared.validation(), "")]
    first, *rest = held = [corpus for corpus, _ in sets]
    nothing = ParallelCorpus([], [], prepared.folder.name, prepared.report, prepared.about)
    return TrainingText(Corpora(nothing, first), rest, [], held, None, prepared)


def make_mix(settings: DataSettings, parts: Sequence[ParallelCorpus]) -> Mix | None:
    """The shares that the settings give the corpora of a mix; None if there is none."""
    if not settings.mix:
        return None
    sizes = [len(part) for part in parts]
    weights = [corpus.weight for corpus in settings.mix]
    if settings.mix_temperature:
        weights = [(size / max(sizes)) ** (1 / settings.mix_temperature) for size in sizes]
    return Mix([corpus.name for corpus in settings.mix], sizes, shares_of(weights))


def read_parts(settings: DataSettings, given: Corpora | None, device: str) -> list[ParallelCorpus]:
    """The training text by corpus, or by file, cleaned, without tags.

    A filter of all the text knows what it has seen of the parts before, as of duplicates.
    """
    columns = as_column(settings.source), as_column(settings.target)
    filters = make_filters(settings.filters, source=columns[0], target=columns[1], device=device)
    if settings.mix:
        return [read_corpus(settings, corpus, filters, device) for corpus in settings.mix]
    if settings.train:
        files = read_files(settings.train, settings.train_target, columns, "train")
        return [part.clean(filters=filters) for part in files]
    if given:
        return [given.train.clean(filters=filters)]
    raise SettingsError(NO_TRAINING_TEXT)


Names = tuple[str | int | None, str | int | None]


def column_names(settings: DataSettings, corpus: CorpusSettings) -> Names:
    """The columns of a corpus of a mix: its own, or those of all the text."""
    own = corpus if corpus.source else settings
    return as_column(own.source), as_column(own.target)


def read_corpus(
    settings: DataSettings, corpus: CorpusSettings, filters: Sequence[PairFilter], device: str
) -> ParallelCorpus:
    """A corpus of a mix, cleaned by the filters of all the text and by its own, without its tag."""
    columns = column_names(settings, corpus)
    own = make_filters(corpus.filters, source=columns[0], target=columns[1], device=device)
    files = read_files(corpus.train, corpus.train_target, columns, "train")
    return ParallelCorpus.join([*files], corpus.name).clean(filters=[*own, *filters])


def read_files(
    files: Sequence[str], targets: Sequence[str], columns: Names, split: str
) -> Iterator[ParallelCorpus]:
    """The pairs of each file, or of each two of them."""
    for path, target_path in zip(files, targets or [""] * len(files), strict=True):
        source, target = (None, None) if target_path else columns
        yield ParallelCorpus.read(
            path, target_path or None, source=source, target=target, split=split
        )


def validation_sets(settings: DataSettings) -> Iterator[tuple[ParallelCorpus, str]]:
    """The validation sets that the settings name, cleaned, under names of their own, with tags."""
    columns = as_column(settings.source), as_column(settings.target)
    files = read_files(settings.validation, settings.validation_target, columns, "validation")
    found = [(each, "") for each in files]
    for corpus in settings.mix:
        columns = column_names(settings, corpus)
        files = read_files(corpus.validation, corpus.validation_target, columns, "validation")
        found += [(renamed(each, f"{corpus.name}: {each.name}"), corpus.tag) for each in files]
    names = [each.name for each, _ in found]
    for number, (each, tag) in enumerate(found):
        again = names[:number].count(each.name)
        each = renamed(each, f"{each.name} ({again + 1})") if again else each
        yield each.clean(), tag


def renamed(corpus: ParallelCorpus, name: str) -> ParallelCorpus:
    """The same corpus under another name."""
    return ParallelCorpus.join([corpus], name)


def set_aside(train: ParallelCorpus, size: int, seed: int) -> tuple[ParallelCorpus, ParallelCorpus]:
    """What is left of a text without some validation sources, and these; as long as there are."""
    sources = len(train.references()[0])
    if sources <= size:
        raise DataError(
            f"{train.name} has {counted(sources, 'different source sentence')}, and "
            f"{size:,} are to be set aside for validation: give "
            "--data.validation FILE or a smaller --data.validation-size"
        )
    log_line(str(train.report))
    if sources < 2 * size:
        log_line(
            f"note: {size:,} of {sources:,} source sentences are set aside for "
            "validation, which leaves fewer to train on: a smaller --data.validation-size, as "
            f"{max(sources // 10, 1)}, or --data.validation FILE is better"
        )
    rest, validation, _ = train.split_by_source(validation=size, test=0, seed=seed)
    return rest, validation

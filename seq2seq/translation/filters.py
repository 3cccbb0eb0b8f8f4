"""Settings -> filters: `FILTERS`, by the setting that each one is switched on by."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from seq2seq.config.base import raise_problems
from seq2seq.config.filters import FilterSettings
from seq2seq.data.filters.base import PairFilter
from seq2seq.data.filters.characters import Repeats, Script, Symbols
from seq2seq.data.filters.language import Language
from seq2seq.data.filters.lengths import LengthRatio, TooLong, count_words
from seq2seq.data.filters.problems import filter_problems
from seq2seq.data.filters.remains import Html, Mojibake, Numbers
from seq2seq.data.filters.repeated import Copy, Duplicates, HeldOut
from seq2seq.data.pairs import Pair
from seq2seq.data.parallel import ParallelCorpus
from seq2seq.data.readers.headers import Column
from seq2seq.data.readers.streams import group_files


class FilterInputs(NamedTuple):
    """What filters are made of, besides their settings; as the arguments of `make_filters`."""

    source: Column | None
    target: Column | None
    device: str


def make_filters(
    settings: FilterSettings,
    *,
    source: Column | None = None,
    target: Column | None = None,
    device: str = "auto",
) -> list[PairFilter]:
    """Returns the filters that the settings switch on, for one text.

    Args:
        settings: each setting in `FILTERS` that is on gives a filter.
        source: the source column of held-out tables; None finds it.
        target: the target column.
        device: where models compute.

    Raises:
        SettingsError: a script or a language is unknown, or a package is not installed.
        DataError: held-out text can't be read.
        RunError: a model can't be loaded.
    """
    raise_problems(filter_problems(settings))
    inputs = FilterInputs(source, target, device)
    return [make(settings, inputs) for name, make in FILTERS.items() if getattr(settings, name)]


def held_out_pairs(settings: FilterSettings, inputs: FilterInputs) -> Iterator[Pair]:
    """Yields the pairs of all files of held-out text."""
    for path, *others in group_files(settings.held_out):
        if others:
            yield from ParallelCorpus.read(path, *others)
        else:
            yield from ParallelCorpus.read(
                path, source=inputs.source, target=inputs.target, split="test"
            )


def low_score(settings: FilterSettings, inputs: FilterInputs) -> PairFilter:
    """Returns the filter that scores pairs, with its models loaded."""
    from seq2seq.language_modeling.model import LanguageModel
    from seq2seq.translation.pair_scores import LowScore
    from seq2seq.translation.translator import Translator

    def translator(run: str) -> Translator | None:
        return Translator.load(run, inputs.device) if run else None

    def language_model(run: str) -> LanguageModel | None:
        return LanguageModel.load(run, inputs.device) if run else None

    return LowScore(
        settings.min_score,
        translator(settings.forward_model),
        translator(settings.backward_model),
        language_model(settings.domain_model),
        language_model(settings.general_model),
    )


FILTERS: dict[str, Callable[[FilterSettings, FilterInputs], PairFilter]] = {
    "held_out": lambda s, inputs: HeldOut(held_out_pairs(s, inputs), s.held_out_by),
    "duplicates": lambda s, _: Duplicates("pair"),
    "copies": lambda s, _: Copy(),
    "max_words": lambda s, _: TooLong(s.max_words, s.max_words, count_words, "words"),
    "max_characters": lambda s, _: TooLong(s.max_characters, s.max_characters, len, "characters"),
    "max_ratio": lambda s, _: LengthRatio(s.max_ratio),
    "source_script": lambda s, _: Script("source", s.source_script, s.min_script),
    "target_script": lambda s, _: Script("target", s.target_script, s.min_script),
    "max_symbols": lambda s, _: Symbols(s.max_symbols),
    "max_repeats": lambda s, _: Repeats(s.max_repeats),
    "html": lambda s, _: Html(),
    "numbers": lambda s, _: Numbers(),
    "mojibake": lambda s, _: Mojibake(),
    "source_language": lambda s, _: Language("source", s.source_language),
    "target_language": lambda s, _: Language("target", s.target_language),
    "min_score": low_score,
    # Last: of the pairs with one source, the first that is left by all the others stays.
    "duplicate_sources": lambda s, _: Duplicates("source"),
    "duplicate_targets": lambda s, _: Duplicates("target"),
}
"""In the order in which they are applied, the costly ones behind the others."""

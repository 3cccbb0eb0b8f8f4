"""A terminology for a certain model: as tokens of its vocabulary, searched for, and counted."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from seq2seq.config.base import raise_problems
from seq2seq.config.decoding import DecodingSettings
from seq2seq.data.terminology import (
    Term,
    Terminology,
    begins_without_space,
    find_longest,
    is_border,
    lengths,
)
from seq2seq.data.tokenizers.normalization import JOINER, SPACE
from seq2seq.data.tokenizers.pipeline import TextPipeline
from seq2seq.data.vocabulary import UNK_ID
from seq2seq.decoding.hypothesis import Hypothesis, Ids
from seq2seq.errors import DataError, SettingsError
from seq2seq.translation.engine import Engine
from seq2seq.translation.exported_engine import ExportedEngine

if TYPE_CHECKING:
    from seq2seq.decoding.lexical_constraints import Phrases

SHOWN_LINES = 10


class WideBeamWarning(UserWarning):
    """The beam of a sentence is wider than the settings say, for the sake of its terms."""


class ModelTerms:
    """A terminology in tokens of a model's target side.

    Raises:
        DataError: a translation has a token that the vocabulary lacks.
    """

    def __init__(self, terms: Terminology, target: TextPipeline) -> None:
        self.terms = terms
        self.ids = {term: term_ids(term, target) for term in terms.terms.values()}

        @cache
        def same_word(left: int, right: int) -> bool:
            first, both = target.decode([left]), target.decode([left, right])
            return bool(first) and both.startswith(first) and not is_border(both, len(first))

        self.same_word = same_word

    def phrases(self, text: str) -> Phrases:
        """Returns what the translation of a sentence must contain: a phrase for each term in it."""
        from seq2seq.decoding.lexical_constraints import Phrases

        return Phrases([self.ids[term] for term in self.terms.find(text)], self.same_word)


def make_terms(
    terms: Terminology | Mapping[str, str] | None,
    engine: Engine,
    settings: DecodingSettings,
    target: TextPipeline,
) -> ModelTerms | None:
    """Returns the terms that a translation is asked for, if it is.

    Raises:
        DataError: they are no terms, or the vocabulary lacks one.
        SettingsError: the search can't be held to any.
    """
    if terms is None:
        return None
    check_terms(engine, settings)
    return ModelTerms(Terminology.of(terms), target)


def term_ids(term: Term, target: TextPipeline) -> list[int]:
    """Returns the translation of a term as ids, as it stands inside of a sentence."""
    tokens = target.tokenizer.tokenize(term.target)
    if tokens and begins_without_space(term.target):
        first = tokens[0]
        inner = first.removeprefix(SPACE) if first.startswith(SPACE) else JOINER + first
        if not inner:
            tokens = tokens[1:]
        elif inner in target.vocab:
            tokens = [inner, *tokens[1:]]
    ids = target.vocab.ids(tokens)
    if not ids or UNK_ID in ids:
        unknown = tokens[ids.index(UNK_ID)] if ids else term.target
        raise DataError(
            f"{term.where}: the model can't write {term.target!r}: its vocabulary lacks "
            f"{unknown!r}; translate {term.source!r} otherwise, or leave it out"
        )
    return ids


def check_terms(engine: Engine, settings: DecodingSettings) -> None:
    """Raises SettingsError if a search can't be held to terms."""
    if isinstance(engine, ExportedEngine):
        raise SettingsError(
            "terms: an exported model is searched without them; use the run that it was made from"
        )
    problems = []
    if settings.method != "beam":
        problems.append(
            f"terms need beam search, and can't be used with --decoding.method {settings.method}"
        )
    elif settings.beam_size == 1:
        problems.append(
            "terms need a beam, and --decoding.beam-size 1 is greedy search: raise it, as to 5"
        )
    if settings.shortlist:
        problems.append(
            "terms can't be used with --decoding.shortlist, which may lack their words: leave it "
            "at 0"
        )
    raise_problems(problems)


def search_phrases(
    engine: Engine,
    sources: Sequence[Sequence[Ids]],
    settings: DecodingSettings,
    phrases: Sequence[Phrases | None],
    *,
    n: int,
    prefixes: Sequence[Ids],
    attention: bool,
) -> list[list[Hypothesis]]:
    """Returns the best hypotheses of each sentence that have its phrases, see `Engine.search`.

    A beam has at least a hypothesis for each token of the phrases and one more, so that there is
    room for every bank of Post & Vilar (2018): where that is more than the settings say, it is
    widened for the sentence alone, with a `WideBeamWarning`. Sentences without phrases are searched
    as always.
    """
    usual = max(n, settings.beam_size)
    by_width: dict[int, list[int]] = {}
    for row, each in enumerate(phrases):
        size = each.size if each else 0
        by_width.setdefault(max(usual, size + 1) if size else 0, []).append(row)
    wide = sum(len(rows) for width, rows in by_width.items() if width > usual)
    if wide:
        warnings.warn(
            f"the beam is wider than {usual} for {wide:,} of {len(phrases):,} sentences, at most "
            f"{max(by_width)}: one hypothesis for each token of their terms, and one more",
            WideBeamWarning,
            stacklevel=2,
        )
    results: list[list[Hypothesis]] = [[] for _ in phrases]
    for width, rows in by_width.items():
        found = engine.search(
            [[ids[row] for row in rows] for ids in sources],
            replace(settings, beam_size=max(width, settings.beam_size)),
            n=n,
            prefixes=[prefixes[row] for row in rows],
            attention=attention,
            phrases=[each for row in rows if (each := phrases[row])] if width else None,
        )
        for row, hypotheses in zip(rows, found, strict=True):
            results[row] = hypotheses
    return results


class TermRecall:
    """How many of the terms in a text came out in its translation, as whole words.

    Args:
        terms: the terminology.
        target: of the model, which may write in lower case.
    """

    def __init__(self, terms: Terminology, target: TextPipeline) -> None:
        self.terms = terms
        self.targets = {
            term: target.tokenizer.normalize(term.target) for term in terms.terms.values()
        }
        self.lengths = lengths(self.targets.values())
        self.known = {*self.targets.values()}
        self.there: Counter[Term] = Counter()
        self.came: Counter[Term] = Counter()
        self.lines: dict[Term, list[int]] = {}

    def add(self, line: int, source: str, translation: str) -> None:
        """Counts the terms of a line and those that its translation has."""
        found = find_longest(
            translation, self.lengths, lambda words: words if words in self.known else None
        )
        left = Counter(found)
        for term in self.terms.find(source):
            self.there[term] += 1
            if left[self.targets[term]]:
                left[self.targets[term]] -= 1
                self.came[term] += 1
            else:
                self.lines.setdefault(term, []).append(line)

    def report(self) -> Iterator[str]:
        """Yields the recall of all, and a line for each term that was missed."""
        there, came = self.there.total(), self.came.total()
        if not there:
            yield f"terms: none of the {len(self.targets):,} is in the text"
            return
        yield f"terms: {came:,} of {there:,} came out ({came / there:.1%})"
        for term, lines in self.lines.items():
            shown = ", ".join(f"{line:,}" for line in lines[:SHOWN_LINES])
            yield (
                f"  {term.source} -> {term.target}: {self.came[term]:,} of {self.there[term]:,}; "
                f"missed in line {shown}{', …' * (len(lines) > SHOWN_LINES)}"
            )

"""Which pairs of a parallel text are dropped before anything is learnt from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

from seq2seq.config.fields import (
    CHANGEABLE,
    Fraction,
    NonNegativeFloat,
    NonNegativeInt,
    Probability,
    only_if,
)

PartOfPair = Literal["pair", "source", "target"]


@dataclass(frozen=True)
class FilterSettings:
    """Which pairs are dropped. Those with an empty side always are; each setting adds a filter.

    A pair is counted for the first filter that drops it. What a language writes is no reason by
    itself: scripts, languages, ratios and numbers are looked at only where they are asked for.
    """

    held_out: Annotated[tuple[str, ...], CHANGEABLE] = ()
    """Validation and test text, as tables or as pairs of text files, source first: pairs that stand
    in it are dropped."""
    held_out_by: Annotated[PartOfPair, only_if("held_out")] = "source"
    """What of a pair stands in held-out text: its source, its target, or both as a pair."""
    duplicates: bool = False
    """Drop pairs that were there before: the first one stays."""
    duplicate_sources: bool = False
    """Drop pairs whose source was there before: the first that all other filters leave stays."""
    duplicate_targets: bool = False
    """Drop pairs whose target was there before."""
    copies: bool = False
    """Drop pairs whose target is the source."""
    max_words: NonNegativeInt = 0
    """The most words on a side, as spaces separate them. 0: any number."""
    max_characters: NonNegativeInt = 0
    """The most characters on a side, for languages without spaces. 0: any number."""
    max_ratio: NonNegativeFloat = 0.0
    """The longer side has at most so many times the characters of the shorter one. 0: any ratio."""
    source_script: tuple[str, ...] = ()
    """The scripts of the source side, by their names in Unicode, as Latin, or Han Hiragana
    Katakana."""
    target_script: tuple[str, ...] = ()
    """The scripts of the target side."""
    min_script: Probability = 0.5
    """The least share of a side's letters that are of its scripts."""
    max_symbols: Fraction = 0.0
    """The largest share of a side's characters that are digits, punctuation or symbols. 0:
    any share."""
    max_repeats: NonNegativeInt = 0
    """How often the same characters may come in a row, as in "nooooo" and "ha ha ha". 0: any number
    of times."""
    html: bool = False
    """Drop pairs with tags or entities of HTML, as <br> and &amp;."""
    mojibake: bool = False
    """Drop pairs with text that was decoded wrongly, as "schÃ¶n" (needs the package ftfy)."""
    numbers: bool = False
    """Drop pairs of which each side has digits that the other side lacks."""
    source_language: str = ""
    """The source language by its code, as de: what is surely another one is dropped (needs the
    package py3langid)."""
    target_language: str = ""
    """The target language by its code."""
    forward_model: Annotated[str, CHANGEABLE] = ""
    """A run that translates source to target: pairs that it finds improbable are dropped."""
    backward_model: Annotated[str, CHANGEABLE] = ""
    """A run that translates target to source. With both, a pair's score is that of dual conditional
    cross-entropy (Junczys-Dowmunt 2018)."""
    domain_model: Annotated[str, CHANGEABLE] = ""
    """A language model of target text as it is wanted: where it finds a target less probable than
    the general model does, the score is lower."""
    general_model: Annotated[str, CHANGEABLE] = ""
    """A language model of target text of any kind, with which the domain model is compared."""
    min_score: Fraction = 0.0
    """The least score by these models, from 0 to 1."""

    def problems(self) -> Iterator[str]:
        """One line for each impossible setting."""
        flag = "--data.filters."
        if 0 < self.max_ratio < 1:
            yield f"{flag}max-ratio {self.max_ratio} must be at least 1, or 0 for any ratio"
        if self.min_script != 0.5 and not (self.source_script or self.target_script):
            yield (
                f"{flag}min-script {self.min_script} has no effect without {flag}source-script or "
                f"{flag}target-script"
            )
        if bool(self.domain_model) != bool(self.general_model):
            yield f"{flag}domain-model and {flag}general-model are compared: give both"
        models = ("forward_model", "backward_model", "domain_model")
        given = [name for name in models if getattr(self, name)]
        if self.min_score and not given:
            yield (
                f"{flag}min-score {self.min_score} has no effect without a model: give "
                f"{flag}forward-model, {flag}backward-model or both"
            )
        if given and not self.min_score:
            name = given[0].replace("_", "-")
            yield f"{flag}{name} needs {flag}min-score, from which score on a pair stays"

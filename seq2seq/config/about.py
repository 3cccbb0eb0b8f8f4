"""What is said of a model to those who get it: languages, author, data, licence."""

from __future__ import annotations

import reprlib
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace

from seq2seq.config.language_tags import is_well_formed, language_tag

MAX_LENGTH = 1000
"""In characters."""


@dataclass(frozen=True)
class AboutSettings:
    """What is said of the model to those who get it. Nothing is computed from it."""

    source_language: str = ""
    """The language that is translated from, as a BCP 47 tag: en, pt-BR, zh-Hant; und if it is not
    to be said. Empty: what names of files and columns say, as train.de, "en" or "German"."""
    target_language: str = ""
    """The language that is translated into, likewise."""
    author: str = ""
    """Who trained it."""
    data: str = ""
    """What it was trained on, as "Tatoeba". Empty: the name of the dataset, if it is the Hub's."""
    licence: str = ""
    """The licence of that text."""

    def __str__(self) -> str:
        """All that is said, in a line; "" if that is nothing."""
        said = {field.name: getattr(self, field.name) for field in fields(self)}
        return ", ".join(f"{name.replace('_', ' ')} {said[name]}" for name in said if said[name])

    def or_else(self, other: AboutSettings) -> AboutSettings:
        """Returns what is said here, and what the other says where nothing is."""
        said = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(other, **{name: value for name, value in said.items() if value})

    def in_common(self, *others: AboutSettings) -> AboutSettings:
        """Returns what is said here, where none of the others says something else."""
        return replace(
            self,
            **{
                field.name: ""
                for field in fields(self)
                if any(getattr(each, field.name) != getattr(self, field.name) for each in others)
            },
        )

    def problems(self) -> Iterator[str]:
        """One line for each impossible setting."""
        for side in ("source", "target"):
            tag = getattr(self, f"{side}_language")
            if tag and not is_well_formed(tag):
                meant, flag = language_tag(tag), f"--about.{side}-language {reprlib.repr(tag)}"
                hint = f": did you mean {meant}?" if meant else ", as en, pt-BR or zh-Hant"
                yield f"{flag} is no language tag of BCP 47{hint}"
        for name in ("author", "data", "licence"):
            value = getattr(self, name)
            if len(value) > MAX_LENGTH or any(map(_breaks_line, value)):
                yield (
                    f"--about.{name} {reprlib.repr(value)} is not one line of text, of at most "
                    f"{MAX_LENGTH:,} characters"
                )


def _breaks_line(character: str) -> bool:
    """Whether a character ends a line, controls a terminal, or is none."""
    return unicodedata.category(character) in ("Cc", "Zl", "Zp", "Cs")

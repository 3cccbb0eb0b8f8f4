"""Symbols that are always one token: which ones there can be."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any

SYMBOLS_FLAG = "--data.special-symbols"
SPECIAL_TOKENS = ("<pad>", "<unk>", "<bos>", "<eos>")
"""The first tokens of every vocabulary."""
MARKS_IN_TOKENS = "￭▁␛"
"""The characters with a meaning in tokens."""


def as_symbols(value: Any) -> Any:
    """Returns several symbols as a tuple, in the form NFC, as text has them.

    What can't be symbols stays as it is, for the check of its type.
    """
    if not isinstance(value, list | tuple) or not all(isinstance(name, str) for name in value):
        return value
    return tuple(unicodedata.normalize("NFC", name) for name in value)


def symbol_problems(symbols: Sequence[str], flag: str = SYMBOLS_FLAG) -> Iterator[str]:
    """One line for each of `as_symbols` that can't stay whole."""
    names = list(symbols)
    for name in dict.fromkeys(names):
        if not name:
            yield f"{flag} '' is empty: a symbol has a character or more"
        elif any(character.isspace() for character in name):
            yield f"{flag} {name!r} has white space in it: a symbol is one token"
        elif name in SPECIAL_TOKENS:
            yield f"{flag} {name} is a special token of every vocabulary already"
        elif marks := [mark for mark in MARKS_IN_TOKENS if mark in name]:
            yield f"{flag} {name}: {' '.join(marks)} has a meaning in tokens: take other characters"
        elif any("\ud800" <= character <= "\udfff" for character in name):
            yield f"{flag} {name!r} is no text: it is not valid Unicode"
        if names.count(name) > 1:
            yield f"{flag} {name} is given twice"


def room_problems(symbols: Sequence[str], vocab_size: int) -> Iterator[str]:
    """One line if a vocabulary has no room for symbols."""
    least = len(SPECIAL_TOKENS) + len(symbols) + 1  # with the joiner
    if symbols and vocab_size < least:
        yield (
            f"a vocabulary of {vocab_size} tokens has no room for {len(symbols)} {SYMBOLS_FLAG}: "
            f"raise --data.vocab-size to {least} or more"
        )

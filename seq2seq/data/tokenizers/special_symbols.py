"""Symbols that stay whole, whatever the tokenizer: language tags, placeholders.

SentencePiece calls them user-defined symbols. A symbol is one token with one id, with a space
before it or without: where none stands between a symbol and its neighbour in the text, kinds of
tokens in which a space is no token write a joiner "￭", a token of its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from seq2seq.config.arguments import check_strings
from seq2seq.config.base import raise_problems
from seq2seq.config.symbols import as_symbols, symbol_problems
from seq2seq.data.tokenizers.normalization import JOINER, normalize, to_nfc
from seq2seq.errors import DataError

MARK: Final = "\x1f"
"""Stands in a text for any symbol while it is cut. Being white space, no normalized text has it."""
KEY: Final = "special_symbols"
"""What the files of tokenizers call them; those that lack it have none."""


class SpecialSymbols:
    """The symbols of a tokenizer, in the form NFC, and where they stand in a text.

    Where several could begin at a place, it is the longest.
    """

    def __init__(self, names: Sequence[str] = ()) -> None:
        """Takes the symbols; raises SettingsError for an impossible one, DataError for no list."""
        self.names: tuple[str, ...] = as_symbols(check_strings(names, "special_symbols"))
        raise_problems(symbol_problems(self.names))
        self._known = frozenset(self.names)
        longest_first = sorted(self.names, key=len, reverse=True)
        self._pattern = re.compile(f"({'|'.join(map(re.escape, longest_first))})")

    @property
    def with_joiner(self) -> tuple[str, ...]:
        """The symbols, and the joiner beside them; nothing, if there are none."""
        return (*self.names, JOINER) if self.names else ()

    def __contains__(self, token: str) -> bool:
        """Whether a token is one of them."""
        return token in self._known

    def normalize(
        self, text: str, *, lowercase: bool = False, keep_white_space: bool = False
    ) -> str:
        """Returns what `normalize` makes of a text; but symbols keep their case."""
        if not (self.names and lowercase):
            return normalize(text, lowercase=lowercase, keep_white_space=keep_white_space)
        parts = self.split(normalize(text, keep_white_space=keep_white_space))
        parts[::2] = [to_nfc(part.lower()) for part in parts[::2]]
        return "".join(parts)

    def split(self, text: str) -> list[str]:
        """Returns the parts of a normalized text: the 2nd, 4th, … are symbols."""
        return self._pattern.split(text) if self.names else [text]

    def mark(self, text: str) -> tuple[str, list[str]]:
        """Returns a normalized text with `MARK` for each symbol, and the symbols in order."""
        parts = self.split(text)
        return MARK.join(parts[::2]), parts[1::2]

    def to_json(self) -> dict[str, list[str]]:
        """Returns what stands of them in a tokenizer's file: nothing, if there are none."""
        return {KEY: [*self.names]} if self.names else {}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> SpecialSymbols:
        """Returns the symbols of a tokenizer's file; raises DataError if they can't be any."""
        names = content.get(KEY, [])
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise DataError(f'"{KEY}" must be a list of strings')
        return cls(names)

"""Tokens that need no training: words, characters, and what stands between white space."""

from __future__ import annotations

import json
import re
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any, ClassVar

from seq2seq.data.tokenizers.normalization import (
    EMPTY_MARK,
    ESCAPE,
    ESCAPE_CODE,
    ESCAPES,
    INVISIBLE,
    JOINER,
    KEPT_FORM,
    NORMAL_FORM,
    SPACE,
    escape,
    unescape,
    visible_tokens,
)
from seq2seq.data.tokenizers.special_symbols import MARK, SpecialSymbols
from seq2seq.data.vocabulary import BOS, EOS, PAD, UNK
from seq2seq.errors import SettingsError

# Written in Unicode with neither spaces between words nor letters in the usual sense: each
# character is a token. Han (with its marks of repetition), hiragana, Han extensions.
CJK = "\u3005-\u3007\u3041-\u309f\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_ELIDED = "[ldjmtsnc]|qu|jusqu|lorsqu|puisqu|quoiqu|presqu|quelqu"
_CLITICS = "s|m|d|re|ve|ll"


@cache
def _word_pattern() -> re.Pattern[str]:
    """Returns the pattern of one token; the name of the group that matches says how it joins."""
    # Combining marks and what is invisible. `re` has no class for them; the planes left out have
    # none.
    points = [*range(0x20000), *range(0xE0100, 0xE01F0)]
    marks = "".join(chr(p) for p in points if unicodedata.category(chr(p)).startswith("M"))
    mark = f"[{marks}{INVISIBLE}]"
    letter = rf"[^\W_{CJK}]"
    core = rf"{letter}+(?:{mark}+{letter}*)*"
    clitic = rf"['’](?i:{_CLITICS})(?!{letter}|{mark})"
    return re.compile(
        rf"(?P<elided>(?i:{_ELIDED})['’](?={letter}))"
        rf"|(?P<number>\d+(?:[.,:]\d+)+{mark}*)"
        rf"|(?P<word>{core}(?:(?!{clitic})['’]{core})*)"
        rf"|(?P<clitic>(?<={letter}){clitic})"
        rf"|(?P<cjk>[{CJK}]{mark}*)"
        rf"|(?P<escape>{ESCAPE_CODE.pattern}{mark}*)"
        rf"|(?P<symbol>(?P<same>[^\w\s{ESCAPE}]|_)(?P=same)*{mark}*)"
        rf"|(?P<special>{MARK})"
    )


_JOIN_LEFT = frozenset({"clitic", "cjk", "escape", "symbol"})
_JOIN_RIGHT = frozenset({"escape", "symbol"})


class RuleBasedTokenizer(ABC):
    """What the tokenizers that learn nothing from text have in common: one segmentation of a text.

    With `lowercase`, tokens are in lower case, and so is the text that comes back; but the special
    symbols, each of which is one token.
    """

    kind: ClassVar[str]
    can_sample: ClassVar[bool] = False
    pieces: list[str] | None = None

    def __init__(self, lowercase: bool = False, special_symbols: Sequence[str] = ()) -> None:
        """Raises SettingsError for a symbol that can't be one."""
        self.lowercase = lowercase
        self.symbols = SpecialSymbols(special_symbols)

    @classmethod
    def train(
        cls,
        texts: Sequence[str],
        *,
        lowercase: bool = False,
        special_symbols: Sequence[str] = (),
        **others: object,
    ) -> RuleBasedTokenizer:
        """Returns a tokenizer: the other arguments have no meaning."""
        return cls(lowercase, special_symbols)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> RuleBasedTokenizer:
        """Returns the tokenizer that `save` wrote."""
        return cls(content["lowercase"], SpecialSymbols.from_json(content).names)

    @property
    def special_symbols(self) -> tuple[str, ...]:
        """The symbols that stay whole."""
        return self.symbols.names

    @property
    def reserved(self) -> tuple[str, ...]:
        """The tokens that have an id in every vocabulary: symbols, and what joins them."""
        return self.symbols.with_joiner

    def normalize(self, text: str) -> str:
        """Returns the form of `text` that comes back from its tokens."""
        return self.symbols.normalize(text, lowercase=self.lowercase)

    @abstractmethod
    def cut(self, text: str) -> list[str]:
        """Returns the tokens of a normalized text."""

    @abstractmethod
    def detokenize(self, tokens: Sequence[str]) -> str:
        """Returns the text of any list of tokens."""

    def tokenize(self, text: str, *, sample: bool = False) -> list[str]:
        """Returns the tokens of `text`; raises SettingsError if `sample` is true."""
        if sample:
            raise SettingsError(
                f"a {self.kind} tokenizer has one segmentation for a text and can't sample; "
                f"turn sampling off, or use a unigram or bpe tokenizer"
            )
        return self.cut(self.normalize(text))

    def tokenize_all(self, texts: Sequence[str], *, sample: bool = False) -> list[list[str]]:
        """Returns the tokens of each text; raises SettingsError if `sample` is true."""
        return [self.tokenize(text, sample=sample) for text in texts]

    def save(self, path: Path) -> None:
        """Writes the settings to `path` as JSON."""
        content = {"kind": self.kind, "lowercase": self.lowercase, "normalization": self.form}
        content |= self.symbols.to_json()
        path.write_bytes((json.dumps(content) + "\n").encode("ascii"))

    @property
    def form(self) -> str:
        """What the file says of the form that texts take before."""
        return NORMAL_FORM


class WordTokenizer(RuleBasedTokenizer):
    """Words, numbers and punctuation marks, for text with or without spaces between words.

    A joiner "￭" stands where two tokens have no space between them in the text, which is what makes
    the text come back exactly. It is written on the punctuation mark, so that a word is the same
    token with a comma after it and without:

        Well, l'homme (35 ans) isn't Tom's.
        Well ￭, l'￭ homme (￭ 35 ans ￭) isn't Tom ￭'s ￭.

    - French elisions (l', qu', …) and English clitics ('s, 'll, …) are tokens; other words keep
      their apostrophes (don't, aujourd'hui).
    - Words with a hyphen are parted: "dis-moi" is "dis", "￭-￭", "moi".
    - Numbers keep their separators (3,000.50 and 10:30); a run of one mark ("...") is one token.
    - Each Han character or hiragana is a token, joined to the one before; a run of katakana is one.
      Thai, Lao, Khmer and Burmese have no spaces either and stay whole: take SentencePiece.
    """

    kind = "word"

    def cut(self, text: str) -> list[str]:
        """Returns the words of a normalized text.

        A special symbol is joined as a word is; beside a word, or another symbol, the joiner is a
        token of its own.
        """
        text, symbols = self.symbols.mark(text)
        left = iter(symbols)
        tokens: list[str] = []
        end, before = -1, ""
        for match in _word_pattern().finditer(escape(text)):
            kind = str(match.lastgroup)
            token = next(left) if kind == "special" else match[0]
            if match.start() == end:
                if before == "elided" or (before in _JOIN_RIGHT and kind not in _JOIN_LEFT):
                    tokens[-1] += JOINER
                elif kind == "special" or (before == "special" and kind not in _JOIN_LEFT):
                    tokens.append(JOINER)
                else:
                    token = JOINER + token
            tokens.append(token)
            end, before = match.end(), kind
        return tokens

    def detokenize(self, tokens: Sequence[str]) -> str:
        """Joins `tokens` with spaces, but for the sides that have a joiner."""
        parts: list[str] = []
        joined = True
        for token in visible_tokens(tokens):
            if not (joined or token.startswith(JOINER)):
                parts.append(" ")
            parts.append(unescape(token.strip(JOINER)))
            joined = token.endswith(JOINER)
        return "".join(parts)


_CHARACTER_TOKENS = {" ": SPACE, **ESCAPES}
_TOKEN_CHARACTERS = {token: character for character, token in _CHARACTER_TOKENS.items()}


class CharacterLevelTokenizer(RuleBasedTokenizer):
    """What the kinds have in common whose tokens are parts of words, and spaces, too."""

    @abstractmethod
    def segment(self, text: str) -> list[str]:
        """Returns the tokens of a normalized text without special symbols."""

    @abstractmethod
    def join(self, tokens: Sequence[str]) -> str:
        """Returns the text of any list of tokens without special symbols, pad, bos and eos."""

    @property
    def reserved(self) -> tuple[str, ...]:
        """The tokens that have an id in every vocabulary: the symbols."""
        return self.symbols.names

    def cut(self, text: str) -> list[str]:
        """Returns the tokens of a normalized text."""
        first, *parts = self.symbols.split(text)
        tokens = self.segment(first)
        for symbol, part in zip(parts[::2], parts[1::2], strict=True):
            tokens += [symbol, *self.segment(part)]
        return tokens

    def detokenize(self, tokens: Sequence[str]) -> str:
        """Joins `tokens`."""
        visible = visible_tokens(tokens)
        if not self.symbols.names:
            return self.join(visible)
        runs = groupby(visible, self.symbols.__contains__)
        return "".join("".join(run) if whole else self.join([*run]) for whole, run in runs)


class CharacterTokenizer(CharacterLevelTokenizer):
    """One token for each Unicode code point; the space is "▁".

    White space may be kept as it is: indentation and tabs are part of a language model's text.
    """

    kind = "character"

    def __init__(
        self,
        lowercase: bool = False,
        special_symbols: Sequence[str] = (),
        *,
        keep_white_space: bool = False,
    ) -> None:
        """With `keep_white_space`, `normalize` leaves white space as it is."""
        super().__init__(lowercase, special_symbols)
        self.keep_white_space = keep_white_space

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> CharacterTokenizer:
        """Returns the tokenizer that `save` wrote."""
        symbols = SpecialSymbols.from_json(content).names
        kept = content.get("normalization") == KEPT_FORM
        return cls(content["lowercase"], symbols, keep_white_space=kept)

    @property
    def form(self) -> str:
        """What the file says of the form that texts take before."""
        return KEPT_FORM if self.keep_white_space else NORMAL_FORM

    def normalize(self, text: str) -> str:
        """Returns the form of `text` that comes back from its tokens."""
        return self.symbols.normalize(
            text, lowercase=self.lowercase, keep_white_space=self.keep_white_space
        )

    def segment(self, text: str) -> list[str]:
        """Returns the characters of a normalized text."""
        get = _CHARACTER_TOKENS.get
        return [get(c, c) for c in text]

    def join(self, tokens: Sequence[str]) -> str:
        """Joins `tokens`; "▁" becomes a space."""
        return "".join(_TOKEN_CHARACTERS.get(token, token) for token in tokens)


_UNBROKEN = re.compile(rf"{MARK}|\S+")
_HIDDEN_NAMES = {name: name.replace("<", "<" + EMPTY_MARK) for name in (PAD, BOS, EOS)}


class SpaceTokenizer(RuleBasedTokenizer):
    """What stands between white space, for text that is tokenized already.

    Such a text says itself where a rare word stood: in WikiText-2 (Merity et al. 2017) it is
    `<unk>`, which is the unknown token here, and the only special one that text can have. The
    unknown token becomes `<unk>` again in text, not "⁇".
    """

    kind = "space"

    def cut(self, text: str) -> list[str]:
        """Returns the tokens of a normalized text, a joiner between parts that symbols make."""
        get = _HIDDEN_NAMES.get
        if not self.symbols.names:
            return [get(token, token) for token in escape(text).split()]
        text, symbols = self.symbols.mark(text)
        left = iter(symbols)
        tokens: list[str] = []
        end = -1
        for match in _UNBROKEN.finditer(escape(text)):
            if match.start() == end:
                tokens.append(JOINER)
            tokens.append(next(left) if match[0] == MARK else get(match[0], match[0]))
            end = match.end()
        return tokens

    def detokenize(self, tokens: Sequence[str]) -> str:
        """Joins `tokens` with spaces, but for the places where a joiner stands by a symbol."""
        parts: list[str] = []
        joined = True
        for token in visible_tokens(tokens, unknown=UNK):
            if self.symbols.names and token == JOINER:
                joined = True
                continue
            parts += [unescape(token)] if joined else [" ", unescape(token)]
            joined = False
        return "".join(parts)

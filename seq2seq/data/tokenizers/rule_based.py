"""Tokens that need no training: words, characters, and what stands between white space."""

from __future__ import annotations

import json
import re
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

from seq2seq.data.tokenizers.normalization import (
    EMPTY_MARK,
    ESCAPE,
    ESCAPE_CODE,
    ESCAPES,
    INVISIBLE,
    JOINER,
    NORMAL_FORM,
    SPACE,
    escape,
    normalize,
    unescape,
    visible_tokens,
)
from seq2seq.data.vocabulary import BOS, EOS, PAD, UNK
from seq2seq.errors import SettingsError

# Written in Unicode with neither spaces between words nor letters in the usual sense: each
# character is a token. Han (with its marks of repetition), hiragana, Han extensions.
_CJK = "\u3005-\u3007\u3041-\u309f\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
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
    letter = rf"[^\W_{_CJK}]"
    core = rf"{letter}+(?:{mark}+{letter}*)*"
    clitic = rf"['’](?i:{_CLITICS})(?!{letter}|{mark})"
    return re.compile(
        rf"(?P<elided>(?i:{_ELIDED})['’](?={letter}))"
        rf"|(?P<number>\d+(?:[.,:]\d+)+{mark}*)"
        rf"|(?P<word>{core}(?:(?!{clitic})['’]{core})*)"
        rf"|(?P<clitic>(?<={letter}){clitic})"
        rf"|(?P<cjk>[{_CJK}]{mark}*)"
        rf"|(?P<escape>{ESCAPE_CODE.pattern}{mark}*)"
        rf"|(?P<symbol>(?P<same>[^\w\s{ESCAPE}]|_)(?P=same)*{mark}*)"
    )


_JOIN_LEFT = frozenset({"clitic", "cjk", "escape", "symbol"})
_JOIN_RIGHT = frozenset({"escape", "symbol"})


class RuleBasedTokenizer(ABC):
    """What the tokenizers that learn nothing from text have in common: one segmentation of a text.

    With `lowercase`, tokens are in lower case, and so is the text that comes back.
    """

    kind: ClassVar[str]
    can_sample: ClassVar[bool] = False
    pieces: list[str] | None = None

    def __init__(self, lowercase: bool = False) -> None:
        self.lowercase = lowercase

    @classmethod
    def train(
        cls,
        texts: Sequence[str],
        *,
        lowercase: bool = False,
        **others: object,
    ) -> RuleBasedTokenizer:
        """Returns a tokenizer: of the arguments, only `lowercase` has a meaning."""
        return cls(lowercase)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> RuleBasedTokenizer:
        """Returns the tokenizer that `save` wrote."""
        return cls(content["lowercase"])

    @abstractmethod
    def segment(self, text: str) -> list[str]:
        """Returns the tokens of `text`."""

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
        return self.segment(text)

    def tokenize_all(self, texts: Sequence[str], *, sample: bool = False) -> list[list[str]]:
        """Returns the tokens of each text; raises SettingsError if `sample` is true."""
        return [self.tokenize(text, sample=sample) for text in texts]

    def save(self, path: Path) -> None:
        """Writes the settings to `path` as JSON."""
        content = {"kind": self.kind, "lowercase": self.lowercase, "normalization": NORMAL_FORM}
        path.write_bytes((json.dumps(content) + "\n").encode("ascii"))


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

    def segment(self, text: str) -> list[str]:
        """Returns the words of `text`."""
        tokens: list[str] = []
        end, before = -1, ""
        for match in _word_pattern().finditer(escape(normalize(text, lowercase=self.lowercase))):
            token, kind = match[0], str(match.lastgroup)
            if match.start() == end:
                if before == "elided" or (before in _JOIN_RIGHT and kind not in _JOIN_LEFT):
                    tokens[-1] += JOINER
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
            parts.append(token.strip(JOINER))
            joined = token.endswith(JOINER)
        return unescape("".join(parts))


_CHARACTER_TOKENS = {" ": SPACE, **ESCAPES}
_TOKEN_CHARACTERS = {token: character for character, token in _CHARACTER_TOKENS.items()}


class CharacterTokenizer(RuleBasedTokenizer):
    """One token for each Unicode code point; the space is "▁"."""

    kind = "character"

    def segment(self, text: str) -> list[str]:
        """Returns the characters of `text`."""
        get = _CHARACTER_TOKENS.get
        return [get(c, c) for c in normalize(text, lowercase=self.lowercase)]

    def detokenize(self, tokens: Sequence[str]) -> str:
        """Joins `tokens`; "▁" becomes a space."""
        return "".join(_TOKEN_CHARACTERS.get(token, token) for token in visible_tokens(tokens))


_HIDDEN_NAMES = {name: name.replace("<", "<" + EMPTY_MARK) for name in (PAD, BOS, EOS)}


class SpaceTokenizer(RuleBasedTokenizer):
    """What stands between white space, for text that is tokenized already.

    Such a text says itself where a rare word stood: in WikiText-2 (Merity et al. 2017) it is
    `<unk>`, which is the unknown token here, and the only special one that text can have. The
    unknown token becomes `<unk>` again in text, not "⁇".
    """

    kind = "space"

    def segment(self, text: str) -> list[str]:
        """Returns the tokens of `text`."""
        get = _HIDDEN_NAMES.get
        return [get(t, t) for t in escape(normalize(text, lowercase=self.lowercase)).split()]

    def detokenize(self, tokens: Sequence[str]) -> str:
        """Joins `tokens` with spaces."""
        return unescape(" ".join(visible_tokens(tokens, unknown=UNK)))

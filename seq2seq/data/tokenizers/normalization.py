"""The one form that every text takes before it is tokenized, and the characters with a meaning.

Three characters have a meaning in tokens; where they occur in a text themselves, they are written
as an escape: "￭" as "␛j", "▁" as "␛s" and "␛" as "␛e".

    ￭  U+FFED   words: no space between this token and its neighbour on this side
    ▁  U+2581   characters and SentencePiece: a space
    ␛  U+241B   the beginning of an escape
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from itertools import chain, groupby
from typing import Final

from seq2seq.data.vocabulary import BOS, EOS, PAD, UNK

NORMAL_FORM: Final = "NFC"
"""What the files of tokenizers say of the form that texts take before."""
KEPT_FORM: Final = "NFC, white space kept"
"""What they say where white space stays as it is; versions before 0.3 refuse such a file."""

JOINER, SPACE, ESCAPE = "￭", "▁", "␛"
UNKNOWN_TEXT = "⁇"  # what an unknown token looks like in text, as in SentencePiece
ESCAPES = {ESCAPE: "␛e", JOINER: "␛j", SPACE: "␛s"}
EMPTY_MARK = "␛n"  # stands for nothing at all; parts what would be the name of a special token
INVISIBLE = "\u00ad\u200c\u200d"  # inside words: soft hyphen, zero width non-joiner and joiner
ESCAPE_CODE = re.compile(f"{ESCAPE}[ejsn]")

_UNESCAPES = {code: character for character, code in ESCAPES.items()} | {EMPTY_MARK: ""}
_ESCAPED = re.compile(f"[{JOINER}{SPACE}{ESCAPE}]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_SILENT = frozenset({PAD, BOS, EOS})
_SHORT = 1_000  # so few marks are put in order quickly by any algorithm


def normalize(text: str, *, lowercase: bool = False, keep_white_space: bool = False) -> str:
    """Returns `text` in Unicode's form NFC, each run of white space one space, none at the ends.

    With `lowercase`, also in lower case. With `keep_white_space`, white space stays as it is, but
    for a line's end, which is a space. A lone surrogate, which is no character, becomes U+FFFD.
    """
    if not text.isascii():
        text = to_nfc(_SURROGATE.sub("\ufffd", text))
    if lowercase:
        text = to_nfc(text.lower())
    return text.replace("\n", " ") if keep_white_space else " ".join(text.split())


def to_nfc(text: str) -> str:
    """Returns `text` in Unicode's form NFC, in a time that grows as its length does.

    Python takes quadratic time to put a long run of combining marks in order (10 s for 100,000), so
    they are sorted before, as the canonical ordering algorithm does (Unicode Standard, 3.11, D109).
    """
    if len(text) > _SHORT and not text.isascii():
        runs = groupby(text, key=lambda character: unicodedata.combining(character) > 0)
        text = "".join(
            chain.from_iterable(
                sorted(run, key=unicodedata.combining) if are_marks else run
                for are_marks, run in runs
            )
        )
    return unicodedata.normalize(NORMAL_FORM, text)


def escape(text: str) -> str:
    """Writes the characters that have a meaning in tokens as escapes."""
    return text if text.isascii() else _ESCAPED.sub(lambda match: ESCAPES[match[0]], text)


def unescape(text: str) -> str:
    """Undoes `escape`; what is no escape stays as it is."""
    return ESCAPE_CODE.sub(lambda match: _UNESCAPES[match[0]], text) if ESCAPE in text else text


def visible_tokens(tokens: Iterable[str], unknown: str = UNKNOWN_TEXT) -> list[str]:
    """Returns the tokens that are seen in text: no pad, bos and eos, `unknown` for unknown ones."""
    return [unknown if token == UNK else token for token in tokens if token not in _SILENT]


def show_token(token: str) -> str:
    """Returns a token with what is no visible character in an escaped form; a space as ␣.

    >>> show_token("▁a"), show_token(" "), show_token("\\u200b")
    ('▁a', '␣', '\\\\u200b')
    """
    return "".join(
        "␣" if sign == " " else sign if sign.isprintable() else repr(sign)[1:-1] for sign in token
    )

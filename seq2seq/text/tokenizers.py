"""Tokenizers: a line of text to tokens, and tokens back to the line.

Four kinds behind one interface, `Tokenizer`: words, characters, and the SentencePiece models
unigram and BPE. All of them first bring a text into one form with `normalize`, and
`detokenize(tokenize(text))` is exactly `normalize(text)`. No tokenizer returns the name of a
special token, whatever the text says.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias

from seq2seq.errors import DataError, SettingsError
from seq2seq.text.normalization import normalize
from seq2seq.text.pieces import SentencePieceTokenizer, seed_sampling
from seq2seq.text.words import CharacterTokenizer, WordTokenizer

__all__ = [
    "TOKENIZERS",
    "CharacterTokenizer",
    "Kind",
    "SentencePieceTokenizer",
    "Tokenizer",
    "WordTokenizer",
    "build_tokenizer",
    "load_tokenizer",
    "normalize",
    "seed_sampling",
]

Kind: TypeAlias = Literal["word", "character", "unigram", "bpe"]


class Tokenizer(Protocol):
    """What every kind of tokenizer does."""

    def tokenize(self, text: str, *, sample: bool = False) -> list[str]:
        """Return the tokens of `text`; an empty list for one that is only white space.

        With `sample`, return a segmentation drawn at random (see `seed_sampling`); raises
        SettingsError if `can_sample` is false.
        """

    def tokenize_all(self, texts: Sequence[str], *, sample: bool = False) -> list[list[str]]:
        """Return the tokens of each text; the quickest way for many texts."""

    def detokenize(self, tokens: Sequence[str]) -> str:
        """Return the text of any list of tokens, without `<pad>`, `<bos>` and `<eos>`.

        An unknown token, `<unk>`, becomes "⁇".
        """

    @property
    def pieces(self) -> list[str] | None:
        """All tokens that exist, for SentencePiece (without the specials); None for the others."""

    @property
    def can_sample(self) -> bool:
        """Whether a text has more than one segmentation: true for SentencePiece only."""

    def save(self, path: Path) -> None:
        """Write the tokenizer to `path`, for `load_tokenizer`."""


TOKENIZERS: dict[str, Callable[..., Tokenizer]] = {
    "word": lambda texts, *, lowercase, **_: WordTokenizer(lowercase),
    "character": lambda texts, *, lowercase, **_: CharacterTokenizer(lowercase),
    "unigram": partial(SentencePieceTokenizer.train, kind="unigram"),
    "bpe": partial(SentencePieceTokenizer.train, kind="bpe"),
}


def build_tokenizer(
    kind: Kind,
    texts: Sequence[str],
    *,
    vocab_size: int,
    lowercase: bool = False,
) -> Tokenizer:
    """Return a tokenizer of this kind for `texts`, which unigram and BPE learn their pieces from.

    Words and characters have no inventory of their own to limit: there, `vocab_size` is for
    `Vocab.build(max_size=…)`.

    Raises SettingsError for another kind, and what `SentencePieceTokenizer.train` raises.
    """
    if kind not in TOKENIZERS:
        raise SettingsError(
            f"tokenizer kind is {kind!r}; it must be one of {', '.join(TOKENIZERS)}"
        )
    return TOKENIZERS[kind](texts, vocab_size=vocab_size, lowercase=lowercase)


def load_tokenizer(path: str | Path) -> Tokenizer:
    """Read a tokenizer of any kind; raises DataError, naming the file, if it is not one."""
    path = Path(path)
    try:
        content = json.loads(path.read_bytes().decode("utf-8"))
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise DataError(f'it lacks "format": "{FORMAT}"')
        return _from_json(content)
    except OSError as error:
        raise DataError(f"can't read the tokenizer {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:  # JSON, UTF-8 and Base64 errors are ValueErrors
        raise DataError(f"{path} is not a tokenizer: damaged or not JSON ({error})") from error
    except (DataError, SettingsError) as error:
        raise DataError(
            f"{path} is not a tokenizer that this version reads: {error}. "
            f"Copy it again from where it was saved."
        ) from error


def _from_json(content: dict[str, Any]) -> Tokenizer:
    kind, lowercase = content.get("kind"), content.get("lowercase")
    if not isinstance(lowercase, bool):
        raise DataError('"lowercase" must be true or false')
    if kind == "word":
        return WordTokenizer(lowercase)
    if kind == "character":
        return CharacterTokenizer(lowercase)
    if kind != "sentencepiece":
        raise DataError(f'"kind" is {kind!r}')
    model, alpha = content.get("model"), content.get("alpha")
    if not isinstance(model, str) or type(alpha) not in (int, float):
        raise DataError('"model" must be a string, and "alpha" a number')
    return SentencePieceTokenizer(base64.b64decode(model, validate=True), alpha, lowercase)

"""Tokenizers: a line of text to tokens, and tokens back to the line.

Five kinds behind one interface, `Tokenizer`: words, characters, what stands between white space,
and the SentencePiece models unigram and BPE. All of them first bring a text into one form with
`normalize`, and `detokenize(tokenize(text))` is exactly `normalize(text)`. No tokenizer returns the
name of a special token, whatever the text says; but for "space", whose text may say `<unk>`.

To add a tokenizer: write a class as `Tokenizer` describes, add a line to `TOKENIZERS`, and its name
to `TokenizerKind` in config/data.py.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Protocol

from seq2seq.data.tokenizers.normalization import NORMAL_FORM
from seq2seq.data.tokenizers.rule_based import CharacterTokenizer, SpaceTokenizer, WordTokenizer
from seq2seq.data.tokenizers.sentencepiece import SentencePieceTokenizer
from seq2seq.errors import DataError, SettingsError


class Tokenizer(Protocol):
    """What every tokenizer has.

    Attributes:
        kind: the "kind" in the files that `save` writes; `load_tokenizer` finds the class by it.
        lowercase: whether tokens are in lower case.
    """

    kind: ClassVar[str]
    lowercase: bool

    @classmethod
    def train(
        cls,
        texts: Sequence[str],
        *,
        kind: str,
        vocab_size: int,
        lowercase: bool = False,
        character_coverage: float = 1.0,
    ) -> Tokenizer:
        """Returns a tokenizer for `texts`; arguments as for `build_tokenizer`."""

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Tokenizer:
        """Returns the tokenizer that `save` wrote, from its parsed JSON; raises DataError if not.

        The "kind" and the "normalization" have been checked.
        """

    def tokenize(self, text: str, *, sample: bool = False) -> list[str]:
        """Returns the tokens of `text`; an empty list for one that is only white space.

        With `sample`, returns a segmentation drawn at random (see `seed_sampling`); raises
        SettingsError if `can_sample` is false.
        """

    def tokenize_all(self, texts: Sequence[str], *, sample: bool = False) -> list[list[str]]:
        """Returns the tokens of each text; the quickest way for many texts."""

    def detokenize(self, tokens: Sequence[str]) -> str:
        """Returns the text of any list of tokens, without `<pad>`, `<bos>` and `<eos>`.

        An unknown token, `<unk>`, becomes "⁇"; for "space" it stays `<unk>`.
        """

    @property
    def pieces(self) -> list[str] | None:
        """All tokens that exist, for SentencePiece (without the specials); None for the others."""

    @property
    def can_sample(self) -> bool:
        """Whether a text has more than one segmentation: true for SentencePiece only."""

    def save(self, path: Path) -> None:
        """Writes the tokenizer to `path`, for `load_tokenizer`."""


TOKENIZERS: dict[str, type[Tokenizer]] = {
    "word": WordTokenizer,
    "character": CharacterTokenizer,
    "space": SpaceTokenizer,
    "unigram": SentencePieceTokenizer,
    "bpe": SentencePieceTokenizer,
}
"""The class of each `TokenizerKind`."""


def build_tokenizer(
    kind: str,
    texts: Sequence[str],
    *,
    vocab_size: int,
    lowercase: bool = False,
    character_coverage: float = 1.0,
) -> Tokenizer:
    """Returns a tokenizer for `texts`, which unigram and BPE learn their pieces from.

    The other kinds have no inventory of their own: there, `vocab_size` is the `max_size` of
    `Vocab.build`, and `character_coverage` has no meaning.

    Args:
        kind: a `TokenizerKind`.
        texts: the training text of one side.
        vocab_size: see `SentencePieceTokenizer.train`.
        lowercase: whether tokens are in lower case.
        character_coverage: see `SentencePieceTokenizer.train`.

    Raises:
        SettingsError: there is no such kind, or as `SentencePieceTokenizer.train`.
        DataError: as `SentencePieceTokenizer.train`.
    """
    if kind not in TOKENIZERS:
        raise SettingsError(f"tokenizer is {kind!r}; it must be one of {', '.join(TOKENIZERS)}")
    return TOKENIZERS[kind].train(
        texts,
        kind=kind,
        vocab_size=vocab_size,
        lowercase=lowercase,
        character_coverage=character_coverage,
    )


def load_tokenizer(path: str | Path) -> Tokenizer:
    """Reads what any tokenizer's `save` wrote; raises DataError, naming the file, if it isn't."""
    path = Path(path)
    try:
        content = json.loads(path.read_bytes().decode("utf-8"))
        if not isinstance(content, dict):
            raise DataError("not a JSON object")
        return _from_json(content)
    except OSError as error:
        raise DataError(f"can't read the tokenizer {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:  # JSON and UTF-8 errors are ValueErrors
        raise DataError(
            f"{path} is not a tokenizer: not valid JSON ({error}); copy it again from where it "
            f"was saved"
        ) from error
    except (DataError, SettingsError) as error:
        raise DataError(
            f"{path} is not a tokenizer that this version reads: {error}; copy it again from "
            f"where it was saved"
        ) from error


def _from_json(content: dict[str, Any]) -> Tokenizer:
    classes = {tokenizer.kind: tokenizer for tokenizer in TOKENIZERS.values()}
    kind = content.get("kind")
    # The first versions did not write it down; it was the same.
    if (form := content.get("normalization", NORMAL_FORM)) != NORMAL_FORM:
        raise DataError(f'"normalization" is {form!r}, not "{NORMAL_FORM}"')
    if not isinstance(kind, str) or kind not in classes:
        known = ", ".join(f'"{name}"' for name in classes)
        raise DataError(f'"kind" is {kind!r}, not one of {known}')
    return classes[kind].from_json(content)

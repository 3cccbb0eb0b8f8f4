"""Tokenizers: a line of text to tokens, and tokens back to the line.

All of them first bring a text into one form with `normalize`, and `detokenize(tokenize(text))` is
exactly `normalize(text)`. A special symbol is one token wherever it stands. No tokenizer returns
the name of a special token, whatever the text says; but for "space", whose text may say `<unk>`.
How to add one is told in seq2seq/README.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Protocol

from seq2seq.data.tokenizers.normalization import KEPT_FORM, NORMAL_FORM
from seq2seq.data.tokenizers.rule_based import CharacterTokenizer, SpaceTokenizer, WordTokenizer
from seq2seq.data.tokenizers.sentencepiece import SentencePieceTokenizer
from seq2seq.data.vocabulary import load_json
from seq2seq.errors import DataError, SettingsError


class Tokenizer(Protocol):
    """What every tokenizer has.

    Attributes:
        kind: the "kind" in the files that `save` writes; `load_tokenizer` finds the class by it.
        lowercase: whether tokens are in lower case.
        can_sample: whether a text has more than one segmentation: true for SentencePiece only.
        pieces: all tokens that exist but the specials, for SentencePiece; None for the others.
    """

    kind: ClassVar[str]
    lowercase: bool
    can_sample: ClassVar[bool]
    pieces: list[str] | None

    @property
    def special_symbols(self) -> tuple[str, ...]:
        """The symbols that stay whole: each is one token, and never in lower case."""

    @property
    def reserved(self) -> tuple[str, ...]:
        """The tokens that have an id in every vocabulary, for the sake of the symbols."""

    @classmethod
    def train(
        cls,
        texts: Sequence[str],
        *,
        kind: str,
        vocab_size: int,
        lowercase: bool = False,
        character_coverage: float = 1.0,
        special_symbols: Sequence[str] = (),
    ) -> Tokenizer:
        """Returns a tokenizer for `texts`; arguments as for `build_tokenizer`."""

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Tokenizer:
        """Returns the tokenizer that `save` wrote, from its parsed JSON; raises DataError if not.

        The "kind", "normalization" and "lowercase" have been checked.
        """

    def normalize(self, text: str) -> str:
        """Returns the form of `text` that comes back from its tokens."""

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
    special_symbols: Sequence[str] = (),
    keep_white_space: bool = False,
) -> Tokenizer:
    """Returns a tokenizer of a `TokenizerKind` for `texts`, from which unigram and BPE learn.

    The other kinds have no inventory of their own: there, `vocab_size` is the `max_size` of
    `Vocab.build`, and `character_coverage` has no meaning. Characters may keep white space as it
    is.

    Raises:
        SettingsError: there is no such kind, or one that can't keep white space; a symbol can't be
            one; or as `SentencePieceTokenizer.train`.
        DataError: as `SentencePieceTokenizer.train`.
    """
    if kind not in TOKENIZERS:
        raise SettingsError(f"tokenizer is {kind!r}; it must be one of {', '.join(TOKENIZERS)}")
    if keep_white_space:
        if kind != CharacterTokenizer.kind:
            raise SettingsError(f"keep_white_space is for tokenizer 'character', and not {kind!r}")
        return CharacterTokenizer(lowercase, special_symbols, keep_white_space=True)
    return TOKENIZERS[kind].train(
        texts,
        kind=kind,
        vocab_size=vocab_size,
        lowercase=lowercase,
        character_coverage=character_coverage,
        special_symbols=special_symbols,
    )


def load_tokenizer(path: str | Path) -> Tokenizer:
    """Reads what any tokenizer's `save` wrote; raises DataError, naming the file, if it isn't."""
    return load_json(path, "tokenizer", _from_json)


def _from_json(content: dict[str, Any]) -> Tokenizer:
    classes = {tokenizer.kind: tokenizer for tokenizer in TOKENIZERS.values()}
    kind = content.get("kind")
    forms = (NORMAL_FORM, KEPT_FORM) if kind == CharacterTokenizer.kind else (NORMAL_FORM,)
    # The first versions did not write it down; it was the same.
    if (form := content.get("normalization", NORMAL_FORM)) not in forms:
        raise DataError(f'"normalization" is {form!r}, not "{NORMAL_FORM}"')
    if not isinstance(kind, str) or kind not in classes:
        known = ", ".join(f'"{name}"' for name in classes)
        raise DataError(f'"kind" is {kind!r}, not one of {known}')
    if not isinstance(content.get("lowercase"), bool):
        raise DataError('"lowercase" must be true or false')
    return classes[kind].from_json(content)

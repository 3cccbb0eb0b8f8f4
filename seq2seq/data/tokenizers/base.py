"""Tokenizers: a line of text to tokens, and tokens back to the line.

Five kinds behind one interface, `Tokenizer`: words, characters, what stands between white space,
and the SentencePiece models unigram and BPE. All of them first bring a text into one form with
`normalize`, and `detokenize(tokenize(text))` is exactly `normalize(text)`. No tokenizer returns the
name of a special token, whatever the text says; but for "space", whose text may say `<unk>`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias

from seq2seq.data.tokenizers.normalization import NORMAL_FORM, normalize
from seq2seq.data.tokenizers.rule_based import CharacterTokenizer, SpaceTokenizer, WordTokenizer
from seq2seq.data.tokenizers.sentencepiece import SentencePieceTokenizer, seed_sampling
from seq2seq.errors import DataError, SettingsError

__all__ = [
    "TOKENIZERS",
    "UNTRAINED",
    "CharacterTokenizer",
    "Kind",
    "SentencePieceTokenizer",
    "SpaceTokenizer",
    "Tokenizer",
    "WordTokenizer",
    "build_tokenizer",
    "load_tokenizer",
    "normalize",
    "seed_sampling",
]

Kind: TypeAlias = Literal["word", "character", "space", "unigram", "bpe"]


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

        An unknown token, `<unk>`, becomes "⁇"; for "space" it stays `<unk>`.
        """

    @property
    def pieces(self) -> list[str] | None:
        """All tokens that exist, for SentencePiece (without the specials); None for the others."""

    @property
    def can_sample(self) -> bool:
        """Whether a text has more than one segmentation: true for SentencePiece only."""

    def save(self, path: Path) -> None:
        """Write the tokenizer to `path`, for `load_tokenizer`."""


UNTRAINED: dict[str, Callable[[bool], Tokenizer]] = {
    "word": WordTokenizer,
    "character": CharacterTokenizer,
    "space": SpaceTokenizer,
}
"""The kinds that learn nothing from texts; all they take is whether to lower-case."""


def _build_untrained(
    kind: Callable[[bool], Tokenizer], texts: Sequence[str], *, lowercase: bool, **_: Any
) -> Tokenizer:
    return kind(lowercase)


TOKENIZERS: dict[str, Callable[..., Tokenizer]] = {
    **{name: partial(_build_untrained, kind) for name, kind in UNTRAINED.items()},
    "unigram": partial(SentencePieceTokenizer.train, kind="unigram"),
    "bpe": partial(SentencePieceTokenizer.train, kind="bpe"),
}


def build_tokenizer(
    kind: str,
    texts: Sequence[str],
    *,
    vocab_size: int,
    lowercase: bool = False,
    character_coverage: float = 1.0,
) -> Tokenizer:
    """Return a tokenizer of a `Kind` for `texts`, which unigram and BPE learn their pieces from.

    The other kinds have no inventory of their own: there, `vocab_size` is the `max_size` of
    `Vocab.build`, and `character_coverage` has no meaning.

    Raises SettingsError for another kind, and what `SentencePieceTokenizer.train` raises.
    """
    if kind not in TOKENIZERS:
        raise SettingsError(f"tokenizer is {kind!r}; it must be one of {', '.join(TOKENIZERS)}")
    return TOKENIZERS[kind](
        texts,
        vocab_size=vocab_size,
        lowercase=lowercase,
        character_coverage=character_coverage,
    )


def load_tokenizer(path: str | Path) -> Tokenizer:
    """Read what any tokenizer's `save` wrote; raises DataError, naming the file, if it isn't."""
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
    kind, lowercase = content.get("kind"), content.get("lowercase")
    # The first versions did not write it down; it was the same.
    if (form := content.get("normalization", NORMAL_FORM)) != NORMAL_FORM:
        raise DataError(f'"normalization" is {form!r}, not "{NORMAL_FORM}"')
    if kind == "sentencepiece":
        return SentencePieceTokenizer.from_json(content)
    if not isinstance(kind, str) or kind not in UNTRAINED:
        known = ", ".join(f'"{name}"' for name in UNTRAINED)
        raise DataError(f'"kind" is {kind!r}, not one of {known} and "sentencepiece"')
    if not isinstance(lowercase, bool):
        raise DataError('"lowercase" must be true or false')
    return UNTRAINED[kind](lowercase)

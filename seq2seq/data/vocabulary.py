"""The vocabulary: every token has an id, every id a token.

Four special tokens have the same ids in every vocabulary: `<pad>` 0, `<unk>` 1, `<bos>` 2,
`<eos>` 3. The tokenizers of `seq2seq.data.tokenizers.base` never produce such a name from text.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias, TypeVar, overload

from seq2seq.config.arguments import check_several, describe_value
from seq2seq.errors import DataError, SettingsError

PAD, UNK, BOS, EOS = "<pad>", "<unk>", "<bos>", "<eos>"
PAD_ID, UNK_ID, BOS_ID, EOS_ID = 0, 1, 2, 3
SPECIAL_TOKENS = (PAD, UNK, BOS, EOS)

FORMAT = "seq2seq vocabulary 1"

Loaded = TypeVar("Loaded")
NestedTokens: TypeAlias = "str | list[NestedTokens] | tuple[NestedTokens, ...]"
NestedIds: TypeAlias = "int | list[NestedIds] | tuple[NestedIds, ...]"


class Vocab:
    """Tokens with their ids and counts; immutable once built.

    Build one with `Vocab.build` (from training text only) or read one with `Vocab.load`. Two
    vocabularies are equal if they have the same tokens in the same order.
    """

    def __init__(self, tokens: Sequence[str], counts: Sequence[int]) -> None:
        """Takes `tokens` in the order of their ids, and how often each one was seen.

        Raises:
            DataError: the special tokens are not the first four, a token occurs twice, or there are
                not as many counts as tokens.
        """
        self._tokens = list(tokens)
        self._counts = list(counts)
        _check(self._tokens, self._counts)
        self._ids = {token: index for index, token in enumerate(self._tokens)}

    @classmethod
    def build(
        cls,
        sentences: Iterable[Sequence[str]],
        *,
        min_frequency: int = 1,
        max_size: int | None = None,
        reserved: Sequence[str] = (),
        pieces: Iterable[str] | None = None,
    ) -> Vocab:
        """Counts the tokens of `sentences` and gives each one an id.

        The order is: the special tokens, the `reserved` tokens as given, then the others by falling
        count, where equal counts are ordered by code point. A special token's name among the
        sentences is not counted.

        Args:
            sentences: each as its tokens.
            min_frequency: rarer tokens are left out.
            max_size: the most tokens, special and reserved ones included; the rarest are left out.
            reserved: tokens that have an id in any case.
            pieces: a closed inventory (that of a SentencePiece model): all of them become tokens,
                however rare, the unseen ones last; tokens that are not in it don't.

        Raises:
            DataError: `sentences` is one string or a flat list of strings, whose tokens would be
                letters; or a token is no string.
            SettingsError: `min_frequency` is below 1, a reserved token is given twice or equals a
                special one, or `max_size` has no room for what must be in the vocabulary.
        """
        fixed = [*SPECIAL_TOKENS, *reserved]
        if len(set(fixed)) < len(fixed):
            raise SettingsError(
                f"reserved tokens must be different from each other and from "
                f"{', '.join(SPECIAL_TOKENS)}; got {list(reserved)}"
            )
        if min_frequency < 1:
            raise SettingsError(f"min_frequency is {min_frequency}; it must be 1 or more")
        counter = count_tokens(sentences)
        for special in SPECIAL_TOKENS:
            counter.pop(special, None)
        if pieces is None:
            found = {token for token, count in counter.items() if count >= min_frequency}
        else:
            found = set(pieces)
        others = sorted(found.difference(fixed), key=lambda token: (-counter[token], token))
        least = len(fixed) + (0 if pieces is None else len(others))
        if max_size is not None and max_size < least:
            inventory = "" if pieces is None else f" and {len(others)} SentencePiece pieces"
            raise SettingsError(
                f"max_size is {max_size}, but {len(fixed)} special and reserved tokens{inventory} "
                f"need {least}; raise max_size"
            )
        tokens = (fixed + others)[:max_size]
        return cls(tokens, [counter[token] for token in tokens])

    def with_more(self, counts: Mapping[str, int]) -> Vocab:
        """Returns a vocabulary with more tokens, whose counts are given; its own keep their ids.

        Raises:
            DataError: one of them is in it already.
        """
        return Vocab([*self._tokens, *counts], [*self._counts, *counts.values()])

    def __len__(self) -> int:
        """The number of tokens, specials included: the `vocab_size` of a model."""
        return len(self._tokens)

    def __iter__(self) -> Iterator[str]:
        """The tokens in the order of their ids."""
        return iter(self._tokens)

    def __contains__(self, token: object) -> bool:
        """Whether `token` has an id of its own."""
        return token in self._ids

    def __eq__(self, other: object) -> bool:
        """Whether `other` gives the same ids to the same tokens."""
        return isinstance(other, Vocab) and self._tokens == other._tokens

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def __repr__(self) -> str:
        return f"Vocab({len(self):,} tokens, {self.fingerprint[:8]})"

    @overload
    def __getitem__(self, tokens: str) -> int: ...
    @overload
    def __getitem__(self, tokens: list[str] | tuple[str, ...]) -> list[int]: ...
    @overload
    def __getitem__(self, tokens: list[list[str]]) -> list[list[int]]: ...
    @overload
    def __getitem__(self, tokens: list[NestedTokens] | tuple[NestedTokens, ...]) -> Any: ...
    def __getitem__(self, tokens: Any) -> Any:
        """The id of a token, or ids in lists nested as `tokens` is; unknown tokens give UNK_ID.

        Raises:
            DataError: there is something else than strings in it.
        """
        if isinstance(tokens, str):
            return self._ids.get(tokens, UNK_ID)
        if hasattr(tokens, "tolist"):  # an array of numpy
            return self[tokens.tolist()]
        if not isinstance(tokens, list | tuple):
            check_several(tokens, "tokens", "a token, or a list of tokens; ids are for .tokens(…)")
        return [self[item] for item in tokens]

    @overload
    def ids(self, tokens: str) -> int: ...
    @overload
    def ids(self, tokens: list[str] | tuple[str, ...]) -> list[int]: ...
    @overload
    def ids(self, tokens: list[list[str]]) -> list[list[int]]: ...
    @overload
    def ids(self, tokens: list[NestedTokens] | tuple[NestedTokens, ...]) -> Any: ...
    def ids(self, tokens: Any) -> Any:
        """The same as ``self[tokens]``, and the way back from `tokens`."""
        if isinstance(tokens, list) and all(type(token) is str for token in tokens):
            get = self._ids.get  # the usual case, quickly
            return [get(token, UNK_ID) for token in tokens]
        return self[tokens]

    @overload
    def tokens(self, ids: int) -> str: ...
    @overload
    def tokens(self, ids: list[int] | tuple[int, ...]) -> list[str]: ...
    @overload
    def tokens(self, ids: list[list[int]]) -> list[list[str]]: ...
    @overload
    def tokens(self, ids: Any) -> Any: ...
    def tokens(self, ids: Any) -> Any:
        """The token of an id, or tokens in lists nested as `ids` is.

        Ids may be a tensor or an array of any shape: that of a single number gives one token.

        Raises:
            DataError: an id is not one of 0 to ``len(self) - 1``, or no whole number.
        """
        if hasattr(ids, "tolist"):  # a tensor, an array, or a number of numpy
            return self.tokens(ids.tolist())
        if not isinstance(ids, int):
            if not isinstance(ids, list | tuple):
                check_several(ids, "ids", "an id, or a list of ids; tokens are for .ids(…)")
            return [self.tokens(item) for item in ids]
        if not 0 <= ids < len(self._tokens):
            raise DataError(
                f"id {ids} is not in this vocabulary, whose ids run from 0 to "
                f"{len(self._tokens) - 1}; was the text encoded with another one?"
            )
        return self._tokens[ids]

    def count(self, token: str) -> int:
        """How often `token` was seen when the vocabulary was built; 0 if it has no id."""
        return self._counts[self._ids[token]] if token in self._ids else 0

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hexadecimal) of the tokens in the order of their ids."""
        return hashlib.sha256(json.dumps(self._tokens).encode("ascii")).hexdigest()

    def save(self, path: str | Path) -> None:
        """Writes the vocabulary to `path` as UTF-8 JSON, the same bytes for the same vocabulary."""
        content = {"format": FORMAT, "tokens": self._tokens, "counts": self._counts}
        Path(path).write_bytes((json.dumps(content, ensure_ascii=False) + "\n").encode("utf-8"))

    @classmethod
    def load(cls, path: str | Path) -> Vocab:
        """Reads what `save` wrote; raises DataError, naming the file, if it isn't that."""
        return load_json(path, "vocabulary", cls._from_json)

    @classmethod
    def _from_json(cls, content: dict[str, Any]) -> Vocab:
        if content.get("format") != FORMAT:
            raise DataError(f'it lacks "format": "{FORMAT}"')
        tokens, counts = content.get("tokens"), content.get("counts")
        if not isinstance(tokens, list) or not isinstance(counts, list):
            raise DataError('"tokens" and "counts" must both be lists')
        return cls(tokens, counts)


def count_tokens(sentences: Iterable[Sequence[str]]) -> Counter[str]:
    """Returns how often each token comes; raises DataError for what is no list of such lists."""
    expected = 'a list of sentences, each a list of tokens, as [["a", "dog"]]'
    check_several(sentences, "sentences", expected)
    counter: Counter[str] = Counter()
    for number, sentence in enumerate(sentences, start=1):
        if not isinstance(sentence, list):
            check_several(sentence, f"sentences: number {number:,}", "its list of tokens")
        try:
            counter.update(sentence)
        except TypeError as error:  # a list in it can't be counted
            raise DataError(f"sentences: number {number:,} is no flat list of tokens") from error
    for token in counter:
        if not isinstance(token, str):
            raise DataError(f"sentences: the token {describe_value(token)} is not a string")
    return counter


def _check(tokens: Sequence[object], counts: Sequence[object]) -> None:
    """Raises DataError unless `tokens` and `counts`, maybe from a file, can be a vocabulary."""
    if len(tokens) != len(counts):
        raise DataError(f"there are {len(tokens)} tokens but {len(counts)} counts")
    if tuple(tokens[: len(SPECIAL_TOKENS)]) != SPECIAL_TOKENS:
        raise DataError(f"the first tokens must be {', '.join(SPECIAL_TOKENS)}")
    seen: set[str] = set()
    for index, token in enumerate(tokens):
        if not isinstance(token, str):
            raise DataError(f"token {index} is {token!r}, which is not a string")
        if token in seen:
            raise DataError(f"token {token!r} stands there twice, the second time as id {index}")
        seen.add(token)
    for index, count in enumerate(counts):
        if type(count) is not int or count < 0:  # JSON's true is an int to isinstance
            raise DataError(f"the count of id {index} is {count!r}; it must be 0 or more")
    try:
        "".join(seen).encode("utf-8")
    except UnicodeEncodeError as error:
        raise DataError(f"a token is not valid Unicode: {error}") from error


def load_json(path: str | Path, what: str, parse: Callable[[dict[str, Any]], Loaded]) -> Loaded:
    """Returns what `parse` makes of the JSON object in a file.

    `parse` raises DataError or SettingsError where it is not that of a vocabulary or whatever it is
    to be; the DataError that comes out names the file, too.
    """
    path = Path(path)
    again = "copy it again from where it was saved"
    try:
        content = json.loads(path.read_bytes().decode("utf-8"))
        if not isinstance(content, dict):
            raise DataError("not a JSON object")
        return parse(content)
    except OSError as error:
        raise DataError(f"can't read the {what} {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:  # JSON and UTF-8 errors are ValueErrors
        raise DataError(f"{path} is not a {what}: not valid JSON ({error}); {again}") from error
    except (DataError, SettingsError) as error:
        raise DataError(
            f"{path} is not a {what} that this version reads: {error}; {again}"
        ) from error

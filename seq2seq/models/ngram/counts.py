"""Which n-grams stand in a text, and how often: what n-gram models are estimated from.

The n-grams of each length are sorted numbers. An n-gram's number within its length is its *node*;
its *key* is the node of its first n - 1 tokens, times the size of the vocabulary, plus its last
token. So an n-gram is found by its key, and those that go on from the same tokens stand side by
side. The node of a single token is its id.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from seq2seq.data.vocabulary import BOS_ID, EOS_ID, PAD_ID
from seq2seq.errors import DataError

Ints: TypeAlias = "NDArray[np.int64]"
Flags: TypeAlias = "NDArray[np.bool_]"


class Stream(NamedTuple):
    """Sentences one after the other, each with bos before and eos after it.

    Attributes:
        ids: ``(length,)``.
        offsets: each token's place in its sentence, ``(length,)``; bos is at 0.
    """

    ids: Ints
    offsets: Ints


class Counts(NamedTuple):
    """The n-grams of one length.

    Attributes:
        keys: ascending, ``(ngrams,)``.
        counts: how often each one stands in the text, ``(ngrams,)``; of bos alone 0, because it is
            never predicted.
        suffixes: the node of its last n - 1 tokens, ``(ngrams,)``; 0 for single tokens.
        from_start: whether it begins with bos, ``(ngrams,)``.
    """

    keys: Ints
    counts: Ints
    suffixes: Ints
    from_start: Flags


def flatten_sentences(sentences: Iterable[Sequence[int]], vocab_size: int) -> Stream:
    """Returns sentences, ids without bos and eos, as one stream of tokens.

    Raises:
        DataError: an id is not in the vocabulary, or is pad, bos or eos.
    """
    flat, lengths = array("q"), array("q")
    for sentence in sentences:
        flat.append(BOS_ID)
        flat.extend(sentence)
        flat.append(EOS_ID)
        lengths.append(len(sentence) + 2)
    ids, sizes = np.array(flat, dtype=np.int64), np.array(lengths, dtype=np.int64)
    starts = np.cumsum(sizes) - sizes
    offsets = np.arange(len(ids)) - np.repeat(starts, sizes)
    _check(ids, offsets, np.repeat(sizes, sizes), starts, vocab_size)
    return Stream(ids, offsets)


def _check(ids: Ints, offsets: Ints, sizes: Ints, starts: Ints, vocab_size: int) -> None:
    """Raises DataError at the first token that can't stand in a sentence."""
    inside = (offsets > 0) & (offsets < sizes - 1)
    wrong = (ids < 0) | (ids >= vocab_size) | np.isin(ids, (PAD_ID, BOS_ID, EOS_ID))
    for place in np.flatnonzero(inside & wrong)[:1]:
        sentence = int(np.searchsorted(starts, place, side="right"))
        raise DataError(
            f"sentence {sentence}, token {offsets[place]}: id {ids[place]} can't stand in a "
            f"sentence. Ids run from 0 to {vocab_size - 1}; pad ({PAD_ID}), bos ({BOS_ID}) and eos "
            f"({EOS_ID}) are not given. Was the text encoded with another vocabulary?"
        )


def count_ngrams(stream: Stream, order: int, vocab_size: int) -> list[Counts]:
    """Counts the n-grams of lengths 1 to `order`, none of them across two sentences.

    All tokens of the vocabulary are there at length 1, seen or not.
    """
    ids, offsets = stream
    tokens = np.arange(vocab_size)
    counts = np.bincount(ids, minlength=vocab_size)
    counts[BOS_ID] = 0
    levels = [Counts(tokens, counts, np.zeros_like(tokens), tokens == BOS_ID)]
    nodes = ids  # of the n-gram that ends at each place; -1 where the sentence is too young
    for length in range(2, order + 1):
        places = np.flatnonzero(offsets >= length - 1)
        keys, first, numbers, counts = np.unique(
            nodes[places - 1] * vocab_size + ids[places],
            return_index=True,
            return_inverse=True,
            return_counts=True,
        )
        first = places[first]
        levels.append(Counts(keys, counts, nodes[first], offsets[first] == length - 1))
        nodes = np.full_like(ids, -1)
        nodes[places] = numbers
    return levels

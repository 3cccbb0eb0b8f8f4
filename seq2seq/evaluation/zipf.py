"""What a text is made of: how often its tokens, pairs and triples of tokens occur, and Zipf's law.

    found = text_statistics([["the", "time", "machine"], ["by", "h", "g", "wells"]])
    print(found.as_table(top=10))

Zipf's law says that frequency falls with a power of the rank: the n-gram at rank r (the most
frequent one has rank 1) occurs n_r ~ r^-α times, a straight line where both axes are logarithmic;
for words of a natural language α is near 1 (Zhang et al., Dive into Deep Learning, section 9.2.4).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby, islice, zip_longest
from operator import itemgetter
from typing import TypeAlias

import numpy as np

from seq2seq.data.tokenizers.normalization import JOINER
from seq2seq.data.vocabulary import UNK
from seq2seq.errors import DataError, SettingsError

Ngram: TypeAlias = tuple[str, ...]

NAMES = ("unigrams", "bigrams", "trigrams")

_ENGLISH = """
a an the this that these those
i me my mine you your yours he him his she her hers it its we us our ours they them their theirs
myself yourself himself herself itself ourselves themselves who whom whose which what
and or but nor so if then than as while because though although until unless
of in to for with on at by from into out up down over under about after before between through
upon off again against
be am is are was were been being have has had having do does did doing done
can could will would shall should may might must cannot
not no there here when where why how all any each both some such very too only own same just now
s t d m ll re ve don didn doesn isn wasn couldn wouldn
don't didn't doesn't isn't aren't wasn't weren't haven't hasn't hadn't
can't couldn't won't wouldn't shouldn't
"""
STOP_WORDS = frozenset(_ENGLISH.split())
"""The most usual function words of English, and their parts where a text is cut at apostrophes."""


@dataclass(frozen=True)
class Ngrams:
    """How often the n-grams of one order occur in a text.

    Attributes:
        order: how many tokens an n-gram has, 1 for unigrams.
        counts: each n-gram, and how often it occurs.
    """

    order: int
    counts: Counter[Ngram]

    @property
    def name(self) -> str:
        """For example "bigrams"."""
        return NAMES[self.order - 1] if self.order <= len(NAMES) else f"{self.order}-grams"

    @property
    def total(self) -> int:
        """How many there are, each occurrence counted."""
        return self.counts.total()

    @property
    def once(self) -> int:
        """How many different ones occur just once."""
        return sum(count == 1 for count in self.counts.values())

    @cached_property
    def frequencies(self) -> list[int]:
        """How often the n-gram at each rank occurs, most frequent first."""
        return sorted(self.counts.values(), reverse=True)

    @property
    def zipf_exponent(self) -> float | None:
        """The exponent α of Zipf's law for these n-grams; see the function `zipf_exponent`."""
        return zipf_exponent(self.frequencies)

    def ranked(self) -> Iterator[tuple[Ngram, int]]:
        """Yields all n-grams, most frequent first, equally frequent ones by code point."""
        by_count = sorted(self.counts.items(), key=itemgetter(1), reverse=True)
        for _, equals in groupby(by_count, key=itemgetter(1)):
            yield from sorted(equals)  # only as far as is asked for: most occur once

    def most_common(
        self, top: int, stop_words: Collection[str] | None = None
    ) -> list[tuple[Ngram, int]]:
        """Returns the first `top` of the ranked n-grams.

        With `stop_words`, only those of which every token `is_content`.
        """
        found = (
            (ngram, count)
            for ngram, count in self.ranked()
            if stop_words is None or all(is_content(token, stop_words) for token in ngram)
        )
        return list(islice(found, top))


def is_content(token: str, stop_words: Collection[str]) -> bool:
    """Returns whether a token has a letter or digit, and is neither `<unk>` nor a stop word.

    Stop words are in lower case, with the apostrophe '. A token's case, its joiners and the
    apostrophes around it make no difference: "￭’S" is the stop word "s".
    """
    if token == UNK:
        return False
    word = token.strip(JOINER).lower().replace("’", "'")
    is_stop_word = word in stop_words or word.strip("'") in stop_words
    return any(map(str.isalnum, word)) and not is_stop_word


def zipf_exponent(frequencies: Sequence[int]) -> float | None:
    """Fits the exponent α of n_r ~ r^-α to frequencies from 1 on, most frequent first.

    The slope of a least-squares line through log n_r over log r, where rank r has the weight 1/r.
    So each factor of ten in rank counts alike, as it does to the eye in a picture. Without weights
    the rare n-grams, which have most of the ranks, would decide alone. None for fewer than two
    ranks.
    """
    if len(frequencies) < 2:
        return None
    ranks = np.arange(1, len(frequencies) + 1)
    # polyfit weighs differences before they are squared.
    slope, _ = np.polyfit(np.log(ranks), np.log(frequencies), deg=1, w=ranks**-0.5)
    return max(0.0, float(-slope))  # below 0 it is rounding: frequencies never rise


def count_ngrams(lines: Iterable[Sequence[str]], order: int) -> Ngrams:
    """Counts the n-grams of `order` tokens; none goes over the end of a line.

    Raises:
        SettingsError: `order` is below 1.
    """
    if order < 1:
        raise SettingsError(f"an n-gram of {order} tokens is not possible; 1 is the least")
    counts: Counter[Ngram] = Counter()
    for line in lines:
        counts.update(zip(*(line[begin:] for begin in range(order)), strict=False))
    return Ngrams(order, counts)


@dataclass(frozen=True)
class TextStatistics:
    """What a text is made of.

    Attributes:
        lines: how many lines have a token.
        ngrams: unigrams, bigrams and trigrams.
    """

    lines: int
    ngrams: tuple[Ngrams, ...]

    def as_dict(
        self, *, top: int = 10, stop_words: Collection[str] = STOP_WORDS
    ) -> dict[str, object]:
        """Returns everything as JSON has it; an n-gram is a list of its tokens."""
        found: dict[str, object] = {"lines": self.lines}
        for each in self.ngrams:
            found[each.name] = {
                "total": each.total,
                "different": len(each.counts),
                "once": each.once,
                "zipf_exponent": each.zipf_exponent,
                "most_common": each.most_common(top),
                "without_stop_words": each.most_common(top, stop_words),
            }
        return found

    def as_table(self, *, top: int = 10, stop_words: Collection[str] = STOP_WORDS) -> str:
        """Returns a table of sizes and Zipf exponents, then the most frequent n-grams; as lines."""
        head = f"{self.lines:,} line{'s' * (self.lines != 1)}"
        rows = [f"{head:14}{'total':>12}{'different':>12}{'once':>12}{'Zipf exponent':>16}"]
        for each in self.ngrams:
            exponent = each.zipf_exponent
            law = "-" if exponent is None else f"{exponent:.2f}"
            rows.append(
                f"{each.name:14}{each.total:12,}{len(each.counts):12,}{each.once:12,}{law:>16}"
            )
        for each in self.ngrams:
            left = listed(each.most_common(top))
            right = listed(each.most_common(top, stop_words))
            width = max([len(each.name), *map(len, left)])
            rows += ["", f"{each.name:{width}}   without stop words and punctuation"]
            pairs = zip_longest(left, right, fillvalue="")
            rows += [f"{one:{width}}   {other}".rstrip() for one, other in pairs]
        return "\n".join(rows)


def listed(ngrams: Sequence[tuple[Ngram, int]]) -> list[str]:
    """Returns a line for each n-gram, behind its count."""
    width = max((len(f"{count:,}") for _, count in ngrams), default=0)
    return [f"{count:{width},}  {' '.join(ngram)}" for ngram, count in ngrams]


def text_statistics(lines: Iterable[Sequence[str]]) -> TextStatistics:
    """Counts the unigrams, bigrams and trigrams of lines of tokens.

    Raises:
        DataError: there are no tokens.
    """
    full = [line for line in lines if line]
    if not full:
        raise DataError("there are no tokens to count: all lines are empty")
    return TextStatistics(len(full), tuple(count_ngrams(full, order) for order in (1, 2, 3)))

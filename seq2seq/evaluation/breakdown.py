"""Where translations go wrong: BLEU by length of the source, and by position in the sentence.

Words are what sacreBLEU's tokenization makes of a line, on the source side too.

By position, each translation and each reference is cut into four quarters of its own words: word
number i of n belongs to the first quarter if i <= round(n/4), to the second if i <= round(2n/4),
and so on, where a half is rounded to the even number, so that the first and the last quarter of a
sentence are equally long. A quarter's BLEU compares all first quarters of translations with all
first quarters of references, and so on. A model that gets worse towards the end has a fourth
quarter that is much worse than its first. Matches across a cut do not count, nor do words that the
translation has in another quarter than the reference, so quarters are lower than the BLEU of whole
sentences: compare them with each other, and with those of another system. Full stops, which are
easy, are in the last quarter.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sacrebleu.metrics import BLEU

from seq2seq.errors import DataError, SettingsError
from seq2seq.evaluation.metrics import (
    References,
    Score,
    bleu_metric,
    check_lengths,
    corpus_score,
    reference_lists,
    reference_streams,
)

QUARTERS = 4
MAX_NGRAM_ORDER = 4


class BreakdownRow(NamedTuple):
    """BLEU of a part of the text.

    Attributes:
        name: which part: "6-10" words in the source, or "1/4" of each sentence.
        sentences: how many sentences are in it.
        words: of the translations in it.
        reference_words: of the references, for each sentence the one nearest in length.
        bleu: 0 to 100.
    """

    name: str
    sentences: int
    words: int
    reference_words: int
    bleu: float


class Breakdown(NamedTuple):
    """BLEU, and where it comes from.

    Attributes:
        bleu: of the whole text.
        lengths: by words of the source, shortest first, without empty buckets. Where a bucket has
            no sentence of four words, BLEU counts the n-grams that there are (effective order).
        quarters: by position in the sentence, from its beginning to its end.
        longest_ngram: up to which n-grams count in the quarters: as many words as the references'
            quarters have on average, but at least 1 and at most 4. Longer ones would be too few to
            say anything. It is the same for every quarter, and for every system.
    """

    bleu: Score
    lengths: list[BreakdownRow]
    quarters: list[BreakdownRow]
    longest_ngram: int

    def as_dict(self) -> dict[str, object]:
        """Returns everything as JSON has it."""
        return {
            "bleu": self.bleu._asdict(),
            "lengths": [row._asdict() for row in self.lengths],
            "quarters": [row._asdict() for row in self.quarters],
            "longest_ngram": self.longest_ngram,
        }


def breakdown(
    sources: Sequence[str],
    hypotheses: Sequence[str],
    references: References,
    *,
    tokenize: str = "13a",
    lowercase: bool = False,
    bucket_size: int = 5,
) -> Breakdown:
    """Computes BLEU of the whole text, by source length and by position in the sentence.

    Args:
        hypotheses: detokenized translations, one for each source.
        tokenize: sacreBLEU's tokenization: what counts as a word.
        bucket_size: how many lengths, in words, go together: 5 makes 1-5, 6-10, …

    Raises:
        DataError: sources, hypotheses and references differ in number, or there are none.
        SettingsError: an impossible bucket size or tokenization.
    """
    if bucket_size < 1:
        raise SettingsError(f"the bucket size is {bucket_size} words: it must be at least 1")
    whole = bleu_metric(tokenize, lowercase=lowercase)
    check_lengths(len(hypotheses), len(references))
    given = reference_lists(references)
    overall = corpus_score(whole, hypotheses, given)
    if len(sources) != len(hypotheses):
        raise DataError(
            f"{len(sources):,} sources but {len(hypotheses):,} translations: "
            "they must be line-aligned"
        )

    def words(text: str) -> list[str]:
        return str(whole.tokenizer(text.lower() if lowercase else text)).split()

    cut_hypotheses = [words(text) for text in hypotheses]
    cut_references = [[words(text) for text in entry] for entry in given]
    reference_lengths = [len(words) for entry in cut_references for words in entry]
    average = sum(reference_lengths) / len(reference_lengths) / QUARTERS
    order = max(1, min(MAX_NGRAM_ORDER, round(average)))
    quarters = []
    for number in range(QUARTERS):
        found, expected = quarter_of(number, cut_hypotheses, cut_references)
        quarters.append(score_rows(f"{number + 1}/{QUARTERS}", found, expected, order))
    lengths = [len(words(text)) for text in sources]
    buckets = by_length(lengths, bucket_size, cut_hypotheses, cut_references)
    return Breakdown(overall, buckets, quarters, order)


def by_length(
    lengths: Sequence[int],
    size: int,
    hypotheses: Sequence[list[str]],
    references: Sequence[Sequence[list[str]]],
) -> list[BreakdownRow]:
    """Computes BLEU of sentences of like length in source words, shortest first.

    A bucket has `size` lengths; sources without words have a bucket of their own.
    """
    buckets: dict[int, list[int]] = {}
    for index, length in enumerate(lengths):
        buckets.setdefault((length + size - 1) // size, []).append(index)
    parts = []
    for number, chosen in sorted(buckets.items()):
        first, last = (number - 1) * size + 1, number * size
        name = "0" if number == 0 else str(last) if first == last else f"{first}-{last}"
        found, expected = [hypotheses[i] for i in chosen], [references[i] for i in chosen]
        parts.append(score_rows(name, found, expected, MAX_NGRAM_ORDER))
    return parts


def quarter_of(
    number: int, hypotheses: Sequence[list[str]], references: Sequence[Sequence[list[str]]]
) -> tuple[list[list[str]], list[list[list[str]]]]:
    """Returns quarter `number`, from 0, of every translation and of every reference."""

    def cut(words: list[str]) -> list[str]:
        # round takes a half to the even number, which is as the docstring of this file promises.
        begin, end = (round(place * len(words) / QUARTERS) for place in (number, number + 1))
        return words[begin:end]

    return [cut(words) for words in hypotheses], [[cut(w) for w in entry] for entry in references]


def score_rows(
    name: str,
    hypotheses: Sequence[list[str]],
    references: Sequence[Sequence[list[str]]],
    order: int,
) -> BreakdownRow:
    """Computes BLEU of words that are already tokenized, with n-grams of at most `order`."""
    metric = BLEU(tokenize="none", force=True, max_ngram_order=order, effective_order=True)
    streams = reference_streams([[" ".join(words) for words in entry] for entry in references])
    result = metric.corpus_score([" ".join(words) for words in hypotheses], streams)
    return BreakdownRow(name, len(hypotheses), result.sys_len, result.ref_len, result.score)

"""The formulas of n-gram models written out for one token at a time, with nothing shared."""

from collections import Counter
from collections.abc import Sequence

from seq2seq.data.vocabulary import BOS_ID, EOS_ID

Ngram = tuple[int, ...]


class Text:
    """Sentences of ids, and the n-grams in them."""

    def __init__(self, sentences: Sequence[Sequence[int]], order: int, vocab_size: int) -> None:
        self.order = order
        self.outcomes = vocab_size - 2
        self.counts: Counter[Ngram] = Counter()
        for sentence in sentences:
            ids = (BOS_ID, *sentence, EOS_ID)
            for length in range(1, order + 1):
                for begin in range(len(ids) - length + 1):
                    self.counts[ids[begin : begin + length]] += 1
        del self.counts[(BOS_ID,)]

    def context(self, history: Sequence[int]) -> Ngram:
        """The last tokens before the next one, with bos where the sentence is that young."""
        ids = (BOS_ID, *history)
        return ids[max(0, len(ids) - self.order + 1) :]

    def add_k(self, token: int, history: Sequence[int], k: float) -> float:
        """(c(context token) + k) / (c(context) + k V)"""
        context = self.context(history)
        followed = [n for n in self.counts if len(n) == len(context) + 1 and n[:-1] == context]
        total = sum(self.counts[ngram] for ngram in followed)
        return (self.counts[(*context, token)] + k) / (total + k * self.outcomes)

    def kneser_ney(self, token: int, history: Sequence[int]) -> float:
        """Modified Kneser-Ney (Chen & Goodman 1998) for the longest context that was seen."""
        return self.interpolated(token, self.context(history))

    def interpolated(self, token: int, context: Ngram) -> float:
        adjusted = self.adjusted(len(context) + 1)
        lower = self.interpolated(token, context[1:]) if context else 1 / self.outcomes
        followed = [count for ngram, count in adjusted.items() if ngram[:-1] == context]
        if not followed:
            return lower
        discounts = self.discounts(adjusted)
        count = adjusted[(*context, token)]
        left = sum(discounts[min(each, 3)] for each in followed)
        return (count - discounts[min(count, 3)] + left * lower) / sum(followed)

    def adjusted(self, length: int) -> Counter[Ngram]:
        found: Counter[Ngram] = Counter()
        for ngram in [ngram for ngram in self.counts if len(ngram) == length]:
            before = [n for n in self.counts if len(n) == length + 1 and n[1:] == ngram]
            own = length == self.order or ngram[0] == BOS_ID
            found[ngram] = self.counts[ngram] if own else len(before)
        return found

    @staticmethod
    def discounts(adjusted: Counter[Ngram]) -> list[float]:
        n = Counter(adjusted.values())
        if n[1] and n[2] and n[3]:
            share = n[1] / (n[1] + 2 * n[2])
            found = [each - (each + 1) * share * n[each + 1] / n[each] for each in (1, 2, 3)]
            if all(0 < each <= most for most, each in enumerate(found, 1)):
                return [0.0, *found]
        return [0.0, 0.5, 1.0, 1.5]

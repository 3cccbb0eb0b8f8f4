"""Written-down probability tables to search, and sentences to enumerate."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from seq2seq.data.vocabulary import BOS_ID, EOS_ID
from seq2seq.decoding.hypothesis import Hypothesis

WORDS = (4, 5, 6)


class TableState(NamedTuple):
    """Which sentence's table each row reads, the token before the previous one, and attention."""

    sentences: Tensor
    earlier: Tensor
    attention_weights: Tensor | None = None


class Table(NamedTuple):
    """A model without a network: log-probabilities of the next token given the last two.

    (sentences, vocab_size, vocab_size, vocab_size); and perhaps attention given the last token,
    (sentences, vocab_size, source_length), zero on pads.
    """

    log_probs: Tensor
    attention: Tensor | None = None

    @classmethod
    def random(
        cls,
        seed: int,
        sentences: int,
        spread: float = 2.0,
        source_lengths: Sequence[int] | None = None,
    ) -> "Table":
        """Three words beside the special tokens; the wider the spread, the surer the model."""
        generator = torch.Generator().manual_seed(seed)
        size = 7
        logits = spread * torch.randn((sentences, size, size, size), generator=generator)
        if source_lengths is None:
            return cls(logits.log_softmax(-1))
        longest = max(source_lengths)
        energies = 3 * torch.randn((sentences, size, longest), generator=generator)
        pads = torch.arange(longest) >= torch.tensor(source_lengths).unsqueeze(1)
        energies.masked_fill_(pads.unsqueeze(1), float("-inf"))
        return cls(logits.log_softmax(-1), energies.softmax(-1))

    def start(self, sentences: Sequence[int] | None = None) -> TableState:
        rows = torch.tensor(range(len(self.log_probs)) if sentences is None else sentences)
        return TableState(rows, torch.full_like(rows, BOS_ID))

    def step(self, tokens: Tensor, state: TableState) -> tuple[Tensor, TableState]:
        next_log_probs = self.log_probs[state.sentences, state.earlier, tokens]
        weights = None if self.attention is None else self.attention[state.sentences, tokens]
        return next_log_probs, TableState(state.sentences, tokens, weights)

    def continuations(self, sentence: int, tokens: Sequence[int]) -> list[float]:
        """The next token's log-probabilities after `tokens`."""
        earlier, previous = [BOS_ID, BOS_ID, *tokens][-2:]
        return self.log_probs[sentence, earlier, previous].tolist()

    def forced(self, sentence: int, tokens: Sequence[int]) -> float:
        """The log-probability of `tokens` and of eos after them."""
        total = 0.0
        for count, token in enumerate([*tokens, EOS_ID]):
            total += self.continuations(sentence, tokens[:count])[token]
        return total

    def attended(
        self, sentence: int, tokens: Sequence[int], source_length: int
    ) -> list[list[float]]:
        """The attention while `tokens` and eos are written, without pads."""
        assert self.attention is not None
        rows = self.attention[sentence, [BOS_ID, *tokens], :source_length]
        return rows.tolist()


def scored(tokens: list[int], total: float, alpha: float) -> Hypothesis:
    return Hypothesis(tokens, total, total / ((5 + len(tokens) + 1) / 6) ** alpha)


def sentences_up_to(cap: int, words: Sequence[int]) -> Iterator[list[int]]:
    """Every sentence of at most `cap` tokens."""
    yield []
    if cap:
        for word in words:
            for rest in sentences_up_to(cap - 1, words):
                yield [word, *rest]

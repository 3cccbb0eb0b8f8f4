"""The n-gram language model: the next token given the last few, from counts.

The baseline of recurrent language models, with the same interface. A context begins with bos, eos
is predicted, and pad and bos never come: their log-probability is minus infinity.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from seq2seq.config.base import did_you_mean
from seq2seq.data.vocabulary import PAD_ID, SPECIAL_TOKENS
from seq2seq.errors import DataError, SettingsError
from seq2seq.models.ngram.counts import count_ngrams, flatten_sentences
from seq2seq.models.ngram.smoothing import add_k, kneser_ney
from seq2seq.models.ngram.tables import Table, check_tables, load_tables, save_tables

SMOOTHINGS = ("kneser-ney", "add-k")


class NGramState(NamedTuple):
    """What the model carries from step to step.

    Attributes:
        ids: the last order - 1 tokens, ``(batch_size, order - 1)``; pads where there are fewer.
    """

    ids: Tensor


class Level(nn.Module):
    """The n-grams of one length; its buffers are those of a `Table`."""

    keys: Tensor
    log_probs: Tensor
    backoffs: Tensor

    def __init__(self, table: Table) -> None:
        super().__init__()
        for name, values in table._asdict().items():
            self.register_buffer(name, values)

    @property
    def table(self) -> Table:
        """The buffers as a table."""
        return Table(self.keys, self.log_probs, self.backoffs)

    def find(self, keys: Tensor) -> Tensor:
        """Returns the node of each key, of any shape; -1 for one that is missing or negative."""
        if not len(self.keys):
            return torch.full_like(keys, -1)
        nodes = torch.searchsorted(self.keys, keys).clamp(max=len(self.keys) - 1)
        return torch.where(self.keys[nodes] == keys, nodes, -1)

    def weights(self, nodes: Tensor) -> Tensor:
        """Returns the backoffs of contexts, of any shape; 0 for those that are missing, -1."""
        return look_up(self.backoffs, nodes, torch.zeros(nodes.shape, device=nodes.device))


def look_up(values: Tensor, nodes: Tensor, missing: Tensor) -> Tensor:
    """Returns the value of each node; for a node of -1 what stands in its place in `missing`."""
    if not len(values):  # no n-gram is so long
        return missing
    return torch.where(nodes < 0, missing, values[nodes.clamp(min=0)])


class NGramModel(nn.Module):
    """A distribution over the next token, given the last order - 1 ones.

    Make one with `estimate`, `load`, or `seq2seq.models.ngram.arpa.read_arpa`; or from tables of
    the n-grams of lengths 1 to the order, see `check_tables`.
    """

    def __init__(self, tables: Sequence[Table]) -> None:
        super().__init__()
        check_tables(tables)
        self.vocab_size = len(tables[0].keys)
        self.levels = nn.ModuleList(Level(table) for table in tables)

    @classmethod
    def estimate(
        cls,
        sentences: Iterable[Sequence[int]],
        order: int,
        vocab_size: int,
        smoothing: str = "kneser-ney",
        k: float | None = None,
    ) -> NGramModel:
        """Estimates the model of a text; `seq2seq.models.ngram.smoothing` has the formulas.

        Args:
            sentences: ids without bos and eos.
            order: tokens in the longest n-grams: 2 for bigrams, which see one token back.
            vocab_size: tokens in the vocabulary, seen or not; the special ones count.
            smoothing: "kneser-ney" (interpolated, modified) or "add-k".
            k: what add-k adds to each count; above 0.

        Raises:
            SettingsError: an impossible setting.
            DataError: there are no sentences, or an id can't stand in one.
        """
        problems = []
        if order < 1:
            problems.append(f"order {order} must be at least 1")
        if vocab_size < len(SPECIAL_TOKENS):
            problems.append(f"vocab_size {vocab_size} must be at least {len(SPECIAL_TOKENS)}")
        if smoothing not in SMOOTHINGS:
            problems.append(
                f"unknown smoothing {smoothing}{did_you_mean(smoothing, [*SMOOTHINGS])}"
            )
        elif smoothing != "add-k" and k is not None:
            problems.append(f"k {k} has no effect with smoothing {smoothing}: leave it out")
        elif smoothing == "add-k" and not (k is not None and 0 < k < math.inf):
            problems.append(f"add-k needs a finite k above 0, got {k}")
        if problems:
            raise SettingsError("\n".join(problems))
        stream = flatten_sentences(sentences, vocab_size)
        if not len(stream.ids):
            raise DataError("there are no sentences to estimate an n-gram model from")
        counts = count_ngrams(stream, order, vocab_size)
        return cls(kneser_ney(counts, vocab_size) if k is None else add_k(counts, vocab_size, k))

    @property
    def order(self) -> int:
        """Tokens in the longest n-grams."""
        return len(self.levels)

    @property
    def sizes(self) -> list[int]:
        """How many n-grams there are of each length; pad, which never comes, is not counted."""
        return [len(self.level(length).keys) - (length == 1) for length in self.lengths]

    @property
    def lengths(self) -> range:
        """Of the n-grams: from 1 to the order."""
        return range(1, self.order + 1)

    def level(self, length: int) -> Level:
        """Returns the n-grams of one length, from 1 to the order."""
        return cast(Level, self.levels[length - 1])

    def ngrams(self, length: int) -> Tensor:
        """Returns the n-grams of one length as ids ``(ngrams, length)``, by node."""
        keys = self.level(length).keys
        last = (keys % self.vocab_size).unsqueeze(1)
        if length == 1:
            return last
        return torch.cat([self.ngrams(length - 1)[keys // self.vocab_size], last], dim=1)

    def start(self, batch_size: int) -> NGramState:
        """Returns the state before bos, one row for each sentence."""
        keys = self.level(1).keys
        return NGramState(keys.new_full((batch_size, self.order - 1), PAD_ID))

    def step(self, tokens: Tensor, state: NGramState) -> tuple[Tensor, NGramState]:
        """Takes one step: ``(batch_size,)`` -> log-probabilities ``(batch_size, vocab_size)``."""
        state = NGramState(torch.cat([state.ids, tokens.unsqueeze(1)], dim=1)[:, 1:])
        contexts = self.contexts(state.ids)
        # By length of n-grams, longest first: the weights of all contexts that are backed off from.
        weights = [torch.zeros(tokens.shape, device=tokens.device)]  # each (batch_size,)
        for length in range(self.order - 1, 0, -1):
            weights.append(weights[-1] + self.level(length).weights(contexts[length - 1]))
        log_probs = self.level(1).log_probs + weights[-1].unsqueeze(1)  # (batch_size, vocab_size)
        # What a longer context knows of the tokens that were seen after it is written over that.
        for length in range(2, self.order + 1):
            rows, found = self.continuations(length, contexts[length - 2])
            level, weight = self.level(length), weights[self.order - length]
            log_probs[rows, level.keys[found] % self.vocab_size] = (
                level.log_probs[found] + weight[rows]
            )
        return log_probs, state

    def contexts(self, ids: Tensor) -> list[Tensor]:
        """Returns the nodes ``(batch_size,)`` of the last 1, 2, … ids ``(batch_size, length)``.

        -1 where there is no such n-gram.
        """
        nodes = []
        for length in range(1, ids.shape[1] + 1):
            last = ids[:, -length:]
            node = last[:, 0]
            for number in range(1, length):
                node = self.level(number + 1).find(node * self.vocab_size + last[:, number])
            nodes.append(node)
        return nodes

    def continuations(self, length: int, contexts: Tensor) -> tuple[Tensor, Tensor]:
        """Finds the n-grams of one length that begin with given contexts ``(batch_size,)``.

        Returns rows of the batch, and beside each the node of an n-gram, both ``(found,)``.
        """
        keys = self.level(length).keys
        begin = torch.searchsorted(keys, contexts * self.vocab_size)
        end = torch.searchsorted(keys, (contexts + 1) * self.vocab_size)
        sizes = end - begin  # of context -1: nothing, because no key is negative
        rows = torch.repeat_interleave(sizes)
        before = sizes.cumsum(0) - sizes
        return rows, torch.arange(len(rows), device=rows.device) + (begin - before)[rows]

    def log_probabilities(
        self, inputs: Tensor, targets: Tensor, state: NGramState
    ) -> tuple[Tensor, NGramState]:
        """Returns what steps give for each target, all at once, and the state after the last input.

        Inputs, targets and log-probabilities are ``(batch_size, length)``; each input is the token
        before its target.
        """
        seen = torch.cat([state.ids, inputs], dim=1)  # (batch_size, order - 1 + length)
        totals = self.level(1).log_probs[targets]
        nodes = seen  # of the n-gram that ends at each place
        for length in range(2, self.order + 1):
            level, contexts = self.level(length), nodes[:, nodes.shape[1] - inputs.shape[1] :]
            totals = totals + self.level(length - 1).weights(contexts)
            found = level.find(contexts * self.vocab_size + targets)
            totals = look_up(level.log_probs, found, totals)
            nodes = level.find(nodes[:, :-1] * self.vocab_size + seen[:, length - 1 :])
        return totals, NGramState(seen[:, inputs.shape[1] :])

    def save(self, path: str | Path, run_id: str | None = None) -> None:
        """Writes the model to one safetensors file, see `save_tables`."""
        save_tables(Path(path), [self.level(length).table for length in self.lengths], run_id)

    @classmethod
    def load(cls, path: str | Path, run_id: str | None = None) -> NGramModel:
        """Reads what `save` wrote, see `load_tables`."""
        return cls(load_tables(Path(path), run_id))

"""Lexical constraints: phrases that a translation must contain, and a beam that finds it.

Post & Vilar 2018 (Fast Lexically Constrained Decoding with Dynamic Beam Allocation for Neural
Machine Translation): the hypotheses of a beam are put into banks by how many tokens of the phrases
they have met, and the beam is divided among the banks at every step. So those that have met few,
which are often the more probable ones, do not push the others out. A hypothesis ends when it has
met all; or where nothing else may come, as at its greatest length.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import NamedTuple

import torch
from torch import Tensor

from seq2seq.data.vocabulary import EOS_ID
from seq2seq.decoding.hypothesis import Ids
from seq2seq.decoding.live import LiveHypotheses

SameWord = Callable[[int, int], bool]
"""Whether a token goes on with the word that the token before it ends in."""


class Progress(NamedTuple):
    """What a hypothesis has met.

    Attributes:
        counts: how often each phrase stands in it.
        begun: with how many tokens of each it ends; all of them where one has just been met.
    """

    counts: tuple[int, ...]
    begun: tuple[int, ...]


class Phrases:
    """The phrases that the hypotheses of a sentence must contain, in any order.

    One that is given twice must come twice, one after the other. One that is a part of another must
    come outside of it, too. Otherwise they may overlap.

    Args:
        phrases: the tokens of each, at least one.
        same_word: phrases count as whole words: where the token before and the token after are of
            other words.
    """

    def __init__(
        self, phrases: Sequence[Ids], same_word: SameWord = lambda left, right: False
    ) -> None:
        self.same_word = same_word
        wanted = Counter(tuple(phrase) for phrase in phrases)
        self.phrases = tuple(wanted)
        nothing = (0,) * len(wanted)
        self.known: dict[tuple[int, ...], Progress] = {(): Progress(nothing, nothing)}
        inside = [(self.read(phrase).counts, times) for phrase, times in wanted.items()]
        self.needed = [
            sum(counts[place] * times for counts, times in inside) for place in range(len(wanted))
        ]
        self.size = sum(len(p) * times for p, times in zip(self.phrases, self.needed, strict=True))

    def read(self, tokens: tuple[int, ...]) -> Progress:
        """Returns what a hypothesis has met; what has been read once is known."""
        length = len(tokens)
        while tokens[:length] not in self.known:
            length -= 1
        progress = self.known[tokens[:length]]
        for end in range(length + 1, len(tokens) + 1):
            progress = self.known[tokens[:end]] = self.advance(progress, tokens[:end])
        return progress

    def advance(self, before: Progress, tokens: tuple[int, ...]) -> Progress:
        """Returns what a hypothesis has met.

        Args:
            before: what it had met before the last token.
            tokens: all of it.
        """
        counts, begun = [], []
        for phrase, count, length in zip(self.phrases, *before, strict=True):
            if length == len(phrase):
                if self.same_word(tokens[-2], tokens[-1]):
                    count -= 1  # it was only a part of a longer word
                else:
                    length = 0
            length = self.overlap(phrase, tokens, length + 1)
            counts.append(count + (length == len(phrase)))
            begun.append(length)
        return Progress(tuple(counts), tuple(begun))

    def overlap(self, phrase: Ids, tokens: tuple[int, ...], most: int) -> int:
        """Returns how many first tokens of a phrase the hypothesis ends with, `most` at most."""
        for length in range(min(most, len(phrase)), 0, -1):
            first = len(tokens) - length
            if tokens[first:] == phrase[:length] and not (
                first and self.same_word(tokens[first - 1], phrase[0])
            ):
                return length
        return 0

    def met(self, progress: Progress) -> int:
        """Returns how many tokens of the phrases are met: the number of the bank.

        They are those of the phrases that stand there, and of the one that goes furthest among
        those that are begun.
        """
        full, furthest = 0, 0
        for phrase, needed, count, begun in zip(self.phrases, self.needed, *progress, strict=True):
            full += len(phrase) * min(count, needed)
            if count < needed and begun < len(phrase):
                furthest = max(furthest, begun)
        return full + furthest

    def next_tokens(self, progress: Progress) -> set[int]:
        """Returns the tokens that begin a phrase, or go on with one, that has not been met."""
        return {
            phrase[begun % len(phrase)]
            for phrase, needed, count, begun in zip(
                self.phrases, self.needed, *progress, strict=True
            )
            if count < needed
        }

    def unmet(self, tokens: Sequence[int]) -> int:
        """Returns how many tokens are in phrases that a finished hypothesis lacks."""
        counts = self.read(tuple(tokens)).counts
        return sum(
            len(phrase) * max(needed - count, 0)
            for phrase, needed, count in zip(self.phrases, self.needed, counts, strict=True)
        )


class Candidate(NamedTuple):
    """A continuation: the row of its hypothesis, the next token, and the log-probability of all."""

    row: int
    token: int
    total: float


def allocate(banks: Mapping[int, Sequence[Candidate]], width: int) -> list[Candidate]:
    """Divides a beam evenly among banks; returns the candidates that are taken.

    What a bank has no candidates for goes to the others: each gives its best in turn, the bank with
    the most tokens met first, until the beam is full.

    Args:
        banks: candidates by the number of tokens met, the best first.
        width: of the beam.
    """
    order = sorted(banks, reverse=True)
    turns = range(max(map(len, banks.values()), default=0))
    taken = (banks[met][turn] for turn in turns for met in order if turn < len(banks[met]))
    return [*islice(taken, width)]


def constrained_continuations(
    log_probs: Tensor, live: LiveHypotheses, phrases: Sequence[Phrases], beams: int, width: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Returns the continuations that dynamic beam allocation takes of each beam.

    There is one bank for each number of tokens that may be met, `size` + 1 of them, and a beam that
    is as wide has room for all. Each bank is filled with its best continuations; the paper looks at
    fewer, the best of the whole beam and of each hypothesis beside those that go on with a phrase.

    Args:
        log_probs: of each hypothesis' next token, ``(rows, vocab_size)``; overwritten.
        live: the hypotheses.
        phrases: of each sentence of the batch.
        beams: how many there are, each of another sentence.
        width: how many continuations to take.

    Returns:
        As `best_continuations` does.
    """
    own = [phrases[sentence] for sentence in live.sentences.tolist()]
    histories = [tuple(tokens) for tokens in live.histories.tolist()]
    before = [each.read(tokens) for each, tokens in zip(own, histories, strict=True)]
    unmet = [each.met(now) < each.size for each, now in zip(own, before, strict=True)]
    forbid_ending(log_probs, torch.tensor(unmet, device=log_probs.device))
    rows = len(own) // beams
    banks: list[dict[int, list[Candidate]]] = [{} for _ in range(beams)]
    for candidate in candidates(
        log_probs, live.totals, width, map(Phrases.next_tokens, own, before)
    ):
        row, token, _ = candidate
        after = before[row]
        if token != EOS_ID:
            after = own[row].advance(after, (*histories[row], token))
        banks[row // rows].setdefault(own[row].met(after), []).append(candidate)
    taken: list[Candidate] = []
    for beam, found in enumerate(banks):
        chosen = sorted(allocate(found, width), key=best_first)
        nothing = Candidate(beam * rows, EOS_ID, float("-inf"))
        taken += chosen + [nothing] * (width - len(chosen))
    origins, tokens, totals = zip(*taken, strict=True)
    whole, exact = (
        partial(torch.tensor, device=log_probs.device, dtype=kind)
        for kind in (torch.long, torch.float64)
    )
    return whole(origins), whole(tokens), exact(totals)


def forbid_ending(log_probs: Tensor, unmet: Tensor) -> None:
    """Writes -inf for eos in the rows that are to go on, unless they can't.

    Args:
        log_probs: ``(rows, vocab_size)``, changed in place.
        unmet: which rows have something to meet, ``(rows,)``.
    """
    ending = log_probs[:, EOS_ID].clone()
    log_probs[:, EOS_ID] = float("-inf")
    stuck = log_probs.amax(dim=1) == float("-inf")
    log_probs[:, EOS_ID] = ending.masked_fill(unmet & ~stuck, float("-inf"))


def candidates(
    log_probs: Tensor, totals: Tensor, width: int, asked: Iterable[set[int]]
) -> list[Candidate]:
    """Returns the best `width` continuations of each hypothesis and those asked for, best first.

    Each bank has its best `width` candidates among them. Those that are impossible are left out.

    Args:
        log_probs: of each hypothesis' next token, ``(rows, vocab_size)``.
        totals: the log-probability of each hypothesis so far, ``(rows,)``.
        asked: the tokens of each row that begin a phrase or go on with one.
    """
    best = log_probs.topk(min(width, log_probs.shape[1]), dim=1).indices.tolist()
    places = [
        (row, token)
        for row, (likely, others) in enumerate(zip(best, asked, strict=True))
        for token in sorted({*likely, *others})
    ]
    rows, tokens = torch.tensor(places, device=log_probs.device).unbind(1)
    sums = (totals[rows] + log_probs[rows, tokens].double()).tolist()
    found = [Candidate(*place, total) for place, total in zip(places, sums, strict=True)]
    # A model that has diverged gives NaN, which is not above anything either.
    return sorted((each for each in found if each.total > float("-inf")), key=best_first)


def best_first(candidate: Candidate) -> float:
    """Returns the key that sorts candidates by falling log-probability."""
    return -candidate.total

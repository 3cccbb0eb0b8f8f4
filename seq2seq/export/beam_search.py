"""Greedy and beam search of a batch, on arrays.

`seq2seq.decoding` on the arrays of numpy, with the same names, and a test that holds the two to
each other. A step of exported models gives the most probable tokens alone, so constraints choose
among these: as many more are asked for as may be forbidden.
"""

from __future__ import annotations

from bisect import insort
from typing import NamedTuple

import numpy as np

from seq2seq.config.decoding import DecodingSettings
from seq2seq.data.vocabulary import BOS_ID, EOS_ID
from seq2seq.decoding.hypothesis import MIN_COVERAGE, Hypothesis, length_penalty
from seq2seq.export.ensemble import EnsembleState, ExportedEnsemble
from seq2seq.export.model import Array

FULL = 0.75
"""Sentences that have ended are kept while at least this share of a batch lives on."""
LOWEST = float(np.finfo(np.float32).min)
"""The log-probability of what is forced though the model excludes it."""


class Request(NamedTuple):
    """A batch of sentences, and how it is searched.

    Attributes:
        settings: of the search.
        width: hypotheses that live on at each step.
        vocab_size: of the target.
        lengths: the source tokens of each sentence, eos counted, ``(sentences,)``.
        longest: the most tokens of each hypothesis, eos not counted, ``(sentences,)``.
        penalties: the length penalty of so many, the greatest there is, ``(sentences,)``.
        prefixes: the ids that each sentence's hypotheses begin with, padded.
        begun: how many these are, ``(sentences,)``.
        attention: whether it is kept in the hypotheses.
        forbidden: which tokens never come out but in a prefix, ``(vocab_size,)``.
        early: the same before a hypothesis has its least length.
    """

    settings: DecodingSettings
    width: int
    vocab_size: int
    lengths: Array
    longest: Array
    penalties: Array
    prefixes: Array
    begun: Array
    attention: bool
    forbidden: Array
    early: Array

    @property
    def follows_attention(self) -> bool:
        """Whether the attention of each step is needed."""
        return self.attention or bool(self.settings.coverage_penalty)


class Live(NamedTuple):
    """The hypotheses that a search follows, as `seq2seq.decoding.live.LiveHypotheses`."""

    sentences: Array
    tokens: Array
    totals: Array
    histories: Array
    attention: Array | None = None

    @staticmethod
    def start(sentences: int) -> Live:
        """Returns an empty hypothesis for each sentence."""
        empty = np.empty((sentences, 0), np.int64)
        ids = np.arange(sentences)
        return Live(ids, np.full(sentences, BOS_ID), np.zeros(sentences), empty)

    def extend(self, tokens: Array, totals: Array) -> Live:
        """Returns each with one more token, and its log-probability with that."""
        histories = np.concatenate([self.histories, tokens[:, None]], axis=1)
        return self._replace(tokens=tokens, totals=totals, histories=histories)

    def select(self, rows: Array) -> Live:
        """Returns some rows, in the given order."""
        return Live(
            self.sentences[rows],
            self.tokens[rows],
            self.totals[rows],
            self.histories[rows],
            None if self.attention is None else self.attention[rows],
        )


def greedy_search(
    model: ExportedEnsemble, state: EnsembleState, request: Request
) -> list[list[Hypothesis]]:
    """Returns one hypothesis for each sentence, see `seq2seq.decoding.greedy`."""
    found: list[list[Hypothesis]] = [[] for _ in request.lengths]
    live = Live.start(len(found))
    while len(live.tokens):
        values, tokens, live, state = continuations(model, state, live, request)
        rows = np.arange(len(values))
        best = values.argmax(axis=1)
        live = live.extend(tokens[rows, best], live.totals + values[rows, best])
        ended = live.tokens == EOS_ID
        if not ended.any():
            continue
        for row in np.flatnonzero(ended & (live.totals > -np.inf)).tolist():
            found[live.sentences[row]] = [finish(live, row, request)]
        live.totals[ended] = -np.inf
        alive = np.flatnonzero(live.totals > -np.inf)
        if len(alive) < FULL * len(rows):
            live, state = live.select(alive), state.select(alive, alive)
    return found


def beam_search(
    model: ExportedEnsemble, state: EnsembleState, request: Request
) -> list[list[Hypothesis]]:
    """Returns the best hypotheses of each sentence, see `seq2seq.decoding.beam_search`."""
    sentences, width = len(request.lengths), request.width
    finished: list[list[Hypothesis]] = [[] for _ in range(sentences)]
    worst = np.full(sentences, -np.inf)
    live = Live.start(sentences)
    each = 1  # rows of a sentence, before the first tokens
    while len(live.tokens):
        values, tokens, live, state = continuations(model, state, live, request)
        beams = len(live.tokens) // each
        origins, chosen, totals = best_continuations(values, tokens, live.totals, beams, width)
        each = width
        live = live.select(origins).extend(chosen, totals)
        for row in np.flatnonzero((chosen == EOS_ID) & (totals > -np.inf)).tolist():
            sentence = int(live.sentences[row])
            insort(finished[sentence], finish(live, row, request), key=lambda found: -found.score)
            if len(finished[sentence]) >= width:
                worst[sentence] = finished[sentence][width - 1].score
        bounds = totals / request.penalties[live.sentences]
        live.totals[(chosen == EOS_ID) | ~(bounds > worst[live.sentences])] = -np.inf
        going_on = np.any((live.totals > -np.inf).reshape(-1, width), axis=1)
        kept = np.flatnonzero(going_on)
        if len(kept) >= FULL * len(going_on):
            state = state.select(origins, None)
            continue
        rows = (kept[:, None] * width + np.arange(width)).ravel()
        live, state = live.select(rows), state.select(origins[rows], kept)
    return [hypotheses[:width] for hypotheses in finished]


def continuations(
    model: ExportedEnsemble, state: EnsembleState, live: Live, request: Request
) -> tuple[Array, Array, Live, EnsembleState]:
    """Takes a step, and returns what may come next: see `seq2seq.decoding.constraints`.

    Returns:
        Log-probabilities ``(rows, count)``, -inf of what must not come; whose they are; the
        hypotheses, with the attention of the step if it is needed; and the state after it.
    """
    length, rows = live.histories.shape[1], len(live.tokens)
    forbidden = request.early if length < request.settings.min_length else request.forbidden
    repeats = repeated_ngrams(live.histories, request.settings.no_repeat_ngram)
    most = request.width + int(np.count_nonzero(forbidden))
    if len(repeats[0]):
        most += int(np.bincount(repeats[0]).max())
    forced = length >= request.longest[live.sentences]
    wanted = np.full((rows, 1), EOS_ID)
    if length < request.prefixes.shape[1]:
        in_prefix = length < request.begun[live.sentences]
        wanted[in_prefix, 0] = request.prefixes[live.sentences[in_prefix], length]
        forced |= in_prefix
    found, after = model.step(
        live.tokens,
        state,
        wanted,
        count=min(most, request.vocab_size),
        attention=request.follows_attention,
    )
    tokens = found.tokens
    values = np.where(forbidden[tokens], -np.inf, found.values)
    for row, token in zip(*repeats, strict=True):
        values[row, tokens[row] == token] = -np.inf
    forced |= values.max(axis=1) == -np.inf  # where nothing else may come, eos does
    if forced.any():
        values[forced] = -np.inf
        values[forced, 0] = np.maximum(found.wanted[forced, 0], LOWEST)
        tokens[forced, 0] = wanted[forced, 0]
    if found.attention is not None:
        last = found.attention[:, None]
        history = last if live.attention is None else np.concatenate([live.attention, last], axis=1)
        live = live._replace(attention=history)
    return values, tokens, live, after


def repeated_ngrams(histories: Array, size: int) -> tuple[Array, Array]:
    """Returns rows, and tokens that would end an n-gram of `size` that is in the row already."""
    length = histories.shape[1]
    if not 0 < size <= length:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    ngrams = np.lib.stride_tricks.sliding_window_view(histories, size, axis=1)
    last = histories[:, length - size + 1 :]
    rows, places = np.nonzero((ngrams[:, :, :-1] == last[:, None]).all(axis=2))
    pairs = np.unique(np.stack([rows, ngrams[rows, places, size - 1]]), axis=1)
    return pairs[0], pairs[1]


def best_continuations(
    values: Array, tokens: Array, totals: Array, beams: int, width: int
) -> tuple[Array, Array, Array]:
    """Returns the best continuations of each beam, see `decoding.beam_search`."""
    count = values.shape[1]
    table = (totals[:, None] + values.astype(np.float64)).reshape(beams, -1)
    # A stable order: of equal scores the better hypothesis' comes first, whatever the batch.
    places = np.argsort(-table, axis=1, kind="stable")[:, :width]
    best = table[np.arange(beams)[:, None], places]
    if (missing := width - places.shape[1]) > 0:
        places = np.pad(places, ((0, 0), (0, missing)))
        best = np.pad(best, ((0, 0), (0, missing)), constant_values=-np.inf)
    first = np.arange(beams)[:, None] * (len(totals) // beams)
    origins = (first + places // count).ravel()
    return origins, tokens[origins, places.ravel() % count], best.ravel()


def finish(live: Live, row: int, request: Request) -> Hypothesis:
    """Returns the hypothesis of a row whose last token is eos, with its score."""
    settings, total = request.settings, float(live.totals[row])
    tokens = live.histories[row, :-1].tolist()
    score = total / length_penalty(len(tokens) + 1, settings.length_penalty)
    if live.attention is None:
        return Hypothesis(tokens, total, score)
    attention = live.attention[row, :, : request.lengths[live.sentences[row]]]
    if settings.coverage_penalty:
        covered = attention[:, :-1].astype(np.float64).sum(axis=0).clip(MIN_COVERAGE, 1.0)
        score += settings.coverage_penalty * float(np.log(covered).sum())
    return Hypothesis(tokens, total, score, attention.copy() if request.attention else None)

"""Beam search of an exported model, on arrays; and the probability of given targets.

`seq2seq.decoding` on the arrays of numpy, with the same names, and a test that holds the two to
each other. A step of an exported model gives the most probable tokens alone, so constraints choose
among these: as many more are asked for as may be forbidden. A beam of 1 is greedy search.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from seq2seq.config.decoding import DecodingSettings
from seq2seq.data.vocabulary import BOS_ID, EOS_ID, PAD_ID, UNK_ID
from seq2seq.decoding.batches import batches, hypotheses_each
from seq2seq.decoding.hypothesis import (
    FORBIDDEN_IDS,
    MIN_COVERAGE,
    Hypothesis,
    Ids,
    length_penalty,
)
from seq2seq.export.model import Array, ExportedModel, ExportedState

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

    def select(self, rows: Array) -> Live:
        """Returns some rows, in the given order."""
        return Live(
            self.sentences[rows],
            self.tokens[rows],
            self.totals[rows],
            self.histories[rows],
            None if self.attention is None else self.attention[rows],
        )


def search(
    model: ExportedModel,
    sources: Sequence[Ids],
    settings: DecodingSettings,
    vocab_size: int,
    *,
    n: int = 1,
    prefixes: Sequence[Ids] | None = None,
    attention: bool = False,
) -> list[list[Hypothesis]]:
    """Returns the best hypotheses of each source, in the order of the sources.

    Arguments are as for `seq2seq.decoding.search.search`; `vocab_size` is that of the target.
    """
    width = hypotheses_each(settings, n)
    ids = np.arange(vocab_size)
    forbidden = np.isin(ids, [each for each in FORBIDDEN_IDS if each != UNK_ID])
    forbidden |= (ids == UNK_ID) & (not settings.replace_unknown)
    early = forbidden | (ids == EOS_ID)
    results: list[list[Hypothesis]] = [[] for _ in sources]
    for chosen in batches(sources, settings.batch_size, settings.batch_tokens // width):
        source, lengths = pad([[*sources[index], EOS_ID] for index in chosen])
        begun = pad([[] if prefixes is None else prefixes[index] for index in chosen])
        longest = np.maximum(max_lengths(settings, lengths - 1), settings.min_length)
        request = Request(
            settings,
            width,
            vocab_size,
            lengths,
            np.maximum(longest, begun[1]),
            *begun,
            attention or settings.replace_unknown,
            forbidden,
            early,
        )
        found = beam_search(model, model.start(source, lengths), request)
        for index, hypotheses in zip(chosen, found, strict=True):
            results[index] = hypotheses
    return results


def score(
    model: ExportedModel,
    sources: Sequence[Ids],
    targets: Sequence[Ids],
    *,
    batch_size: int,
    batch_tokens: int,
) -> list[list[float]]:
    """Returns the log-probability of each token of each target, and of eos after them."""
    results: list[list[float]] = [[] for _ in targets]
    for chosen in batches(targets, batch_size, batch_tokens):
        state = model.start(*pad([[*sources[index], EOS_ID] for index in chosen]))
        ids, lengths = pad([[*targets[index], EOS_ID] for index in chosen])
        previous = np.full(len(chosen), BOS_ID)
        steps = []
        for position in range(ids.shape[1]):
            found = model.step(previous, state, ids[:, position : position + 1], count=1)
            previous, state = ids[:, position], found.state
            steps.append(found.wanted[:, 0].astype(np.float64))
        values = np.stack(steps, axis=1)
        for row, index in enumerate(chosen):
            results[index] = values[row, : lengths[row]].tolist()
    return results


def pad(rows: Sequence[Ids]) -> tuple[Array, Array]:
    """Returns rows of ids, padded, ``(batch_size, longest)``; and lengths ``(batch_size,)``."""
    lengths = np.array([len(row) for row in rows], np.int64)
    padded = np.full((len(rows), int(lengths.max(initial=0))), PAD_ID, np.int64)
    for row, ids in zip(padded, rows, strict=True):
        row[: len(ids)] = ids
    return padded, lengths


def max_lengths(settings: DecodingSettings, lengths: Array) -> Array:
    """Returns the most tokens of each hypothesis, of source lengths without eos."""
    if settings.max_length:
        return np.full_like(lengths, settings.max_length)
    # In the float32 of torch, so that a product just below a whole number is cut the same.
    product = np.float32(settings.max_length_ratio) * lengths.astype(np.float32)
    longest: Array = (product + np.float32(settings.max_length_extra)).astype(np.int64)
    return longest


def beam_search(
    model: ExportedModel, state: ExportedState, request: Request
) -> list[list[Hypothesis]]:
    """Returns the best hypotheses of each sentence, see `seq2seq.decoding.beam_search`."""
    sentences, width = len(request.lengths), request.width
    finished: list[list[Hypothesis]] = [[] for _ in range(sentences)]
    worst = np.full(sentences, -np.inf)
    live = Live(
        np.arange(sentences),
        np.full(sentences, BOS_ID),
        np.zeros(sentences),
        np.empty((sentences, 0), np.int64),
    )
    each = 1  # rows of a sentence, before the first tokens
    while len(live.tokens):
        values, tokens, live, state = continuations(model, state, live, request)
        beams = len(live.tokens) // each
        origins, chosen, totals = best_continuations(values, tokens, live.totals, beams, width)
        each = width
        live = live.select(origins)
        histories = np.concatenate([live.histories, chosen[:, None]], axis=1)
        live = live._replace(tokens=chosen, totals=totals, histories=histories)
        for row in np.flatnonzero((chosen == EOS_ID) & (totals > -np.inf)).tolist():
            sentence = int(live.sentences[row])
            insort(finished[sentence], finish(live, row, request), key=lambda found: -found.score)
            if len(finished[sentence]) >= width:
                worst[sentence] = finished[sentence][width - 1].score
        penalties = ((6 + request.longest[live.sentences]) / 6) ** request.settings.length_penalty
        ended = (chosen == EOS_ID) | ~(totals / penalties > worst[live.sentences])
        live = live._replace(totals=np.where(ended, -np.inf, totals))
        going_on = np.any((live.totals > -np.inf).reshape(-1, width), axis=1)
        kept = np.flatnonzero(going_on)
        if len(kept) >= FULL * len(going_on):
            state = state.select(origins, None)
            continue
        rows = (kept[:, None] * width + np.arange(width)).ravel()
        live, state = live.select(rows), state.select(origins[rows], kept)
    return [hypotheses[:width] for hypotheses in finished]


def continuations(
    model: ExportedModel, state: ExportedState, live: Live, request: Request
) -> tuple[Array, Array, Live, ExportedState]:
    """Takes a step, and returns what may come next: see `seq2seq.decoding.constraints`.

    Returns:
        Log-probabilities ``(rows, count)``, -inf of what must not come; whose they are; the
        hypotheses, with the attention of the step if it is needed; and the state after it.
    """
    length, rows = live.histories.shape[1], len(live.tokens)
    forbidden = request.early if length < request.settings.min_length else request.forbidden
    repeats = repeated_ngrams(live.histories, request.settings.no_repeat_ngram)
    most = request.width + int(forbidden.sum()) + int(np.bincount(repeats[0]).max(initial=0))
    forced = length >= request.longest[live.sentences]
    wanted = np.full((rows, 1), EOS_ID)
    if length < request.prefixes.shape[1]:
        in_prefix = length < request.begun[live.sentences]
        wanted[in_prefix, 0] = request.prefixes[live.sentences[in_prefix], length]
        forced |= in_prefix
    found = model.step(
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
    return values, tokens, live, found.state


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

"""Attention: keys once for a sentence, scores, weights and their sum at every step.

Compare `seq2seq.models.attention`. Here a batch has several queries for each sentence, those of its
beam: ``(sentences, each, query_size)``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple, cast

import numpy as np
from torch import nn

from seq2seq.errors import SettingsError
from seq2seq.export.graph import (
    FLOAT,
    Value,
    flatten,
    positions,
    reshape,
    sigmoid,
    size,
    squeeze,
    tanh,
    transpose,
    unsqueeze,
    where,
)
from seq2seq.export.weights import linear
from seq2seq.models.attention.base import Attention
from seq2seq.models.attention.local import LocalAttention
from seq2seq.models.attention.multi_head import MultiHeadAttention
from seq2seq.models.attention.scores import AdditiveAttention, DotAttention, GeneralAttention


class Memory(NamedTuple):
    """What can be attended to, a row for each sentence; as `attention.base.Memory`."""

    values: Value
    keys: Value
    pads: Value


def keys_and_values(attention: Attention, memory: Value) -> tuple[Value, Value]:
    """Writes the keys and values of the encoder outputs ``(sentences, source_length, …)``.

    Raises:
        SettingsError: it is an attention of another kind.
    """
    if type(attention) not in SCORES and type(attention) is not MultiHeadAttention:
        known = ", ".join(each.__name__ for each in (*SCORES, MultiHeadAttention))
        raise SettingsError(
            f"attention of the class {type(attention).__name__} can't be exported to ONNX, where "
            f"there is a way for these: {known}"
        )
    keys = values = memory
    if isinstance(attention, AdditiveAttention | GeneralAttention | MultiHeadAttention):
        keys = linear(memory, attention.key.weight, None)
    if isinstance(attention, MultiHeadAttention):
        values = linear(memory, attention.value.weight, attention.value.bias)
    return keys, values


def attend(
    attention: Attention, queries: Value, memory: Memory, coverage: Value | None
) -> tuple[Value, Value]:
    """Writes one step of attention, see `Attention.forward`.

    Args:
        queries: ``(rows, query_size)``, equally many rows for each sentence, one after the other.
        coverage: the sum of all earlier weights, ``(rows, source_length)``, if it is used.

    Returns:
        What is attended to, ``(rows, output_size)``, and the weights ``(sentences, each,
        source_length)``.
    """
    sentences, length = size(memory.pads, 0), size(memory.pads, 1)
    grouped = reshape(queries, sentences, -1, size(queries, 1))
    covered = None if coverage is None else reshape(coverage, sentences, -1, length)
    if isinstance(attention, MultiHeadAttention):
        attended, weights = attend_with_heads(attention, grouped, memory, covered)
    else:
        scores = SCORES[type(attention)](attention, grouped, memory.keys, covered)
        scores = scores * attention.scale
        if isinstance(attention, LocalAttention):
            scores = scores - distances(attention, grouped, memory.pads)
        weights = softmax(scores, unsqueeze(memory.pads, 1))
        attended = weights @ memory.values
    return flatten(attended), weights


def softmax(scores: Value, pads: Value) -> Value:
    """Turns scores ``(…, source_length)`` into weights: their sum is 1, exactly 0 on pads."""
    return scores.graph.node("Softmax", where(pads, -math.inf, scores), axis=-1)


def additive_scores(
    attention: AdditiveAttention, queries: Value, keys: Value, coverage: Value | None
) -> Value:
    """Writes v · tanh(W q + U m): ``(sentences, each, source_length)``."""
    covered = unsqueeze(keys, 1)  # (sentences, 1, source_length, size)
    if coverage is not None:
        assert attention.cover is not None
        covered = covered + unsqueeze(coverage, 3) * attention.cover
    projected = linear(queries, attention.query.weight, attention.query.bias)
    hidden = tanh(unsqueeze(projected, 2) + covered)
    return squeeze(linear(hidden, attention.score.weight, None), 3)


def dot_scores(
    attention: DotAttention | GeneralAttention, queries: Value, keys: Value, coverage: Value | None
) -> Value:
    """Writes q · k: ``(sentences, each, source_length)``."""
    scores = queries @ transpose(keys, 0, 2, 1)
    if coverage is None:
        return scores
    # q · (k + a c) = q · k + a (q · c), with the coverage a and the learned vector c.
    assert attention.cover is not None
    return scores + coverage * (queries @ attention.cover.detach().unsqueeze(1))


def distances(attention: LocalAttention, queries: Value, pads: Value) -> Value:
    """Writes what local attention takes off its scores: the squares of a Gaussian."""
    graph = queries.graph
    tokens = graph.node("Cast", graph.node("Not", pads), to=FLOAT)
    lengths = graph.node("ReduceSum", tokens, np.array([1]), keepdims=1)  # (sentences, 1)
    first, last = (cast(nn.Linear, attention.place[index]).weight for index in (0, 2))
    places = unsqueeze(lengths, 2) * sigmoid(linear(tanh(linear(queries, first, None)), last, None))
    numbers = graph.node("Cast", positions(size(pads, 1)), to=FLOAT)
    away = (numbers - places) * (2 / attention.window)
    return away * away * 0.5


SCORES: dict[type[Attention], Callable[[Any, Value, Value, Value | None], Value]] = {
    AdditiveAttention: additive_scores,
    DotAttention: dot_scores,
    GeneralAttention: dot_scores,
    LocalAttention: dot_scores,
}


def attend_with_heads(
    attention: MultiHeadAttention, queries: Value, memory: Memory, coverage: Value | None
) -> tuple[Value, Value]:
    """Writes attention of several heads, ``(sentences, each, …)``; weights are their mean."""
    heads = attention.heads
    asked = split(linear(queries, attention.query.weight, attention.query.bias), heads)
    # (sentences, heads, each, source_length)
    scores = asked @ transpose(split(memory.keys, heads), 0, 1, 3, 2)
    if coverage is not None:
        assert attention.cover is not None
        cover = attention.cover.detach().view(1, heads, -1, 1)
        scores = scores + unsqueeze(coverage, 1) * (asked @ cover)
    width = attention.query.out_features
    weights = softmax(scores * math.sqrt(heads / width), unsqueeze(unsqueeze(memory.pads, 1), 1))
    found = transpose(weights @ split(memory.values, heads), 0, 2, 1, 3)
    joined = reshape(found, size(queries, 0), size(queries, 1), width)
    attended = linear(joined, attention.output.weight, attention.output.bias)
    mean = queries.graph.node("ReduceMean", weights, axes=[1], keepdims=0)
    return attended, mean


def split(values: Value, heads: int) -> Value:
    """Splits the heads: ``(sentences, length, size)`` -> ``(sentences, heads, length, …)``."""
    parts = reshape(values, size(values, 0), size(values, 1), heads, -1)
    return transpose(parts, 0, 2, 1, 3)

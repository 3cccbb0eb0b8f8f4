"""Sampling: the next token is drawn from the model's distribution, or from a part of it.

A draw is a function of (seed, ids of the source, number of the sample, position) and of nothing
else: a sentence has the same samples in every batch, in every order and beside any other sentence,
but for the rounding of a model's probabilities, which depends on the shape of a batch.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

import torch
from torch import Tensor

from seq2seq.decoding.constraints import Constraints
from seq2seq.decoding.greedy import decode_rows
from seq2seq.decoding.hypothesis import Hypothesis
from seq2seq.decoding.interface import LOG_PROBABILITY, Scoring, State, StepFunction, select_rows


def sample_search(
    step: StepFunction,
    state: State,
    constraints: Constraints,
    scoring: Scoring = LOG_PROBABILITY,
    *,
    keys: Sequence[Sequence[bytes]],
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
) -> list[list[Hypothesis]]:
    """Returns samples of each row, one for each of its keys, in their order; some may be equal.

    Args:
        state: before bos, one row for each sentence.
        keys: for each sentence those of its samples, see `sample_key`.
        temperature: see `truncated_distribution`, as `top_k` and `top_p`.
    """
    owners = [sentence for sentence, each in enumerate(keys) for _ in each]
    flat = [key for each in keys for key in each]
    sentences = torch.tensor(owners, dtype=torch.long, device=constraints.max_lengths.device)

    def draw(log_probs: Tensor, rows: Tensor, position: int) -> Tensor:
        distribution = truncated_distribution(log_probs, temperature, top_k, top_p)
        return draw_tokens(distribution, [flat[row] for row in rows.tolist()], position)

    states = select_rows(state, sentences)
    found = iter(decode_rows(step, states, constraints, scoring, sentences, draw))
    return [[next(found) for _ in each] for each in keys]


def draw_tokens(distribution: Tensor, keys: Sequence[bytes], position: int) -> Tensor:
    """Returns what the sample of each key has at a position: ids ``(rows,)``."""
    draws = [uniform_draw(key, position) for key in keys]
    uniforms = torch.tensor(draws, dtype=torch.float64, device=distribution.device)
    return sample_inverse_cdf(distribution, uniforms)


def sample_key(seed: int, ids: Sequence[int], number: int) -> bytes:
    """Returns the key of all draws of a source's sample: 32 bytes, the same in every process."""
    return hashlib.sha256(json.dumps([seed, list(ids), number]).encode("ascii")).digest()


def uniform_draw(key: bytes, position: int) -> float:
    """Returns the draw of a sample at a position: uniform in [0, 1)."""
    digest = hashlib.blake2b(position.to_bytes(8, "little"), key=key, digest_size=8).digest()
    return (int.from_bytes(digest, "little") >> 11) * 2.0**-53


def truncated_distribution(
    log_probs: Tensor, temperature: float, top_k: int, top_p: float
) -> Tensor:
    """Returns the distribution to draw from: ``(rows, vocab_size)``, in float64.

    Args:
        log_probs: of what may come, ``(rows, vocab_size)``; -inf where a token may not.
        temperature: log-probabilities are divided by it.
        top_k: then only the so many most probable are left (Fan et al. 2018); 0: all.
        top_p: then, of these, only the fewest most probable that have this much probability
            together (Holtzman et al. 2020, section 3.1); 1: all.
    """
    size = log_probs.shape[1]
    if 0 < top_k < size:
        ranked, order = log_probs.topk(top_k, dim=1)
    elif top_p < 1:
        ranked, order = log_probs.sort(dim=1, descending=True, stable=True)
    else:
        ranked, order = log_probs, None
    ranked = ranked.double()
    # From the highest downwards: no temperature, however low, can make a row all -inf.
    weights = ((ranked - ranked.amax(dim=1, keepdim=True)) / temperature).softmax(dim=1)
    if order is None:
        return weights
    if top_p < 1:
        before = weights.cumsum(dim=1) - weights
        weights = weights.masked_fill(before >= top_p, 0.0)
        weights = weights / weights.sum(dim=1, keepdim=True)
    return weights.new_zeros(log_probs.shape).scatter(1, order, weights)


def sample_inverse_cdf(probabilities: Tensor, uniforms: Tensor) -> Tensor:
    """Returns where the cumulative distribution exceeds each draw: ids ``(rows,)``.

    Args:
        probabilities: ``(rows, vocab_size)``; one of 0 is never drawn.
        uniforms: in [0, 1), ``(rows,)``.
    """
    cumulative = probabilities.cumsum(dim=1)
    whole = cumulative[:, -1:].contiguous()
    drawn = torch.searchsorted(cumulative, uniforms.unsqueeze(1) * whole, right=True)
    # Rounding could take a draw up to the whole, beyond which nothing comes.
    last = torch.searchsorted(cumulative, whole)
    return torch.minimum(drawn, last).squeeze(1)

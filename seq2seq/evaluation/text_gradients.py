"""Gradient flow of language models on a text: how far back the loss of a token reaches.

The loss is that of the last token of a window, minus the logarithm of its probability, and what is
measured is its gradient at the states of the top layer, see `seq2seq.evaluation.gradient_flow`.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from seq2seq.errors import DataError
from seq2seq.evaluation.ahead import spread
from seq2seq.evaluation.gradient_flow import GradientFlow, gradient_flow
from seq2seq.language_settings import LanguageModelSettings
from seq2seq.models.language import LanguageNetwork, build_language_model


def windows(rows: Sequence[Sequence[int]], steps: int, places: int) -> Tensor:
    """Windows that are spread evenly over a text, ids ``(at most places, steps + 1)``.

    Args:
        rows: what is read from a fresh state: the whole text, or each of its sentences.
        steps: the tokens that are read; the one after them is predicted.
        places: how many windows; all of them where there are fewer.

    Raises:
        DataError: no row is long enough.
    """
    chosen = spread([max(0, len(row) - steps) for row in rows], places)
    found = [
        list(row[start : start + steps + 1])
        for row, starts in zip(rows, chosen, strict=True)
        for start in starts
    ]
    if not found:
        longest = max(map(len, rows), default=0)
        raise DataError(
            f"{steps:,} steps need {steps + 1:,} tokens that are read in one go, and there are "
            f"{longest:,} at most (by a model of sentences: in one sentence): give more text, or "
            f"--steps {max(longest - 1, 1)} or fewer"
        )
    return torch.tensor(found)


def text_gradient_flow(network: LanguageNetwork, ids: Tensor) -> GradientFlow:
    """How much of the loss of each window's last token arrives at each step before it.

    Args:
        network: of any cell and depth; it reads each window from a state of zeros, and is left as
            it is.
        ids: ``(windows, steps + 1)``.

    Returns:
        Norms at the states after each of the steps, averaged over the windows.
    """
    decoder: Any = copy.deepcopy(network.decoder).cpu().double().eval().requires_grad_(False)
    inputs = decoder.embedding(ids[:, :-1])
    state = decoder.begin(decoder.stack.zero_state(inputs[:, 0].double()))

    def loss(output: Tensor) -> Tensor:
        """Of each window, from the last output ``(windows, size)``."""
        logits = decoder.logits(decoder.features(output, state))
        return F.cross_entropy(logits, ids[:, -1], reduction="none")

    return gradient_flow(decoder.stack, inputs, loss)


def fresh_network(cell: str, size: int, vocab_size: int, seed: int) -> LanguageNetwork:
    """A language model of one layer that has learned nothing: random weights of a seed.

    Args:
        cell: as `--model.cell`.
        size: width of the embedding and of the state.
        vocab_size: tokens in the vocabulary.
        seed: where the weights come from.
    """
    settings: Any = {"cell": cell, "embedding_size": size, "sizes": (size,), "dropout": 0.0}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build_language_model(vocab_size, LanguageModelSettings(**settings))

"""Multi-step-ahead prediction: how the error grows when a language model reads its own predictions.

Predicting the next token from true ones is the easy case. Looking k tokens ahead, the model has to
take its own predictions for the k - 1 between (Zhang et al., Dive into Deep Learning, section 9.1):

    x_1 … x_t                      the true text
    y_{t+1} … y_{t+k-1}            the most probable token each, after x_1 … x_t and the y before it
    p(x_{t+k} | x_1 … x_t, y_{t+1} … y_{t+k-1})

Its mistakes add up, and the predictions soon are no better than without any history. With k = 1 it
is teacher forcing. The same places t are looked at for every k.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate, chain, islice
from typing import NamedTuple

import torch
from torch import Tensor

from seq2seq.errors import DataError, SettingsError
from seq2seq.evaluation.exposure_bias import most_probable, score_tokens
from seq2seq.models.cells.base import CellState
from seq2seq.models.language_model import LanguageNetwork

BATCH_SIZE = 256
"""Places that are looked ahead from at the same time; changes time and memory only."""


class StepScores(NamedTuple):
    """How well the tokens at one distance are predicted.

    Attributes:
        accuracy: share of places where the true token is the most probable one, 0 to 1.
        log_probability: mean natural logarithm of the true token's probability.
    """

    accuracy: float
    log_probability: float


class MultiStepScores(NamedTuple):
    """How well a text is predicted several tokens ahead.

    Attributes:
        places: how many places of the text were looked ahead from.
        steps: the next token, the one after it, and so on.
    """

    places: int
    steps: list[StepScores]

    def as_dict(self) -> dict[str, object]:
        """Returns a run's places and steps, as JSON has them."""
        steps = [{"k": k, **step._asdict()} for k, step in enumerate(self.steps, start=1)]
        return {"places": self.places, "steps": steps}

    def as_table(self) -> str:
        """Returns a table with a row for each k."""
        lines = [f"from {self.places:,} places", f"{'k':>4}{'accuracy':>10}{'log-probability':>18}"]
        lines += [
            f"{k:>4}{step.accuracy:>10.1%}{step.log_probability:>18.3f}"
            for k, step in enumerate(self.steps, start=1)
        ]
        return "\n".join(lines)


class StartingPoint(NamedTuple):
    """Where to look ahead from.

    Attributes:
        layers: of each layer the state before the last true token, ``(1, its size)``.
        tokens: that true token, and the ones to predict, ``(1 + steps,)``.
    """

    layers: tuple[CellState, ...]
    tokens: Tensor


@torch.no_grad()
def predict_ahead(
    network: LanguageNetwork,
    rows: Sequence[Sequence[int]],
    device: torch.device,
    *,
    steps: int = 10,
    places: int = 1000,
) -> MultiStepScores:
    """Predicts 1 to `steps` tokens ahead, from places that are spread evenly over the text.

    The model's own predictions are what it would make up, never pad, unk or bos; where eos is one,
    the history goes on after it. The history of a place is all of its row up to there.

    Args:
        network: in evaluation mode.
        rows: ids, each row read from a fresh state; its first token is given.
        places: the most places to look ahead from.

    Raises:
        SettingsError: `steps` or `places` is below 1.
        DataError: no row has so many tokens to predict.
    """
    for name, value in (("steps", steps), ("places", places)):
        if value < 1:
            raise SettingsError(f"{name} is {value}; it must be 1 or more")
    chosen = spread_evenly([max(0, len(row) - steps) for row in rows], places)
    if not any(chosen):
        raise DataError(
            f"there are no {steps:,} tokens in a row to predict: give more text, or look fewer "
            "steps ahead"
        )
    waiting = chain.from_iterable(
        read(network, torch.tensor(row, device=device), begins, steps)
        for row, begins in zip(rows, chosen, strict=True)
        if begins
    )
    found = []
    while batch := list(islice(waiting, BATCH_SIZE)):
        found.append(predict(network, batch))
    scores = torch.cat(found, dim=1)  # (2, places, steps)
    averages = [StepScores(*(float(each.mean()) for each in step)) for step in scores.unbind(2)]
    return MultiStepScores(scores.shape[1], averages)


def spread_evenly(counts: Sequence[int], most: int) -> list[list[int]]:
    """Chooses at most so many of all places, spread evenly; for each row, in rising order.

    >>> spread_evenly([3, 0, 5], 4)
    [[0, 2], [], [1, 3]]
    """
    total = sum(counts)
    taken = min(most, total)
    numbers = [index * total // taken for index in range(taken)] if taken else []
    ends = [*accumulate(counts)]
    chosen: list[list[int]] = [[] for _ in counts]
    for number in numbers:
        row = bisect_right(ends, number)
        chosen[row].append(number - ends[row] + counts[row])
    return chosen


def read(
    network: LanguageNetwork, row: Tensor, begins: Sequence[int], steps: int
) -> Iterator[StartingPoint]:
    """Yields the given places of a row ``(length,)``, which is read once, from its first token."""
    state = network.start(1)
    at = 0
    for begin in begins:
        if begin > at:
            _, state = network.decoder.sequence(row[None, at:begin], state)
            at = begin
        yield StartingPoint(state.recurrent.layers, row[begin : begin + steps + 1])


def predict(network: LanguageNetwork, places: Sequence[StartingPoint]) -> Tensor:
    """Looks ahead from some places at once.

    Returns:
        Whether the true token is the most probable one, and its log-probability: float64 on the
        CPU, ``(2, places, steps)``.
    """
    states = zip(*(place.layers for place in places), strict=True)
    state = network.state_from_layers(
        tuple(tuple(map(torch.cat, zip(*layer, strict=True))) for layer in states)
    )
    tokens = torch.stack([place.tokens for place in places])
    own = tokens[:, 0]
    outcomes = []
    for true in tokens[:, 1:].unbind(1):
        log_probs, state = network.step(own, state)
        outcomes.append(torch.stack(score_tokens(log_probs, true)))
        own = most_probable(log_probs)
    return torch.stack(outcomes, dim=2).cpu().double()

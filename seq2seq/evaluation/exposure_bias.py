"""Exposure bias: how much worse a model predicts after its own tokens than after the reference's.

In training the decoder reads the reference's tokens (teacher forcing); in inference it reads its
own, with their mistakes, which it was never exposed to. Scheduled sampling (Bengio et al. 2015) is
meant to reduce the difference, which is measured here: at each target position t, how well is the
reference's token y_t predicted from

    the reference's history   y_1 … y_{t-1}      (teacher forcing)
    the model's own history   y'_1 … y'_{t-1}    (y'_i: the most probable token after y'_<i)

The own history is what greedy search feeds, without pad, unk and bos; but where greedy search would
stop at eos, eos is fed and the history goes on, so that every position of the reference has one. A
good translation in other words than the reference's counts against the own history, too: the gap is
for comparing models on the same text, not a number of mistakes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from seq2seq.config.wording import counted
from seq2seq.data.batching import Batch, bucket, make_batch
from seq2seq.data.vocabulary import EOS_ID
from seq2seq.decoding.hypothesis import FORBIDDEN_IDS
from seq2seq.decoding.interface import StepModel
from seq2seq.errors import DataError, SettingsError


class PositionScores(NamedTuple):
    """How well the references' tokens at one position are predicted, or at all positions.

    Attributes:
        tokens: how many references have a token there; eos is one.
        ended: for how many of them the own history already has an eos.
        reference_accuracy: share of tokens that the model holds most probable, 0 to 1, with the
            reference as history.
        own_accuracy: the same with the model's own history.
        reference_log_probability: mean natural logarithm of the token's probability, with the
            reference as history.
        own_log_probability: the same with the model's own history.
    """

    tokens: int
    ended: int
    reference_accuracy: float
    own_accuracy: float
    reference_log_probability: float
    own_log_probability: float

    @property
    def accuracy_gap(self) -> float:
        """What the own history costs in accuracy, in shares of 1."""
        return self.reference_accuracy - self.own_accuracy

    @property
    def log_probability_gap(self) -> float:
        """What the own history costs in log-probability, in nats for each token."""
        return self.reference_log_probability - self.own_log_probability

    def as_dict(self) -> dict[str, float]:
        """Returns all figures by name, the gaps last."""
        gaps = {name: getattr(self, name) for name in ("accuracy_gap", "log_probability_gap")}
        return {**self._asdict(), **gaps}


class ExposureBias(NamedTuple):
    """The exposure bias of a model on a text.

    Attributes:
        positions: the first token of the references, the second, and so on.
        total: all of these positions together, each token counted once.
    """

    positions: list[PositionScores]
    total: PositionScores

    def as_dict(self) -> dict[str, object]:
        """Returns a run's positions and total, as JSON has them."""
        positions = [
            {"position": number, **position.as_dict()}
            for number, position in enumerate(self.positions, start=1)
        ]
        return {"positions": positions, "total": self.total.as_dict()}

    def as_table(self) -> str:
        """Returns a table with a row for each position, and one for all."""
        three = f"{'reference':>10}{'own':>9}{'gap':>9}"
        lines = [
            f"{'':26}|{'accuracy, by history':^29}|{'log-probability, by history':^29}",
            f"position    tokens   ended |{three} |{three}",
        ]
        numbered = [(str(number), each) for number, each in enumerate(self.positions, start=1)]
        lines += [
            f"{name:>8} {each.tokens:9,} {each.ended:7,} "
            f"|{each.reference_accuracy:10.1%}{each.own_accuracy:9.1%}{each.accuracy_gap:9.1%} "
            f"|{each.reference_log_probability:10.3f}{each.own_log_probability:9.3f}"
            f"{each.log_probability_gap:9.3f}"
            for name, each in [*numbered, ("all", self.total)]
        ]
        return "\n".join(lines)


@torch.no_grad()
def measure_exposure_bias(
    model: StepModel,
    sources: Sequence[Sequence[int]],
    targets: Sequence[Sequence[int]],
    device: torch.device,
    *,
    max_length: int = 30,
    batch_tokens: int = 4096,
) -> ExposureBias:
    """Predicts the references, after the references' tokens and after the model's own.

    Args:
        model: in evaluation mode.
        sources: ids without bos and eos.
        targets: the ids of their references, without bos and eos; eos is predicted, too.
        max_length: the last position to look at, in target tokens.
        batch_tokens: the most tokens of a batch; changes time and memory only.

    Raises:
        DataError: the numbers of sources and targets differ, or there are none.
        SettingsError: `max_length` is below 1.
    """
    if max_length < 1:
        raise SettingsError(f"the last position is {max_length}: it must be at least 1")
    if len(sources) != len(targets):
        raise DataError(
            f"{counted(len(sources), 'source')} but {counted(len(targets), 'reference')}: they "
            "must be line-aligned"
        )
    if not sources:
        raise DataError("there is nothing to predict: no source and no reference")
    # A row for each sentence, whichever batch it was in: sums have the same order every time.
    columns = min(max_length, 1 + max(map(len, targets)))
    table = torch.full((5, len(sources), columns), torch.nan, dtype=torch.float64)
    shown = [min(len(target), columns) for target in targets]
    for chosen in bucket([len(ids) for ids in sources], shown, batch_tokens):
        batch = make_batch([sources[i] for i in chosen], [targets[i] for i in chosen]).to(device)
        values = score_batch(model, batch, columns)
        table[:, torch.tensor(chosen), : values.shape[2]] = values
    return ExposureBias([average_scores(each) for each in table.unbind(2)], average_scores(table))


def score_batch(model: StepModel, batch: Batch, columns: int) -> Tensor:
    """Scores the first `columns` positions of a batch, with both histories side by side.

    Returns:
        Float64 on the CPU, ``(5, batch_size, min(columns, target_length))``, NaN where there is no
        token: whether the token is the most probable one after the reference's history, and after
        the own one; its log-probability after each; whether the own history has an eos.
    """
    reference_state = own_state = model.start(batch.source, batch.source_lengths)
    own_tokens = batch.target_input[:, 0]
    ended = torch.zeros_like(own_tokens, dtype=torch.bool)
    outcomes = []
    for position in range(min(columns, batch.target_output.shape[1])):
        wanted = batch.target_output[:, position]
        reference_tokens = batch.target_input[:, position]
        reference_log_probs, reference_state = model.step(reference_tokens, reference_state)
        own_log_probs, own_state = model.step(own_tokens, own_state)
        right, log_probability = score_tokens(reference_log_probs, wanted)
        own_right, own_log_probability = score_tokens(own_log_probs, wanted)
        outcomes.append(
            torch.stack([right, own_right, log_probability, own_log_probability, ended.float()])
        )
        own_tokens = most_probable(own_log_probs)
        ended = ended | (own_tokens == EOS_ID)
    values = torch.stack(outcomes, dim=2).cpu().double()  # (5, batch_size, positions)
    real = torch.arange(values.shape[2]) < batch.target_lengths.unsqueeze(1)
    return values.masked_fill(~real, torch.nan)


def score_tokens(log_probs: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
    """Scores tokens ``(batch_size,)`` by log-probabilities ``(batch_size, vocab_size)``.

    Returns:
        Whether each is the most probable one, and its log-probability: float32, ``(batch_size,)``.
    """
    right = log_probs.argmax(dim=-1) == wanted
    return right.float(), log_probs.gather(1, wanted.unsqueeze(1)).squeeze(1).float()


def most_probable(log_probs: Tensor) -> Tensor:
    """Returns the most probable tokens ``(batch_size,)``, as greedy search: no pad, unk, bos."""
    never = torch.tensor(FORBIDDEN_IDS, device=log_probs.device)
    return log_probs.index_fill(1, never, float("-inf")).argmax(dim=-1)


def average_scores(table: Tensor) -> PositionScores:
    """Averages `score_batch`'s results ``(5, …)`` over the tokens that there are."""
    *scores, ended = (values[~values.isnan()] for values in table)
    means = [float(values.mean()) for values in scores]
    return PositionScores(len(ended), int(ended.sum()), *means)

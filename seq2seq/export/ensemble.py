"""Several exported models as one: the mean of their probabilities, see `decoding.ensemble`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from seq2seq.export.model import Array, ExportedModel, ExportedState, Step


class EnsembleState(NamedTuple):
    """The states of all members, in their order."""

    members: tuple[ExportedState, ...]

    def select(self, rows: Array, sentences: Array | None) -> EnsembleState:
        """Returns some rows, see `ExportedState.select`."""
        return EnsembleState(tuple(each.select(rows, sentences) for each in self.members))


class ExportedEnsemble(NamedTuple):
    """Models with one target vocabulary, each with its own source vocabulary; often a single one.

    Attributes:
        members: the models.
        vocab_size: of the target.
    """

    members: Sequence[ExportedModel]
    vocab_size: int

    def start(self, sources: Sequence[tuple[Array, Array]]) -> EnsembleState:
        """Returns the state before bos; for each member its source, see `ExportedModel.start`."""
        pairs = zip(self.members, sources, strict=True)
        return EnsembleState(tuple(member.start(*source) for member, source in pairs))

    def step(
        self,
        tokens: Array,
        state: EnsembleState,
        wanted: Array,
        *,
        count: int,
        attention: bool = False,
    ) -> tuple[Step, EnsembleState]:
        """Takes one step, see `ExportedModel.step`; attention is the mean of the members'."""
        if len(self.members) == 1:
            (member,), (only,) = self.members, state.members
            found, after = member.step(tokens, only, wanted, count=count, attention=attention)
            return found, EnsembleState((after,))
        every = np.tile(np.arange(self.vocab_size), (len(tokens), 1))
        steps, states = zip(
            *(
                member.step(tokens, each, every, count=1, attention=attention)
                for member, each in zip(self.members, state.members, strict=True)
            ),
            strict=True,
        )
        log_probs = log_mean_exp(np.stack([each.wanted for each in steps]))
        best = np.argpartition(log_probs, -count, axis=1)[:, -count:]
        order = np.argsort(-np.take_along_axis(log_probs, best, axis=1), axis=1, kind="stable")
        best = np.take_along_axis(best, order, axis=1)
        found = Step(
            np.take_along_axis(log_probs, best, axis=1),
            best,
            np.take_along_axis(log_probs, wanted, axis=1),
            np.mean([each.attention for each in steps], axis=0) if attention else None,
        )
        return found, EnsembleState(states)


def log_mean_exp(values: Array) -> Array:
    """Returns the logarithm of the mean of exp, over the first dimension."""
    highest = values.max(axis=0)
    mean: Array = highest + np.log(np.exp(values - highest).mean(axis=0))
    return mean

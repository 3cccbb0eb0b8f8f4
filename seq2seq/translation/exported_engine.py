"""Exported models, one or an ensemble, computed for a translator without torch."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from seq2seq.config.base import raise_problems
from seq2seq.config.decoding import DecodingSettings
from seq2seq.data.tokenizers.pipeline import TextPipeline
from seq2seq.data.vocabulary import BOS_ID, EOS_ID
from seq2seq.decoding.hypothesis import Hypothesis, Ids
from seq2seq.errors import RunError, SettingsError
from seq2seq.export.directory import check_supported
from seq2seq.export.ensemble import ExportedEnsemble
from seq2seq.export.model import ExportedModel
from seq2seq.export.search import score, search
from seq2seq.translation.engine import check_attention


class ExportedMember(NamedTuple):
    """An exported model of a translator, with the source side that belongs to it."""

    model: ExportedModel
    source: TextPipeline


class ExportedEngine:
    """See `Engine`; arguments as for `Translator`, with the first model among the members.

    Raises:
        SettingsError: another device than the CPU is asked for.
        RunError: a model has not as many tokens as its vocabularies.
    """

    def __init__(
        self, members: Sequence[ExportedMember], target: TextPipeline, device: str
    ) -> None:
        if device not in ("auto", "cpu"):
            raise SettingsError(
                f"an exported model is computed on the CPU, and not on {device}: leave out device"
            )
        for model, source in members:
            check_vocabularies(model, len(source.vocab), len(target.vocab))
        self.threads = available_threads()
        self.sources = [member.source for member in members]
        self.model = ExportedEnsemble([member.model for member in members], len(target.vocab))

    def check(self, settings: DecodingSettings, *, attention: bool) -> None:
        """See `Engine.check`."""
        size = self.model.vocab_size
        raise_problems(settings.too_many(size, f"{size:,} tokens"))
        check_supported(settings)
        missing = ""
        if not all(member.has_attention for member in self.model.members):
            these = "not all of these were" if len(self.sources) > 1 else "this one was not"
            missing = f", and {these} trained with it"
        check_attention(settings, self.sources, attention=attention, missing=missing)

    def search(
        self,
        sources: Sequence[Sequence[Ids]],
        settings: DecodingSettings,
        *,
        n: int,
        prefixes: Sequence[Ids] | None,
        attention: bool,
        phrases: object = None,
    ) -> list[list[Hypothesis]]:
        """See `Engine.search`; `check_terms` refuses terms, so that there are no phrases."""
        return search(
            self.model,
            sources,
            settings,
            n=n,
            prefixes=prefixes,
            attention=attention,
            threads=self.threads,
        )

    def score(
        self, sources: Sequence[Sequence[Ids]], targets: Sequence[Ids], settings: DecodingSettings
    ) -> list[list[float]]:
        """See `Engine.score`."""
        sizes = {"batch_size": settings.batch_size, "batch_tokens": settings.batch_tokens}
        return score(self.model, sources, targets, **sizes, threads=self.threads)


def available_threads() -> int:
    """Returns how many threads may compute: OMP_NUM_THREADS, as for torch, or one a processor."""
    given = os.environ.get("OMP_NUM_THREADS", "").strip()
    if given.isdecimal() and int(given) > 0:
        return int(given)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def check_vocabularies(model: ExportedModel, source_size: int, target_size: int) -> None:
    """Raises RunError unless a model knows the last source token, and exactly the target's tokens.

    A sentence of one token is read, and a step is taken, so that a model that can't be computed is
    found out when it is loaded.
    """
    source = np.array([[source_size - 1, EOS_ID]])
    state = model.start(source, np.array([2]))
    step, _ = model.step(np.array([BOS_ID]), state, np.array([[EOS_ID]]), count=target_size)
    shapes = {step.values.shape, step.tokens.shape}
    if shapes != {(1, target_size)} or sorted(step.tokens[0].tolist()) != [*range(target_size)]:
        raise RunError(
            f"{model.where}: the graphs are of other vocabularies than those beside them, which "
            f"have {source_size:,} and {target_size:,} tokens"
        )

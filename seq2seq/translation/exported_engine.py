"""An exported model, computed for a translator without torch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seq2seq.config.base import raise_problems
from seq2seq.config.decoding import DecodingSettings
from seq2seq.data.tokenizers.pipeline import TextPipeline
from seq2seq.data.vocabulary import BOS_ID, EOS_ID
from seq2seq.decoding.hypothesis import Hypothesis, Ids
from seq2seq.errors import RunError, SettingsError
from seq2seq.export.directory import check_supported
from seq2seq.export.model import ExportedModel
from seq2seq.export.search import score, search


class ExportedEngine:
    """See `Engine`.

    Raises:
        SettingsError: another device than the CPU is asked for.
        RunError: the model has not as many tokens as its vocabularies.
    """

    def __init__(
        self, model: ExportedModel, source: TextPipeline, target: TextPipeline, device: str
    ) -> None:
        if device not in ("auto", "cpu"):
            raise SettingsError(
                f"an exported model is computed on the CPU, and not on {device}: leave out device"
            )
        self.model = model
        self.sources = [source]
        self.vocab_size = len(target.vocab)
        check_vocabularies(model, len(source.vocab), len(target.vocab))

    def check(self, settings: DecodingSettings, *, attention: bool) -> None:
        """See `Engine.check`."""
        raise_problems(settings.too_many(self.vocab_size, f"{self.vocab_size:,} tokens"))
        check_supported(settings)
        names = ("coverage_penalty", "replace_unknown")
        needs = [name for name in names if getattr(settings, name)]
        needs += ["a picture of attention"] if attention else []
        if needs and not self.model.has_attention:
            raise SettingsError(
                f"{' and '.join(needs)} need{'s' * (len(needs) == 1)} a model with attention, and "
                "this one was trained without"
            )

    def search(
        self,
        sources: Sequence[Sequence[Ids]],
        settings: DecodingSettings,
        *,
        n: int,
        prefixes: Sequence[Ids] | None,
        attention: bool,
    ) -> list[list[Hypothesis]]:
        """See `Engine.search`."""
        return search(
            self.model,
            sources[0],
            settings,
            self.vocab_size,
            n=n,
            prefixes=prefixes,
            attention=attention,
        )

    def score(
        self, sources: Sequence[Sequence[Ids]], targets: Sequence[Ids], settings: DecodingSettings
    ) -> list[list[float]]:
        """See `Engine.score`."""
        return score(
            self.model,
            sources[0],
            targets,
            batch_size=settings.batch_size,
            batch_tokens=settings.batch_tokens,
        )


def check_vocabularies(model: ExportedModel, source_size: int, target_size: int) -> None:
    """Raises RunError unless a model knows the last source token, and exactly the target's tokens.

    A sentence of one token is read, and a step is taken, so that a model that can't be computed is
    found out when it is loaded.
    """
    source = np.array([[source_size - 1, EOS_ID]])
    state = model.start(source, np.array([2]))
    step = model.step(np.array([BOS_ID]), state, np.array([[EOS_ID]]), count=target_size)
    shapes = {step.values.shape, step.tokens.shape}
    if shapes != {(1, target_size)} or sorted(step.tokens[0].tolist()) != [*range(target_size)]:
        raise RunError(
            f"{model.where}: the graphs are of other vocabularies than those beside them, which "
            f"have {source_size:,} and {target_size:,} tokens"
        )

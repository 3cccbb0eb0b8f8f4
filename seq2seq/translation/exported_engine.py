"""An exported model, computed for a translator without torch."""

from __future__ import annotations

from collections.abc import Sequence

from seq2seq.config.base import raise_problems
from seq2seq.config.decoding import DecodingSettings
from seq2seq.data.tokenizers.pipeline import TextPipeline
from seq2seq.decoding.hypothesis import Hypothesis, Ids
from seq2seq.errors import SettingsError
from seq2seq.export.directory import check_supported
from seq2seq.export.model import ExportedModel
from seq2seq.export.search import score, search


class ExportedEngine:
    """See `Engine`.

    Raises:
        SettingsError: another device than the CPU is asked for.
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

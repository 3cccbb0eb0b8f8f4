"""What a translator needs of whatever computes: ids in, hypotheses out; and how text becomes ids.

The models of runs compute with torch, an exported model without it.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from seq2seq.config.decoding import DecodingSettings
from seq2seq.data.tokenizers.pipeline import TextPipeline
from seq2seq.decoding.hypothesis import Hypothesis, Ids
from seq2seq.errors import SettingsError

if TYPE_CHECKING:
    from seq2seq.decoding.lexical_constraints import Phrases


class LongSentenceWarning(UserWarning):
    """A sentence was cut, because it has more tokens than the settings let the encoder read."""


class Engine(Protocol):
    """What computes for a translator."""

    @property
    def sources(self) -> Sequence[TextPipeline]:
        """The source side of each model, as each reads the text in tokens of its own."""

    def check(self, settings: DecodingSettings, *, attention: bool) -> None:
        """Raises SettingsError if the settings, or attention, ask for what can't be done."""

    def search(
        self,
        sources: Sequence[Sequence[Ids]],
        settings: DecodingSettings,
        *,
        n: int,
        prefixes: Sequence[Ids] | None,
        attention: bool,
        phrases: Sequence[Phrases] | None = None,
    ) -> list[list[Hypothesis]]:
        """Returns the best hypotheses of each sentence, see `seq2seq.decoding.search.search`."""

    def score(
        self, sources: Sequence[Sequence[Ids]], targets: Sequence[Ids], settings: DecodingSettings
    ) -> list[list[float]]:
        """Returns log-probabilities of targets, see `seq2seq.decoding.search.score`."""


def check_attention(
    settings: DecodingSettings, sources: Sequence[TextPipeline], *, attention: bool, missing: str
) -> None:
    """Raises SettingsError if something needs attention over one source, and there is none.

    Args:
        settings: some of which need it.
        sources: the source side of each model.
        attention: whether it is to be shown.
        missing: what there is to say if a model has none; "" if all have it.
    """
    needs = [name for name in ("coverage_penalty", "replace_unknown") if getattr(settings, name)]
    if attention:
        needs.append("a picture of attention")
    if not needs:
        return
    what = f"{' and '.join(needs)} need{'s' * (len(needs) == 1)}"
    if missing:
        raise SettingsError(f"{what} a model with attention{missing}")
    if len({source.vocab.fingerprint for source in sources}) > 1:
        raise SettingsError(
            f"{what} one source vocabulary: the models of this ensemble cut a sentence into "
            "different tokens, so that their attention has no mean"
        )


def tokenize_sources(
    pipelines: Sequence[TextPipeline], texts: Sequence[str], first: int, limit: int
) -> list[list[list[str]]]:
    """For each model the tokens of each text, cut to the limit with a `LongSentenceWarning`.

    Args:
        pipelines: the source side of each model.
        texts: sentences.
        first: the number of the first of them.
        limit: the most tokens of one.
    """
    sources = [pipeline.tokenizer.tokenize_all(texts) for pipeline in pipelines]
    for number, text in enumerate(texts, start=first):
        length = max(len(tokens[number - first]) for tokens in sources)
        if length > limit:
            warnings.warn(
                f"sentence {number:,} has {length:,} tokens; the first {limit:,} are read "
                f"(max_source_length): {text[:40]!r}…",
                LongSentenceWarning,
                stacklevel=3,
            )
    return [[tokens[:limit] for tokens in rows] for rows in sources]


def source_ids(
    pipelines: Sequence[TextPipeline],
    sources: Sequence[Sequence[list[str]]],
    chosen: Sequence[int],
) -> list[list[list[int]]]:
    """For each model the ids of some texts.

    Args:
        pipelines: the source side of each model.
        sources: for each model the tokens of each text.
        chosen: which texts.
    """
    return [
        [pipeline.vocab.ids(rows[index]) for index in chosen]
        for pipeline, rows in zip(pipelines, sources, strict=True)
    ]

"""A run directory -> translations, from Python.

>>> translator = Translator.load("runs/mine")                        # doctest: +SKIP
>>> translator.translate("Ein Mann schläft.")                        # doctest: +SKIP
'A man is sleeping.'
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, overload

from seq2seq.checks import nearest, type_problems
from seq2seq.decoding.search import search
from seq2seq.decoding.steps import Hypothesis
from seq2seq.errors import SettingsError
from seq2seq.experiment import load_experiment, load_model, load_pipelines
from seq2seq.models.translation import TranslationModel
from seq2seq.settings import DecodingSettings, Experiment
from seq2seq.text.pipeline import TextPipeline
from seq2seq.training.hardware import choose_device
from seq2seq.training.run_directory import RunDirectory


class LongSentenceWarning(UserWarning):
    """A sentence was cut, because it has more tokens than the settings let the encoder read."""


class Translation(NamedTuple):
    """One translation of one sentence.

    Attributes:
        text: detokenized.
        tokens: the target's tokens, as the model sees them, without eos.
        log_probability: natural logarithm of p(tokens, eos | source).
        score: what the search ranks by: the log-probability divided by the length penalty.
    """

    text: str
    tokens: list[str]
    log_probability: float
    score: float


class Translator:
    """Translates with a trained model.

    Args:
        model: any translation model.
        source: tokenizer and vocabulary of the source side.
        target: tokenizer and vocabulary of the target side.
        settings: how to search, where a call does not say.
        device: "auto", "cpu", "cuda" or "mps".
    """

    def __init__(
        self,
        model: TranslationModel,
        source: TextPipeline,
        target: TextPipeline,
        settings: DecodingSettings | None = None,
        device: str = "auto",
    ) -> None:
        self.device = choose_device(device)
        self.model = model.to(self.device).eval()
        self.source = source
        self.target = target
        self.settings = settings or DecodingSettings()

    @classmethod
    def load(cls, run: str | Path, device: str = "auto") -> Translator:
        """The translator in a run directory, with its best weights.

        Raises:
            RunError: there is no run, or one of its files is missing or damaged.
        """
        directory = RunDirectory(run)
        experiment = load_experiment(directory, Experiment)
        source, target = load_pipelines(directory, experiment.data)
        model = load_model(directory, experiment, source.vocab, target.vocab)
        return cls(model, source, target, experiment.decoding, device)

    @overload
    def translate(self, text: str, **settings: Any) -> str: ...

    @overload
    def translate(self, text: Sequence[str], **settings: Any) -> list[str]: ...

    def translate(self, text: str | Sequence[str], **settings: Any) -> str | list[str]:
        """Translates a sentence, or several in one go.

        Args:
            text: one sentence, or a list of them. An empty one translates to an empty one.
            settings: fields of `DecodingSettings` for this call, as ``beam_size=5``.

        Returns:
            A string for a string, a list of as many for a list, in its order.
        """
        best = [candidates[0].text for candidates in self.search(as_list(text), **settings)]
        return best[0] if isinstance(text, str) else best

    def candidates(self, text: str, n: int = 5, **settings: Any) -> list[Translation]:
        """The `n` best translations of a sentence, best first; fewer if the search finds fewer.

        The beam is at least `n` wide, so asking for more than `beam_size` may find a better first.

        Raises:
            SettingsError: `n` is below 1.
        """
        if n < 1:
            raise SettingsError(f"n is {n}: ask for at least 1 candidate")
        beam_size = max(n, self.with_settings(settings).beam_size)
        return self.search([text], **{**settings, "beam_size": beam_size})[0][:n]

    def translate_lines(self, lines: Iterable[str], **settings: Any) -> Iterator[str]:
        """Translates a stream: a line out for every line in, as batches of them are finished."""
        for _, candidates in self.search_lines(lines, **settings):
            yield candidates[0].text

    def search_lines(
        self, lines: Iterable[str], **settings: Any
    ) -> Iterator[tuple[str, list[Translation]]]:
        """Each line of a stream with all that the search kept for it, best first."""
        chosen = self.with_settings(settings)
        # Some batches are read ahead, so that lines of like length can be searched together; with
        # a batch size of 1 every line is answered at once.
        ahead = 1 if chosen.batch_size == 1 else 8 * chosen.batch_size
        stream = iter(lines)
        first = 1
        while chunk := list(itertools.islice(stream, ahead)):
            yield from zip(chunk, self.search(chunk, first=first, **settings), strict=True)
            first += len(chunk)

    def search(
        self, texts: Sequence[str], *, first: int = 1, **settings: Any
    ) -> list[list[Translation]]:
        """All that the search kept for each text, best first.

        Args:
            texts: sentences; one without a token translates to the empty sentence.
            first: the number of the first of them, for warnings.
            settings: fields of `DecodingSettings`.
        """
        chosen = self.with_settings(settings)
        results = [[Translation("", [], 0.0, 0.0)] for _ in texts]
        encoded = self.source.encode(texts)
        full = [index for index, row in enumerate(encoded) if row]
        ids = [encoded[index] for index in full]
        for index, row in zip(full, ids, strict=True):
            if len(row) > chosen.max_source_length:
                warnings.warn(
                    f"sentence {first + index:,} has {len(row):,} tokens; the first "
                    f"{chosen.max_source_length:,} are translated (max_source_length): "
                    f"{texts[index][:40]!r}…",
                    LongSentenceWarning,
                    stacklevel=2,
                )
        cut = [row[: chosen.max_source_length] for row in ids]
        for index, found in zip(full, search(self.model, cut, chosen, self.device), strict=True):
            results[index] = [self.translation(hypothesis) for hypothesis in found]
        return results

    def translation(self, hypothesis: Hypothesis) -> Translation:
        """A hypothesis in words."""
        tokens = self.target.vocab.tokens(hypothesis.tokens)
        return Translation(
            self.target.tokenizer.detokenize(tokens),
            tokens,
            hypothesis.log_probability,
            hypothesis.score,
        )

    def with_settings(self, changes: dict[str, Any]) -> DecodingSettings:
        """The settings with some changes; SettingsError for an unknown or impossible one."""
        names = list(DecodingSettings.__dataclass_fields__)
        for name in changes:
            if name not in names:
                raise SettingsError(f"unknown decoding setting {name}{nearest(name, names)}")
        settings = replace(self.settings, **changes)
        if problems := type_problems(settings, "decoding.") or list(settings.problems()):
            raise SettingsError("\n".join(problems))
        return settings


def as_list(text: str | Sequence[str]) -> Sequence[str]:
    """One string as a list of one."""
    return [text] if isinstance(text, str) else list(text)

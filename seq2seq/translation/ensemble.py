"""The models of a translator, one or an ensemble: loaded, checked, and given their text."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch

from seq2seq.config.decoding import DecodingSettings
from seq2seq.config.experiment import Experiment
from seq2seq.data.tokenizers.pipeline import TextPipeline
from seq2seq.decoding.interface import StepLanguageModel
from seq2seq.errors import SettingsError
from seq2seq.models.language_model import LanguageNetwork
from seq2seq.models.translation import TranslationModel
from seq2seq.runs.directory import RunDirectory
from seq2seq.runs.metadata import load_experiment
from seq2seq.translation.train import load_model, load_pipelines


class LongSentenceWarning(UserWarning):
    """A sentence was cut, because it has more tokens than the settings let the encoder read."""


class EnsembleMember(NamedTuple):
    """One model of a translator, with the source side that belongs to it."""

    model: TranslationModel
    source: TextPipeline


def load_members(
    runs: Sequence[str | Path],
) -> tuple[list[EnsembleMember], TextPipeline, DecodingSettings]:
    """The models of these runs with their best weights, and target side and settings of the first.

    Raises:
        RunError: a run is not there, or one of its files is missing or damaged.
        SettingsError: they have different target vocabularies.
    """
    members: list[EnsembleMember] = []
    targets: list[TextPipeline] = []
    settings: list[DecodingSettings] = []
    for run in runs:
        directory = RunDirectory(run)
        experiment = load_experiment(directory, Experiment)
        source, target = load_pipelines(directory, experiment.data)
        if targets and target.vocab.fingerprint != targets[0].vocab.fingerprint:
            raise SettingsError(
                f"{runs[0]} and {run} can't be an ensemble: their target vocabularies differ. "
                f"Train {run} again with --data.vocabulary {runs[0]}"
            )
        model = load_model(directory, experiment, source.vocab, target.vocab)
        members.append(EnsembleMember(model, source))
        targets.append(target)
        settings.append(experiment.decoding)
    return members, targets[0], settings[0]


def load_fusion_model(run: str, target: TextPipeline, device: torch.device) -> StepLanguageModel:
    """The language model of a run, to help a translation into this target.

    Raises:
        RunError: there is no run of a language model.
        SettingsError: it has another vocabulary, or knows running text only.
    """
    from seq2seq.language_modeling.model import LanguageModel

    model = LanguageModel.load(run, device.type)
    if model.text.pipeline.vocab.fingerprint != target.vocab.fingerprint:
        otherwise = (
            f", or train the translation model with --model.initialize-decoder {run}"
            if isinstance(model.network, LanguageNetwork)
            else ""
        )
        raise SettingsError(
            f"the language model {run} has another vocabulary than the translation model's target "
            f"side: make it with --data.vocabulary and the translation model's run{otherwise}"
        )
    if not model.text.sentences:
        raise SettingsError(
            f"the language model {run} was trained on running text and does not know how a "
            "sentence begins: train it with --data.windows sentences"
        )
    return model.network


def tokenize_sources(
    members: Sequence[EnsembleMember], texts: Sequence[str], *, first: int, limit: int
) -> list[list[list[str]]]:
    """For each member the tokens of each text, cut to the limit with a `LongSentenceWarning`.

    Args:
        members: whose tokenizers to use.
        texts: sentences.
        first: the number of the first of them.
        limit: the most tokens of one.
    """
    sources = [member.source.tokenizer.tokenize_all(texts) for member in members]
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
    members: Sequence[EnsembleMember], sources: Sequence[Sequence[list[str]]], chosen: Sequence[int]
) -> list[list[list[int]]]:
    """For each member the ids of some texts.

    Args:
        members: whose vocabularies to use.
        sources: for each member the tokens of each text.
        chosen: which texts.
    """
    return [
        [member.source.vocab.ids(rows[index]) for index in chosen]
        for member, rows in zip(members, sources, strict=True)
    ]


def check_attention(members: Sequence[EnsembleMember], needs: Sequence[str]) -> None:
    """Raises SettingsError if something needs attention over one source, and there is none.

    Args:
        members: whose attention would be used.
        needs: the names of what needs it; may be empty.
    """
    if not needs:
        return
    what = f"{' and '.join(needs)} need{'s' * (len(needs) == 1)}"
    if any(member.model.decoder.attention is None for member in members):
        every = "every run of the ensemble" if len(members) > 1 else "the run"
        raise SettingsError(
            f"{what} a model with attention: {every} must be trained with it, as with "
            "--model.attention scaled-general"
        )
    if len({member.source.vocab.fingerprint for member in members}) > 1:
        raise SettingsError(
            f"{what} one source vocabulary: the runs of this ensemble cut a sentence into "
            "different tokens, so that their attention has no mean"
        )

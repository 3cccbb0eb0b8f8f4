"""The models of a translator, one or an ensemble: loaded, checked, and given their text."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NamedTuple

import torch

from seq2seq.config.base import raise_problems
from seq2seq.config.decoding import DecodingSettings
from seq2seq.config.experiment import Experiment
from seq2seq.data.tokenizers.pipeline import TextPipeline
from seq2seq.decoding.interface import StepLanguageModel
from seq2seq.decoding.shortlist import Shortlist, load_shortlist
from seq2seq.errors import SettingsError
from seq2seq.language_modeling.loading import load_language_model
from seq2seq.models.language_model import LanguageNetwork
from seq2seq.models.translation import TranslationModel, build_translation_model
from seq2seq.runs.run import Run
from seq2seq.translation.engine import check_attention


class EnsembleMember(NamedTuple):
    """One model of a translator, with the source side that belongs to it."""

    model: TranslationModel
    source: TextPipeline


class LoadedModel(NamedTuple):
    """A translation model from a run.

    Attributes:
        model: with the best weights.
        source: tokenizer and vocabulary of the source side.
        target: tokenizer and vocabulary of the target side.
        settings: how to search, where a call does not say.
        shortlist: for `settings.shortlist`; None if the run has none.
    """

    model: TranslationModel
    source: TextPipeline
    target: TextPipeline
    settings: DecodingSettings
    shortlist: Shortlist | None


def load_translation_model(run: Run) -> LoadedModel:
    """Loads the translation model of a run.

    Raises:
        RunError: the run is one of another kind, or one of its files is missing or damaged.
    """
    experiment = run.experiment(Experiment)
    source, target = run.pipelines(experiment.data.subword_sampling)
    sizes = len(source.vocab), len(target.vocab)
    model = run.load_model(lambda: build_translation_model(*sizes, experiment.model))
    path = run.directory.shortlist
    shortlist = load_shortlist(path, sizes, run.run_id) if os.path.lexists(path) else None
    return LoadedModel(model, source, target, experiment.decoding, shortlist)


def load_ensemble(runs: Sequence[Run]) -> list[LoadedModel]:
    """Loads the translation models of runs that have one target vocabulary.

    Raises:
        RunError: as `load_translation_model`.
        SettingsError: the target vocabularies differ.
    """
    loaded = [load_translation_model(run) for run in runs]
    for run, each in zip(runs, loaded, strict=True):
        if each.target.vocab.fingerprint != loaded[0].target.vocab.fingerprint:
            first, path = runs[0].directory.path, run.directory.path
            raise SettingsError(
                f"{first} and {path} can't be an ensemble: their target vocabularies differ. "
                f"Train {path} again with --data.vocabulary {first}"
            )
    return loaded


def load_fusion_model(run: str, target: TextPipeline, device: torch.device) -> StepLanguageModel:
    """The language model of a run, to help a translation into this target.

    Raises:
        RunError: there is no run of a language model.
        SettingsError: it has another vocabulary, or knows running text only.
    """
    model = load_language_model(Run(run))
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
    return model.network.to(device).train(mode=False)


def check_vocabularies(members: Sequence[EnsembleMember], target: TextPipeline) -> None:
    """Raises SettingsError unless each model has as many tokens as its vocabularies."""
    for model, source in members:
        sizes = model.encoder.embedding.num_embeddings, model.decoder.output.out_features
        if sizes != (len(source.vocab), len(target.vocab)):
            raise SettingsError(
                f"the model has {sizes[0]:,} source and {sizes[1]:,} target tokens, and the "
                f"vocabularies have {len(source.vocab):,} and {len(target.vocab):,}: they are not "
                "of one model"
            )


def check_settings(
    settings: DecodingSettings,
    members: Sequence[EnsembleMember],
    target: TextPipeline,
    shortlist: Shortlist | None,
    *,
    attention: bool,
) -> None:
    """Raises SettingsError if these models can't do what the settings ask for.

    Args:
        settings: possible by themselves.
        members: the models.
        target: their target side.
        shortlist: that of the first one, if there is one.
        attention: whether it is to be shown.
    """
    size = len(target.vocab)
    raise_problems(settings.too_many(size, f"{size:,} tokens"))
    missing = ""
    if any(member.model.decoder.attention is None for member in members):
        every = "every run of the ensemble" if len(members) > 1 else "the run"
        missing = f": {every} must be trained with it, as with --model.attention scaled-general"
    sources = [member.source for member in members]
    check_attention(settings, sources, attention=attention, missing=missing)
    if settings.shortlist and shortlist is None:
        raise SettingsError(
            f"shortlist {settings.shortlist} needs a run with a file shortlist.safetensors, which "
            "runs of earlier versions and models saved from Python lack: continue the training "
            "with --resume, even if its budget is used up, to make it; or leave shortlist at 0"
        )

"""A translator that was made in Python -> a run directory, as a training writes it."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import torch

from seq2seq.config.about import AboutSettings
from seq2seq.config.data import DataSettings, TokenizerKind
from seq2seq.config.experiment import Experiment
from seq2seq.config.model import ModelSettings
from seq2seq.data.tokenizers.base import Tokenizer
from seq2seq.decoding.shortlist import save_shortlist
from seq2seq.errors import RunError, SettingsError
from seq2seq.models.translation import TranslationModel, build_translation_model
from seq2seq.runs.checkpoint import (
    build_without_memory,
    check_shapes,
    named_weights,
    set_parameters,
    tensor_shapes,
)
from seq2seq.runs.directory import SIDES, RunDirectory
from seq2seq.runs.lock import lock_run
from seq2seq.runs.metadata import save_metadata
from seq2seq.runs.tensors import save_tensors
from seq2seq.translation.ensemble import LoadedModel


def save_model(
    directory: str | Path,
    parts: LoadedModel,
    settings: ModelSettings | None,
    about: AboutSettings,
    *,
    overwrite: bool,
) -> None:
    """Writes a run directory; see `Translator.save`."""
    model, source, target, decoding, shortlist = parts
    chosen = settings or model.settings
    if chosen is None:
        raise SettingsError(
            "the model was put together by hand, so that nothing says how to build it again: give "
            "its ModelSettings, from which build_translation_model makes the same"
        )
    check_rebuilt(model, chosen, len(source.vocab), len(target.vocab))
    names = [tokenizer_name(side.tokenizer) for side in (source, target)]
    data = DataSettings(
        tokenizer=names[0],
        vocab_size=max(len(source.vocab), 5),
        target_tokenizer="same" if chosen.shared_embedding else names[1],
        target_vocab_size=0 if chosen.shared_embedding else len(target.vocab),
        joint=chosen.shared_embedding,
        lowercase=source.tokenizer.lowercase,
        special_symbols=source.tokenizer.special_symbols,
    )
    experiment = Experiment(
        run=str(directory),
        overwrite=overwrite,
        data=data,
        model=chosen,
        decoding=decoding,
        about=about,
    )
    run = RunDirectory(directory)
    run.check_free(overwrite=overwrite, resumable=False)
    with lock_run(run.path):
        run_id = save_metadata(run, experiment, {}, dict(zip(SIDES, (source, target), strict=True)))
        save_tensors(run.best, named_weights(model), {"step": 0}, run_id)
        if shortlist is not None:
            save_shortlist(run.shortlist, shortlist, run_id)


def tokenizer_name(tokenizer: Tokenizer) -> TokenizerKind:
    """The name of a tokenizer's kind in the settings."""
    return cast(TokenizerKind, getattr(tokenizer, "algorithm", tokenizer.kind))


@torch.no_grad()
def check_rebuilt(
    model: TranslationModel, settings: ModelSettings, source_size: int, target_size: int
) -> None:
    """Raises SettingsError unless the settings build a model that computes what this one does.

    Two models with the same weights may compute different functions, as with another order of
    attention: so a sentence of every kind of token is read by both.
    """
    rebuilt = build_without_memory(
        lambda: build_translation_model(source_size, target_size, settings)
    )
    weights = named_weights(model)
    try:
        check_shapes(tensor_shapes(named_weights(rebuilt)), tensor_shapes(weights), Path("model"))
    except RunError as error:
        raise SettingsError(f"the settings are not those of this model: {error}") from error
    set_parameters(rebuilt, weights)
    training = model.training
    device = next(model.parameters()).device
    source = torch.arange(source_size, device=device)[None, :50]
    tokens = torch.arange(target_size, device=device)[None, :50]
    lengths = torch.tensor([source.shape[1]])
    found, expected = (each.eval()(source, lengths, tokens) for each in (rebuilt, model))
    model.train(training)
    if not torch.allclose(found, expected, rtol=1e-3, atol=1e-4, equal_nan=True):
        raise SettingsError(
            "the settings build a model with the same weights that computes something else: give "
            "the ModelSettings that this one was built from"
        )

"""Exported models for tests, without a directory."""

from pathlib import Path

import pytest

from seq2seq.export.decoder import write_encoder, write_step
from seq2seq.export.ensemble import ExportedEnsemble
from seq2seq.export.model import ExportedModel
from seq2seq.models.translation import TranslationModel

every_exported_cell = pytest.mark.parametrize(
    "cell",
    [
        *("elman", "elman-relu", "elman-sigmoid", "jordan", "leaky", "echo-state"),
        *("gru", "lstm", "lstm-norm", "sru", "mingru"),
    ],
)
every_exported_attention = pytest.mark.parametrize(
    "attention",
    ["additive", "dot", "scaled-dot", "general", "scaled-general", "multi-head", "local"],
)


def exported(model: TranslationModel, *, int8: bool = False) -> ExportedModel:
    """The model as ONNX Runtime computes it."""
    graphs = (write(model, int8=int8).serialize() for write in (write_encoder, write_step))
    return ExportedModel(*graphs, where=Path("export"))


def exported_ensemble(*models: TranslationModel, int8: bool = False) -> ExportedEnsemble:
    """One model, or several as an ensemble, as a search takes them."""
    size = models[0].decoder.output.out_features
    return ExportedEnsemble([exported(model, int8=int8) for model in models], size)

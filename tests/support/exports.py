"""Exported models for tests, without a directory."""

from pathlib import Path

from seq2seq.export.decoder import write_encoder, write_step
from seq2seq.export.model import ExportedModel
from seq2seq.models.translation import TranslationModel


def exported(model: TranslationModel, *, int8: bool = False) -> ExportedModel:
    """The model as ONNX Runtime computes it."""
    graphs = (write(model, int8=int8).serialize() for write in (write_encoder, write_step))
    return ExportedModel(*graphs, threads=1, where=Path("export"))

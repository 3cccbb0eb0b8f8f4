"""A translation model -> the directory of an export."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from seq2seq.config.base import to_dict
from seq2seq.config.experiment import Experiment
from seq2seq.data.tokenizers.base import Tokenizer
from seq2seq.data.tokenizers.pipeline import TextPipeline
from seq2seq.data.tokenizers.sentencepiece import SentencePieceTokenizer
from seq2seq.errors import SettingsError
from seq2seq.export.directory import ENCODER, STEP, check_free, supported, write_directory
from seq2seq.runs.directory import SIDES
from seq2seq.runs.metadata import saved_bytes

if TYPE_CHECKING:
    from seq2seq.models.translation import TranslationModel


def write_export(
    directory: str | Path,
    model: TranslationModel,
    pipelines: tuple[TextPipeline, TextPipeline],
    experiment: Experiment,
    *,
    int8: bool = False,
    overwrite: bool = False,
) -> None:
    """Writes an export, which `Translator.load` reads without torch.

    Args:
        directory: where; it is made.
        model: any that `build_translation_model` builds.
        pipelines: tokenizer and vocabulary of the source and of the target side.
        experiment: of which decoding, where an export can do it, how BLEU counts words and what is
            said of the model are kept.
        int8: whether weights are rounded to int8, see `seq2seq.export.weights`.
        overwrite: replace an export that is there.

    Raises:
        SettingsError: onnx is not installed; a part of the model can't be written in ONNX.
        RunError: the directory is not free, or can't be written to; a weight is not finite.
    """
    path = Path(directory)
    check_free(path, overwrite=overwrite)
    try:
        from seq2seq.export.decoder import write_encoder, write_step
    except ImportError as error:
        if error.name != "onnx":
            raise
        raise SettingsError("to write ONNX needs the package onnx: pip install onnx") from error
    contents = {
        ENCODER: write_encoder(model, int8=int8).serialize(),
        STEP: write_step(model, int8=int8).serialize(),
    }
    for side, pipeline in zip(SIDES, pipelines, strict=True):
        contents[f"{side}.tokenizer"] = saved_bytes(without_paths(pipeline.tokenizer).save)
        contents[f"{side}.vocab.json"] = saved_bytes(pipeline.vocab.save)
    description = {
        "model": "translation model",
        "weights": "int8" if int8 else "float32",
        "experiment": {
            "tokenize": experiment.tokenize,
            "data": {"lowercase": experiment.data.lowercase},
            "decoding": to_dict(supported(experiment.decoding)),
            "about": to_dict(experiment.about),
        },
    }
    write_directory(path, contents, description, overwrite=overwrite)


def without_paths(tokenizer: Tokenizer) -> Tokenizer:
    """Returns a tokenizer that names no file of the machine on which it was trained.

    A SentencePiece model that was trained with its own program names them; ours does not.
    """
    if not isinstance(tokenizer, SentencePieceTokenizer):
        return tokenizer
    from sentencepiece.sentencepiece_model_pb2 import ModelProto

    model = ModelProto.FromString(tokenizer.model_proto)
    every = ("input", "model_prefix", "seed_sentencepieces_file")  # the last since 0.2.3
    names = [name for name in every if hasattr(model.trainer_spec, name)]
    if not any(getattr(model.trainer_spec, name) for name in names):
        return tokenizer
    for name in names:
        model.trainer_spec.ClearField(name)
    return SentencePieceTokenizer(
        model.SerializeToString(),
        tokenizer.alpha,
        tokenizer.lowercase,
        tokenizer.special_symbols,
    )

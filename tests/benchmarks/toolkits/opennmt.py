"""OpenNMT-py 3.5.1. Run with torch 2.13, which is newer than it asks for."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from tests.benchmarks.toolkits.base import (
    BATCH_TOKENS,
    TRANSLATED_TOKENS,
    TRANSLATION_BATCH,
    Command,
    PeerModel,
    Toolkit,
    Work,
    number_in,
)
from tests.benchmarks.training import SIZES

BUT = "readout of 512"
"""As wide as the decoder, where ours is as wide as the embedding and shares its weights. General
attention is not scaled."""

MODELS = {
    "no attention": PeerModel({"global_attention": "none", "input_feed": 0}, BUT),
    "scaled general attention": PeerModel({"global_attention": "general", "input_feed": 0}, BUT),
    "additive attention, input feeding": PeerModel(
        {"global_attention": "mlp", "input_feed": 1}, BUT
    ),
}


def run_program(program: str, options: Mapping[str, Any]) -> Command:
    """One of its programs."""
    named = [text for name, value in options.items() for text in (f"-{name}", str(value))]
    return Command(["-c", f"from onmt.bin.{program} import main; main()", *named])


def prepare(work: Work) -> list[Command]:
    """Writes its configuration; counts words."""

    def side_by_side(name: str) -> dict[str, str]:
        return {"path_src": f"{work.text / name}.src", "path_tgt": f"{work.text / name}.tgt"}

    config = {
        "data": {"corpus": {**side_by_side("train"), "weight": 1}, "valid": side_by_side("dev")},
        "src_vocab": str(work.folder / "text.vocab.src"),
        "tgt_vocab": str(work.folder / "text.vocab.tgt"),
    }
    path = work.folder / "config.yaml"
    path.write_text(json.dumps(config), encoding="utf-8")  # JSON is YAML, too
    options = {"config": path, "save_data": work.folder / "text", "n_sample": -1}
    return [run_program("build_vocab", options)]


def train(work: Work, model: Mapping[str, Any]) -> Command:
    """Batches of as many tokens, pads included, from pairs sorted by length."""
    options = {
        "config": work.folder / "config.yaml",
        "save_model": work.model / "model",
        "encoder_type": "brnn",
        "decoder_type": "rnn",
        "rnn_type": "LSTM",
        "enc_layers": 1,
        "dec_layers": 1,
        "word_vec_size": SIZES["embedding_size"],
        "hidden_size": SIZES["decoder_size"],
        "dropout": SIZES["dropout"],
        "attention_dropout": 0,
        "label_smoothing": 0.1,
        "optim": "adam",
        "adam_beta2": 0.98,
        "learning_rate": 0.001,
        "max_grad_norm": 1,
        "batch_type": "tokens",
        "normalization": "tokens",
        "batch_size": BATCH_TOKENS,
        "bucket_size": 10_000,
        "num_workers": 0,
        "world_size": 1,
        "train_steps": work.updates,
        "report_every": work.log_every,
        "save_checkpoint_steps": work.updates,
        "valid_steps": 1_000_000,
    }
    return run_program("train", {**options, **model})


def translate(work: Work, beam_size: int) -> Command:
    """A translation whose log says how long it took."""
    options = {
        "model": work.model / f"model_step_{work.updates}.pt",
        "src": work.text / "test.src",
        "output": work.folder / "translations",
        "beam_size": beam_size,
        "min_length": TRANSLATED_TOKENS,
        "max_length": TRANSLATED_TOKENS,
        "max_length_ratio": 0,
        "batch_size": TRANSLATION_BATCH,
        "batch_type": "sents",
        "gpu": -1,
    }
    command = run_program("translate", options)
    return Command([*command.arguments, "-report_time"])


def seconds(log: str, sentences: int) -> float | None:
    """From the mean time of a sentence, which has more digits than the total."""
    mean = number_in(r"Average translation time \(ms\): ([\d.]+)", log)
    return None if mean is None else mean / 1000 * sentences


OPENNMT = Toolkit(
    module="onmt",
    models=MODELS,
    prepare=prepare,
    train=train,
    translate=translate,
    training_speed=re.compile(r"Step +\d+/.* \d+/ *(\d+) tok/s"),
    translating_seconds=seconds,
)

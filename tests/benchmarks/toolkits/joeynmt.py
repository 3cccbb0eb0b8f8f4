"""Joey NMT 2.3.0. It always has attention."""

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

BUT = "readout of 512, unsorted"
"""A readout as wide as the decoder, where ours is as wide as the embedding and shares its weights;
batches of pairs as they come, with more pads. General attention is not scaled, and decodes step by
step in training, too."""

MODELS = {
    "scaled general attention": PeerModel({"attention": "luong", "input_feeding": False}, BUT),
    "additive attention, input feeding": PeerModel(
        {"attention": "bahdanau", "input_feeding": True}, BUT
    ),
}


def config(work: Work, model: Mapping[str, Any], beam_size: int) -> dict[str, Any]:
    """The whole configuration."""
    common = {
        "type": "recurrent",
        "rnn_type": "lstm",
        "num_layers": 1,
        "embeddings": {"embedding_dim": SIZES["embedding_size"]},
        "dropout": SIZES["dropout"],
    }
    size = SIZES["decoder_size"]
    encoder = {"bidirectional": True, "hidden_size": size // 2}
    decoder = {"hidden_size": size, "hidden_dropout": SIZES["dropout"], "init_hidden": "last"}
    return {
        "name": "benchmark",
        "model_dir": str(work.model),
        "use_cuda": False,
        "data": {
            "train": str(work.text / "train"),
            "dev": str(work.text / "dev"),
            "dataset_type": "plain",
            "src": {"lang": "src", "level": "word"},
            "trg": {"lang": "tgt", "level": "word"},
        },
        "training": {
            "batch_type": "token",
            "batch_size": BATCH_TOKENS,
            "normalization": "tokens",
            "updates": work.updates,
            "epochs": 1_000_000,
            "logging_freq": work.log_every,
            "validation_freq": 1_000_000 * work.log_every,  # a multiple, or it refuses
            "optimizer": "adam",
            "adam_betas": [0.9, 0.98],
            "learning_rate": 0.001,
            "learning_rate_min": 0.0,
            "scheduling": "warmupinversesquareroot",
            "label_smoothing": 0.1,
            "clip_grad_norm": 1.0,
            "overwrite": True,
        },
        "testing": {
            "batch_type": "sentence",
            "batch_size": TRANSLATION_BATCH,
            "beam_size": beam_size,
            "min_output_length": TRANSLATED_TOKENS,
            "max_output_length": TRANSLATED_TOKENS,
        },
        "model": {"encoder": {**common, **encoder}, "decoder": {**common, **decoder, **model}},
    }


def train(work: Work, model: Mapping[str, Any]) -> Command:
    """A training, without the test that would follow it."""
    path = work.folder / "train.yaml"
    path.write_text(json.dumps(config(work, model, 1)), encoding="utf-8")
    return Command(["-m", "joeynmt", "train", str(path), "--skip-test"])


def translate(work: Work, beam_size: int) -> Command:
    """A translation by the model of the last training."""
    config = json.loads((work.folder / "train.yaml").read_text(encoding="utf-8"))
    config["testing"]["beam_size"] = beam_size
    path = work.folder / "translate.yaml"
    path.write_text(json.dumps(config), encoding="utf-8")
    return Command(["-m", "joeynmt", "translate", str(path)], work.text / "test.src")


def seconds(log: str, sentences: int) -> float | None:
    """Its log says it, to a tenth of a millisecond."""
    return number_in(r"Generation took ([\d.]+)\[sec\]", log)


JOEYNMT = Toolkit(
    module="joeynmt",
    models=MODELS,
    prepare=lambda work: [],
    train=train,
    translate=translate,
    training_speed=re.compile(r"Tokens per Sec: +(\d+)"),
    translating_seconds=seconds,
)

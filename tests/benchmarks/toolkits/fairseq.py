"""fairseq 0.12.2. Run with omegaconf 2.0.6 and hydra-core 1.0.7; Python 3.11 takes its dataclasses
only with their mutable defaults made factories.
"""

from __future__ import annotations

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

MODELS = {
    "no attention": PeerModel({"decoder-attention": 0}, "input feeding"),
    "scaled general attention": PeerModel({"decoder-attention": 1}, "input feeding"),
    "additive attention, input feeding": PeerModel({"decoder-attention": 1}, "general attention"),
}
"""Its one kind of attention is general, not scaled, and it always has input feeding; without
attention the decoder's last output is fed."""

LANGUAGES = {"source-lang": "src", "target-lang": "tgt"}

LEARNING = {
    "criterion": "label_smoothed_cross_entropy",
    "label-smoothing": 0.1,
    "optimizer": "adam",
    "adam-betas": "(0.9, 0.98)",
    "lr": 0.001,
    "clip-norm": 1,
    "num-workers": 0,
    "no-epoch-checkpoints": True,
}


def run_program(program: str, data: list[str], options: Mapping[str, Any]) -> Command:
    """One of its programs; an option that is True is a flag."""
    named = [
        text
        for name, value in options.items()
        for text in ([f"--{name}"] if value is True else [f"--{name}", str(value)])
    ]
    return Command(["-c", f"from fairseq_cli.{program} import cli_main; cli_main()", *data, *named])


def prepare(work: Work) -> list[Command]:
    """Makes dictionaries and binary text."""
    options = {
        **LANGUAGES,
        "trainpref": work.text / "train",
        "validpref": work.text / "dev",
        "destdir": work.folder / "data",
        "workers": 1,
    }
    return [run_program("preprocess", [], options)]


def train(work: Work, model: Mapping[str, Any]) -> Command:
    """Batches of at most as many tokens, pads included, from pairs sorted by length."""
    size = SIZES["decoder_size"]
    options = {
        **LANGUAGES,
        "cpu": True,
        "arch": "lstm",
        "encoder-layers": 1,
        "encoder-bidirectional": True,
        "encoder-embed-dim": SIZES["embedding_size"],
        "encoder-hidden-size": size // 2,
        "decoder-layers": 1,
        "decoder-embed-dim": SIZES["embedding_size"],
        "decoder-hidden-size": size,
        "decoder-out-embed-dim": SIZES["embedding_size"],
        "share-decoder-input-output-embed": True,
        "dropout": SIZES["dropout"],
        **LEARNING,
        "max-tokens": BATCH_TOKENS,
        "max-update": work.updates,
        "log-format": "simple",
        "log-interval": work.log_every,
        "disable-validation": True,
        "save-dir": work.model,
        **model,
    }
    return run_program("train", [str(work.folder / "data")], options)


def translate(work: Work, beam_size: int) -> Command:
    """A translation whose log says how long it took."""
    options = {
        **LANGUAGES,
        "cpu": True,
        "path": work.model / "checkpoint_last.pt",
        "input": work.text / "test.src",
        "buffer-size": 1_000_000,
        "batch-size": TRANSLATION_BATCH,
        "beam": beam_size,
        "min-len": TRANSLATED_TOKENS,
        "max-len-a": 0,
        "max-len-b": TRANSLATED_TOKENS,
    }
    return run_program("interactive", [str(work.folder / "data")], options)


def seconds(log: str, sentences: int) -> float | None:
    """Its log says it."""
    return number_in(r"; translation time: ([\d.]+)", log)


FAIRSEQ = Toolkit(
    module="fairseq",
    models=MODELS,
    prepare=prepare,
    train=train,
    translate=translate,
    training_speed=re.compile(r"\| train_inner \|.* wps=([\d.]+)"),
    translating_seconds=seconds,
)

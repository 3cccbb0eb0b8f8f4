"""Other toolkits: the commands by which each prepares text, trains and translates, and their logs.

Only what was run stands here: OpenNMT-py 3.5.1 and Joey NMT 2.3.0, both with torch 2.13.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tests.benchmarks.training import SIZES

TRANSLATED_TOKENS = 13
"""Of every translation, whatever the model would like: all do the same number of steps."""

TRANSLATION_BATCH = 64
BATCH_TOKENS = 2048


class Work(NamedTuple):
    """What a command is told.

    Attributes:
        text: the folder of train.src, train.tgt, dev.src, dev.tgt and test.src.
        folder: for what the toolkit writes.
        updates: of a training.
        log_every: so many updates it logs its speed.
    """

    text: Path
    folder: Path
    updates: int
    log_every: int


class Command(NamedTuple):
    """A command line.

    Attributes:
        arguments: what follows the Python of the toolkit.
        standard_input: a file.
    """

    arguments: list[str]
    standard_input: Path | None = None


class Toolkit(NamedTuple):
    """How to use one.

    Attributes:
        module: what its Python must be able to import.
        models: its settings of each model that it has, by the titles of `training.MODELS`.
        prepare: returns what has to be run once.
        train: returns a training of the model with these settings.
        translate: returns a translation of test.src by the model trained last, given a beam size.
        training_speed: finds target tokens a second in the log, once every `log_every` updates.
        translating_seconds: returns how long translating took without the start, given the log
            and the number of sentences; None if the log does not say.
    """

    module: str
    models: Mapping[str, dict[str, Any]]
    prepare: Callable[[Work], list[Command]]
    train: Callable[[Work, dict[str, Any]], Command]
    translate: Callable[[Work, int], Command]
    training_speed: re.Pattern[str]
    translating_seconds: Callable[[str, int], float | None]


def number_in(pattern: str, log: str) -> float | None:
    """The number that the pattern finds in a log."""
    found = re.search(pattern, log)
    return float(found[1]) if found else None


# OpenNMT-py. Its readout is as wide as the decoder and has weights of its own; its general
# attention is not scaled.

OPENNMT_MODELS: dict[str, dict[str, Any]] = {
    "no attention": {"global_attention": "none", "input_feed": 0},
    "scaled general attention": {"global_attention": "general", "input_feed": 0},
    "additive attention, input feeding": {"global_attention": "mlp", "input_feed": 1},
}


def opennmt_command(program: str, options: Mapping[str, Any]) -> Command:
    """One of its programs."""
    named = [text for name, value in options.items() for text in (f"-{name}", str(value))]
    return Command(["-c", f"from onmt.bin.{program} import main; main()", *named])


def opennmt_prepare(work: Work) -> list[Command]:
    """Writes its configuration; counts words."""
    config = {
        "data": {
            "corpus": {
                "path_src": str(work.text / "train.src"),
                "path_tgt": str(work.text / "train.tgt"),
                "weight": 1,
            }
        },
        "src_vocab": str(work.folder / "text.vocab.src"),
        "tgt_vocab": str(work.folder / "text.vocab.tgt"),
    }
    path = work.folder / "config.yaml"
    path.write_text(json.dumps(config), encoding="utf-8")  # JSON is YAML, too
    options = {"config": path, "save_data": work.folder / "text", "n_sample": -1}
    return [opennmt_command("build_vocab", options)]


def opennmt_train(work: Work, model: dict[str, Any]) -> Command:
    """Batches of as many tokens, pads included, from pairs sorted by length."""
    options = {
        "config": work.folder / "config.yaml",
        "save_model": work.folder / "model",
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
    return opennmt_command("train", {**options, **model})


def opennmt_translate(work: Work, beam_size: int) -> Command:
    """A translation whose log says how long it took."""
    options = {
        "model": work.folder / f"model_step_{work.updates}.pt",
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
    command = opennmt_command("translate", options)
    return Command([*command.arguments, "-report_time"])


def opennmt_seconds(log: str, sentences: int) -> float | None:
    """From the mean time of a sentence, which has more digits than the total."""
    mean = number_in(r"Average translation time \(ms\): ([\d.]+)", log)
    return None if mean is None else mean / 1000 * sentences


# Joey NMT. It always has attention, and decodes step by step without input feeding, too. Its
# batches are not sorted by length; its readout is as wide as the decoder; its general attention is
# not scaled.

JOEYNMT_MODELS: dict[str, dict[str, Any]] = {
    "scaled general attention": {"attention": "luong", "input_feeding": False},
    "additive attention, input feeding": {"attention": "bahdanau", "input_feeding": True},
}


def joeynmt_config(work: Work, model: dict[str, Any], beam_size: int) -> dict[str, Any]:
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
        "model_dir": str(work.folder / "model"),
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
            "validation_freq": 1_000_000,
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


def joeynmt_train(work: Work, model: dict[str, Any]) -> Command:
    """A training, without the test that would follow it."""
    path = work.folder / "train.yaml"
    path.write_text(json.dumps(joeynmt_config(work, model, 1)), encoding="utf-8")
    return Command(["-m", "joeynmt", "train", str(path), "--skip-test"])


def joeynmt_translate(work: Work, beam_size: int) -> Command:
    """A translation by the model of the last training."""
    config = json.loads((work.folder / "train.yaml").read_text(encoding="utf-8"))
    config["testing"]["beam_size"] = beam_size
    path = work.folder / "translate.yaml"
    path.write_text(json.dumps(config), encoding="utf-8")
    return Command(["-m", "joeynmt", "translate", str(path)], work.text / "test.src")


def joeynmt_seconds(log: str, sentences: int) -> float | None:
    """Its log says it, to a tenth of a millisecond."""
    return number_in(r"Generation took ([\d.]+)\[sec\]", log)


TOOLKITS: dict[str, Toolkit] = {
    "opennmt": Toolkit(
        "onmt",
        OPENNMT_MODELS,
        opennmt_prepare,
        opennmt_train,
        opennmt_translate,
        re.compile(r"Step +\d+/.* \d+/ *(\d+) tok/s"),
        opennmt_seconds,
    ),
    "joeynmt": Toolkit(
        "joeynmt",
        JOEYNMT_MODELS,
        lambda work: [],
        joeynmt_train,
        joeynmt_translate,
        re.compile(r"Tokens per Sec: +(\d+)"),
        joeynmt_seconds,
    ),
}
"""By the names on the command line."""

"""Training: our trainer, with its logging, clipping, schedule and checks, against a bare loop."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any, Literal

import torch

import seq2seq
from seq2seq.config.model import ModelSettings
from seq2seq.config.training import TrainingSettings
from seq2seq.data.batching import Batch
from seq2seq.data.parallel import Corpora, ParallelCorpus
from seq2seq.models.device import choose_precision
from seq2seq.models.translation import build_translation_model
from seq2seq.runs.directory import RunDirectory
from seq2seq.training.reporting import Reporter
from seq2seq.training.saved_tensors import SavedTensorMeter
from seq2seq.training.trainer import Trainer
from seq2seq.translation.initialization import make_pipelines
from seq2seq.translation.task import TranslationTask
from tests.benchmarks.bare import BareAttention, BareModel, BareTraining
from tests.benchmarks.measure import Contestant, Products, Row, make_rows, take_turns

UPDATES = 10
"""Updates of one contestant before it is the next one's turn."""

RECIPE: dict[str, Any] = {
    "cell": "lstm",
    "context": "initial",
    "attention": "scaled-general",
    "lexical": True,
    "embedding_size": 256,
    "encoder_sizes": (384,),
    "decoder_sizes": (512,),
    "dropout": 0.4,
}
"""The model of recipes/multi30k.py."""

SIZES: dict[str, Any] = {"embedding_size": 256, "decoder_size": 512, "dropout": 0.2}
"""Of the bare models."""

MODELS: dict[str, tuple[BareAttention, dict[str, Any]]] = {
    "no attention": ("none", {"attention": "none"}),
    "scaled general attention": ("scaled-general", {"attention": "scaled-general"}),
    "additive attention, input feeding": (
        "additive",
        {"attention": "additive", "input_feeding": True},
    ),
}
"""The bare model's attention, and the settings of ours."""


def equal_settings(changes: dict[str, Any]) -> dict[str, Any]:
    """The settings of the model that the bare one is, with these changes."""
    size = SIZES["decoder_size"]
    sizes = {"encoder_sizes": (size // 2,), "decoder_sizes": (size,), "lexical": False}
    return {**RECIPE, **sizes, "dropout": SIZES["dropout"], **changes}


def corpora(vocab_size: int, pairs: int) -> Corpora:
    """Random words as often as Zipf's law has them, in sentences as long as captions are."""
    draw = random.Random(1)
    words = [f"w{number}" for number in range(vocab_size)]
    weights = [*accumulate(1 / (number + 10) for number in range(vocab_size))]
    lengths = [max(4, round(draw.gauss(13, 4))) for _ in range(pairs)]

    def sentence(length: int) -> str:
        return " ".join(draw.choices(words, cum_weights=weights, k=length))

    # Each word once, so that the vocabulary has all of them.
    begin = [" ".join(words[first : first + 20]) for first in range(0, vocab_size, 20)]
    sources = begin + [sentence(length) for length in lengths]
    targets = begin + [sentence(max(4, length + draw.randint(-2, 3))) for length in lengths]
    corpus = ParallelCorpus(sources, targets)
    return Corpora(corpus, corpus[:10])


class OurTraining:
    """The trainer, one update at a time."""

    def __init__(
        self,
        path: str,
        text: Corpora,
        settings: dict[str, Any],
        vocab_size: int,
        precision: Literal["auto", "float32", "bfloat16"] = "auto",
        batch_tokens: int = 2048,
        device: str = "cpu",
    ) -> None:
        model = ModelSettings(**settings)
        self.experiment = seq2seq.Experiment(
            run=path,
            data=seq2seq.DataSettings(tokenizer="space", vocab_size=vocab_size),
            model=model,
            training=TrainingSettings(
                max_steps=100_000,
                batch_tokens=batch_tokens,
                precision=precision,
                log_every=50,
                validate_every=100_000,
                save_every=100_000,
            ),
        )
        source, target = make_pipelines(text.train, self.experiment.data, model)
        vocab = len(target.pipeline.vocab)
        self.vocab_size = vocab
        self.model = build_translation_model(len(source.pipeline.vocab), vocab, model)
        self.task = TranslationTask(self.model, text, source, target, self.experiment)
        run = RunDirectory(self.experiment.run)
        run.path.mkdir(parents=True)
        self.trainer = Trainer(
            self.model, self.task, self.experiment.training, run, seed=1, device=device
        )
        self.trainer.reporter = Reporter(run)
        self.trainer.started = time.perf_counter()

    def update(self, batch: Batch) -> None:
        """One update, and what the trainer does after it."""
        self.trainer.update([batch])
        self.trainer.after_update()


def contestant(
    training: OurTraining | BareTraining, batches: Sequence[Batch], share: float
) -> Contestant:
    """Some updates a round, each round on the next batches."""
    updates = max(1, round(share * UPDATES))

    def work(number: int) -> float:
        chosen = [batches[(number * updates + each) % len(batches)] for each in range(updates)]
        for batch in chosen:
            training.update(batch)
        return sum(batch.target_tokens for batch in chosen)

    return work


def saved_bytes(training: OurTraining | BareTraining, batch: Batch) -> float:
    """The most that an update saves for its backward pass, for each target token."""
    with SavedTensorMeter(training.model.parameters()) as meter:
        training.update(batch)
    return meter.peak / batch.target_tokens


def measure(rounds: int, share: float) -> Iterator[list[Row]]:
    """Yields a table of speed and one of memory for each kind of model."""
    text = corpora(8000, 6000)
    precision = choose_precision("auto", torch.device("cpu"))
    for title, (attention, changes) in MODELS.items():
        with tempfile.TemporaryDirectory() as folder:
            ours = OurTraining(f"{folder}/run", text, equal_settings(changes), 8000)
            bare = BareModel(ours.vocab_size, attention, **SIZES)
            loops: dict[str, OurTraining | BareTraining] = {
                "bare loop": BareTraining(
                    bare, precision, ours.experiment.training.label_smoothing
                ),
                "ours": ours,
            }
            batches = ours.task.batches(0)
            contestants = {name: contestant(loop, batches, share) for name, loop in loops.items()}
            source = sum(int(batch.source_lengths.sum()) for batch in batches)
            target = sum(batch.target_tokens for batch in batches)
            each = 3 * bare.operations(source, target) / target  # backwards two for each
            yield take_turns(
                f"training, {title}, {precision}",
                "target tokens/s",
                contestants,
                rounds,
                dict.fromkeys(contestants, Products(each, str(precision))),
            )
            saved = {name: [saved_bytes(loop, batches[0])] for name, loop in loops.items()}
            yield make_rows(f"memory, {title}", "bytes/target token", saved)

"""A run, whatever its model: described on disk, and trained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch

from seq2seq.config.experiment import Experiment
from seq2seq.config.language_model import LanguageExperiment
from seq2seq.data.tokenizers.pipeline import TextPipeline
from seq2seq.runs.directory import RunDirectory
from seq2seq.runs.lock import RunLock
from seq2seq.runs.metadata import TextSummary, read_run_id, save_metadata
from seq2seq.runs.tensors import load_tensors
from seq2seq.training.reporting import log_line
from seq2seq.training.task import BatchT, Task
from seq2seq.training.trainer import Trainer


class TrainingText(NamedTuple):
    """What a run learns from.

    Attributes:
        parts: of it, training and validation text.
        pipelines: tokenizer and vocabulary of each side.
        words: how much text, and how large a vocabulary.
    """

    parts: Mapping[str, TextSummary]
    pipelines: Mapping[str, TextPipeline]
    words: str


def count_weights(model: torch.nn.Module) -> int:
    """How many numbers are learned; tied ones count once."""
    return sum(weight.numel() for weight in model.parameters())


def run_training(
    model: torch.nn.Module,
    task: Task[BatchT],
    experiment: Experiment | LanguageExperiment,
    run: RunDirectory,
    text: TrainingText,
) -> str:
    """Writes the description, trains, and says so; returns why training ended, in words.

    Args:
        model: with fresh weights; those of the run, if it is continued, are loaded.
        task: batches, loss and validation.
        experiment: how to train, where, and whether it is continued.
        run: where everything goes; no other process may train there.
        text: what it learns from.
    """
    with RunLock(run.path):
        save_metadata(run, experiment, text.parts, text.pipelines)
        trainer = Trainer(
            model,
            task,
            experiment.training,
            run,
            seed=experiment.seed,
            device=experiment.device,
            resume=experiment.resume,
            run_id=read_run_id(run),
        )
        if trainer.state.best is not None:  # what a continued run has chosen must be there
            load_tensors(run.best, trainer.run_id)
        precision = str(trainer.precision).removeprefix("torch.")
        threads = torch.get_num_threads()
        log_line(
            f"{text.words}, {count_weights(model):,} weights, {trainer.device} in {precision} with "
            f"{threads} thread{'s' * (threads > 1)}"
        )
        for note in experiment.notes():
            log_line(f"note: {note}")
        reason = trainer.train()
    log_line(
        f"Training ended after {trainer.state.step:,} steps: {reason}. "
        f"The run is in {run.path}"
        + ("; continue it with the same command and --resume" if reason == "interrupted" else "")
    )
    return reason

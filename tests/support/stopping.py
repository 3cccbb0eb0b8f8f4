"""Trainings that stop at a given update, by Ctrl-C or as a program that dies."""

import signal
from typing import Any

import torch

from seq2seq.config.experiment import Experiment
from seq2seq.data.parallel import Corpora
from seq2seq.data.tokenizers.pipeline import build_pipelines
from seq2seq.models.translation import build_translation_model
from seq2seq.runs.directory import RunDirectory
from seq2seq.runs.metadata import save_metadata
from seq2seq.runs.run import Run
from seq2seq.training.trainer import Trainer
from seq2seq.translation.task import TranslationTask


class CrashError(Exception):
    """Stands for a program that dies."""


class Stopping:
    """Stops the training of a task at a given call for a loss: by Ctrl-C, or by dying."""

    calls = 0
    stop_at = 0
    crash = False

    def loss(self, *arguments: Any, **options: Any) -> Any:
        self.calls += 1
        if self.calls == self.stop_at:
            if self.crash:
                raise CrashError
            signal.raise_signal(signal.SIGINT)
        return super().loss(*arguments, **options)


class Stopped(Stopping, TranslationTask):
    """A translation model in a training that stops."""


def make_trainer(
    experiment: Experiment,
    corpora: Corpora,
    *,
    resume: bool = False,
    stop_at: int = 0,
    crash: bool = False,
    kind: type[Stopped] = Stopped,
) -> Trainer[Any]:
    """What `seq2seq.translation.train.train` makes, with a task that stops where it is told to."""
    source, target = build_pipelines(corpora.train.sources, corpora.train.targets, experiment.data)
    torch.manual_seed(experiment.seed)
    model = build_translation_model(
        len(source.pipeline.vocab), len(target.pipeline.vocab), experiment.model
    )
    task = kind(model, corpora, source, target, experiment)
    task.stop_at, task.crash = stop_at, crash
    run = RunDirectory(experiment.run)
    sides = {"source": source.pipeline, "target": target.pipeline}
    return Trainer(
        model,
        task,
        experiment.training,
        run,
        seed=experiment.seed,
        device="cpu",
        resume=resume,
        run_id=Run(run.path).run_id if resume else save_metadata(run, experiment, {}, sides),
    )

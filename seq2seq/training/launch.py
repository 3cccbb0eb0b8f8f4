"""A planned training, whatever its model: shown, or described on disk and carried out."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import TypeVar

import torch

import seq2seq
from seq2seq.config.experiment import Experiment
from seq2seq.config.language_model import LanguageExperiment
from seq2seq.config.training import TrainingSettings
from seq2seq.config.wording import counted
from seq2seq.decoding.shortlist import save_shortlist
from seq2seq.models.device import choose_device
from seq2seq.runs.directory import RunDirectory
from seq2seq.runs.lock import lock_run
from seq2seq.runs.metadata import describe_experiment, save_metadata
from seq2seq.runs.run import Run
from seq2seq.runs.tensors import load_tensors, save_tensors
from seq2seq.torchrun import own_rank
from seq2seq.training.dry_run import TrainingPlan, count_weights, dry_run, make_trainer
from seq2seq.training.heartbeat import heartbeat
from seq2seq.training.meeting import Meeting, announce, lead, open_store
from seq2seq.training.ranks import Ranks, lost_ranks
from seq2seq.training.replicas import settle_processes
from seq2seq.training.reporting import log_line
from seq2seq.training.signals import handled
from seq2seq.training.step import OptimizerStep
from seq2seq.training.task import BatchT

AnyExperiment = TypeVar("AnyExperiment", bound=Experiment | LanguageExperiment)


def launch(
    plan: TrainingPlan[BatchT],
    experiment: Experiment | LanguageExperiment,
    run: RunDirectory,
    stored: Run | None,
) -> str:
    """Shows the plan if only a dry run is wanted; else writes the metadata and trains.

    Args:
        plan: model, batches and text. The weights of a run that is continued are loaded.
        experiment: how to train, where, and whether a run is continued.
        run: where everything goes; no other process may train there.
        stored: the run that is continued, if one is.

    Returns:
        Why training ended, in words; `DRY_RUN` if it was only shown.
    """
    experiment = settle(experiment, stored)
    if experiment.dry_run:
        return dry_run(plan, experiment, run, stored)
    with lock_run(run.path):
        # Before anything is written: a run that is killed here was never begun.
        shortlist = None
        if plan.count_shortlist and not (experiment.resume and run.shortlist.is_file()):
            shortlist = plan.count_shortlist()
        run_id = save_metadata(run, experiment, plan.summaries, plan.pipelines)
        if shortlist is not None:
            save_shortlist(run.shortlist, shortlist, run_id)
        if plan.initial:
            save_tensors(run.initial, plan.initial, None, run_id)
        trainer = make_trainer(plan, experiment, run, run_id)
        if trainer.state.best is not None:  # what a continued run has chosen must be there
            load_tensors(run.best, run_id)
        precision = str(trainer.precision).removeprefix("torch.")
        log_line(
            f"{plan.headline}, {count_weights(plan.model):,} weights, {trainer.device} in "
            f"{precision} with {describe_threads(experiment.training)}"
        )
        for note in experiment.notes():
            log_line(f"note: {note}")
        begun_at = trainer.state.step
        with share_with_ranks(trainer.optimizer_step, experiment, plan):
            reason = trainer.train(experiment.monitor)
    hint = ""
    if reason == "interrupted":
        hint = "; continue it with the same command and --resume"
    elif trainer.state.step == begun_at and trainer.progress >= 1:
        hint = (
            "; to go on, give more than it has had: --training.minutes, --training.epochs or "
            "--training.max-steps"
        )
    log_line(
        f"Training ended after {counted(trainer.state.step, 'step')}: {reason}. "
        f"The run is in {run.path}{hint}"
    )
    return reason


def with_restart(experiment: AnyExperiment) -> AnyExperiment:
    """Returns an experiment as rank 0 of torchrun has it: after a restart, its own run goes on.

    The other ranks end when this program does.
    """
    if own_rank() is None:
        return experiment
    lead()
    how = "" if experiment.resume else RunDirectory(experiment.run).after_restart()
    if not how:
        return experiment
    return replace(experiment, resume=how == "resume", overwrite=how == "overwrite")


def settle(experiment: AnyExperiment, stored: Run | None) -> AnyExperiment:
    """Returns the experiment with what it leaves to the machine, or to the run it continues."""
    training = experiment.training
    if stored:
        recorded = stored.experiment(type(experiment)).training.processes
        training = replace(training, processes=training.processes or recorded)
        if recorded > 1 and choose_device(experiment.device).type != "cpu" and not own_rank():
            log_line(f"begun by {recorded} processes on processors, the run goes on with one here")
            training = replace(training, processes=1)
    return replace(experiment, training=settle_processes(training, experiment.device))


@contextmanager
def share_with_ranks(
    step: OptimizerStep[BatchT],
    experiment: Experiment | LanguageExperiment,
    plan: TrainingPlan[BatchT],
) -> Iterator[None]:
    """A context in which the ranks of torchrun, if it is there, compute each update."""
    rank = own_rank()
    if rank is None:
        yield
        return
    described = Meeting(
        version=seq2seq.__version__,
        experiment=describe_experiment(experiment)["experiment"],
        vocabularies=[len(pipeline.vocab) for pipeline in plan.pipelines.values()],
        device=step.device.type,
        precision=str(step.precision).removeprefix("torch."),
    )
    store = open_store(rank)
    with lost_ranks(step.settings):
        place = announce(store, rank, described, step.settings.rank_timeout)
    with heartbeat(rank, place, step.settings):
        with handled(signal.SIG_DFL):  # nothing is lost yet, and others may have ended meanwhile
            ranks = Ranks(rank, store, place, step.model, step.accumulate, step.settings)
        with closing(ranks):
            step.shared = ranks.gradients
            yield


def describe_threads(settings: TrainingSettings) -> str:
    """How many processor threads a training has, as "2 threads"."""
    threads, rank = torch.get_num_threads(), own_rank()
    if rank:
        return f"{rank.size} ranks of torchrun, {threads} thread{'s' * (threads > 1)} each"
    if settings.processes > 1:
        each = settings.threads or 1
        return f"{settings.processes} processes of {each} thread{'s' * (each > 1)} each"
    return f"{threads} thread{'s' * (threads > 1)}"

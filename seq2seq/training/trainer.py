"""The training loop: one for every model.

What differs between kinds of model is a `Task`: the batches of an epoch, the loss of a batch, and
a validation. Every random draw of an update comes from (seed, number of the update), so there is no
generator whose state could be lost: a training that is continued from a checkpoint makes the same
draws as one that never stopped.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Mapping, Sequence
from typing import Generic, Literal

import torch
from torch import Tensor, nn

from seq2seq.config.training import Monitor, TrainingSettings
from seq2seq.config.wording import counted
from seq2seq.errors import RunError
from seq2seq.evaluation.perplexity import perplexity
from seq2seq.models.device import choose_device, choose_precision, seed_device
from seq2seq.runs.checkpoint import (
    load_checkpoint,
    load_optimizer,
    load_weights,
    named_weights,
    optimizer_tensors,
    with_prefix,
)
from seq2seq.runs.directory import RunDirectory
from seq2seq.runs.tensors import save_tensors
from seq2seq.training.averaging import MovingAverage, mean_weights, swapped_weights
from seq2seq.training.optimizer import learning_rate
from seq2seq.training.replicas import check_processes, every_thread
from seq2seq.training.reporting import Reporter, log_line, speed
from seq2seq.training.scheduled_sampling import sampling_rate
from seq2seq.training.signals import StopSignals
from seq2seq.training.state import LogWindow, StepResult, TrainerState
from seq2seq.training.step import OptimizerStep, group_batches, share_updates
from seq2seq.training.task import BatchT, Task


class Trainer(Generic[BatchT]):
    """Trains a model until the budget is used up, early stopping ends it, or the user does.

    Args:
        model: the model; it is moved to the device.
        task: batches, loss and validation.
        run: where checkpoints and metrics go.
        device: where to compute; auto takes a GPU if there is one.
        resume: whether to continue from the run's last checkpoint.
        run_id: the id of the run, which its files carry.

    Raises:
        RunError: there is no checkpoint to continue from, or it does not fit the model.
    """

    def __init__(
        self,
        model: nn.Module,
        task: Task[BatchT],
        settings: TrainingSettings,
        run: RunDirectory,
        *,
        seed: int,
        device: str = "auto",
        resume: bool = False,
        run_id: str | None = None,
    ) -> None:
        if settings.threads:
            torch.set_num_threads(settings.threads)
        self.device = choose_device(device)
        check_processes(settings.processes, self.device)
        self.precision = choose_precision(settings.precision, self.device)
        self.model = model.to(self.device)
        self.task = task
        self.settings = settings
        self.run = run
        self.seed = seed
        self.run_id = run_id
        self.optimizer_step = OptimizerStep(self.model, task, settings, self.device, self.precision)
        self.optimizer = self.optimizer_step.optimizer
        self.average = MovingAverage(self.model, settings.ema_decay) if settings.ema_decay else None
        self.state = TrainerState()
        self.stop_signals = StopSignals()
        self.last: StepResult | None = None
        if resume:
            self.load()

    def train(self, monitor: Monitor = "none") -> str:
        """Trains the model, shown by a monitor, too; returns in words why training ended."""
        self.reporter = Reporter(self.run, self.progress, monitor)
        self.reporter.rewind(self.state)
        self.started = time.perf_counter() - self.state.seconds
        try:
            with self.stop_signals, share_updates(self.optimizer_step):
                if not self.state.step:
                    self.save()  # from here on, the run can be continued
                reason = self.loop()
                if not self.stop_signals.received and self.state.validated != self.state.step:
                    self.validate()
                if not self.stop_signals.received:
                    self.try_mean()
                self.save()
        finally:
            self.reporter.close()
        return "interrupted" if self.stop_signals.received else reason

    def loop(self) -> str:
        """Goes through the epochs until there is a reason to stop, which it returns."""
        state = self.state
        while True:
            batches = self.task.batches(state.epoch)
            for group in group_batches(batches, self.settings.accumulate, state.batch):
                if reason := self.reason_to_stop():
                    return reason
                self.update(group)
                self.after_update()
            state.epoch, state.batch = state.epoch + 1, 0
            if not self.settings.validate_every:
                self.validate()

    def after_update(self) -> None:
        """Logs, validates and saves where it is time to."""
        step, settings = self.state.step, self.settings
        if step % settings.log_every == 0:
            self.log()
        if settings.validate_every and step % settings.validate_every == 0:
            self.validate()
        elif step % settings.save_every == 0:
            self.save()

    def update(self, group: Sequence[BatchT]) -> None:
        """Updates the weights once, from the gradients of all batches of `group`."""
        started = time.perf_counter()
        state = self.state
        generator = self.seed_update()
        if not self.model.training:
            self.model.train()
        self.rate = rate = self.sampling_rate
        progress, cuts = self.progress, state.cuts
        current = learning_rate(self.settings, step=state.step, progress=progress, cuts=cuts)
        self.count(
            self.optimizer_step.update(group, rate=rate, learning_rate=current, generator=generator)
        )
        state.step += 1
        if self.average is not None:
            self.average.update(state.step)
        state.batch += len(group)
        self.update_clock()
        state.window.seconds += time.perf_counter() - started
        if last := self.last:
            self.reporter.advance(
                self.progress,
                f"epoch {self.epochs:.2f} step {state.step} loss "
                f"{last.smoothed / last.tokens:.3f} "
                f"{speed(state.window.tokens_per_second, last.likelihood)}",
            )

    def count(self, results: Sequence[StepResult]) -> None:
        """Counts what updates gave; raises TrainingError if too many in a row are skipped."""
        for result in results:
            self.last = result
            self.state.count(result, self.settings, self.optimizer_step.learning_rate)

    def update_clock(self) -> None:
        """Counts all the time since training began: batches, validations and checkpoints too."""
        self.state.seconds = time.perf_counter() - self.started

    def seed_update(self) -> torch.Generator:
        """Seeds torch (for dropout) and a generator (for scheduled sampling) from (seed, step)."""
        seed = self.seed * 1_000_003 + self.state.step
        seed_device(seed, self.device)
        return torch.Generator().manual_seed(seed)

    @property
    def progress(self) -> float:
        """Returns the share of the budget that is used up, 0 to 1: of several, the highest."""
        settings, state = self.settings, self.state
        shares = [0.0]
        if settings.minutes:
            shares.append(state.seconds / (60 * settings.minutes))
        if settings.max_steps:
            shares.append(state.step / settings.max_steps)
        if settings.epochs:
            shares.append(self.epochs / settings.epochs)
        return min(max(shares), 1.0)

    @property
    def epochs(self) -> float:
        """Returns how often the training text was gone through, with a fraction."""
        batches = len(self.task.batches(self.state.epoch))
        return self.state.epoch + self.state.batch / max(batches, 1)

    @property
    def sampling_rate(self) -> float:
        """Returns the rate of scheduled sampling for the next update."""
        return sampling_rate(
            self.settings.sampling, step=self.state.step, percent=100 * self.progress
        )

    def reason_to_stop(self) -> str | None:
        """Returns why training ends now; None if it goes on."""
        settings = self.settings
        if self.stop_signals.received:
            return "interrupted"
        if settings.patience and self.state.unimproved >= settings.patience:  # early stopping
            return f"no improvement in {counted(settings.patience, 'validation')}"
        return "the budget is used up" if self.progress >= 1 else None

    def log(self) -> None:
        """Reports the updates since the last report."""
        self.count(self.optimizer_step.finish())
        state, window = self.state, self.state.window
        tokens = window.tokens or math.nan  # of updates that were all skipped there is no loss
        self.reporter.record(
            "training",
            {
                "step": state.step,
                "epoch": self.epochs,
                "seconds": state.seconds,
                "loss": window.smoothed / tokens,
                "perplexity": perplexity(window.likelihood / tokens),
                "tokens_per_second": window.tokens_per_second,
                "gradient_norm": self.last.norm if self.last else math.nan,
                "learning_rate": self.optimizer_step.learning_rate,
                "sampling_rate": self.rate,
                "skipped": state.skipped,
            },
        )
        state.window = LogWindow()

    def validate(self) -> None:
        """Validates the model, saves it, and counts towards early stopping and the next cut."""
        self.count(self.optimizer_step.finish())
        state, settings = self.state, self.settings
        score, is_best = self.score()
        state.validated = state.step
        state.unimproved = 0 if is_best else state.unimproved + 1
        if settings.schedule == "plateau" and not is_best:
            state.cuts += state.unimproved % (settings.plateau_patience + 1) == 0
        if settings.average != "none":
            self.save_for_averaging(score)
        self.save()

    def score(
        self,
        weights: Mapping[str, Tensor] | None = None,
        kind: Literal["validation", "mean"] = "validation",
    ) -> tuple[float, bool]:
        """Validates the given weights, else the moving average, else the model's own.

        Reports the scores, and saves the weights if they are the best so far.

        Returns:
            The score, higher is better, and whether it is the best so far.
        """
        state = self.state
        if weights is None:
            weights = self.average.weights if self.average else named_weights(self.model)
        self.model.eval()
        with swapped_weights(self.model, weights), every_thread(self.settings):
            result = self.task.validate(self.device)
        self.update_clock()
        score = -result.loss if result.best_by is None else result.best_by
        usable = math.isfinite(score) and math.isfinite(result.loss)
        # A BLEU of 0 says nothing: of weights that all have it, the last ones have learned most.
        is_best = usable and (state.best is None or score > state.best or score == state.best == 0)
        if is_best:
            state.best = score
            scores = {"step": state.step, "loss": result.loss, **result.figures}
            save_tensors(self.run.best, weights, scores, self.run_id)
        self.reporter.record(
            kind,
            {
                "step": state.step,
                "epoch": self.epochs,
                "seconds": state.seconds,
                "loss": result.loss,
                "perplexity": perplexity(result.loss),
                **result.figures,
                **self.task.seen(state.epoch, state.batch),
                "best": is_best,
                "samples": result.samples,
            },
        )
        return score, is_best

    def save_for_averaging(self, score: float) -> None:
        """Saves the weights just validated among those whose mean is tried at the end."""
        state, settings = self.state, self.settings
        weights = self.average.weights if self.average else named_weights(self.model)
        save_tensors(self.run.averaging_checkpoint(state.step), weights, None, self.run_id)
        kept = [*state.kept, (score, state.step)]
        if settings.average == "best":
            kept.sort(reverse=True)
            state.kept = kept[: settings.average_count]
        else:
            state.kept = kept[-settings.average_count :]

    def try_mean(self) -> None:
        """Validates the mean of the weights that were saved for it (checkpoint averaging)."""
        steps = sorted(step for _, step in self.state.kept)
        if len(steps) < 2 or self.state.averaged == self.state.step:
            return
        self.state.averaged = self.state.step
        log_line(f"the mean of the weights at steps {', '.join(map(str, steps))}:")
        paths = [self.run.averaging_checkpoint(step) for step in steps]
        _, is_best = self.score(mean_weights(paths, self.run_id), "mean")
        log_line("the mean is kept as the best" if is_best else "the best single weights stay")

    def save(self) -> None:
        """Writes the checkpoint; not while updates are skipped, as the weights may be why."""
        self.count(self.optimizer_step.finish())
        if self.state.skipped_in_row:
            return
        tensors = {f"model.{name}": weight for name, weight in named_weights(self.model).items()}
        own = optimizer_tensors(self.optimizer)
        tensors |= {f"optimizer.{name}": tensor for name, tensor in own.items()}
        if self.average is not None:
            tensors |= {f"average.{name}": each for name, each in self.average.weights.items()}
        tensors |= {f"carried.{name}": each for name, each in self.task.state_dict().items()}
        save_tensors(self.run.last, tensors, dataclasses.asdict(self.state), self.run_id)
        self.run.delete_averaging_checkpoints(except_steps=[step for _, step in self.state.kept])

    def load(self) -> None:
        """Continues from the run's last checkpoint."""
        last = self.run.last
        sets = ["model.", "average."] if self.average is not None else ["model."]
        tensors, state = load_checkpoint(last, self.run_id, self.model, sets)
        load_weights(self.model, with_prefix(tensors, "model."), last)
        if self.average is not None:
            self.average.load(with_prefix(tensors, "average."))
        self.task.load_state_dict(with_prefix(tensors, "carried."))
        try:
            load_optimizer(self.optimizer, with_prefix(tensors, "optimizer."), last)
            self.state = TrainerState.from_dict(state)
        except (TypeError, ValueError, KeyError) as error:
            raise RunError(f"{last} is not a checkpoint of this version") from error

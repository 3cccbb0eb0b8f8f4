"""The training loop: one for every model.

A trainer is given what differs between kinds of model: the batches of an epoch, the loss of a
batch, and a validation. Every random draw of an update comes from (seed, number of the update), so
there is no generator whose state could be lost: a training that is continued from a checkpoint
makes the same draws as one that never stopped.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Mapping, Sequence
from typing import Generic, Literal

import torch
from torch import Tensor, nn

from seq2seq.config.training import TrainingSettings
from seq2seq.errors import RunError, TrainingError
from seq2seq.evaluation.perplexity import perplexity
from seq2seq.models.device import choose_device, choose_precision
from seq2seq.runs.checkpoint import (
    load_optimizer,
    load_state,
    load_weights,
    optimizer_tensors,
    part_of,
    save_tensors,
    weights_of,
)
from seq2seq.runs.directory import RunDirectory
from seq2seq.training.averaging import MovingAverage, mean_of, wearing
from seq2seq.training.optimizer import learning_rate
from seq2seq.training.reporting import Reporter, say
from seq2seq.training.scheduled_sampling import sampling_rate
from seq2seq.training.signals import Interrupts
from seq2seq.training.state import Position, Window
from seq2seq.training.step import Outcome, Updater, groups
from seq2seq.training.task import BatchT, Task


class Trainer(Generic[BatchT]):
    """Trains a model until a budget is used up, patience ends, or the user stops it.

    Args:
        model: moved to the device.
        task: batches, loss and validation.
        settings: how to train.
        run: where checkpoints and metrics go.
        seed: where all random draws come from.
        device: where to compute; auto takes what is there.
        resume: continue from the run's last checkpoint.
        owner: the id of the run, which its files have.

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
        owner: str | None = None,
    ) -> None:
        if settings.threads:
            torch.set_num_threads(settings.threads)
        self.device = choose_device(device)
        self.precision = choose_precision(settings.precision, self.device)
        self.model = model.to(self.device)
        self.task = task
        self.settings = settings
        self.run = run
        self.seed = seed
        self.owner = owner
        self.updater = Updater(self.model, task, settings, self.device, self.precision)
        self.optimizer = self.updater.optimizer
        self.average = MovingAverage(self.model, settings.ema_decay) if settings.ema_decay else None
        self.position = Position()
        self.interrupts = Interrupts()
        if resume:
            self.load()

    def train(self) -> str:
        """Runs the loop; returns in words why it ended."""
        reporter = Reporter(self.run.metrics, self.progress)
        reporter.rewind(self.position)
        self.started = time.perf_counter() - self.position.seconds
        try:
            with self.interrupts:
                if not self.position.step:
                    self.save()  # from here on, the run can be continued
                reason = self.loop(reporter)
                if not self.interrupts.happened and self.position.validated != self.position.step:
                    self.validate(reporter)
                if not self.interrupts.happened:
                    self.try_mean(reporter)
                self.save()
        finally:
            reporter.close()
        return "interrupted" if self.interrupts.happened else reason

    def loop(self, reporter: Reporter) -> str:
        """Epoch after epoch, update after update."""
        position = self.position
        while True:
            batches = self.task.batches(position.epoch)
            for group in groups(batches, self.settings.accumulate, position.batch):
                if reason := self.reason_to_stop():
                    return reason
                self.update(group, len(batches), reporter)
                self.after_update(len(batches), reporter)
            position.epoch, position.batch = position.epoch + 1, 0
            if not self.settings.validate_every:
                self.validate(reporter)

    def after_update(self, batches: int, reporter: Reporter) -> None:
        """Log, validate and save where it is time to."""
        step, settings = self.position.step, self.settings
        if step % settings.log_every == 0:
            self.log(batches, reporter)
        if settings.validate_every and step % settings.validate_every == 0:
            self.validate(reporter)
        elif step % settings.save_every == 0:
            self.save()

    def update(self, group: Sequence[BatchT], batches: int, reporter: Reporter) -> None:
        """One update of the weights from the batches of `group`."""
        started = time.perf_counter()
        position = self.position
        generator = self.seed_update()
        self.model.train()
        self.rate = rate = self.sampling_rate
        progress, cuts = self.progress, position.cuts
        current = learning_rate(self.settings, step=position.step, progress=progress, cuts=cuts)
        outcome = self.updater.update(group, rate=rate, learning_rate=current, generator=generator)
        self.norm = outcome.norm
        self.count_skipped(outcome)
        position.step += 1
        if self.average is not None:
            self.average.update(position.step)
        position.batch += len(group)
        elapsed = time.perf_counter() - started
        self.keep_time()
        window = position.window
        window.seconds += elapsed
        if outcome.made:
            window.smoothed += outcome.smoothed
            window.likelihood += outcome.likelihood
            window.tokens += outcome.tokens
        reporter.advance(
            self.progress,
            f"epoch {self.epochs(batches):.2f} step {position.step} loss "
            f"{outcome.smoothed / outcome.tokens:.3f} "
            f"{window.tokens / window.seconds:,.0f} tokens/s",
        )

    def count_skipped(self, outcome: Outcome) -> None:
        """Counts updates that were not made; TrainingError if there are too many in a row."""
        position, settings = self.position, self.settings
        if outcome.made:
            position.skipped_in_row = 0
            return
        position.skipped += 1
        position.skipped_in_row += 1
        if position.skipped_in_row >= settings.max_skipped:
            raise TrainingError(
                f"the loss or its gradient is not finite at step {position.step + 1} (loss "
                f"{outcome.smoothed / outcome.tokens}, learning rate "
                f"{self.updater.learning_rate:.3g}), and was not in the last "
                f"{settings.max_skipped} updates (--training.max-skipped): try a lower "
                "--training.learning-rate or --training.clip-norm, or longer warm-up. The last "
                "checkpoint is untouched."
            )

    def keep_time(self) -> None:
        """Counts all the time since training began: batches, validations and checkpoints too."""
        self.position.seconds = time.perf_counter() - self.started

    def seed_update(self) -> torch.Generator:
        """Seeds torch (for dropout), and a generator for coins, from (seed, step)."""
        seed = self.seed * 1_000_003 + self.position.step
        torch.manual_seed(seed)
        return torch.Generator().manual_seed(seed)

    @property
    def progress(self) -> float:
        """Share of the budget that is used up: of the budget that is nearest to its end."""
        settings, position = self.settings, self.position
        shares = [0.0]
        if settings.minutes:
            shares.append(position.seconds / (60 * settings.minutes))
        if settings.max_steps:
            shares.append(position.step / settings.max_steps)
        if settings.epochs:
            batches = len(self.task.batches(position.epoch))
            shares.append(self.epochs(batches) / settings.epochs)
        return min(max(shares), 1.0)

    def epochs(self, batches: int) -> float:
        """Passes over the training text so far."""
        return self.position.epoch + self.position.batch / max(batches, 1)

    @property
    def sampling_rate(self) -> float:
        """The rate of scheduled sampling for the next update."""
        return sampling_rate(
            self.settings.sampling, step=self.position.step, percent=100 * self.progress
        )

    def reason_to_stop(self) -> str | None:
        """Why training ends now, if it does."""
        settings = self.settings
        if self.interrupts.happened:
            return "interrupted"
        if settings.patience and self.position.unimproved >= settings.patience:
            return f"no improvement in {settings.patience} validations"
        return "the budget is used up" if self.progress >= 1 else None

    def log(self, batches: int, reporter: Reporter) -> None:
        """Reports the updates since the last report."""
        position, window = self.position, self.position.window
        reporter.record(
            "training",
            {
                "step": position.step,
                "epoch": self.epochs(batches),
                "seconds": position.seconds,
                "loss": window.smoothed / max(window.tokens, 1),
                "perplexity": perplexity(window.likelihood / max(window.tokens, 1)),
                "tokens_per_second": window.tokens / window.seconds,
                "gradient_norm": self.norm,
                "learning_rate": self.updater.learning_rate,
                "sampling_rate": self.rate,
                "skipped": position.skipped,
            },
        )
        position.window = Window()

    def validate(self, reporter: Reporter) -> None:
        """Scores the model, keeps it if it is the best so far, and saves."""
        position, settings = self.position, self.settings
        score, is_best = self.score(reporter)
        position.validated = position.step
        position.unimproved = 0 if is_best else position.unimproved + 1
        if settings.schedule == "plateau" and not is_best:
            position.cuts += position.unimproved % (settings.plateau_patience + 1) == 0
        if settings.average != "none":
            self.keep(score)
        self.save()

    def score(
        self,
        reporter: Reporter,
        weights: Mapping[str, Tensor] | None = None,
        kind: Literal["validation", "mean"] = "validation",
    ) -> tuple[float, bool]:
        """Validates the given weights, else the average, else the model's own; keeps the best.

        Returns:
            The score, higher is better, and whether none was better before.
        """
        position = self.position
        if weights is None:
            weights = self.average.weights if self.average else weights_of(self.model)
        self.model.eval()
        with wearing(self.model, weights):
            result = self.task.validate(self.device)
        self.keep_time()
        bleu = result.bleu if self.settings.best_by == "bleu" else None
        score = -result.loss if bleu is None else bleu
        usable = math.isfinite(score) and math.isfinite(result.loss)
        is_best = usable and (position.best is None or score > position.best)
        if is_best:
            position.best = score
            state = {"step": position.step, "loss": result.loss, "bleu": result.bleu}
            save_tensors(self.run.best, weights, state, self.owner)
        reporter.record(
            kind,
            {
                "step": position.step,
                "epoch": self.epochs(len(self.task.batches(position.epoch))),
                "seconds": position.seconds,
                "loss": result.loss,
                "perplexity": perplexity(result.loss),
                "bleu": result.bleu,
                **result.figures,
                "best": is_best,
                "samples": result.samples,
            },
        )
        return score, is_best

    def keep(self, score: float) -> None:
        """Keeps the weights just validated among those whose mean is tried at the end."""
        position, settings = self.position, self.settings
        weights = self.average.weights if self.average else weights_of(self.model)
        save_tensors(self.run.kept(position.step), weights, None, self.owner)
        kept = [*position.kept, (score, position.step)]
        if settings.average == "best":
            kept.sort(reverse=True)
            position.kept = kept[: settings.average_count]
        else:
            position.kept = kept[-settings.average_count :]

    def try_mean(self, reporter: Reporter) -> None:
        """Validates the mean of the weights that were kept, and keeps it if it is the best."""
        steps = sorted(step for _, step in self.position.kept)
        if len(steps) < 2 or self.position.averaged == self.position.step:
            return
        self.position.averaged = self.position.step
        say(f"the mean of the weights at steps {', '.join(map(str, steps))}:")
        _, is_best = self.score(
            reporter, mean_of([self.run.kept(step) for step in steps], self.owner), "mean"
        )
        say("the mean is kept as the best" if is_best else "the best single weights stay")

    def save(self) -> None:
        """Writes all that `load` needs; nothing while updates fail, whose weights may be why."""
        if self.position.skipped_in_row:
            return
        tensors = {f"model.{name}": weight for name, weight in weights_of(self.model).items()}
        own = optimizer_tensors(self.optimizer)
        tensors |= {f"optimizer.{name}": tensor for name, tensor in own.items()}
        if self.average is not None:
            tensors |= {f"average.{name}": each for name, each in self.average.weights.items()}
        tensors |= {f"carried.{name}": each for name, each in self.task.carried().items()}
        save_tensors(self.run.last, tensors, dataclasses.asdict(self.position), self.owner)
        self.run.forget_kept(except_steps=[step for _, step in self.position.kept])

    def load(self) -> None:
        """Continues from the run's last checkpoint."""
        last = self.run.last
        sets = ["model.", "average."] if self.average is not None else ["model."]
        tensors, state = load_state(last, self.owner, self.model, sets)
        load_weights(self.model, part_of(tensors, "model."), last)
        if self.average is not None:
            self.average.load(part_of(tensors, "average."))
        self.task.carry(part_of(tensors, "carried."))
        try:
            load_optimizer(self.optimizer, part_of(tensors, "optimizer."), last)
            self.position = Position.from_dict(state)
        except (TypeError, ValueError, KeyError) as error:
            raise RunError(f"{last} is not a checkpoint of this version") from error

"""What a training would do, shown without doing it: settings, text, model, memory, one batch.

Nothing is written. All of it goes to stdout.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Generic, NamedTuple

from torch import Tensor, nn

from seq2seq.config.base import as_typed, flag_name, flatten, to_dict
from seq2seq.config.experiment import Experiment
from seq2seq.config.language_model import LanguageExperiment
from seq2seq.data.tokenizers.pipeline import TextPipeline
from seq2seq.data.vocabulary import Vocab
from seq2seq.decoding.shortlist import Shortlist
from seq2seq.runs.checkpoint import check_shapes, named_weights, tensor_shapes
from seq2seq.runs.directory import RunDirectory
from seq2seq.runs.metadata import TextSummary
from seq2seq.runs.run import Run
from seq2seq.runs.tensors import Shapes, load_tensors
from seq2seq.training.memory import Footprint, largest_batch, measure_footprint
from seq2seq.training.preflight import missing_for_training
from seq2seq.training.scheduled_sampling import final_sampling_rate
from seq2seq.training.shown_tokens import (
    ROWS_SHOWN,
    History,
    batch_lines,
    describe_shapes,
    history_lines,
)
from seq2seq.training.task import BatchT, Task
from seq2seq.training.trainer import Trainer

DRY_RUN = "dry run"
"""Why such a training ended, in words."""
MUCH = 2.0
"""So many times as quick, or as slow, as was thought, is worth a word."""
MANY_BATCHES = 2000
"""Among so many the largest is looked for."""


class TrainingPlan(NamedTuple, Generic[BatchT]):
    """What is to be trained, on which text.

    Attributes:
        model: with the weights that it begins with.
        task: batches and loss.
        summaries: of the training and the validation text, by name.
        pipelines: tokenizer and vocabulary of each side.
        headline: how much text, and how large a vocabulary.
        details: what was found in the text, a line each.
        vocabularies: of each part of a batch that has ids, by the part's name.
        history: what the decoder reads in a batch with teacher forcing.
        count_shortlist: makes the shortlist of a translation model from the training text.
        initial: the weights that another run gave, where they are to be stayed near.
        assumed_seconds: how long an update from so many tokens was thought to take.
    """

    model: nn.Module
    task: Task[BatchT]
    summaries: Mapping[str, TextSummary]
    pipelines: Mapping[str, TextPipeline]
    headline: str
    details: Sequence[str]
    vocabularies: Mapping[str, Vocab]
    history: Callable[[BatchT], History]
    count_shortlist: Callable[[], Shortlist] | None = None
    initial: Mapping[str, Tensor] | None = None
    assumed_seconds: Callable[[int], float] | None = None


def count_weights(model: nn.Module) -> int:
    """How many numbers are learned; tied ones count once."""
    return sum(weight.numel() for weight in model.parameters())


def make_trainer(
    plan: TrainingPlan[BatchT],
    experiment: Experiment | LanguageExperiment,
    run: RunDirectory,
    run_id: str | None,
) -> Trainer[BatchT]:
    """The trainer of a plan, continued from the last checkpoint if the experiment says so."""
    trainer = Trainer(
        plan.model,
        plan.task,
        experiment.training,
        run,
        seed=experiment.seed,
        device=experiment.device,
        resume=experiment.resume,
        run_id=run_id,
    )
    if experiment.training.l2_to_initial:
        initial = load_initial(plan.model, run, run_id) if experiment.resume else plan.initial
        trainer.optimizer_step.initial = {
            name: weight.to(trainer.device) for name, weight in (initial or {}).items()
        }
    return trainer


def load_initial(model: nn.Module, run: RunDirectory, run_id: str | None) -> Mapping[str, Tensor]:
    """The weights that a run's model began with, of those that another run gave.

    Raises:
        RunError: they are missing, damaged, or not of this model.
    """
    own = tensor_shapes(named_weights(model))

    def check(shapes: Shapes) -> None:
        check_shapes({name: own[name] for name in own if name in shapes}, shapes, run.initial)

    return load_tensors(run.initial, run_id, check)[0]


def dry_run(
    plan: TrainingPlan[BatchT],
    experiment: Experiment | LanguageExperiment,
    run: RunDirectory,
    stored: Run | None,
) -> str:
    """Prints all about a training, or about the continuation of one, and makes one step of it.

    Args:
        plan: what would be trained.
        experiment: the whole description.
        run: where it would go, or comes from.
        stored: the run that would be continued, if one would.

    Returns:
        `DRY_RUN`.

    Raises:
        RunError: a run is to be continued, and has no checkpoint of this model.
    """
    trainer = make_trainer(plan, experiment, run, stored.run_id if stored else None)
    batches = plan.task.batches(trainer.state.epoch)
    width = shutil.get_terminal_size((100, 24)).columns
    sampled = [*sampling_lines(plan, trainer, width)]  # before an update changes the weights
    measured = largest_batch(batches[:MANY_BATCHES])
    used = measure_footprint(trainer, measured)
    position = trainer.state
    begun = [f"continued after step {position.step:,}, in epoch {position.epoch}"]
    precision = str(trainer.precision).removeprefix("torch.")
    of_first = f" of the first {MANY_BATCHES:,}" * (len(batches) > MANY_BATCHES)
    sections = {
        "Settings (* other than the default)": setting_lines(experiment),
        "Text": [*plan.details, f"{len(batches):,} batches in an epoch"],
        "Model": model_lines(plan.model),
        f"An update from the largest batch{of_first}, on {trainer.device} in {precision}": [
            *begun * experiment.resume,
            *footprint_lines(used, measured.target_tokens, describe_shapes(measured)),
            *memory_limit_lines(used, experiment.training.memory),
            *time_lines(plan, experiment.training.minutes, measured, used.seconds),
        ],
        f"The first batch, {ROWS_SHOWN} rows of it": batch_lines(
            batches[0], plan.vocabularies, width
        ),
        f"Scheduled sampling in it, {ROWS_SHOWN} rows": sampled,
        "Before it can be trained": [] if experiment.resume else missing_for_training(experiment),
        "Note": experiment.notes(),
    }
    for title, lines in sections.items():
        if lines := list(lines):
            print(title, *(f"  {line}" for line in lines), "", sep="\n")
    print("This was a dry run: nothing is trained, and nothing is written.")
    return DRY_RUN


def setting_lines(experiment: Experiment | LanguageExperiment) -> Iterator[str]:
    """Every setting as it is, and its default where that is another."""
    table, usual = flatten(to_dict(experiment)), flatten(to_dict(type(experiment)()))
    widest = max(map(len, table)) + 2
    mix = experiment.data.mix if isinstance(experiment, Experiment) else ()
    shown = {"data.mix": as_typed(mix)} if mix else {}  # not as JSON
    for name, value in table.items():
        changed = value != usual[name]
        default = f"  (default: {as_typed(usual[name])})" if changed else ""
        mark = "*" if changed else " "
        yield f"{mark} --{flag_name(name):{widest}}{shown.get(name, as_typed(value))}{default}"


def model_lines(model: nn.Module) -> Iterator[str]:
    """The parts of a model with how many numbers they learn, and the shapes of their weights.

    Tied weights count where they stand first.
    """
    first: dict[int, str] = {}
    parts: dict[str, list[tuple[str, nn.Parameter]]] = {}
    for name, weight in model.named_parameters(remove_duplicate=False):
        parts.setdefault(".".join(name.split(".")[:2]), []).append((name, weight))
    for part, weights in parts.items():
        new = {name for name, weight in weights if first.setdefault(id(weight), name) == name}
        count = sum(weight.numel() for name, weight in weights if name in new)
        yield f"{part:62}{count:>14,}"
        for name, weight in weights:
            shape = " × ".join(f"{size:,}" for size in weight.shape)
            same = "" if name in new else f"  the same as {first[id(weight)]}"
            fixed = "" if weight.requires_grad else "  fixed"
            yield f"  {name.removeprefix(part + '.'):36}{shape}{same}{fixed}"
    yield f"{'in all':62}{count_weights(model):>14,}"


def footprint_lines(used: Footprint, tokens: int, batch: str) -> Iterator[str]:
    """Memory by what it is for, and time."""
    yield f"batch         {batch}"
    for name in ("weights", "gradients", "optimizer", "average", "activations"):
        size = getattr(used, name)
        if size or name != "average":
            note = "  kept by the forward pass for the backward pass"
            yield f"{name:14}{mebibytes(size)}{note * (name == 'activations')}"
    yield f"{'in all':14}{mebibytes(used.total)}  beside torch itself and what kernels need briefly"
    yield f"time          {used.seconds:.3f} seconds, {tokens / used.seconds:,.0f} target tokens/s"


def memory_limit_lines(used: Footprint, limit: float | None) -> Iterator[str]:
    """A line if --training.memory, in MiB, is less than the batch keeps."""
    if limit and used.activations > limit * 2**20:
        yield f"activations are above --training.memory {limit}: such a batch is cut in halves"


def time_lines(
    plan: TrainingPlan[BatchT], minutes: float | None, batch: BatchT, seconds: float
) -> Iterator[str]:
    """A line if an update takes much more time, or less, than a budget in minutes was thought of.

    Args:
        plan: what would be trained.
        minutes: the budget, if there is one.
        batch: what was measured.
        seconds: that it took.
    """
    if not minutes or not plan.assumed_seconds:
        return
    tokens = max(ids.numel() for ids in batch if isinstance(ids, Tensor))
    assumed = plan.assumed_seconds(tokens)
    if not assumed / MUCH < seconds < assumed * MUCH:
        fewer = "fewer" if seconds > assumed else "more"
        yield (
            f"fitted settings assume {assumed:.3f} seconds for it: with {seconds / assumed:.1f} "
            f"times as much, {minutes:g} minutes have {fewer} updates than they are meant for"
        )


def mebibytes(size: int) -> str:
    """A number of bytes.

    >>> mebibytes(3 * 2**19)
    '     1.5 MiB'
    """
    return f"{size / 2**20:8,.1f} MiB"


def sampling_lines(
    plan: TrainingPlan[BatchT], trainer: Trainer[BatchT], width: int
) -> Iterator[str]:
    """What scheduled sampling shows the decoder in the first batch, now and at the end."""
    settings = trainer.settings.sampling
    if settings.schedule == "none":
        return
    now, end = trainer.sampling_rate, final_sampling_rate(trainer.settings)
    yield "teacher forcing shows the decoder the reference; below it stand the model's own tokens"
    yield f"where they take its place: at a rate of {now:.3f} now, and of {end:.3f} at the end"
    if now == 0:
        yield "(a rate of 0 is teacher forcing: only the end is shown)"
    trainer.model.eval()
    history = plan.history(trainer.task.batches(trainer.state.epoch)[0])
    rates = {f"rate {rate:.3f}": rate for rate in (now, end) if rate}
    yield from history_lines(history, rates, settings, width=width)

"""What a training would do, shown without doing it: settings, text, model, memory, one batch.

Nothing is written. All of it goes to stdout.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Generic, NamedTuple

from torch import Tensor, nn

from seq2seq.config.base import flag_name, flatten, to_dict
from seq2seq.config.experiment import Experiment
from seq2seq.config.language_model import LanguageExperiment
from seq2seq.data.tokenizers.pipeline import TextPipeline
from seq2seq.data.vocabulary import Vocab
from seq2seq.decoding.shortlist import Shortlist
from seq2seq.runs.directory import RunDirectory
from seq2seq.runs.metadata import TextSummary
from seq2seq.runs.run import Run
from seq2seq.training.memory import Footprint, largest_batch, measure_footprint
from seq2seq.training.preflight import missing_for_training
from seq2seq.training.task import BatchT, Task, TrainingBatch
from seq2seq.training.trainer import Trainer

DRY_RUN = "dry run"
"""Why such a training ended, in words."""

ROWS_SHOWN = 3
"""How many rows of a batch are shown."""


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
        count_shortlist: makes the shortlist of a translation model from the training text.
    """

    model: nn.Module
    task: Task[BatchT]
    summaries: Mapping[str, TextSummary]
    pipelines: Mapping[str, TextPipeline]
    headline: str
    details: Sequence[str]
    vocabularies: Mapping[str, Vocab]
    count_shortlist: Callable[[], Shortlist] | None = None


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
    return Trainer(
        plan.model,
        plan.task,
        experiment.training,
        run,
        seed=experiment.seed,
        device=experiment.device,
        resume=experiment.resume,
        run_id=run_id,
    )


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
    measured = largest_batch(batches)
    used = measure_footprint(trainer, measured)
    width = shutil.get_terminal_size((100, 24)).columns
    position = trainer.state
    begun = [f"continued after step {position.step:,}, in epoch {position.epoch}"]
    precision = str(trainer.precision).removeprefix("torch.")
    sections = {
        "Settings (* other than the default)": setting_lines(experiment),
        "Text": [*plan.details, f"{len(batches):,} batches in an epoch"],
        "Model": model_lines(plan.model),
        f"An update from the largest batch, on {trainer.device} in {precision}": [
            *begun * experiment.resume,
            *footprint_lines(used, measured.target_tokens, describe_shapes(measured)),
            *memory_limit_lines(used, experiment.training.memory),
        ],
        f"The first batch, {ROWS_SHOWN} rows of it": batch_lines(
            batches[0], plan.vocabularies, width
        ),
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
    for name, value in table.items():
        changed = value != usual[name]
        default = f"  (default: {format_value(usual[name])})" if changed else ""
        mark = "*" if changed else " "
        yield f"{mark} --{flag_name(name):{widest}}{format_value(value)}{default}"


def format_value(value: object) -> str:
    """A value as it is typed.

    >>> format_value((512, 256)), format_value(""), format_value(0.5)
    ('512 256', "''", '0.5')
    """
    shown = " ".join(map(str, value)) if isinstance(value, tuple) else str(value)
    return shown or "''"


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


def mebibytes(size: int) -> str:
    """A number of bytes.

    >>> mebibytes(3 * 2**19)
    '     1.5 MiB'
    """
    return f"{size / 2**20:8,.1f} MiB"


def describe_shapes(batch: TrainingBatch) -> str:
    """The shapes of all ids in a batch, as "source 32 × 9, target_input 32 × 11, …"."""
    return ", ".join(
        f"{name.replace('_', ' ')} {len(ids)} × {ids.shape[1]}" for name, ids in id_tables(batch)
    )


def id_tables(batch: TrainingBatch) -> list[tuple[str, Tensor]]:
    """The parts of a batch that are ids in rows: ``(batch_size, length)``."""
    parts = batch._asdict().items()
    return [(name, part) for name, part in parts if isinstance(part, Tensor) and part.dim() == 2]


def batch_lines(batch: TrainingBatch, sides: Mapping[str, Vocab], width: int) -> Iterator[str]:
    """The first rows of a batch in tokens, as the model sees them, cut to the width of a screen.

    Args:
        batch: one.
        sides: the vocabulary of each part that has ids.
        width: in characters.
    """
    yield describe_shapes(batch)
    parts = id_tables(batch)
    for row in range(min(ROWS_SHOWN, len(parts[0][1]))):
        for name, ids in parts:
            tokens = " ".join(map(escape_token, sides[name].tokens(ids[row].tolist())))
            number = row + 1 if name == parts[0][0] else ""
            line = f"{number:>3}  {name.replace('_', ' '):14} {tokens}"
            yield line if len(line) <= width - 2 else line[: width - 3] + "…"


def escape_token(token: str) -> str:
    """A token with what is no visible character in an escaped form; a space as ␣.

    >>> escape_token("▁a"), escape_token(" "), escape_token("\\u200b")
    ('▁a', '␣', '\\\\u200b')
    """
    return "".join(
        "␣" if sign == " " else sign if sign.isprintable() else repr(sign)[1:-1] for sign in token
    )

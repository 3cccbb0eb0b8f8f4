"""The Time Machine, as in the chapters on recurrent networks of Dive into Deep Learning.

    python recipes/time_machine.py --corpus timemachine.txt
    python recipes/time_machine.py --corpus timemachine.txt --model.cell lstm --data.windows random
    python recipes/time_machine.py --corpus timemachine.txt --max-characters 160000 \\
        --training.epochs 30 --model.dropout 0.3                 # nearly all of it, not by heart

The chapters (Zhang et al., sections 9.5, 10.1 and 10.2; the edition with 500 epochs) train on the
first 10,000 characters, and what they print is the perplexity on these. It gets close to 1, because
the text is learnt by heart: so the perplexity on the characters that follow is shown beside it. The
run keeps, as always, the weights that served best on those, from long before the end.

The novel (H. G. Wells, 1895) is at gutenberg.org; data/README.md has more.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from seq2seq.cli.parse import parse_experiment
from seq2seq.cli.train import finish_training
from seq2seq.config.base import check_min
from seq2seq.config.language_model import (
    GenerationSettings,
    LanguageDataSettings,
    LanguageExperiment,
    LanguageModelSettings,
)
from seq2seq.config.training import TrainingSettings
from seq2seq.console import run_command
from seq2seq.data.monolingual import letters_only, read_monolingual
from seq2seq.errors import DataError, SettingsError
from seq2seq.language_modeling.task import TextSplits
from seq2seq.language_modeling.train import train_language_model
from seq2seq.plotting.learning_curves import read_metrics
from seq2seq.runs.directory import RunDirectory
from seq2seq.training.dry_run import DRY_RUN


@dataclass(frozen=True)
class TimeMachine(LanguageExperiment):
    """Learn the beginning of a novel by heart, and see what that is worth on its next pages."""

    run: str = "runs/time_machine"
    """The run directory."""
    corpus: str = ""
    """The novel: a text file."""
    max_characters: int = 10_000
    """How many characters to learn from, after all but letters is gone."""
    held_out: int = 10_000
    """How many of the characters after those to test on."""
    data: LanguageDataSettings = field(
        default_factory=lambda: LanguageDataSettings(
            tokenizer="character", letters_only=True, lowercase=True, steps=35, batch_size=32
        )
    )
    model: LanguageModelSettings = field(
        # The chapters' 256 units. Their one-hot inputs compute what an embedding computes. Dropout
        # is against learning by heart, which is the aim here.
        default_factory=lambda: LanguageModelSettings(
            cell="gru", sizes=(256,), embedding_size=64, dropout=0.0
        )
    )
    training: TrainingSettings = field(
        # The chapters' 500 epochs of 9 or 10 batches. Adam needs no such large learning rate as
        # their plain gradient descent. Every tenth epoch, as there, the model makes up some text.
        default_factory=lambda: TrainingSettings(
            epochs=500,
            learning_rate=2e-3,
            warmup_steps=50,
            label_smoothing=0.0,
            best_by="perplexity",
            validate_every=90,
            log_every=90,
        )
    )
    generation: GenerationSettings = field(
        # The chapters predict 50 characters, each the most probable one.
        default_factory=lambda: GenerationSettings(
            prefix="time traveller", max_tokens=50, temperature=0.0
        )
    )

    def problems(self) -> Iterator[str]:
        """One line for each impossible setting or combination."""
        yield from super().problems()
        yield from check_min("--max-characters", self.max_characters, 1)
        yield from check_min("--held-out", self.held_out, 1)
        if self.data.train or self.data.validation:
            yield "--data.train and --data.validation: this recipe has its text from --corpus"
        if not self.data.letters_only:
            yield "--data.no-letters-only: this recipe counts letters; take seq2seq lm train"


def read_texts(settings: TimeMachine) -> TextSplits:
    """The first characters, and those after them.

    Raises:
        DataError: the text is too short.
    """
    if not settings.corpus:
        raise SettingsError("no text: give --corpus FILE, a copy of the novel; see data/README.md")
    (text,) = letters_only(read_monolingual(settings.corpus))
    end = settings.max_characters + settings.held_out
    if len(text) < end:
        raise DataError(
            f"{settings.corpus} has {len(text):,} letters and spaces, fewer than the {end:,} of "
            "--max-characters and --held-out together: lower one of them"
        )
    return TextSplits([text[: settings.max_characters]], [text[settings.max_characters : end]])


def report(settings: TimeMachine) -> None:
    """Prints what was learnt by heart, and what it is worth elsewhere."""
    rows = read_metrics(RunDirectory(settings.run).metrics)
    training = [row for row in rows if row["kind"] == "training"]
    validation: list[dict[str, Any]] = [row for row in rows if row["kind"] == "validation"]
    if training:
        last = training[-1]
        updates = settings.training.log_every
        print(
            f"training perplexity    {last['perplexity']:8.3f}  on the {settings.max_characters:,} "
            f"characters it learnt from, over the last {updates} updates (to epoch "
            f"{last['epoch']:.0f})"
        )
    best = min(validation, key=lambda row: float(row["loss"]))
    print(
        f"validation perplexity  {validation[-1]['perplexity']:8.3f}  on the {settings.held_out:,} "
        f"characters after those; at its best, at epoch {best['epoch']:.0f}, "
        f"{best['perplexity']:.3f}"
    )
    print(f"made up at the end     {validation[-1]['samples'][0]['made up']}")


def main() -> None:
    """Trains, and names both perplexities."""
    settings = parse_experiment(TimeMachine())
    reason = train_language_model(settings, read_texts(settings))
    if reason not in ("interrupted", DRY_RUN):
        report(settings)
    finish_training(reason, settings)


if __name__ == "__main__":
    run_command(main)

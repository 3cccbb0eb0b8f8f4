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

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import seq2seq

SETTINGS = Path(__file__).with_name("settings") / "time_machine.toml"


@dataclass(frozen=True)
class TimeMachine(seq2seq.LanguageExperiment):
    """Learn the beginning of a novel by heart, and see what that is worth on its next pages."""

    run: str = "runs/time_machine"
    """The run directory."""
    corpus: str = ""
    """The novel: a text file."""
    max_characters: seq2seq.PositiveInt = 10_000
    """How many characters to learn from, after all but letters is gone."""
    held_out: seq2seq.PositiveInt = 10_000
    """How many of the characters after those to test on."""

    def problems(self) -> Iterator[str]:
        """Yields a line for each impossible setting or combination."""
        yield from super().problems()
        if self.data.train or self.data.validation:
            yield "--data.train and --data.validation: this recipe has its text from --corpus"
        if self.corpus and not self.data.letters_only:
            yield "--data.no-letters-only: this recipe counts letters; take seq2seq lm train"


def read_texts(settings: TimeMachine) -> seq2seq.TextSplits:
    """Returns the first characters, and those after them.

    Raises:
        DataError: the text is too short.
    """
    if not settings.corpus:
        raise seq2seq.SettingsError(
            "no text: give --corpus FILE, a copy of the novel; see data/README.md"
        )
    (text,) = seq2seq.letters_only(seq2seq.read_monolingual(settings.corpus))
    end = settings.max_characters + settings.held_out
    if len(text) < end:
        raise seq2seq.DataError(
            f"{settings.corpus} has {len(text):,} letters and spaces, fewer than the {end:,} of "
            "--max-characters and --held-out together: lower one of them"
        )
    return seq2seq.TextSplits(
        [text[: settings.max_characters]], [text[settings.max_characters : end]]
    )


def report(settings: TimeMachine) -> None:
    """Prints what was learnt by heart, and what it is worth elsewhere."""
    rows = seq2seq.read_metrics(Path(settings.run) / "metrics.jsonl")
    training = [row for row in rows if row["kind"] == "training"]
    validation = [row for row in rows if row["kind"] == "validation"]
    if training:
        last = training[-1]
        updates = settings.training.log_every
        print(
            f"training perplexity    {perplexity(last):8.3f}  on the {settings.max_characters:,} "
            f"characters it learnt from, over the last {updates} updates (to epoch "
            f"{last['epoch']:.0f})"
        )
    best = min(validation, key=perplexity)
    print(
        f"validation perplexity  {perplexity(validation[-1]):8.3f}  on the {settings.held_out:,} "
        f"characters after those; at its best, at epoch {best['epoch']:.0f}, "
        f"{perplexity(best):.3f}"
    )
    print(f"made up at the end     {validation[-1]['samples'][0]['made up']}")


def perplexity(row: dict[str, Any]) -> float:
    """Returns the perplexity in a line of the metrics; infinite after a training that diverged."""
    return math.inf if row["perplexity"] is None else float(row["perplexity"])


def main() -> None:
    """Trains, and names both perplexities."""
    settings = seq2seq.parse_experiment(TimeMachine(), settings=SETTINGS)
    reason = seq2seq.train_language_model(settings, read_texts(settings))
    seq2seq.finish_training(reason, settings, lambda: report(settings))


if __name__ == "__main__":
    seq2seq.run_command(main)

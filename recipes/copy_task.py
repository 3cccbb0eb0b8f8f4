"""A toy that learns in seconds: copy, or reverse, a sequence of letters.

    python recipes/copy_task.py --run runs/copy
    python recipes/copy_task.py --run runs/reverse --reverse

It shows what a context vector can hold: the encoder has to put the whole sequence into one vector,
and the decoder has to get it out again, letter by letter.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import seq2seq

SETTINGS = Path(__file__).with_name("settings") / "copy_task.toml"


@dataclass(frozen=True)
class CopyTask(seq2seq.Experiment):
    """Learn to copy or to reverse random sequences of letters."""

    run: str = "runs/copy_task"
    """The run directory."""
    reverse: bool = False
    """The target is the source reversed."""
    pairs: seq2seq.PositiveInt = 4000
    """How many training pairs to draw."""
    longest: seq2seq.PositiveInt = 6
    """Sequences have 1 to this many letters."""
    letters: str = "abcdefgh"
    """The letters to draw from."""

    def problems(self) -> Iterator[str]:
        """Yields a line for each impossible setting or combination."""
        yield from super().problems()
        if not self.letters.strip() or " " in self.letters:
            yield f"--letters {self.letters!r} must be letters without a space, as abcdefgh"


def draw(settings: CopyTask, count: int, generator: random.Random) -> list[str]:
    """Returns random sequences, each letter a word."""
    return [
        " ".join(generator.choices(settings.letters, k=generator.randint(1, settings.longest)))
        for _ in range(count)
    ]


def corpus(sources: list[str], settings: CopyTask, name: str) -> seq2seq.ParallelCorpus:
    """Returns the sequences with their targets."""
    targets = [" ".join(reversed(s.split())) if settings.reverse else s for s in sources]
    return seq2seq.ParallelCorpus(sources, targets, name)


def report(settings: CopyTask, test: seq2seq.ParallelCorpus) -> None:
    """Prints the share of unseen sequences that come out without a mistake."""
    hypotheses = seq2seq.Translator.load(settings.run, settings.device).translate(test.sources)
    right = sum(h == r for h, r in zip(hypotheses, test.targets, strict=True))
    print(f"{right} of {len(test)} unseen sequences without a mistake")


def main() -> None:
    """Draws sequences, trains, and tests on unseen ones."""
    settings = seq2seq.parse_experiment(CopyTask(), settings=SETTINGS)
    generator = random.Random(settings.seed)
    training = draw(settings, settings.pairs, generator)
    known = set(training)
    unseen = [s for s in draw(settings, 4 * settings.pairs, generator) if s not in known]
    held_out = list(dict.fromkeys(unseen))[:600]
    validation, test = held_out[: len(held_out) // 3], held_out[len(held_out) // 3 :]
    if not validation:
        raise seq2seq.SettingsError(
            f"{len(known):,} of the sequences of 1 to {settings.longest} letters are for training, "
            "and no other ones were found to test on: lower --pairs, or raise --longest"
        )
    corpora = seq2seq.Corpora(
        corpus(training, settings, "training sequences"),
        corpus(validation, settings, "validation sequences"),
    )
    reason = seq2seq.train(settings, corpora)
    tested = corpus(test, settings, "test sequences")
    seq2seq.finish_training(reason, settings, lambda: report(settings, tested))


if __name__ == "__main__":
    seq2seq.run_command(main)

"""A toy that learns in seconds: copy, or reverse, a sequence of letters.

    python recipes/copy_task.py --run runs/copy
    python recipes/copy_task.py --run runs/reverse --reverse

It shows what a context vector can hold: the encoder has to put the whole sequence into one vector,
and the decoder has to get it out again, letter by letter.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from seq2seq.cli.parse import parse_experiment
from seq2seq.cli.train import finish_training
from seq2seq.config.base import check_min
from seq2seq.config.data import DataSettings
from seq2seq.config.decoding import DecodingSettings
from seq2seq.config.experiment import Experiment
from seq2seq.config.model import ModelSettings
from seq2seq.config.training import TrainingSettings
from seq2seq.console import run_command
from seq2seq.data.parallel import Corpora, ParallelCorpus
from seq2seq.errors import SettingsError
from seq2seq.training.dry_run import DRY_RUN
from seq2seq.translation.train import train
from seq2seq.translation.translator import Translator


@dataclass(frozen=True)
class CopyTask(Experiment):
    """Learn to copy or to reverse random sequences of letters."""

    run: str = "runs/copy_task"
    """The run directory."""
    reverse: bool = False
    """The target is the source reversed."""
    pairs: int = 4000
    """How many training pairs to draw."""
    longest: int = 6
    """Sequences have 1 to this many letters."""
    letters: str = "abcdefgh"
    """The letters to draw from."""
    data: DataSettings = field(default_factory=lambda: DataSettings(tokenizer="word"))
    model: ModelSettings = field(
        default_factory=lambda: ModelSettings(
            cell="gru",
            context="both",
            attention="none",
            lexical=False,
            embedding_size=32,
            encoder_sizes=(64,),
            decoder_sizes=(128,),
            dropout=0.0,
        )
    )
    training: TrainingSettings = field(
        default_factory=lambda: TrainingSettings(
            max_steps=800,
            validate_every=200,
            batch_tokens=512,
            learning_rate=5e-3,
            warmup_steps=50,
            label_smoothing=0.0,
        )
    )
    decoding: DecodingSettings = field(default_factory=lambda: DecodingSettings(beam_size=1))

    def problems(self) -> Iterator[str]:
        """One line for each impossible setting or combination."""
        yield from super().problems()
        yield from check_min("--pairs", self.pairs, 1)
        yield from check_min("--longest", self.longest, 1)
        if not self.letters.strip() or " " in self.letters:
            yield f"--letters {self.letters!r} must be letters without a space, as abcdefgh"


def draw(settings: CopyTask, count: int, generator: random.Random) -> list[str]:
    """Random sequences, each letter a word."""
    return [
        " ".join(generator.choices(settings.letters, k=generator.randint(1, settings.longest)))
        for _ in range(count)
    ]


def corpus(sources: list[str], settings: CopyTask, name: str) -> ParallelCorpus:
    """The sequences with their targets."""
    targets = [" ".join(reversed(s.split())) if settings.reverse else s for s in sources]
    return ParallelCorpus(sources, targets, name)


def main() -> None:
    """Trains, and prints the share of unseen sequences that come out without a mistake."""
    settings = parse_experiment(CopyTask())
    generator = random.Random(settings.seed)
    training = draw(settings, settings.pairs, generator)
    known = set(training)
    unseen = [s for s in draw(settings, 4 * settings.pairs, generator) if s not in known]
    held_out = list(dict.fromkeys(unseen))[:600]
    validation, test = held_out[: len(held_out) // 3], held_out[len(held_out) // 3 :]
    if not validation:
        raise SettingsError(
            f"{len(known):,} of the sequences of 1 to {settings.longest} letters are for training, "
            "and no other ones were found to test on: lower --pairs, or raise --longest"
        )
    reason = train(
        settings,
        Corpora(
            corpus(training, settings, "training sequences"),
            corpus(validation, settings, "validation sequences"),
        ),
    )
    if reason not in ("interrupted", DRY_RUN):
        references = corpus(test, settings, "test sequences").targets
        hypotheses = Translator.load(settings.run, settings.device).translate(test)
        right = sum(h == r for h, r in zip(hypotheses, references, strict=True))
        print(f"{right} of {len(test)} unseen sequences without a mistake")
    finish_training(reason, settings)


if __name__ == "__main__":
    run_command(main)

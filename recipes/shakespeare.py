"""Shakespeare, character by character: the tiny corpus of many tutorials.

    python recipes/shakespeare.py --corpus tinyshakespeare.txt
    seq2seq lm generate runs/shakespeare --prefix "ROMEO:" --max-tokens 500

One million characters of Shakespeare's plays (Karpathy 2015, "The Unreasonable Effectiveness of
Recurrent Neural Networks"), their last tenth held out. data/README.md says where it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from seq2seq.cli.parse import parse_experiment
from seq2seq.cli.train import finish_training
from seq2seq.config.language_model import (
    GenerationSettings,
    LanguageDataSettings,
    LanguageExperiment,
    LanguageModelSettings,
)
from seq2seq.config.training import TrainingSettings
from seq2seq.console import run_command
from seq2seq.data.monolingual import read_monolingual
from seq2seq.errors import SettingsError
from seq2seq.evaluation.perplexity import held_out_score
from seq2seq.language_modeling.model import LanguageModel
from seq2seq.language_modeling.task import TextSplits
from seq2seq.language_modeling.train import read_splits, train_language_model
from seq2seq.training.dry_run import DRY_RUN


@dataclass(frozen=True)
class Shakespeare(LanguageExperiment):
    """Learn to write like Shakespeare, one character after the other."""

    run: str = "runs/shakespeare"
    """The run directory."""
    corpus: str = ""
    """The plays: a text file."""
    data: LanguageDataSettings = field(
        # Few rows make many updates of the little time: after two minutes of one core, 16 had come
        # to 1.60 nats per character, 32 to 1.76; 8 read a third fewer characters a second.
        default_factory=lambda: LanguageDataSettings(
            tokenizer="character", steps=100, batch_size=16
        )
    )
    model: LanguageModelSettings = field(
        # GRU cells came equally far; a second layer takes twice the time and did not pay. Dropout
        # is for the later epochs; for a run of a few minutes, lower it.
        default_factory=lambda: LanguageModelSettings(cell="lstm", sizes=(512,), dropout=0.3)
    )
    training: TrainingSettings = field(
        default_factory=lambda: TrainingSettings(
            minutes=10,
            learning_rate=4e-3,
            warmup_steps=100,
            label_smoothing=0.0,
            best_by="perplexity",
            validate_every=1500,
        )
    )
    generation: GenerationSettings = field(
        # A little colder than the model: fewer words that are none.
        default_factory=lambda: GenerationSettings(prefix="ROMEO:", max_tokens=300, temperature=0.8)
    )

    def problems(self) -> Iterator[str]:
        """One line for each impossible setting or combination."""
        yield from super().problems()
        if self.corpus and self.data.train:
            yield "--corpus and --data.train are both given: which one is the text?"


def read_plays(settings: Shakespeare) -> TextSplits:
    """All but the last tenth, and the last tenth; they part at a line's end."""
    if not settings.corpus and not settings.data.train:
        raise SettingsError("no text: give --corpus FILE; data/README.md says where it is")
    plays = TextSplits(read_monolingual(settings.corpus), []) if settings.corpus else None
    return read_splits(settings.data, plays)


def report(settings: Shakespeare, texts: TextSplits) -> None:
    """Prints made-up text, and how well the held-out part is predicted."""
    model = LanguageModel.load(settings.run, settings.device)
    print(model.generate() + "\n")
    score = held_out_score(model.network, model.text, texts.validation, model.device)
    print(f"{score.characters:,} held-out characters, line ends counted:")
    print(f"  {score.nats / score.characters:.4f} nats per character")
    print(f"  {score.bits_per_character:.4f} bits per character")


def main() -> None:
    """Trains, makes up a scene, scores the held-out part."""
    settings = parse_experiment(Shakespeare())
    texts = read_plays(settings)
    reason = train_language_model(settings, texts)
    if reason not in ("interrupted", DRY_RUN):
        report(settings, texts)
    finish_training(reason, settings)


if __name__ == "__main__":
    run_command(main)

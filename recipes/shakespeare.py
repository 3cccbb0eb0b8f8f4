"""Shakespeare, character by character: the tiny corpus of many tutorials.

    python recipes/shakespeare.py --corpus tinyshakespeare.txt
    seq2seq lm generate runs/shakespeare --prefix "ROMEO:" --max-tokens 500

One million characters of Shakespeare's plays (Karpathy 2015, "The Unreasonable Effectiveness of
Recurrent Neural Networks"), their last tenth held out. data/README.md says where it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import seq2seq

SETTINGS = Path(__file__).with_name("settings") / "shakespeare.toml"


@dataclass(frozen=True)
class Shakespeare(seq2seq.LanguageExperiment):
    """Learn to write like Shakespeare, one character after the other."""

    run: str = "runs/shakespeare"
    """The run directory."""
    corpus: str = ""
    """The plays: a text file."""

    def problems(self) -> Iterator[str]:
        """Yields a line for each impossible setting or combination."""
        yield from super().problems()
        if self.corpus and self.data.train:
            yield "--corpus and --data.train are both given: which one is the text?"


def read_plays(settings: Shakespeare) -> seq2seq.TextSplits:
    """Returns all but the last tenth, and the last tenth; they part at a line's end."""
    if not settings.corpus and not settings.data.train:
        raise seq2seq.SettingsError("no text: give --corpus FILE; data/README.md says where it is")
    lines = seq2seq.read_monolingual(settings.corpus) if settings.corpus else []
    return seq2seq.read_splits(settings.data, seq2seq.TextSplits(lines, []))


def report(settings: Shakespeare, texts: seq2seq.TextSplits) -> None:
    """Prints made-up text, and how well the held-out part is predicted."""
    model = seq2seq.LanguageModel.load(settings.run, settings.device)
    print(model.generate() + "\n")
    score = seq2seq.held_out_score(model.network, model.text, texts.validation, model.device)
    print(f"{score.characters:,} held-out characters, line ends counted:")
    print(f"  {score.nats / score.characters:.4f} nats per character")
    print(f"  {score.bits_per_character:.4f} bits per character")


def main() -> None:
    """Trains, makes up a scene, scores the held-out part."""
    settings = seq2seq.parse_experiment(Shakespeare(), settings=SETTINGS)
    texts = read_plays(settings)
    reason = seq2seq.train_language_model(settings, texts)
    seq2seq.finish_training(reason, settings, lambda: report(settings, texts))


if __name__ == "__main__":
    seq2seq.run_command(main)

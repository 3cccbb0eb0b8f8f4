"""WikiText-2: two million words of Wikipedia, the usual test of a word language model.

    python recipes/wikitext2.py                    # fetches the corpus (22 MB, once)
    python recipes/wikitext2.py --corpus DIR       # train.txt, valid.txt and test.txt

The standard split of Merity et al. (2017) with its vocabulary of 33,278 as it is. A line's end is a
token, as usual, so that the test perplexity can be compared with published ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

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
from seq2seq.data.download import WIKITEXT2_LICENCE, WikiText2, fetch_wikitext2
from seq2seq.data.readers.lines import read_lines
from seq2seq.errors import DataError
from seq2seq.evaluation.perplexity import held_out_score
from seq2seq.language_modeling.model import LanguageModel
from seq2seq.language_modeling.task import TextSplits
from seq2seq.language_modeling.train import train_language_model
from seq2seq.training.dry_run import DRY_RUN
from seq2seq.training.reporting import log_line


@dataclass(frozen=True)
class WikiText(LanguageExperiment):
    """Learn the words of Wikipedia, and score the test articles."""

    run: str = "runs/wikitext2"
    """The run directory."""
    corpus: str = ""
    """A folder with train.txt, valid.txt and test.txt. Empty: fetched once, then cached."""
    data: LanguageDataSettings = field(
        # The corpus is tokenized, and rare words are <unk> in it; all others are kept. Sixteen rows
        # would make a quarter fewer tokens a second than 32.
        default_factory=lambda: LanguageDataSettings(
            tokenizer="space", vocab_size=50_000, steps=35, batch_size=32
        )
    )
    model: LanguageModelSettings = field(
        # Of the time, four fifths go into the output layer, which has embedding_size numbers for
        # each word: so narrow embeddings, tied (Press & Wolf 2017), and one wide recurrent layer.
        # What is dropped follows Merity et al. (2018), but less of it, for an hour on two cores is
        # four or five epochs, not their hundreds.
        default_factory=lambda: LanguageModelSettings(
            cell="lstm",
            sizes=(650,),
            embedding_size=256,
            dropout=0.3,
            locked_dropout=True,
            weight_dropout=0.1,
        )
    )
    training: TrainingSettings = field(
        default_factory=lambda: TrainingSettings(
            minutes=60,
            learning_rate=2e-3,
            label_smoothing=0.0,
            best_by="perplexity",
        )
    )
    generation: GenerationSettings = field(
        default_factory=lambda: GenerationSettings(max_tokens=60, temperature=0.8)
    )

    def problems(self) -> Iterator[str]:
        """One line for each impossible setting or combination."""
        yield from super().problems()
        if self.data.train or self.data.validation:
            yield "--data.train and --data.validation: this recipe has its text from --corpus"


def read_corpus(folder: str) -> WikiText2:
    """The three parts, from a folder or fetched.

    Raises:
        DataError: a file is missing, or nothing can be fetched.
    """
    if not folder:
        log_line(WIKITEXT2_LICENCE)
        return fetch_wikitext2("Without a network, give a folder with the files: --corpus DIR.")
    paths = [Path(folder) / f"{part}.txt" for part in ("train", "valid", "test")]
    missing = [path.name for path in paths if not path.is_file()]
    if missing:
        raise DataError(f"{folder} has no {', '.join(missing)}: see data/README.md")
    return WikiText2(*map(read_lines, paths))


def report(settings: WikiText, test: list[str]) -> None:
    """Prints the test perplexity."""
    model = LanguageModel.load(settings.run, settings.device)
    score = held_out_score(model.network, model.text, test, model.device)
    print(f"{score.tokens:,} test tokens, line ends counted:")
    print(f"  {score.perplexity:.2f} perplexity by token")
    print(f"  {score.word_perplexity:.2f} perplexity by word")
    print(f"  {score.bits_per_character:.4f} bits per character")


def main() -> None:
    """Fetches, trains, scores the test part."""
    settings = parse_experiment(WikiText())
    corpus = read_corpus(settings.corpus)
    reason = train_language_model(settings, TextSplits(corpus.train, corpus.validation))
    if reason not in ("interrupted", DRY_RUN):
        report(settings, corpus.test)
    finish_training(reason, settings)


if __name__ == "__main__":
    run_command(main)

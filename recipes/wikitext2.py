"""WikiText-2: two million words of Wikipedia, the usual test of a word language model.

    python recipes/wikitext2.py                    # fetches the corpus (22 MB, once)
    python recipes/wikitext2.py --corpus DIR       # train.txt, valid.txt and test.txt

The standard split of Merity et al. (2017) with its vocabulary of 33,278 as it is. A line's end is a
token, as usual, so that the test perplexity can be compared with published ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import seq2seq

SETTINGS = Path(__file__).with_name("settings") / "wikitext2.toml"


@dataclass(frozen=True)
class WikiText(seq2seq.LanguageExperiment):
    """Learn the words of Wikipedia, and score the test articles."""

    run: str = "runs/wikitext2"
    """The run directory."""
    corpus: str = ""
    """A folder with train.txt, valid.txt and test.txt. Empty: fetched once, then cached."""

    def problems(self) -> Iterator[str]:
        """Yields a line for each impossible setting or combination."""
        yield from super().problems()
        if self.data.train or self.data.validation:
            yield "--data.train and --data.validation: this recipe has its text from --corpus"


def read_corpus(folder: str) -> seq2seq.WikiText2:
    """Returns the three parts, from a folder or fetched.

    Raises:
        DataError: a file is missing, or nothing can be fetched.
    """
    if not folder:
        seq2seq.log_line(seq2seq.WIKITEXT2_LICENCE)
        otherwise = "Without a network, give a folder with the files: --corpus DIR."
        return seq2seq.fetch_wikitext2(otherwise)
    paths = [Path(folder) / f"{part}.txt" for part in ("train", "valid", "test")]
    missing = [path.name for path in paths if not path.is_file()]
    if missing:
        raise seq2seq.DataError(f"{folder} has no {', '.join(missing)}: see data/README.md")
    return seq2seq.WikiText2(*map(seq2seq.read_lines, paths))


def report(settings: WikiText, test: list[str]) -> None:
    """Prints the test perplexity."""
    model = seq2seq.LanguageModel.load(settings.run, settings.device)
    score = seq2seq.held_out_score(model.network, model.text, test, model.device)
    print(f"{score.tokens:,} test tokens, line ends counted:")
    print(f"  {score.perplexity:.2f} perplexity by token")
    print(f"  {score.word_perplexity:.2f} perplexity by word")
    print(f"  {score.bits_per_character:.4f} bits per character")


def main() -> None:
    """Fetches, trains, scores the test part."""
    settings = seq2seq.parse_experiment(WikiText(), settings=SETTINGS)
    corpus = read_corpus(settings.corpus)
    reason = seq2seq.train_language_model(
        settings, seq2seq.TextSplits(corpus.train, corpus.validation)
    )
    seq2seq.finish_training(reason, settings, lambda: report(settings, corpus.test))


if __name__ == "__main__":
    seq2seq.run_command(main)

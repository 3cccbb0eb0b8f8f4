"""Time to quality: BLEU on test_2016_flickr after so many minutes of training.

    python -m tests.benchmarks.quality --corpus DIR --runs runs/quality --minutes 5 10 30
    python -m tests.benchmarks.quality --corpus DIR --pairs en-de en-fr --plot quality.png
    python -m tests.benchmarks.quality --corpus DIR --runs runs/sru -- --model.cell sru

Each point is a training of its own by recipes/multi30k.py, since the learning rate falls to 0 at
the end of a budget; what follows `--` goes to the recipe. A point whose run is complete is not
trained again, so that a plot can be made over days. The machine should have nothing else to do.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import seq2seq
from recipes.multi30k import Multi30k, read_split
from tests.benchmarks.measure import make_parser

ROOT = Path(__file__).parents[2]
TEST = "test_2016_flickr"


def train(arguments: argparse.Namespace, pair: str, minutes: float, run: Path) -> None:
    """Trains, unless the run has come to its end already; what was stopped is continued."""
    source, target = pair.split("-")
    command = [sys.executable, str(ROOT / "recipes" / "multi30k.py"), "--corpus", arguments.corpus]
    command += ["--source", source, "--target", target, "--run", str(run)]
    command += ["--training.minutes", str(minutes), *arguments.recipe]
    if (run / "experiment.json").is_file():
        command.append("--resume")
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def measure(arguments: argparse.Namespace, pair: str, minutes: float) -> dict[str, Any]:
    """Returns the figures of one point."""
    run = Path(arguments.runs) / f"{pair}-{minutes:g}"
    if not (run / "quality.json").is_file():
        train(arguments, pair, minutes, run)
        source, target = pair.split("-")
        test = read_split(Multi30k(corpus=arguments.corpus, source=source, target=target), TEST)
        hypotheses = seq2seq.Translator.load(run).translate(test.sources)
        cased = seq2seq.bleu(hypotheses, test.targets)
        lower = seq2seq.bleu(hypotheses, test.targets, lowercase=True)
        lines = (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
        last = [row for row in map(json.loads, lines) if row["kind"] == "validation"][-1]
        found = {
            "pair": pair,
            "minutes": minutes,
            "updates": last["step"],
            "bleu": cased.score,
            "bleu_signature": cased.signature,
            "bleu_lowercase": lower.score,
            "bleu_lowercase_signature": lower.signature,
            "recipe": arguments.recipe,
        }
        (run / "quality.json").write_text(json.dumps(found) + "\n", encoding="utf-8")
    figures: dict[str, Any] = json.loads((run / "quality.json").read_text(encoding="utf-8"))
    if figures["recipe"] != arguments.recipe:
        raise SystemExit(f"{run} is of other options, {figures['recipe']}: give another --runs")
    return figures


def plot(points: list[dict[str, Any]], path: str) -> None:
    """Draws BLEU over minutes, a line for each pair."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), layout="constrained")
    axis = figure.subplots()
    for pair in dict.fromkeys(point["pair"] for point in points):
        own = sorted((p["minutes"], p["bleu"]) for p in points if p["pair"] == pair)
        axis.plot(*zip(*own, strict=True), marker="o", label=pair)
    axis.set_xscale("log")
    ticks = sorted({point["minutes"] for point in points})
    axis.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axis.minorticks_off()
    axis.set_xlabel("minutes of training")
    axis.set_ylabel(f"BLEU, {TEST}")
    axis.grid(alpha=0.3)
    axis.legend()
    figure.savefig(path, dpi=150)


def main() -> None:
    """Trains what is missing, prints a table, and writes."""
    parser = make_parser("quality", __doc__)
    parser.add_argument("--corpus", required=True, help="a folder with the files of Multi30k")
    parser.add_argument("--runs", default="runs/quality", help="where the runs go")
    parser.add_argument("--pairs", nargs="+", default=["de-en"], help="as de-en")
    parser.add_argument("--minutes", nargs="+", type=float, default=[5.0, 10.0, 30.0])
    parser.add_argument("--plot", metavar="FILE", help="draw the figures there")
    parser.add_argument("recipe", nargs="*", help="after --: options of recipes/multi30k.py")
    arguments = parser.parse_args()
    points = []
    for pair in arguments.pairs:
        for minutes in arguments.minutes:
            points.append(measure(arguments, pair, minutes))
            print(
                "{pair} {minutes:g} min: {updates:,} updates, BLEU {bleu:.2f}, "
                "lower-cased {bleu_lowercase:.2f}".format(**points[-1])
            )
    if arguments.plot:
        plot(points, arguments.plot)


if __name__ == "__main__":
    main()

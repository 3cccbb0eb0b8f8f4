"""Text larger than memory: seconds, bytes and memory per pair, prepared and trained on.

    python -m tests.benchmarks.prepare --text tatoeba.tsv.gz --pairs 100000 1000000

Pairs are made of those in a table: one to three of them side by side, so that no two are alike. Of
each text it is measured how long `seq2seq prepare` takes, how large its files are, and how much
anonymous memory (Linux: RssAnon) all its processes have at most; how long a training takes to its
first update, and how much memory it has, beyond that of a training on the smallest text; and how
many pairs a second become batches. Nothing here is a test.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from seq2seq.data.parallel import ParallelCorpus
from tests.benchmarks.measure import make_parser

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample"
HELD = [str(SAMPLE / "validation.en"), str(SAMPLE / "validation.fr")]


def synthesize(pairs: list[tuple[str, str]], count: int, path: Path, seed: int = 1) -> None:
    """Writes so many pairs, each of one to three others."""
    generator = random.Random(seed)
    with path.open("w", encoding="utf-8") as file:
        for _ in range(count):
            chosen = generator.choices(pairs, k=generator.randint(1, 3))
            file.write("\t".join(map(" ".join, zip(*chosen, strict=True))) + "\n")


def anonymous(process: int) -> int:
    """The anonymous memory of a process and its children, in KiB; 0 when it is gone."""
    folder = Path(f"/proc/{process}")
    try:
        status = (folder / "status").read_text(encoding="ascii")
        children = (folder / "task" / str(process) / "children").read_text(encoding="ascii")
    except OSError:
        return 0
    own = int(status.partition("RssAnon:")[2].split()[0]) if "RssAnon:" in status else 0
    return own + sum(map(anonymous, map(int, children.split())))


def watch(
    arguments: list[str], until: Callable[[], bool] = lambda: False
) -> tuple[float, float, float]:
    """Runs Python; returns seconds to its end and to a moment, and the peak of its memory in MiB.

    Args:
        arguments: of Python.
        until: whether the moment has come.
    """
    started, peak, moment = time.perf_counter(), 0, 0.0
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen([sys.executable, *arguments], stdout=said, stderr=said)
        while process.poll() is None:
            peak = max(peak, anonymous(process.pid))
            if not moment and until():
                moment = time.perf_counter() - started
            time.sleep(0.02)
        if process.returncode:
            said.seek(0)
            sys.exit(said.read().decode())
    return time.perf_counter() - started, moment, peak / 1024


READ = """
import sys, time
from seq2seq.data.buckets import BatchLimits, EpochBatches
from seq2seq.data.prepared import PreparedText
started = time.perf_counter()
batches = EpochBatches(PreparedText(sys.argv[1]), BatchLimits(2048, 100), 1, 0)
begun = time.perf_counter()
rows = sum(len(batches[n].source) for n in range(min(len(batches), int(sys.argv[2]))))
ended = time.perf_counter()
print(begun - started, rows / (ended - begun))
"""


def measure(count: int, pairs: list[tuple[str, str]], folder: Path, steps: int) -> dict[str, float]:
    """Prepares a text of so many pairs, trains on it for some steps, and reads it alone."""
    table, text, run = folder / "pairs.tsv", folder / "text", folder / "run"
    synthesize(pairs, count, table)
    held = ["--data.validation", HELD[0], "--data.validation-target", HELD[1]]
    seconds, _, peak = watch(["-m", "seq2seq", "prepare", str(table), "--out", str(text), *held])
    size = sum(path.stat().st_size for path in text.glob("*.arrow"))
    budget = ["--training.max-steps", str(steps), "--training.log-every", "1", "--device", "cpu"]
    metrics = run / "metrics.jsonl"
    _, first, trained = watch(
        ["-m", "seq2seq", "train", str(text), *held, *budget, "--run", str(run)],
        lambda: metrics.is_file() and metrics.stat().st_size > 0,
    )
    read = subprocess.run(
        [sys.executable, "-c", READ, str(text), "5000"], check=True, capture_output=True, text=True
    )
    begin, speed = map(float, read.stdout.split())
    return {
        "prepare s": seconds,
        "µs a pair": 1e6 * seconds / count,
        "bytes a pair": size / count,
        "prepare MiB": peak,
        "first update s": first,
        "train MiB": trained,
        "epoch begins s": begin,
        "pairs/s read": speed,
    }


def rows(arguments: argparse.Namespace) -> Iterator[str]:
    """Yields the lines of a table."""
    pairs = [(pair.source, pair.target) for pair in ParallelCorpus.read(arguments.text)]
    smallest = None
    for count in [arguments.smallest, *arguments.pairs]:
        with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
            found = measure(count, pairs, Path(folder), arguments.steps)
        if smallest is None:
            smallest = found["train MiB"]
            yield "| pairs | " + " | ".join([*found, "train MiB beyond"]) + " |"
            yield "|---" * (len(found) + 2) + "|"
        values = [*found.values(), found["train MiB"] - smallest]
        yield f"| {count:,} | " + " | ".join(f"{value:,.1f}" for value in values) + " |"


def main() -> None:
    """Measures, and prints a table."""
    parser = make_parser("prepare", __doc__)
    parser.add_argument("--text", required=True, help="a table of pairs that new ones are made of")
    parser.add_argument("--pairs", type=int, nargs="*", default=[100_000], help="how many to make")
    parser.add_argument("--smallest", type=int, default=20_000, help="pairs of the smallest text")
    parser.add_argument("--steps", type=int, default=50, help="updates of each training")
    parser.add_argument(
        "--folder", help="where the texts are written; else where temporary files go"
    )
    for row in rows(parser.parse_args()):
        print(row, flush=True)


if __name__ == "__main__":
    main()

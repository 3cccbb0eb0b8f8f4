"""Whether memory stays flat: 20,000 updates, and 1,000,000 lines translated through a pipe.

    python -m tests.benchmarks.memory [--steps 20000] [--lines 1000000]

A small model is trained on the corpus that comes with seq2seq, with attention, dropout, scheduled
sampling, subword sampling and a moving average, and then fed the lines through a pipe; each in a
process of its own, whose resident memory (Linux: VmRSS) is read as it goes. Nothing here is a test.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path
from typing import BinaryIO

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample"
ROWS = 10
"""How many figures to print of each."""


def resident(process: subprocess.Popen[bytes]) -> float:
    """Resident memory in MiB."""
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def train(run: Path, steps: int) -> Iterator[tuple[int, float]]:
    """Trains; gives the step and the memory at each tenth of the way."""
    command = [
        *(sys.executable, "-m", "seq2seq", "train", "--run", str(run), "--device", "cpu"),
        "--no-fit",
        *(
            "--data.train",
            str(SAMPLE / "train.en"),
            "--data.train-target",
            str(SAMPLE / "train.fr"),
        ),
        *("--data.validation", str(SAMPLE / "validation.en")),
        *("--data.validation-target", str(SAMPLE / "validation.fr")),
        *("--data.vocab-size", "300", "--data.subword-sampling", "0.2"),
        *("--model.cell", "lstm", "--model.attention", "general", "--model.no-lexical"),
        *("--model.context", "both"),
        *("--model.embedding-size", "16", "--model.dropout", "0.1"),
        *("--model.encoder-sizes", "16", "--model.decoder-sizes", "16"),
        *("--training.max-steps", str(steps), "--training.batch-tokens", "256"),
        *("--training.validate-every", str(steps // 4), "--training.log-every", str(steps // ROWS)),
        *("--training.sampling.schedule", "linear", "--training.ema-decay", "0.99"),
        *("--training.threads", "1"),
    ]
    metrics, seen = run / "metrics.jsonl", 0
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    while process.poll() is None:
        time.sleep(0.2)
        text = metrics.read_text(encoding="utf-8") if metrics.is_file() else ""
        done = text.count('"kind": "training"')
        if done > seen and process.poll() is None:
            seen = done
            yield done * (steps // ROWS), resident(process)
    if process.returncode:
        sys.exit(f"training ended with {process.returncode}")


def feed(pipe: BinaryIO, lines: int) -> None:
    """Writes sentences of the corpus, over and over."""
    sentences = (SAMPLE / "train.en").read_text(encoding="utf-8").splitlines()
    with pipe:
        for line in islice(cycle(sentences), lines):
            pipe.write(line.encode() + b"\n")


def translate(run: Path, lines: int) -> Iterator[tuple[int, float]]:
    """Translates; gives how many lines came out, and the memory, at each tenth of the way."""
    command = [sys.executable, "-m", "seq2seq", "translate", str(run), "--device", "cpu"]
    command += ["--decoding.beam-size", "1", "--decoding.batch-size", "256"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    feeder = threading.Thread(target=feed, args=(process.stdin, lines), daemon=True)
    feeder.start()
    count = 0
    for count, _ in enumerate(process.stdout, 1):
        if count % (lines // ROWS) == 0 and process.poll() is None:
            yield count, resident(process)
    if process.wait() or count != lines:
        sys.exit(f"{lines:,} lines in, {count:,} out, exit code {process.returncode}")


def report(what: str, figures: Iterator[tuple[int, float]]) -> None:
    """Prints a line for each figure, as it comes."""
    started = time.perf_counter()
    for number, memory in figures:
        print(f"{what} {number:>9,}: {memory:,.1f} MiB, {time.perf_counter() - started:,.0f} s")
        sys.stdout.flush()


def main() -> None:
    """Trains, then translates."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--lines", type=int, default=1_000_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        report("step", train(run, arguments.steps))
        report("line", translate(run, arguments.lines))


if __name__ == "__main__":
    main()

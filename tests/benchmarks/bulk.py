"""A whole text into a file: how many lines a second, by so many processes.

    python -m tests.benchmarks.bulk RUN TEXT [--lines 4000] [--workers 0 1 2] [--beam-size 5]

The run, and its export in int8, take turns; each line is a command by itself, from its start, with
the loading of its models, to the output on the disk. 0 workers: the command's own process, with all
threads that it takes.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from itertools import cycle, islice
from pathlib import Path

from seq2seq.data.readers.lines import read_lines


def seq2seq(*arguments: object) -> float:
    """Runs a command; returns the seconds that it took."""
    started = time.perf_counter()
    command = [sys.executable, "-m", "seq2seq", *map(str, arguments)]
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - started


def main() -> None:
    """Translates the text by each number of workers."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("run")
    parser.add_argument("text")
    parser.add_argument("--lines", type=int, default=4000)
    parser.add_argument("--workers", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--beam-size", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        text, export, out = (Path(folder) / name for name in ("text", "export", "out"))
        lines = islice(cycle(read_lines(arguments.text)), arguments.lines)
        text.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        seq2seq("export", arguments.run, "--out", export, "--quantize", "int8")
        for workers in arguments.workers:
            for name, model in (("torch", arguments.run), ("int8", export)):
                given = ("--out", out, "--restart", "--workers", workers)
                beam = ("--beam-size", arguments.beam_size)
                seconds = seq2seq("translate", model, text, "--device", "cpu", *given, *beam)
                speed = arguments.lines / seconds
                print(f"{name:5}  {workers} workers  {speed:8,.1f} lines a second", flush=True)


if __name__ == "__main__":
    main()

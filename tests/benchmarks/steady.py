"""One process with all threads against one process for each core: idle, and beside other programs.

Each turn is a training of its own, whose log says how fast it was.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from tests.benchmarks.measure import Row, busy, make_rows

STEPS = 60
WORK = """
import sys
from seq2seq import *
from tests.benchmarks.training import RECIPE, corpora
setup_process()
train(Experiment(
    run=sys.argv[2],
    data=DataSettings(tokenizer="space", vocab_size=4000),
    model=ModelSettings(**RECIPE),
    training=TrainingSettings(max_steps=int(sys.argv[3]), batch_tokens=int(sys.argv[4]),
        log_every=int(sys.argv[3]) // 2, processes=int(sys.argv[1])),
), corpora(4000, 6000))
"""
BESIDE: dict[str, tuple[int, int]] = {
    "nothing": (0, 0),
    "a program of the lowest priority": (1, 19),
    "a program of equal priority": (1, 0),
    "two programs of equal priority": (2, 0),
}
"""How many other programs compute, and their niceness."""


def trained_tokens(
    processes: int, steps: int, batch_tokens: int = 1024, launcher: Sequence[str] = ()
) -> float:
    """Target tokens a second of a training in a process of its own, without its first updates.

    The launcher is a command that begins the process.
    """
    with tempfile.TemporaryDirectory() as folder:
        command = [*launcher, sys.executable, "-c", WORK]
        command += [str(processes), f"{folder}/run", str(steps), str(batch_tokens)]
        subprocess.run(command, check=True, capture_output=True)
        lines = (Path(folder) / "run" / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    speeds = [
        float(each["tokens_per_second"])
        for each in map(json.loads, lines)
        if each["kind"] == "training"
    ]
    return statistics.mean(speeds[1:])


def measure(rounds: int, share: float) -> Iterator[list[Row]]:
    """Yields a table for each case of other programs."""
    cores = torch.get_num_threads()
    for name, (programs, priority) in BESIDE.items():
        speeds: dict[str, list[float]] = {
            f"one process, {cores} threads": [],
            f"{cores} processes, one thread": [],
        }
        for _ in range(rounds):
            for values, processes in zip(speeds.values(), (1, cores), strict=True):
                with busy(programs, priority):
                    values.append(trained_tokens(processes, max(2, round(share * STEPS))))
        yield make_rows(f"training beside {name}", "target tokens/s", speeds)

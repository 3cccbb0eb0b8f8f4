"""One process of two threads against two processes of one thread: idle, and beside other programs.

    python tests/benchmarks/processes.py [ROUNDS]

A model and batches of the Multi30k recipe's size, of random ids, through the trainer. The cases
take turns, each in a process of its own; the other programs have the lowest priority. Printed are
medians, in target tokens a second. Nothing here is a test.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from pathlib import Path

STEPS = 60
WORK = """
import random, sys, tempfile
from seq2seq import *
setup_process()
draw = random.Random(1)
words = [f"w{number}" for number in range(4000)]
def text(): return " ".join(draw.choices(words, k=draw.randint(5, 20)))
pairs = ParallelCorpus([text() for _ in range(6000)], [text() for _ in range(6000)])
with tempfile.TemporaryDirectory() as folder:
    train(Experiment(
        run=folder + "/run",
        data=DataSettings(tokenizer="space", vocab_size=4000),
        model=ModelSettings(dropout=0.4),
        training=TrainingSettings(max_steps=int(sys.argv[2]), batch_tokens=1024,
            log_every=20, processes=int(sys.argv[1])),
    ), Corpora(pairs, pairs[:10]))
"""


def tokens_per_second(processes: int) -> float:
    """The speed of the last updates of a training, in a new process."""
    root = Path(__file__).resolve().parent.parent.parent
    result = subprocess.run(
        [sys.executable, "-c", WORK, str(processes), str(STEPS)],
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=True,
    )
    (line,) = [each for each in result.stderr.splitlines() if f"step {STEPS}  loss" in each]
    return float(line.split(" tokens/s")[0].split()[-1].replace(",", ""))


def main() -> None:
    """Prints the table."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    found: dict[tuple[int, int], list[float]] = {}
    for _ in range(rounds):
        for busy in (0, 1, 2):
            others = [
                subprocess.Popen(["nice", "-n", "19", sys.executable, "-c", "while True: pass"])
                for _ in range(busy)
            ]
            for processes in (1, 2):
                found.setdefault((busy, processes), []).append(tokens_per_second(processes))
            for other in others:
                other.kill()
                other.wait()
    print(f"{os.cpu_count()} cores, {rounds} rounds of {STEPS} updates")
    print("other programs   1 process   2 processes   ratio")
    for busy in (0, 1, 2):
        one, two = (statistics.median(found[busy, count]) for count in (1, 2))
        print(f"{busy:14} {one:11,.0f} {two:13,.0f} {two / one:7.2f}")


if __name__ == "__main__":
    main()

"""Kills processes of torchrun at random moments, and compares with a run that nobody disturbed.

python -m tests.benchmarks.kills --ranks 3 --kills 10
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from seq2seq.runs.directory import RunDirectory
from seq2seq.runs.tensors import load_tensors

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample"


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints each kill, how long the others lived on, and whether the run is the same."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ranks", type=int, default=3)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--steps", type=int, default=300)
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        runs = [Path(folder, name) for name in ("whole", "killed")]
        with begin(runs[0], given.ranks, 0, given.steps) as torchrun:
            assert torchrun.wait() == 0
        with begin(runs[1], given.ranks, given.kills, given.steps) as torchrun:
            kill(torchrun, runs[1], given.ranks, given.kills)
            code = torchrun.wait()
        whole, killed = (load_tensors(RunDirectory(run).last)[0] for run in runs)
        weights = [name for name in whole if name.startswith("model.")]
        same = all(whole[name].equal(killed[name]) for name in weights)
        print(f"exit code {code}; the weights of the unbroken run: {same}")


def begin(run: Path, ranks: int, restarts: int, steps: int) -> subprocess.Popen[bytes]:
    """Begins to train a small model with torchrun."""
    options = ["--nproc-per-node", ranks, "--max-restarts", restarts, "-m", "seq2seq", "train"]
    options += [SAMPLE / "train.en", SAMPLE / "train.fr", "--device", "cpu", "--run-dir", run]
    options += ["--data.vocab-size", 200, "--model.embedding-size", 8, "--model.encoder-sizes", 8]
    options += ["--model.decoder-sizes", 8, "--training.batch-tokens", 256]
    options += ["--training.log-every", 1, "--training.save-every", 5]
    options += ["--training.max-steps", steps, "--training.precision", "float32"]
    command = [sys.executable, "-m", "torch.distributed.run", *map(str, options)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with run.with_suffix(".log").open("wb") as log:
        return subprocess.Popen(command, stdout=log, stderr=log, env=environment)


def kill(torchrun: subprocess.Popen[bytes], run: Path, ranks: int, times: int) -> None:
    """Kills a rank that often: in turn while the processes begin, and after some updates."""
    moments = random.Random(1)
    gone: set[int] = set()
    for number in range(times):
        while len(found := children(torchrun.pid) - gone) < ranks and torchrun.poll() is None:
            time.sleep(0.01)
        begun, size = time.monotonic(), length(run)
        delay = moments.uniform(0, 8)
        updates = number % 2
        while (updates and length(run) <= size) or time.monotonic() - begun < (not updates) * delay:
            if torchrun.poll() is not None:
                return
            time.sleep(0.005)
        time.sleep(updates * delay / 16)
        victim = moments.choice(sorted(found))
        rank = rank_of(victim)
        with suppress(ProcessLookupError):
            os.kill(victim, signal.SIGKILL)
        killed = time.monotonic()
        while children(torchrun.pid) & found:
            time.sleep(0.005)
        seconds = time.monotonic() - killed
        print(
            f"{'updating' if updates else 'beginning'}, {length(run)} rows: rank {rank} killed, "
            f"{seconds:.2f} s to the end of all",
            flush=True,
        )
        gone |= found


def children(process: int) -> set[int]:
    """The processes that one has begun."""
    command = ["ps", "-o", "pid=", "--ppid", str(process)]
    listed = subprocess.run(command, capture_output=True, text=True, check=False)
    own = {int(each) for each in listed.stdout.split()}
    return {each for each in own if rank_of(each)}


def rank_of(process: int) -> str:
    """The rank of a process; "" if it has none, or has ended."""
    with suppress(OSError):
        for variable in Path(f"/proc/{process}/environ").read_bytes().split(b"\0"):
            if variable.startswith(b"RANK="):
                return variable.removeprefix(b"RANK=").decode()
    return ""


def length(run: Path) -> int:
    """How many rows metrics.jsonl has."""
    metrics = run / "metrics.jsonl"
    return len(metrics.read_bytes().splitlines()) if metrics.is_file() else 0


if __name__ == "__main__":
    main()

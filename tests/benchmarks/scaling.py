"""Ranks of torchrun: tokens a second, what an update exchanges; and on paper, more GPUs.

    python -m tests.benchmarks.scaling --ranks 1 2 4

The model and the text are those of `steady`. What an update exchanges is measured without its
computations: bytes are those that Linux counts on the loopback interface, from rank to rank. What
of this time the processor of rank 0 was busy can't be saved by computing meanwhile.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import torch

import seq2seq
from seq2seq.config.model import ModelSettings
from seq2seq.config.training import TrainingSettings
from seq2seq.data.batching import Batch, make_batch
from seq2seq.models.translation import TranslationModel, build_translation_model
from seq2seq.torchrun import own_rank
from seq2seq.training.meeting import Meeting, announce, lead, meet, open_store
from seq2seq.training.ranks import Ranks
from tests.benchmarks.gpu import Case
from tests.benchmarks.steady import trained_tokens
from tests.benchmarks.training import RECIPE

VOCAB_SIZE = 4000
LENGTH = 16
"""Tokens of a sentence."""
PAPER = (1, 8, 16, 64)
"""Numbers of GPUs that are estimated."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints two tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ranks", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--batch-tokens", type=int, default=4096, help="of all ranks together")
    parser.add_argument("--gpu-tokens", type=int, default=1_256_441, help="a second, of one GPU")
    parser.add_argument("--gpu-batch", type=int, default=16_384, help="tokens a batch of one GPU")
    parser.add_argument("--gigabytes", type=float, default=12.5, help="a second, of the network")
    parser.add_argument("--exchange", choices=["float32", "bfloat16"], help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.exchange:
        exchange(given.exchange, given.batch_tokens, given.steps)
        return
    print("| ranks | target tokens a second | an update exchanges | gradients in bfloat16 |")
    print("|---|---|---|---|")
    for count in given.ranks:
        launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(count)]
        tokens = trained_tokens(
            1, given.steps, given.batch_tokens, launcher=[*launcher, "--no-python"]
        )
        cells = [str(count), f"{tokens:,.0f}"]
        for precision in ("float32", "bfloat16"):
            if count == 1:
                cells.append("nothing")
                continue
            options = ["--exchange", precision, "--batch-tokens", str(given.batch_tokens)]
            command = [*launcher, "-m", "tests.benchmarks.scaling", *options]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            found = json.loads(done.stdout)
            cells.append(
                f"{found['bytes'] / 1e6:,.1f} MB in {found['seconds']:.3f} s, "
                f"{found['busy']:.0%} busy"
            )
        print(f"| {' | '.join(cells)} |", flush=True)
    for line in on_paper(given.gpu_tokens, given.gpu_batch, given.gigabytes):
        print(line)


def on_paper(gpu_tokens: int, gpu_batch: int, gigabytes: float) -> Iterator[str]:
    """Yields a table of GPUs, each with a batch of the same size; the model is that of `gpu`.

    Weights are sent and gradients added up along a ring, piece by piece, so that both take as long
    as their bytes take from one GPU to the next; batches are sent whole.
    """
    model = recipe_model(Case("", gpu_batch).vocab_size)
    weights = sum(weight.numel() for weight in model.parameters())
    ids = sum(part.nbytes for part in random_batch(gpu_batch) if isinstance(part, torch.Tensor))
    computing = gpu_batch / gpu_tokens
    yield f"\n{weights:,} weights, {ids / 1e6:.2f} MB of batches a GPU, {gigabytes:g} GB/s:\n"
    yield "| GPUs | target tokens a second | of N times one | gradients in bfloat16 |"
    yield "|---|---|---|---|"
    for count in PAPER:
        cells = []
        for size in (4, 2):
            sent = weights * (4 + size) + count * ids if count > 1 else 0
            share = computing / (computing + sent / gigabytes / 1e9)
            cells += [f"{share * count * gpu_tokens:,.0f}", f"{share:.0%}"]
        yield f"| {count} | {cells[0]} | {cells[1]} | {cells[2]}, {cells[3]} |"


def recipe_model(vocab_size: int = VOCAB_SIZE) -> TranslationModel:
    """The model of recipes/multi30k.py, with so many tokens on each side."""
    return build_translation_model(vocab_size, vocab_size, ModelSettings(**RECIPE))


def random_batch(tokens: int) -> Batch:
    """A batch of so many target tokens."""
    ids = torch.randint(4, VOCAB_SIZE, (tokens // LENGTH, LENGTH)).tolist()
    return make_batch(ids, ids)


def exchange(precision: Literal["float32", "bfloat16"], batch_tokens: int, updates: int) -> None:
    """Does all of some updates but their computations; rank 0 prints bytes and seconds of one."""
    rank = own_rank()
    assert rank is not None
    store = open_store(rank)
    model = recipe_model()
    settings = TrainingSettings(max_steps=1, reduce_precision=precision)
    meeting = Meeting(seq2seq.__version__, {}, [], "cpu", "float32")
    place = meet(store, rank)[0] if rank.number else announce(store, rank, meeting, 60)
    ranks = Ranks(rank, store, place, model, lambda *_: (0.0, 0.0), settings, Batch)
    if rank.number:
        ranks.follow()
        meet(store, rank)  # there is no other training
    else:
        lead()
        asked = [random_batch(batch_tokens)], batch_tokens, 0.0, torch.Generator()
        ranks.gradients(*asked)
        begun, worked, before = time.perf_counter(), time.process_time(), loopback_bytes()
        for _ in range(updates):
            ranks.gradients(*asked)
        seconds, sent = time.perf_counter() - begun, loopback_bytes() - before
        busy = (time.process_time() - worked) / seconds
        print(json.dumps({"bytes": sent / updates, "seconds": seconds / updates, "busy": busy}))
    ranks.close()


def loopback_bytes() -> int:
    """The bytes that have been sent on this machine from one process to another."""
    lines = Path("/proc/net/dev").read_text(encoding="utf-8").splitlines()
    (counts,) = (line.split(":")[1] for line in lines if line.strip().startswith("lo:"))
    return int(counts.split()[0])


if __name__ == "__main__":
    main()

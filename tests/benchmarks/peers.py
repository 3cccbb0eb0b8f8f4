"""Other toolkits, each in its own environment: the same text, and a model as like as it gets.

They train in a process of their own, in turn with ours; their logs say how fast they were, without
the start and the first updates. Where ours has two precisions, theirs, float32, comes first.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import count
from pathlib import Path
from typing import Literal, NamedTuple

import torch

from seq2seq.config.decoding import DecodingSettings
from seq2seq.data.batching import Batch
from seq2seq.data.parallel import Corpora
from seq2seq.decoding.search import search
from seq2seq.models.device import choose_precision
from tests.benchmarks.measure import Row, make_rows
from tests.benchmarks.toolkits import TOOLKITS
from tests.benchmarks.toolkits.base import (
    TRANSLATED_TOKENS,
    TRANSLATION_BATCH,
    Command,
    Toolkit,
    Work,
)
from tests.benchmarks.training import MODELS, OurTraining, corpora, equal_settings
from tests.benchmarks.translating import CPU, model_pair, sentences

PEERS = TOOLKITS
"""By the names on the command line."""

TRANSLATED = "scaled general attention"
"""The model that translates, of `training.MODELS`: all toolkits have it."""

LOG_EVERY = 10
"""Updates between two figures of a training; there are `LOGGED`, of which the first is left out."""
LOGGED = 3
SENTENCES = 512
"""Translated in each turn."""

Turn = Callable[[], float]
"""Returns a speed."""


class PeerError(Exception):
    """A toolkit did not do what it was told, or did not say how fast."""


class Peer(NamedTuple):
    """A toolkit, its environment and its files."""

    name: str
    toolkit: Toolkit
    python: str
    work: Work

    def run(self, command: Command) -> str:
        """Runs a command, and returns all that it prints.

        Raises:
            PeerError: it failed; with the last lines that it printed.
        """
        environment = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}
        threads = str(torch.get_num_threads())
        environment |= {
            "OMP_NUM_THREADS": threads,
            "MKL_NUM_THREADS": threads,
            "PYTHONWARNINGS": "ignore",
            # Checkpoints of OpenNMT-py hold its options, which torch >= 2.6 does not unpickle.
            "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "1",
        }
        with open(command.standard_input or os.devnull, "rb") as standard_input:
            done = subprocess.run(
                [self.python, *command.arguments],
                stdin=standard_input,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=environment,
                cwd=self.work.folder,
                encoding="utf-8",
                errors="replace",
                check=False,
            )
        if done.returncode:
            last = "\n    ".join(done.stdout.strip().splitlines()[-8:])
            raise PeerError(f"it ended with exit code {done.returncode}:\n    {last}")
        return done.stdout

    def label(self, title: str) -> str:
        """Its name in tables, with what is not as in our model of this title."""
        return f"{self.name}, {self.toolkit.models[title].but}"

    def prepare(self) -> None:
        """Makes of the text what the toolkit needs."""
        for command in self.toolkit.prepare(self.work):
            self.run(command)

    def train(self, title: str) -> float:
        """Trains, and returns target tokens a second without the start and the first updates."""
        shutil.rmtree(self.work.model, ignore_errors=True)  # or fairseq goes on with it
        self.work.model.mkdir()
        log = self.run(self.toolkit.train(self.work, self.toolkit.models[title].settings))
        speeds = [float(found) for found in self.toolkit.training_speed.findall(log)]
        if len(speeds) != LOGGED:
            raise PeerError(f"its log has the speed {len(speeds)} times, not {LOGGED} times")
        return statistics.harmonic_mean(speeds[1:])  # each is of as many updates

    def translate(self, beam_size: int, size: int) -> float:
        """Translates `size` sentences with the model trained last; returns sentences a second."""
        log = self.run(self.toolkit.translate(self.work, beam_size))
        seconds = self.toolkit.translating_seconds(log, size)
        if not seconds:
            raise PeerError("its log does not say how long translating took")
        return size / seconds


def problem(environments: Sequence[str]) -> str:
    """What is wrong with NAME=PYTHON, in words; empty if nothing is."""
    seen = set()
    for each in environments:
        name, _, python = each.partition("=")
        if name not in TOOLKITS:
            return f"--peer {each}: there is no {name}: choose from {', '.join(TOOLKITS)}"
        if not python:
            return f"--peer {each}: say which Python has it, as in {name}=PYTHON"
        if name in seen:
            return f"--peer {name} is given twice"
        seen.add(name)
        if not shutil.which(python):
            return f"--peer {name}: there is no program {python}"
        module = TOOLKITS[name].module
        done = subprocess.run(
            [python, "-W", "ignore", "-c", f"import {module}"],
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            env={key: text for key, text in os.environ.items() if key != "PYTHONPATH"},
            check=False,
        )
        if done.returncode:
            last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
            return f"--peer {name}: {python} cannot import {module}: {last}"
    return ""


def write_text(folder: Path, text: Corpora, translated: Sequence[Sequence[int]]) -> None:
    """Writes the files that `Work.text` has."""
    files = {
        "train.src": text.train.sources,
        "train.tgt": text.train.targets,
        "dev.src": text.validation.sources,
        "dev.tgt": text.validation.targets,
        # Ids below 4 are those of special tokens.
        "test.src": [" ".join(f"w{number - 4}" for number in ids) for ids in translated],
    }
    for name, lines in files.items():
        content = "".join(f"{line}\n" for line in lines)
        (folder / name).write_text(content, encoding="utf-8", newline="\n")


def our_turn(training: OurTraining, batches: Sequence[Batch], updates: int) -> Turn:
    """A turn of ours: as many updates as are measured of the others, each time on the next ones."""
    numbers = count()

    def turn() -> float:
        chosen = [batches[next(numbers) % len(batches)] for _ in range(updates)]
        started = time.perf_counter()
        for batch in chosen:
            training.update(batch)
        return sum(batch.target_tokens for batch in chosen) / (time.perf_counter() - started)

    turn()  # the first updates are not measured, of theirs neither
    return turn


def our_translating(beam_size: int, sources: Sequence[list[int]]) -> Turn:
    """A turn of our search."""
    model, _ = model_pair()
    settings = DecodingSettings(
        beam_size=beam_size,
        batch_size=TRANSLATION_BATCH,
        min_length=TRANSLATED_TOKENS,
        max_length=TRANSLATED_TOKENS,
    )

    def turn() -> float:
        started = time.perf_counter()
        search([model], [sources], settings, CPU)
        return len(sources) / (time.perf_counter() - started)

    turn()
    return turn


def take_turns(table: str, unit: str, turns: Mapping[str, Turn], rounds: int) -> list[Row]:
    """Returns a table; whoever fails is reported, and not in it."""
    speeds: dict[str, list[float]] = {name: [] for name in turns}
    for _ in range(rounds):
        for name in list(speeds):
            try:
                speeds[name].append(turns[name]())
            except PeerError as error:
                print(f"{name} failed at {table}: {error}", file=sys.stderr)
                del speeds[name]
    return make_rows(table, unit, speeds)


def training_table(
    title: str, text: Corpora, peers: Sequence[Peer], rounds: int, log_every: int
) -> list[Row]:
    """Ours in both precisions, and the peers that have this kind of model."""
    _, changes = MODELS[title]
    precisions: list[Literal["float32", "bfloat16"]] = ["float32"]
    if choose_precision("auto", CPU) == torch.bfloat16:
        precisions.append("bfloat16")
    turns: dict[str, Turn] = {}
    with tempfile.TemporaryDirectory() as folder:
        for precision in precisions:
            run = f"{folder}/{precision}"
            training = OurTraining(run, text, equal_settings(changes), 8000, precision)
            updates = log_every * (LOGGED - 1)
            turns[f"ours, {precision}"] = our_turn(training, training.task.batches(0), updates)
        for peer in peers:
            if title in peer.toolkit.models:
                turns[peer.label(title)] = partial(peer.train, title)
        return take_turns(f"training beside peers, {title}", "target tokens/s", turns, rounds)


def measure(rounds: int, share: float, *, environments: Sequence[str]) -> Iterator[list[Row]]:
    """Yields a table for each kind of model, and one each for greedy and for beam search."""
    text = corpora(8000, 6000)
    log_every = max(1, round(share * LOG_EVERY))
    sources = sentences(max(1, round(share * SENTENCES)))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_text(folder, text, sources)
        peers = []
        for each in environments:
            toolkit, _, python = each.partition("=")
            program = os.path.abspath(shutil.which(python) or python)  # a link stays one: a venv
            work = Work(folder, folder / toolkit, log_every * LOGGED, log_every)
            work.folder.mkdir()
            peer = Peer(toolkit, TOOLKITS[toolkit], program, work)
            try:
                peer.prepare()
            except PeerError as error:
                print(f"{toolkit} could not prepare its text: {error}", file=sys.stderr)
            else:
                peers.append(peer)
        # The model that translates is the one trained last.
        for title in sorted(MODELS, key=lambda title: title == TRANSLATED):
            rows = training_table(title, text, peers, rounds, log_every)
            yield rows
        trained = {row.name for row in rows}
        peers = [peer for peer in peers if peer.label(TRANSLATED) in trained]
        for beam_size, search_name in ((1, "greedy"), (5, "beam 5")):
            turns: dict[str, Turn] = {"ours": our_translating(beam_size, sources)}
            for peer in peers:
                turns[peer.label(TRANSLATED)] = partial(peer.translate, beam_size, len(sources))
            table = f"translating beside peers, {search_name}, batches of {TRANSLATION_BATCH}"
            yield take_turns(table, "sentences/s", turns, rounds)

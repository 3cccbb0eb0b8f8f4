"""A run and its exports as users have them: each in a process of its own, with one thread.

They take turns. Another version of seq2seq, in an environment of its own, can take part.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import seq2seq
from seq2seq.cli.export import export_command
from seq2seq.cli.options import read_aligned
from tests.benchmarks.measure import Row, make_rows

ROOT = Path(__file__).parents[2]
PROGRAM = """
import json, sys, time
from seq2seq import Translator

translator = Translator.load(sys.argv[1], "cpu")
print(translator.translate(sys.argv[2]), flush=True)
for line in sys.stdin:
    texts, alone, settings = json.loads(line)
    started = time.perf_counter()
    if alone:
        found = [translator.translate(text, **settings) for text in texts]
    else:
        found = translator.translate(texts, **settings)
    seconds = time.perf_counter() - started
    status = open("/proc/self/status").read()
    memory = int(status.partition("VmHWM:")[2].split()[0]) * 1024
    print(json.dumps({"texts": found, "seconds": seconds, "memory": memory / 1e6}), flush=True)
"""
"""What each Python runs: it loads, translates once, and then what it is asked for."""

ALONE, BATCH = 200, 64
"""So many sentences are translated one by one; and all in batches of so many."""
SEARCHES = {"greedy": 1, "beam 5": 5}


class Program:
    """A Python that has loaded a translator.

    Attributes:
        cold_start: seconds until its first translation.
    """

    def __init__(self, python: str, model: str, text: str) -> None:
        started = time.perf_counter()
        self.process = subprocess.Popen(
            [python, "-c", PROGRAM, model, text],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment(python),
            cwd=tempfile.gettempdir(),  # "" is on the path: not the repository
            encoding="utf-8",
        )
        self._read()
        self.cold_start = time.perf_counter() - started

    def translate(self, texts: Sequence[str], *, alone: bool, beam_size: int) -> dict[str, Any]:
        """Returns translations, seconds, and megabytes of memory at most so far."""
        assert self.process.stdin
        settings = {"beam_size": beam_size, "batch_size": BATCH}
        self.process.stdin.write(json.dumps([texts, alone, settings]) + "\n")
        self.process.stdin.flush()
        found: dict[str, Any] = json.loads(self._read())
        return found

    def _read(self) -> str:
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"a translator ended with exit code {self.process.wait()}")
        return line

    def close(self) -> None:
        """Ends it."""
        self.process.communicate()


def environment(python: str) -> dict[str, str]:
    """One thread; and for this Python this checkout, for another one what it has installed."""
    found = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}
    found["OMP_NUM_THREADS"] = found["MKL_NUM_THREADS"] = "1"
    return {**found, "PYTHONPATH": str(ROOT)} if python == sys.executable else found


def found_program(python: str) -> str:
    """The path of a Python; a link stays one, since that of an environment is."""
    return os.path.abspath(shutil.which(python) or python)


def installed_version(python: str) -> str:
    """The version of seq2seq that a Python has; empty if there is none."""
    if not shutil.which(python):
        return ""
    done = subprocess.run(
        [found_program(python), "-c", "import seq2seq; print(seq2seq.__version__)"],
        capture_output=True,
        encoding="utf-8",
        env=environment(python),
        cwd=tempfile.gettempdir(),
        check=False,
    )
    return done.stdout.strip()


def problem(arguments: argparse.Namespace) -> str:
    """What is wrong with --run, --text and --baseline, in words; empty if nothing is."""
    if not arguments.run:
        return "--text and --baseline need --run" if arguments.text or arguments.baseline else ""
    if not arguments.text:
        return "--run needs --text SOURCE REFERENCE, what it translates and into what"
    if arguments.parts != ["exports"]:
        return "--run is measured by itself: exports --run RUN"
    if arguments.baseline and not installed_version(arguments.baseline):
        return f"--baseline {arguments.baseline} is no Python that can import seq2seq"
    return ""


def import_torch() -> float:
    """The seconds that importing torch alone takes."""
    started = time.perf_counter()
    command = [sys.executable, "-c", "import torch"]
    subprocess.run(command, check=True, env=environment(sys.executable))
    return time.perf_counter() - started


def export(run: str, folder: Path, quantize: str) -> str:
    """Exports the run, and returns where."""
    export_command([run, "--out", str(folder / quantize), "--quantize", quantize])
    return str(folder / quantize)


def megabytes(model: str) -> float:
    """The size of the weights on disk."""
    files = [*Path(model).glob("*.onnx"), *Path(model).glob("best.safetensors")]
    return sum(path.stat().st_size for path in files) / 1e6


def measure(
    rounds: int, share: float, *, run: str, text: Sequence[str], baseline: str
) -> Iterator[list[Row]]:
    """Yields tables: speeds, BLEU, size, cold start and memory; and prints all as one.

    Args:
        run: a run directory.
        text: two files, source and reference.
        baseline: the Python of another version; empty: none.
    """
    with tempfile.TemporaryDirectory() as name:
        here, run, folder = sys.executable, os.path.abspath(run), Path(name)
        systems = {
            "torch": (here, run),
            "ONNX, float32": (here, export(run, folder, "none")),
            "ONNX, int8": (here, export(run, folder, "int8")),
        }
        if baseline:
            python = found_program(baseline)
            old = {f"torch, version {installed_version(python)}": (python, run)}
            systems = old | systems
        found = take_turns(systems, read_aligned(*text), rounds, share)
        found["weights", "MB"] = {name: [megabytes(model)] for name, (_, model) in systems.items()}
    tables = [make_rows(title, unit, values) for (title, unit), values in found.items()]
    yield from tables
    print(markdown(tables))


def take_turns(
    systems: Mapping[str, tuple[str, str]], text: list[list[str]], rounds: int, share: float
) -> dict[tuple[str, str], dict[str, list[float]]]:
    """Returns by title and unit what each system has in each round; each is started anew."""
    found: dict[tuple[str, str], dict[str, list[float]]] = {}

    def note(title: str, unit: str, name: str, value: float) -> None:
        found.setdefault((title, unit), {}).setdefault(name, []).append(value)

    sources, references = (lines[: max(1, round(share * len(lines)))] for lines in text)
    few = sources[: max(1, round(share * ALONE))]
    for number in range(rounds):
        programs = {}
        note("cold start", "s", "import torch", import_torch())
        for name, system in systems.items():
            programs[name] = Program(*system, sources[0])
            note("cold start", "s", name, programs[name].cold_start)
        for search, beam_size in SEARCHES.items():
            for alone, texts in ((True, few), (False, sources)):
                title = f"{search}, {'one by one' if alone else f'batches of {BATCH}'}"
                for name, program in programs.items():
                    program.translate(texts[:BATCH], alone=alone, beam_size=beam_size)
                    answer = program.translate(texts, alone=alone, beam_size=beam_size)
                    note(title, "sentences/s", name, len(texts) / answer["seconds"])
                    if not alone and not number:
                        score = seq2seq.bleu(answer["texts"], references).score
                        note(f"BLEU, {search}", "", name, score)
                    if (search, alone) == ("beam 5", False):
                        note("memory", "MB", name, answer["memory"])
        for program in programs.values():
            program.close()
    return found


def markdown(tables: Sequence[Sequence[Row]]) -> str:
    """A row for each system, a column for each table, as READMEs have it; ratios to the first."""
    names = [row.name for row in tables[-1]]
    titles = [f"{rows[0].table}{', ' * bool(rows[0].unit)}{rows[0].unit}" for rows in tables]
    lines = [f"| one thread | {' | '.join(titles)} |", "|---" * (len(titles) + 1) + "|"]
    for name in names:
        cells = [row for rows in tables for row in rows if row.name == name]
        lines.append(f"| {name} | {' | '.join(map(cell, cells))} |")
    return "\n" + "\n".join(lines)


def cell(row: Row) -> str:
    """A figure as READMEs have it."""
    if row.unit == "sentences/s":
        return f"{row.speed:,.{0 if row.speed >= 100 else 1}f} ({row.ratio:.2f} ×)"
    if row.unit == "s":
        return f"{row.speed:.2f} ({row.ratio:.2f} × import torch)"
    return f"{row.speed:,.{0 if row.unit else 2}f}"

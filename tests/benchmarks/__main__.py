"""Benchmarks of this machine: what is compared takes turns, within one run.

    python -m tests.benchmarks                      # training and translating, against bare loops
    python -m tests.benchmarks growth cells --rounds 3
    python -m tests.benchmarks training --beside 1  # while another program computes, too
    python -m tests.benchmarks training --peer fairseq=PYTHON --peer joeynmt=PYTHON
    python -m tests.benchmarks exports --run RUN --text SOURCE REFERENCE --baseline PYTHON
    python -m tests.benchmarks --json speed.json --plot speed.png

Models are untrained, text is random, both as large as those of Multi30k: nothing is downloaded.
Speeds depend on the machine and on what else runs there; ratios are what to compare. Nothing here
is a test.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import torch

import seq2seq
from seq2seq.models.device import choose_precision
from tests.benchmarks import (
    cells,
    exported_run,
    exports,
    growth,
    peers,
    steady,
    training,
    translating,
)
from tests.benchmarks.measure import Row, busy, make_parser, matrix_ceiling, print_rows

PARTS: dict[str, Callable[[int, float], Iterator[list[Row]]]] = {
    "training": training.measure,
    "translating": translating.measure,
    "cells": cells.measure,
    "growth": growth.measure,
    "exports": exports.measure,
    "steady": steady.measure,
}
"""What can be measured; each yields tables, given the number of rounds and the share of a turn."""


def parse_arguments() -> argparse.Namespace:
    """Reads the command line."""
    parser = make_parser("", __doc__)
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; the first two if none")
    parser.add_argument("--rounds", type=int, default=5, help="how often each takes its turn")
    parser.add_argument("--share", type=float, default=1.0, help="of the work of a turn, 0 to 1")
    parser.add_argument("--beside", type=int, default=0, help="other programs that compute")
    parser.add_argument("--priority", type=int, default=19, help="their niceness, 0 to 19")
    parser.add_argument(
        "--peer",
        action="append",
        default=[],
        metavar="NAME=PYTHON",
        help=f"another toolkit ({', '.join(peers.PEERS)}) and the Python that has it",
    )
    parser.add_argument("--run", help="measure this run and its exports: exports")
    parser.add_argument(
        "--text",
        nargs=2,
        metavar=("SOURCE", "REFERENCE"),
        help="what the run translates, and into what",
    )
    parser.add_argument(
        "--baseline", default="", metavar="PYTHON", help="one with another version of seq2seq"
    )
    parser.add_argument("--json", metavar="FILE", help="write all figures there")
    parser.add_argument("--plot", metavar="FILE", help="draw the ratios there")
    arguments = parser.parse_args()
    if unknown := set(arguments.parts) - set(PARTS):
        parser.error(f"there is no {', '.join(sorted(unknown))}: choose from {', '.join(PARTS)}")
    if problem := peers.problem(arguments.peer):
        parser.error(problem)
    if problem := exported_run.problem(arguments):
        parser.error(problem)
    return arguments


def plot(tables: list[list[Row]], path: str) -> None:
    """Draws the ratios of each table as bars."""
    from matplotlib.figure import Figure

    heights = [len(rows) + 1.5 for rows in tables]
    figure = Figure(figsize=(7, 0.3 * sum(heights)), layout="constrained")
    axes = figure.subplots(len(tables), 1, squeeze=False, height_ratios=heights)[:, 0]
    for axis, rows in zip(axes, tables, strict=True):
        names = [row.name for row in rows]
        bars = axis.barh(names, [row.ratio for row in rows], color="tab:blue")
        axis.bar_label(
            bars,
            [f" {row.ratio:.2f} × ({row.speed:,.0f} {row.unit})" for row in rows],
            fontsize=8,
        )
        axis.set_title(rows[0].table, fontsize=9, loc="left")
        axis.set_xlim(0, 1.6 * max(row.ratio for row in rows))
        axis.invert_yaxis()
        axis.tick_params(labelsize=8)
    figure.savefig(path, dpi=150)


def main() -> None:
    """Measures, prints, writes."""
    arguments = parse_arguments()
    chosen = arguments.parts or ["training", "translating"]
    precision = choose_precision("auto", torch.device("cpu"))
    ceilings = {str(dtype): matrix_ceiling(dtype) for dtype in (torch.float32, torch.bfloat16)}
    about = {
        "version": seq2seq.__version__,
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "precision": str(precision),
        "beside": arguments.beside,
        "priority": arguments.priority,
        "matrix_products": ceilings,
    }
    print(f"torch {about['torch']}, {about['threads']} threads, beside {arguments.beside} programs")
    for dtype, speed in ceilings.items():
        print(f"matrix products in {dtype}: {speed / 1e9:,.0f} GFLOP/s")
    tables = []
    beside = busy(arguments.beside, arguments.priority) if arguments.beside else nullcontext()
    with beside:
        parts = [(name, PARTS[name]) for name in chosen]
        if arguments.run:
            given = {name: getattr(arguments, name) for name in ("run", "text", "baseline")}
            parts = [("exports", partial(exported_run.measure, **given))]
        if arguments.peer:
            parts.append(("peers", partial(peers.measure, environments=arguments.peer)))
        for _, measure in parts:
            for rows in measure(arguments.rounds, arguments.share):
                print_rows(rows, ceilings)
                tables.append(rows)
    if arguments.json:
        found = {**about, "rows": [row._asdict() for rows in tables for row in rows]}
        Path(arguments.json).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    if arguments.plot:
        plot(tables, arguments.plot)


if __name__ == "__main__":
    main()

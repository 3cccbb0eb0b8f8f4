"""Contestants that take turns, so that a busy machine slows all of them alike."""

from __future__ import annotations

import argparse
import math
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

import torch

Contestant = Callable[[int], float]
"""Does the work of round n, and returns how much that was, in the unit of the table."""


def make_parser(name: str, description: str | None) -> argparse.ArgumentParser:
    """Returns the parser of ``python -m tests.benchmarks.NAME``; its help has the docstring."""
    return argparse.ArgumentParser(
        prog=f"python -m tests.benchmarks{name and '.'}{name}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


class Products(NamedTuple):
    """The matrix products of one unit of what is done.

    Attributes:
        operations: multiplications and additions.
        precision: of the products, as "torch.bfloat16".
    """

    operations: float
    precision: str


class Row(NamedTuple):
    """One figure.

    Attributes:
        table: the title of the table that it stands in.
        name: what was measured.
        speed: the median over the rounds.
        unit: of it.
        ratio: to the table's first row, the median of the ratios of each round.
        speeds: of each round.
        products: in one unit; None: not counted.
    """

    table: str
    name: str
    speed: float
    unit: str
    ratio: float
    speeds: list[float]
    products: Products | None = None


def make_rows(
    table: str,
    unit: str,
    speeds: Mapping[str, list[float]],
    products: Mapping[str, Products] | None = None,
) -> list[Row]:
    """Returns a table, given the speeds of each round by name, and products where counted."""
    first = next(iter(speeds.values()))
    return [
        Row(
            table,
            name,
            statistics.median(values),
            unit,
            statistics.median(a / b if b else math.nan for a, b in zip(values, first, strict=True)),
            values,
            (products or {}).get(name),
        )
        for name, values in speeds.items()
    ]


def take_turns(
    table: str,
    unit: str,
    contestants: Mapping[str, Contestant],
    rounds: int,
    products: Mapping[str, Products] | None = None,
) -> list[Row]:
    """Returns a table; one round before those that count is not measured."""
    speeds: dict[str, list[float]] = {name: [] for name in contestants}
    for number in range(rounds + 1):
        for name, work in contestants.items():
            started = time.perf_counter()
            amount = work(number)
            if number:
                speeds[name].append(amount / (time.perf_counter() - started))
    return make_rows(table, unit, speeds, products)


def print_rows(rows: list[Row], ceilings: Mapping[str, float]) -> None:
    """Prints one table, with the share of what matrix products do at most where that is known.

    Args:
        ceilings: operations a second, by precision.
    """
    print(f"\n{rows[0].table}")
    for row in rows:
        share = ""
        if row.products:
            ceiling = ceilings[row.products.precision]
            share = f"  {row.speed * row.products.operations / ceiling:4.0%}"
        print(f"  {row.name:34} {row.speed:11,.1f} {row.unit}  {row.ratio:6.2f} x{share}")
    sys.stdout.flush()


def matrix_ceiling(precision: torch.dtype, size: int = 1024) -> float:
    """The most that matrix products do here, in multiplications and additions a second."""
    left, right = (torch.randn(size, size).to(precision) for _ in range(2))

    def work(_: int) -> float:
        for _ in range(10):
            left @ right
        return 10 * 2.0 * size**3

    return take_turns("", "", {"": work}, 5)[0].speed


@contextmanager
def busy(programs: int, priority: int) -> Iterator[None]:
    """A context beside which other programs compute.

    Args:
        programs: how many.
        priority: their niceness, 0 to 19.
    """
    others = [
        subprocess.Popen(
            [sys.executable, "-c", f"import os\nos.nice({priority})\nwhile True: pass"]
        )
        for _ in range(programs)
    ]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()

"""Other toolkits, each in its own environment: the same text, and a model as like as it gets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from tests.benchmarks.measure import Row

PEERS: dict[str, Callable[[str, int], float]] = {}
"""By name: given a Python that has the toolkit, and a number of updates, target tokens a second."""


def problem(environments: Sequence[str]) -> str:
    """What is wrong with NAME=PYTHON, in words; empty if nothing is."""
    return ""


def measure(rounds: int, share: float, *, environments: Sequence[str]) -> Iterator[list[Row]]:
    """Yields a table."""
    yield from ()

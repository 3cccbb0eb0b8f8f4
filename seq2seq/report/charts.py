"""Curves over the steps of a training, as SVG whose colours are those of the page."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from xml.etree.ElementTree import Element

from seq2seq.plotting.learning_curves import LOGARITHMIC, choose_panels
from seq2seq.report.elements import element

WIDTH, HEIGHT = 360, 230
LEFT, RIGHT, TOP, BOTTOM = 54, 24, 10, 34
"""Room around the curves, for labels."""
FEW_POINTS = 40
"""A curve of fewer has a mark at each."""


class Axis(NamedTuple):
    """From numbers to places.

    Attributes:
        low, high: the numbers at its ends.
        begin, end: the places of its ends.
        logarithmic: whether equal factors are equally far apart.
    """

    low: float
    high: float
    begin: float
    end: float
    logarithmic: bool = False

    def place(self, value: float) -> float:
        """Returns where a number is."""
        low, high = self.low, self.high
        if self.logarithmic:
            low, high, value = math.log(low), math.log(high), math.log(value)
        share = (value - low) / (high - low) if high > low else 0.5
        return round(self.begin + share * (self.end - self.begin), 2)

    def ticks(self) -> list[float]:
        """Returns round numbers to label, a few."""
        if self.logarithmic and self.high >= 5 * self.low:
            powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            factors = (1, 2, 5) if len(powers) <= 4 else (1,)
            found = [factor * 10.0**power for power in powers for factor in factors]
        else:
            step = round_step((self.high - self.low) / 5)
            first = math.ceil(self.low / step)
            found = [step * number for number in range(first, first + 6)]
        return [number for number in found if self.low <= number <= self.high]


def round_step(width: float) -> float:
    """Returns the least of 1, 2 and 5, times a power of ten, that is not below a width.

    >>> round_step(0.03), round_step(7.0), round_step(0.0)
    (0.05, 10.0, 1.0)
    """
    if not width > 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(width))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= width)


def charts(rows: Sequence[Mapping[str, Any]]) -> list[Element]:
    """Returns a chart for each number of which there is something to show.

    Args:
        rows: lines of metrics.jsonl.
    """
    found = []
    for title, (key, kinds) in choose_panels(rows).items():
        curves = {kind: points(rows, key, kind) for kind in kinds}
        curves = {kind: each for kind, each in curves.items() if each}
        if curves:
            found.append(chart(title, curves, logarithmic=title in LOGARITHMIC))
    return found


def points(rows: Sequence[Mapping[str, Any]], key: str, kind: str) -> list[tuple[int, float]]:
    """Returns steps and values of a number in the lines of a kind."""
    return [
        (row["step"], row[key]) for row in rows if row["kind"] == kind and row.get(key) is not None
    ]


def chart(
    title: str, curves: Mapping[str, Sequence[tuple[int, float]]], *, logarithmic: bool
) -> Element:
    """Returns curves with axes, a title and a legend.

    Args:
        curves: steps and values, at least one, by what they are of.
        logarithmic: whether the vertical axis is; it is not where a value is zero or below.
    """
    values = [value for curve in curves.values() for _, value in curve]
    steps = [step for curve in curves.values() for step, _ in curve]
    low, high = min(values), max(values)
    logarithmic = logarithmic and low > 0
    if not logarithmic:
        low = min(low, 0.0)
    if low == high:
        low, high = (low / 2, high * 2) if logarithmic else (low, high + 1)
    across = Axis(0, max(max(steps), 1), LEFT, WIDTH - RIGHT)
    upwards = Axis(low, high, HEIGHT - BOTTOM, TOP, logarithmic)
    picture = element(
        "svg",
        *grid(across, upwards),
        *(part for kind, curve in curves.items() for part in line(kind, curve, across, upwards)),
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        aria_label=f"{title} over the steps",
    )
    names = (element("li", kind_name(kind), class_=kind) for kind in curves)
    legend = element("ul", *names, class_="legend") if len(curves) > 1 else None
    return element("figure", element("figcaption", title), picture, legend, class_="chart")


def kind_name(kind: str) -> str:
    """Returns what a kind of line is called."""
    return "mean of checkpoints" if kind == "mean" else kind


def label(value: float) -> str:
    """Returns a round number as it stands beside an axis.

    >>> label(200000.0), label(0.05), label(1e-7)
    ('200,000', '0.05', '1e-07')
    """
    return f"{value:,.0f}" if 1000 <= value < 1e6 else f"{value:.3g}"


def grid(across: Axis, upwards: Axis) -> list[Element]:
    """Returns the lines and labels of two axes."""
    found = []
    for value in upwards.ticks():
        y = upwards.place(value)
        found.append(element("path", d=f"M{LEFT} {y}H{WIDTH - RIGHT}", class_="grid"))
        found.append(element("text", label(value), x=LEFT - 6, y=y + 4, text_anchor="end"))
    for value in across.ticks():
        x = across.place(value)
        found.append(
            element("text", label(value), x=x, y=HEIGHT - BOTTOM + 16, text_anchor="middle")
        )
    middle = (LEFT + WIDTH - RIGHT) / 2
    return [*found, element("text", "step", x=middle, y=HEIGHT - 4, text_anchor="middle")]


def line(
    kind: str, curve: Sequence[tuple[int, float]], across: Axis, upwards: Axis
) -> list[Element]:
    """Returns a curve, with a mark at each of a few points."""
    places = [(across.place(step), upwards.place(value)) for step, value in curve]
    path = "M" + "L".join(f"{x} {y}" for x, y in places)
    marks = places if len(places) < FEW_POINTS else []
    return [
        element("path", d=path, class_=f"curve {kind}"),
        *(element("circle", cx=x, cy=y, r=2.2, class_=kind) for x, y in marks),
    ]

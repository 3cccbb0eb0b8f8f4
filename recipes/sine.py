"""A numeric series, a sine with noise, predicted one step and many steps ahead.

    python recipes/sine.py
    python recipes/sine.py --cell lstm --window 32 --noise 0.1

The series is that of Dive into Deep Learning (Zhang et al., section 9.1): 1,000 values, of which
models learn from the first 600. Each model sees a window of the last values. A recurrent network
reads the window value by value, a multilayer perceptron (MLP) has all of it as one vector.

k steps ahead, a model that predicts one value reads its own predictions in the place of values that
are not known yet, and each is a little wrong. The other way is a model that gives all values ahead
at once, as one vector: it has no predictions of its own to read.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

import seq2seq

STEPS, LEARNT = 1000, 600
"""Values of the series, and how many of them models learn from."""
AHEAD = (1, 4, 16, 64)
"""How many steps ahead."""
HORIZON = max(AHEAD)
AT_ONCE = ", at once"
"""What is said of a model that gives all values ahead as one vector."""

Example = tuple[torch.Tensor, torch.Tensor]
"""A window of the series, and what follows it."""


@dataclass(frozen=True)
class Sine:
    """Predict a sine with noise, by a recurrent network and by a multilayer perceptron."""

    cell: str = "gru"
    """Of the recurrent network: a name in seq2seq.CELLS, as elman, gru, lstm."""
    window: seq2seq.PositiveInt = 16
    """How many values both models see."""
    size: seq2seq.PositiveInt = 32
    """The width of the state, and of the perceptron's hidden layer."""
    noise: seq2seq.NonNegativeFloat = 0.2
    """The standard deviation of the noise."""
    epochs: seq2seq.PositiveInt = 20
    """Passes over the first 600 values."""
    seed: seq2seq.NonNegativeInt = 1
    """Of the noise, and of the weights."""
    plot: str = "runs/sine.png"
    """Where to draw: a file .png, .pdf or .svg, whose folder is made."""

    def problems(self) -> Iterator[str]:
        """Yields a line for each impossible option."""
        if self.cell not in seq2seq.CELLS:
            yield f"--cell {self.cell} is no cell: take one of {', '.join(seq2seq.CELLS)}"
        longest = LEARNT // 4
        if self.window > longest:
            yield f"--window {self.window} must be at most {longest}: {LEARNT} values are learnt"


class RecurrentForecaster(torch.nn.Module):
    """Reads a window value by value; what follows is a linear function of the last state."""

    def __init__(self, cell: str, size: int, outputs: int) -> None:
        super().__init__()
        self.stack = seq2seq.RecurrentStack(cell, 1, (size,))
        self.output = torch.nn.Linear(size, outputs)

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        """Windows ``(batch_size, window)`` -> the values after them, ``(batch_size, outputs)``."""
        values = windows.unsqueeze(-1)  # (batch_size, window, 1)
        states, _ = self.stack.sequence(values, self.stack.zero_state(values))
        following: torch.Tensor = self.output(states[:, -1])
        return following


def make_model(kind: str, options: Sine, outputs: int) -> torch.nn.Module:
    """Returns a perceptron of one hidden layer for "mlp", else a recurrent network of that cell."""
    torch.manual_seed(options.seed)
    if kind != "mlp":
        return RecurrentForecaster(kind, options.size, outputs)
    return torch.nn.Sequential(
        torch.nn.Linear(options.window, options.size),
        torch.nn.ReLU(),
        torch.nn.Linear(options.size, outputs),
    )


def make_series(noise: float, seed: int) -> torch.Tensor:
    """Returns sin(0.01 t) + noise for t = 1, 2, …: ``(1000,)``."""
    generator = torch.Generator().manual_seed(seed)
    time = torch.arange(1, STEPS + 1)
    return torch.sin(0.01 * time) + noise * torch.randn(STEPS, generator=generator)


def make_examples(series: torch.Tensor, window: int, outputs: int) -> list[Example]:
    """Returns each window ``(window,)`` of a series with the values after it, ``(outputs,)``."""
    pieces = series.unfold(0, window + outputs, 1)
    return [(piece[:window], piece[window:]) for piece in pieces]


def train(model: torch.nn.Module, learnt: torch.Tensor, options: Sine, outputs: int) -> None:
    """Trains a model to give the `outputs` values after a window; every sixth is held out."""
    examples = make_examples(learnt, options.window, outputs)
    validation = examples[::6]
    training = [each for place, each in enumerate(examples) if place % 6]

    def squared_errors(batch: Sequence[Example]) -> torch.Tensor:
        windows, following = (torch.stack(parts) for parts in zip(*batch, strict=True))
        losses: torch.Tensor = (model(windows) - following).square().mean(dim=1)
        return losses

    seq2seq.fit(
        model,
        training,
        validation,
        squared_errors,
        seq2seq.TrainingSettings(
            epochs=options.epochs,
            batch_tokens=16 * (options.window + 1),  # with an end to each, as for sentences
            learning_rate=5e-3,
            warmup_steps=20,
            precision="float32",
            threads=1,
        ),
        length=lambda example: len(example[0]),
        seed=options.seed,
    )


@torch.no_grad()
def predict_ahead(
    model: torch.nn.Module, windows: torch.Tensor, horizon: int = HORIZON
) -> torch.Tensor:
    """Predicts value after value, each from a window that ends with the model's own predictions.

    Args:
        model: gives one value after a window.
        windows: true values, ``(count, window)``.

    Returns:
        The predictions 1 to `horizon` steps ahead, ``(count, horizon)``.
    """
    predictions = []
    for _ in range(horizon):
        predictions.append(model(windows))  # (count, 1)
        windows = torch.cat([windows[:, 1:], predictions[-1]], dim=1)
    return torch.cat(predictions, dim=1)


def fit_growth(errors: torch.Tensor) -> tuple[float, float]:
    """Fits e(k+1) = new + c · e(k) to the errors k = 1, 2, … steps ahead, by least squares.

    Returns:
        What each step adds, and c, what it makes of the error before it.
    """
    design = torch.stack([torch.ones_like(errors[:-1]), errors[:-1]], dim=1)
    new, c = torch.linalg.lstsq(design, errors[1:].unsqueeze(1)).solution.flatten().tolist()
    return new, c


def forecast(series: torch.Tensor, options: Sine) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Trains four models on the first 600 values, and predicts the others.

    Returns:
        What follows each place after the first 600 values, ``(places, 64)``, and by model its
        predictions of that.
    """
    places = series[LEARNT - options.window :].unfold(0, options.window + HORIZON, 1)
    windows, true = places[:, : options.window], places[:, options.window :]
    predictions = {}
    for kind in (options.cell, "mlp"):
        model = make_model(kind, options, outputs=1)
        train(model, series[:LEARNT], options, outputs=1)
        predictions[kind] = predict_ahead(model, windows)
    for kind in (options.cell, "mlp"):
        model = make_model(kind, options, outputs=HORIZON)
        train(model, series[:LEARNT], options, outputs=HORIZON)
        with torch.no_grad():
            predictions[kind + AT_ONCE] = model(windows)
    return true, predictions


def rms_errors(true: torch.Tensor, predictions: torch.Tensor) -> torch.Tensor:
    """Returns the root of the mean squared error for each number of steps ahead, ``(64,)``."""
    return (predictions - true).square().mean(dim=0).sqrt()


def report(errors: Mapping[str, torch.Tensor], true: torch.Tensor, noise: float) -> None:
    """Prints the errors side by side, and how those of a model's own predictions grow."""
    nothing = true.square().mean().sqrt()
    print("root of the mean squared error, k steps ahead")
    print(f"  of the noise alone it is {noise:.3f}, of 0 as each prediction {nothing:.3f}")
    print("   k", *(f"{name:>15}" for name in errors))
    for k in AHEAD:
        print(f"{k:4}", *(f"{each[k - 1]:15.3f}" for each in errors.values()))
    print("how errors grow when a model reads its own predictions: e(k+1) = new + c · e(k);")
    print("  new is what a step adds, c what it makes of the error that is handed on to it")
    for name, each in errors.items():
        if not name.endswith(AT_ONCE):
            print(f"  {name}: {describe_growth(*fit_growth(each))}")
    print(
        f"a model that gives {HORIZON} values at once reads true values only: no error is handed on"
    )


def describe_growth(new: float, c: float) -> str:
    """Says what the constants of `fit_growth` mean."""
    found = f"new = {new:.4f}, c = {c:.3f}: "
    if abs(c**HORIZON - 1) < 0.25:
        return found + "c is about 1, so that each step adds as much as the last"
    if c > 1:
        return found + f"errors double in {math.log(2) / math.log(c):.0f} steps"
    return found + f"errors level off at new / (1 - c) = {new / (1 - c):.2f}"


def draw(
    series: torch.Tensor,
    predictions: Mapping[str, torch.Tensor],
    errors: Mapping[str, torch.Tensor],
    kind: str,
) -> Any:
    """Draws the series with what `kind` predicts, and the errors of all models over k."""
    figure = seq2seq.new_figure(figsize=(9, 7), layout="constrained")
    above, below = figure.subplots(2, 1)
    above.plot(range(1, STEPS + 1), series, color="0.8", label="the series")
    for k in (1, 16, 64):
        # The first prediction is of the value 600 + k: of the values before it, 600 are known.
        times = range(LEARNT + k, LEARNT + k + len(predictions[kind]))
        above.plot(times, predictions[kind][:, k - 1], label=f"k = {k}")
    above.axvline(LEARNT, color="black", linestyle=":")
    above.set_title(f"values after the first {LEARNT}, predicted k steps ahead ({kind})")
    above.set_xlabel("time t")
    above.set_ylabel("x(t)")
    above.set_ylim(-2.2, 1.9)  # room for the legend
    above.legend(loc="lower left", ncols=4)
    for name, each in errors.items():
        style = "--" if name.endswith(AT_ONCE) else "-"
        below.plot(range(1, HORIZON + 1), each, style, label=name)
    below.set_title("error by steps ahead")
    below.set_xlabel("steps ahead k")
    below.set_ylabel("root of the mean squared error")
    below.set_ylim(bottom=0)
    below.grid(alpha=0.3)
    below.legend(loc="upper left", ncols=2)
    return figure


def main() -> None:
    """Makes the series, trains, predicts, prints and draws."""
    options = seq2seq.parse_command(Sine, sys.argv[1:], "python recipes/sine.py")
    seq2seq.make_figure_folder(options.plot)
    series = make_series(options.noise, options.seed)
    true, predictions = forecast(series, options)
    errors = {name: rms_errors(true, each) for name, each in predictions.items()}
    report(errors, true, options.noise)
    seq2seq.save_figure(draw(series, predictions, errors, options.cell), options.plot)
    print(f"picture: {options.plot}")


if __name__ == "__main__":
    seq2seq.run_command(main)

"""The worked numbers of the textbook: gradients through time, which vanish, explode, are clipped.

    python recipes/gradients.py                          # in about two seconds
    python recipes/gradients.py --only bptt

What is printed of a section is its function below: a title and the source in the docstring, and the
lines that it yields, with the formula, the numbers and what they mean. All is computed by the cells
and functions of the package. `seq2seq lm gradients` shows the gradients of a model of one's own.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch

import seq2seq

WIDTH = 96


@dataclass(frozen=True)
class Gradients:
    """Print the worked numbers of the textbook on gradients: formula, numbers, source, meaning."""

    only: tuple[str, ...] = ()
    """Sections to print, by the names that stand in brackets beside their titles."""

    def problems(self) -> Iterator[str]:
        """Yields a line for each impossible option."""
        for name in self.only:
            if name not in SECTIONS:
                yield f"--only {name} is no section; there are {', '.join(SECTIONS)}"


def tensor(values: Any) -> torch.Tensor:
    """Returns numbers as a tensor of float64."""
    return torch.tensor(values, dtype=torch.float64)


def unit(cell: Any = None, *, u: float = 1.0) -> Any:
    """Makes a cell of one unit compute h = f(x + u h'), a new one h = x + u h'."""
    cell = (cell or seq2seq.ElmanCell(1, 1, nonlinearity="linear")).double()
    torch.nn.init.ones_(cell.weight("weight_ih_l0"))
    torch.nn.init.constant_(cell.weight("weight_hh_l0"), u)
    return cell


def read(cell: Any, inputs: torch.Tensor, start: torch.Tensor | None = None) -> torch.Tensor:
    """Reads inputs ``(length,)`` with one unit, from a state of zeros or another; its outputs."""
    state = tensor([[0]]) if start is None else start
    outputs: torch.Tensor = cell.sequence(inputs.view(1, -1, 1), (state,))[0]
    return outputs.flatten()


def row(label: str, values: Iterable[object], width: int = 9) -> str:
    """Returns a line of a table; numbers have four digits."""
    texts = [f"{value:.4g}" if isinstance(value, float) else str(value) for value in values]
    return f"{label:<34}" + "".join(f"{text:>{width}}" for text in texts)


def bptt() -> Iterator[str]:
    """Backpropagation through time in its three steps.

    Werbos 1990; Zhang et al., Dive into Deep Learning, section 9.7.
    """
    u, inputs, targets = 0.5, (1, 1, 2), (1, 1, 2)
    states, gradients = [0.0], [0.0]
    for x in inputs:
        states.append(x + u * states[-1])
    errors = [h - y for h, y in zip(states[1:], targets, strict=True)]
    for error in reversed(errors):
        gradients.insert(0, error + u * gradients[0])
    terms = [g * h for g, h in zip(gradients, states, strict=True)][:3]

    cell = unit(u=u)
    loss = (read(cell, tensor(inputs)) - tensor(targets)).square().sum() / 2
    (found,) = torch.autograd.grad(loss, cell.weight("weight_hh_l0"))
    losses = [error**2 / 2 for error in errors]
    yield "h = x + u h',  L = Σ (h - y)² / 2, a sum over the steps;  u = 0.5;  x and y are 1, 1, 2"
    yield row("1. forwards     h", states[1:])
    yield row("                (h - y)² / 2", losses) + f"   L = {sum(losses):.4f}"
    yield row("2. backwards    g = h - y + u g''", gradients[:3]) + "   g'' of the step after"
    yield row("3. sum          g h'", terms) + f"   dL/du = {sum(terms):.4f}"
    yield f"autograd through the cell: L = {loss.item():.4f}, dL/du = {found.item():.4f}"


def truncation() -> Iterator[str]:
    """Truncated backpropagation cuts the computation graph by detaching a state.

    Williams & Peng 1990; Zhang et al., section 9.7.
    """
    yield "h1 → h2 → h3 ┆ h4 → h5 → h6 → loss = h6        h = x + h'/2, every x is 1"
    yield row("d h6 / d x, and h6", ["x1", "x2", "x3", "x4", "x5", "x6", "h6"], 8)
    for label in ("whole", "h3 detached at ┆"):
        inputs, cell = torch.ones(6).double().requires_grad_(), unit(u=0.5)
        state = read(cell, inputs[:3])[-1:].unsqueeze(0)
        outputs = read(cell, inputs[3:], state.detach() if "detached" in label else state)
        (gradient,) = torch.autograd.grad(outputs[-1], inputs)
        yield row(label, [*gradient.tolist(), outputs[-1].item()], 8)
    yield "The value of the state passes the cut, its gradient does not."


def powers() -> Iterator[str]:
    """Gradients vanish or explode where one weight is used a thousand times.

    Bengio et al. 1994; Pascanu et al. 2013; the numbers are those of Hung-yi Lee's lecture.
    """
    yield "h = x + w h', an input of 1 and then zeros: after 1,000 steps h = w^999"
    yield row("", ["w^999", "w^1000", "d w^1000 / d w"], 16)
    for w in (0.99, 1.0, 1.01):
        cell, inputs = unit(u=w), torch.zeros(1001).double()
        inputs[0] = 1
        outputs = read(cell, inputs)
        gradient = torch.autograd.grad(outputs[1000], cell.weight("weight_hh_l0"))
        shown = [outputs[999], outputs[1000], *gradient]
        yield row(f"w = {w}", [f"{v.item():,.{0 if v >= 1 else 6}f}" for v in shown], 16)


def sigmoid() -> Iterator[str]:
    """A sigmoid hidden layer has a slope of at most 1/4.

    Goodfellow et al., Deep Learning, section 6.3.2.
    """
    yield row("h = f(h'), from h = 0.5", ["step 1", "step 10", "d h10 / d h0"], 16)
    for name in ("elman-sigmoid", "elman", "elman-relu"):
        start = tensor([[0.5]]).requires_grad_()
        outputs = read(unit(seq2seq.CELLS[name](1, 1)), torch.zeros(10).double(), start)
        (gradient,) = torch.autograd.grad(outputs[-1], start)
        yield row(f"cell {name}", [outputs[0].item(), outputs[-1].item(), gradient.item()], 16)
    yield "Each step through a sigmoid leaves a quarter of the gradient or less, unless U is large."


def small_weights() -> Iterator[str]:
    """Weights of 0.01 · randn forget at once. Zhang et al., section 9.5; Saxe et al. 2014."""
    torch.manual_seed(1)
    inputs, back = torch.randn(4, 20, 28), (0, 1, 5, 19)
    usual, small = (seq2seq.CELLS["elman"](28, 256) for _ in range(2))
    for name in ("weight_ih_l0", "weight_hh_l0"):
        torch.nn.init.normal_(small.get_parameter(f"kernel.{name}"), std=0.01)
    yield row("norm of the gradient, steps back", back)
    for label, cell in {
        "0.01 · randn, 256 units": small,
        "as cell elman starts here": usual,
    }.items():
        norms = seq2seq.gradient_flow(cell, inputs, lambda output: output.sum(-1)).hidden.tolist()
        yield row(label, [f"{norms[-1 - steps]:.0e}" for steps in back])
    yield "Such a network learns from its last few inputs at first, until its weights have grown."


def clipping() -> Iterator[str]:
    """Clipping by norm keeps the direction, clipping by value does not.

    Pascanu et al. 2013; Mikolov 2012; Karpathy's min-char-rnn cuts each part to ±5.
    """
    yield "by norm: g · min(1, θ / |g|);   by value: each part cut to ±θ;   θ = 1"
    for gradient in ([30.0, 40.0], [30.0, 0.4], [0.03, 0.04]):
        shown = []
        for norm, value in ((1, 0), (0, 1)):
            w = tensor([0, 0]).requires_grad_()
            w.grad = tensor(gradient)
            seq2seq.clip_gradients([w], seq2seq.TrainingSettings(clip_norm=norm, clip_value=value))
            shown.append("({:.3g}, {:.3g})".format(*w.grad.tolist()))
        yield f"g = {gradient!s:<14} by norm {shown[0]:<16} by value {shown[1]}"
    start, rate = 0.001, 0.1
    end, stretched = start - rate * 2 * start, start - rate
    yield "Small gradients are not clipped up: they say that a minimum is near. That of w² is 2w:"
    yield f"from w = {start} a step of {rate} · 2w leads to {end}, of {rate} · 1 to {stretched}."


PARTS: tuple[Callable[[], Iterator[str]], ...] = (
    *(bptt, truncation, powers, sigmoid, small_weights, clipping),
)
SECTIONS = {part.__name__.replace("_", "-"): part for part in PARTS}
"""What there is to see, by name, in the order of a course."""


def page(name: str) -> str:
    """Returns a section as it is printed."""
    title, source = " ".join((SECTIONS[name].__doc__ or "").split()).split(". ", 1)
    head = f"{title:<{WIDTH - len(name) - 2}}[{name}]"
    return "\n  ".join([head, source, *SECTIONS[name]()])


def main() -> None:
    """Prints the sections."""
    options = seq2seq.parse_command(Gradients, sys.argv[1:], "python recipes/gradients.py")
    print("\n\n".join(page(name) for name in options.only or SECTIONS))


if __name__ == "__main__":
    seq2seq.run_command(main)

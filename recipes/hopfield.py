"""Hopfield's network (1982) stores patterns, and recalls them from noisy ones.

    python recipes/hopfield.py
    python recipes/hopfield.py --noise 0.4

Each unit is on or off, and connected with all others. Nothing is trained by gradients: what is
stored is added up into the weights (the Hebbian rule), and a pattern with noise is the state that
the network starts from. Units are then set, one by one, to the side that their inputs pull to. Each
change lowers the energy, so that the network comes to rest: in a stored pattern, if all is well.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch

import seq2seq

SIDE = 12
"""Patterns are squares of so many units on a side."""
UNITS = SIDE * SIDE
CAPACITY = (5, 10, 20, 40)
"""Random patterns to store: more than 0.14 for each unit can't be recalled (Amit et al. 1985)."""


@dataclass(frozen=True)
class HopfieldRecipe:
    """Store patterns in a Hopfield network, and recall them from noise."""

    noise: seq2seq.Probability = 0.2
    """The share of units that are turned over before a pattern is recalled."""
    seed: seq2seq.NonNegativeInt = 1
    """Of the noise, of random patterns, and of the order of units."""
    plot: str = "runs/hopfield.png"
    """Where to draw: a file .png, .pdf or .svg, whose folder is made."""


class Hopfield:
    """Units of -1 and 1, each connected with all others: W = Σ p pᵀ / n, without the diagonal.

    Args:
        patterns: what to store, each of -1 and 1, ``(count, n)``.
    """

    def __init__(self, patterns: torch.Tensor) -> None:
        self.weights = patterns.T @ patterns / patterns.shape[1]
        self.weights.fill_diagonal_(0)

    def energy(self, state: torch.Tensor) -> float:
        """Returns -½ s W s of a state ``(n,)``."""
        return float(-0.5 * state @ self.weights @ state)

    def recall(
        self, state: torch.Tensor, generator: torch.Generator
    ) -> tuple[torch.Tensor, list[float]]:
        """Sets unit after unit, in random order, to the sign of its input, until none changes.

        Returns:
            The last state, and the energy at first and after each change: it never rises.
        """
        state, energies = state.clone(), [self.energy(state)]
        changed = True
        while changed:
            changed = False
            for unit in torch.randperm(len(state), generator=generator).tolist():
                pull = self.weights[unit] @ state
                if pull * state[unit] < 0:  # where nothing pulls, a unit stays as it is
                    state[unit] *= -1
                    energies.append(self.energy(state))
                    changed = True
        return state, energies


def letters() -> torch.Tensor:
    """Returns the letters T, X and O as patterns of -1 and 1, ``(3, 144)``."""
    rows, columns = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    last = SIDE - 1
    t = (rows < 2) | (columns == SIDE // 2) | (columns == SIDE // 2 - 1)
    x = ((rows - columns).abs() < 2) | ((rows + columns - last).abs() < 2)
    edge = torch.stack([rows, columns, last - rows, last - columns]).amin(dim=0)
    return 2.0 * torch.stack([t, x, edge < 2]).flatten(1) - 1


def add_noise(pattern: torch.Tensor, share: float, generator: torch.Generator) -> torch.Tensor:
    """Turns over a share of the units, drawn at random."""
    chosen = torch.randperm(len(pattern), generator=generator)[: round(share * len(pattern))]
    noisy = pattern.clone()
    noisy[chosen] *= -1
    return noisy


class Recalled(NamedTuple):
    """A pattern, with noise, and what the network makes of it, each ``(n,)``; and the energies."""

    pattern: torch.Tensor
    noisy: torch.Tensor
    state: torch.Tensor
    energies: list[float]

    @property
    def is_whole(self) -> bool:
        """Whether every unit has come back."""
        return torch.equal(self.pattern, self.state)


def recall_all(patterns: torch.Tensor, noise: float, generator: torch.Generator) -> list[Recalled]:
    """Stores patterns ``(count, n)``, and recalls each from noise."""
    network = Hopfield(patterns)
    noisy = [add_noise(pattern, noise, generator) for pattern in patterns]
    return [
        Recalled(pattern, each, *network.recall(each, generator))
        for pattern, each in zip(patterns, noisy, strict=True)
    ]


def random_patterns(count: int, generator: torch.Generator) -> torch.Tensor:
    """Draws patterns of -1 and 1, ``(count, 144)``."""
    return 2.0 * torch.randint(2, (count, UNITS), generator=generator) - 1


def report(found: list[Recalled], noise: float, generator: torch.Generator) -> None:
    """Prints whether the letters come back, how the energy falls, and how much can be stored."""
    print(
        f"{len(found)} letters, {100 * noise:.0f} % of their {UNITS} units turned over: "
        f"{sum(each.is_whole for each in found)} come back whole"
    )
    for letter, each in zip("TXO", found, strict=True):
        first, last, changes = each.energies[0], each.energies[-1], len(each.energies) - 1
        print(
            f"  {letter}: {changes} units change, the energy falls from {first:.1f} to {last:.1f}"
        )
    print("random patterns stored together, and how many of them come back whole")
    for count in CAPACITY:
        whole = sum(
            each.is_whole
            for each in recall_all(random_patterns(count, generator), noise, generator)
        )
        print(f"  {count:3}, {count / UNITS:.2f} for each unit: {whole:3}")


def draw(found: list[Recalled], noise: float) -> Any:
    """Draws each letter's recall, beside its energy."""
    figure = seq2seq.new_figure(figsize=(9, 6), layout="constrained")
    figure.suptitle("Hopfield's network recalls stored patterns from noise")
    titles = ("stored", f"{100 * noise:.0f} % turned over", "recalled")
    places = figure.subplots(len(found), 4, width_ratios=(1, 1, 1, 1.8))
    for row, each in zip(places, found, strict=True):
        *pictures, energy = row
        for axes, pattern, title in zip(pictures, each[:3], titles, strict=True):
            axes.imshow(pattern.view(SIDE, SIDE), cmap="Greys", vmin=-1, vmax=1)
            axes.set_xticks([])
            axes.set_yticks([])
            axes.set_title(title, fontsize=10)
        energy.plot(each.energies)
        energy.set_ylabel("energy")
        energy.grid(alpha=0.3)
    energy.set_xlabel("changes of a unit")
    return figure


def main() -> None:
    """Stores, recalls, prints and draws."""
    options = seq2seq.parse_command(HopfieldRecipe, sys.argv[1:], "python recipes/hopfield.py")
    seq2seq.make_figure_folder(options.plot)
    generator = torch.Generator().manual_seed(options.seed)
    found = recall_all(letters(), options.noise, generator)
    report(found, options.noise, generator)
    seq2seq.save_figure(draw(found, options.noise), options.plot)
    print(f"picture: {options.plot}")


if __name__ == "__main__":
    seq2seq.run_command(main)

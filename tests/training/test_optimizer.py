"""Learning-rate schedules, clipping, and which optimizer a name builds."""

import math
from typing import Any

import pytest
import torch
from torch import nn

from seq2seq.config.training import TrainingSettings
from seq2seq.training.optimizer import (
    build_optimizer,
    clip_gradients,
    learning_rate,
    pull_towards,
)


def rate(step: int = 0, progress: float = 0.0, cuts: int = 0, **settings: Any) -> float:
    options = {"learning_rate": 0.1, "warmup_steps": 0, **settings}
    return learning_rate(TrainingSettings(**options), step=step, progress=progress, cuts=cuts)


@pytest.mark.parametrize("schedule", ["constant", "inverse-sqrt", "cosine", "plateau"])
def test_warm_up_rises_in_a_line_to_the_highest_rate(schedule: str) -> None:
    rates = [rate(step, schedule=schedule, warmup_steps=10) for step in range(10)]
    assert rates == pytest.approx([0.01 * (step + 1) for step in range(10)])


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"schedule": "constant", "step": 10**6, "progress": 1.0}, 0.1),
        ({"schedule": "inverse-sqrt", "warmup_steps": 100, "step": 99}, 0.1),
        ({"schedule": "inverse-sqrt", "warmup_steps": 100, "step": 399}, 0.05),
        ({"schedule": "inverse-sqrt", "warmup_steps": 100, "step": 9999}, 0.01),
        ({"schedule": "inverse-sqrt", "step": 0}, 0.1),
        ({"schedule": "inverse-sqrt", "step": 24}, 0.02),
        ({"schedule": "cosine", "progress": 0.0}, 0.1),
        ({"schedule": "cosine", "progress": 0.25}, 0.05 * (1 + math.sqrt(0.5))),
        ({"schedule": "cosine", "progress": 0.5}, 0.05),
        ({"schedule": "cosine", "progress": 1.0}, 0.0),
        ({"schedule": "cosine", "progress": 1.1}, 0.0),  # the last step may go over the budget
        ({"schedule": "plateau", "cuts": 0, "progress": 1.0}, 0.1),
        ({"schedule": "plateau", "cuts": 3}, 0.0125),
        ({"schedule": "plateau", "cuts": 2, "plateau_factor": 0.1}, 0.001),
    ],
)
def test_after_warm_up_the_rate_is(settings: dict[str, Any], expected: float) -> None:
    assert rate(**settings) == pytest.approx(expected, abs=1e-12)


def test_inverse_sqrt_peaks_at_the_end_of_warm_up_and_cosine_never_rises() -> None:
    rates = [rate(step, schedule="inverse-sqrt", warmup_steps=50) for step in range(500)]
    assert rates.index(max(rates)) == 49
    assert rates[49:] == sorted(rates[49:], reverse=True)
    falling = [rate(progress=done / 100, schedule="cosine") for done in range(101)]
    assert falling == sorted(falling, reverse=True)


@pytest.mark.parametrize(
    ("by_value", "by_norm", "expected"),
    [
        (0.0, 0.0, [3.0, -4.0, 12.0]),
        (0.0, 6.5, [1.5, -2.0, 6.0]),  # the norm of (3, -4, 12) is 13
        (0.0, 20.0, [3.0, -4.0, 12.0]),
        (5.0, 0.0, [3.0, -4.0, 5.0]),
        (3.5, 0.0, [3.0, -3.5, 3.5]),
        (4.0, math.sqrt(41) / 2, [1.5, -2.0, 2.0]),  # by value first, then by norm
    ],
)
def test_clipping_does_what_it_says_and_returns_the_norm_before(
    by_value: float, by_norm: float, expected: list[float]
) -> None:
    weights = [nn.Parameter(torch.zeros(2)), nn.Parameter(torch.zeros(1))]
    unused = nn.Parameter(torch.zeros(4))
    weights[0].grad, weights[1].grad = torch.tensor([3.0, -4.0]), torch.tensor([12.0])
    settings = TrainingSettings(clip_value=by_value, clip_norm=by_norm)
    assert clip_gradients(iter([*weights, unused]), settings) == pytest.approx(13.0)
    clipped = torch.cat([weight.grad for weight in weights])
    torch.testing.assert_close(clipped, torch.tensor(expected), rtol=1e-5, atol=1e-5)
    assert unused.grad is None


@pytest.mark.parametrize(
    ("settings", "reference"),
    [
        ({"optimizer": "adam"}, lambda w: torch.optim.Adam(w, lr=0.1, betas=(0.9, 0.98))),
        (
            {"optimizer": "adamw", "weight_decay": 0.3},
            lambda w: torch.optim.AdamW(w, lr=0.1, betas=(0.9, 0.98), weight_decay=0.3),
        ),
        (
            {"optimizer": "sgd", "weight_decay": 0.0},
            lambda w: torch.optim.SGD(w, lr=0.1),
        ),
        (
            {"optimizer": "sgd", "momentum": 0.9, "weight_decay": 0.3},
            lambda w: torch.optim.SGD(w, lr=0.1, momentum=0.9, weight_decay=0.3),
        ),
    ],
)
def test_a_name_builds_that_optimizer(settings: dict[str, Any], reference: Any) -> None:
    model = nn.Linear(4, 3)
    model.bias.requires_grad_(False)
    twin = nn.Linear(4, 3)
    twin.load_state_dict(model.state_dict())
    built = build_optimizer(model, TrainingSettings(learning_rate=0.1, **settings))
    expected = reference([twin.weight])
    inputs = torch.randn(5, 8, 4)
    for step in range(5):
        for module, optimizer in ((model, built), (twin, expected)):
            optimizer.zero_grad()
            (module(inputs[step]) ** 2).sum().backward()
            optimizer.step()
    torch.testing.assert_close(model.weight, twin.weight)


def test_the_pull_towards_initial_weights_is_the_gradient_of_the_penalty() -> None:
    """Of those weights that are named, and that have a gradient."""
    weights = {name: nn.Parameter(torch.randn(3, 2)) for name in ("a", "b", "c", "frozen")}
    weights["frozen"].requires_grad_(False)
    initial = {name: torch.randn(3, 2) for name in ("a", "b", "frozen")}

    def loss() -> torch.Tensor:
        return sum((each.sin().sum() for each in weights.values()), torch.zeros(()))

    penalty = sum((weights[name] - initial[name]).square().sum() for name in ("a", "b"))
    (loss() + 0.3 * penalty).backward()  # type: ignore[no-untyped-call]
    expected = {name: weight.grad for name, weight in weights.items()}
    for weight in weights.values():
        weight.grad = None
    loss().backward()  # type: ignore[no-untyped-call]
    pull_towards(weights, initial, 0.3)
    for name, weight in weights.items():
        torch.testing.assert_close(weight.grad, expected[name])
    assert weights["frozen"].grad is None

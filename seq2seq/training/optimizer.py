"""Optimizer, learning-rate schedule and gradient clipping."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from seq2seq.config.training import TrainingSettings


def build_optimizer(model: nn.Module, settings: TrainingSettings) -> torch.optim.Optimizer:
    """Returns the optimizer that `settings` name, over all weights that require a gradient."""
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    if settings.optimizer == "sgd":
        return torch.optim.SGD(
            weights,
            lr=settings.learning_rate,
            momentum=settings.momentum,
            weight_decay=settings.weight_decay,
            fused=all(weight.is_cuda for weight in weights),
        )
    decay = settings.weight_decay if settings.optimizer == "adamw" else 0.0
    # AdamW without decay is Adam; the fused form is one pass over memory instead of ten.
    return torch.optim.AdamW(
        weights, lr=settings.learning_rate, betas=(0.9, 0.98), weight_decay=decay, fused=True
    )


def learning_rate(
    settings: TrainingSettings, *, step: int, progress: float, cuts: int = 0
) -> float:
    """Returns the learning rate of an update.

    Args:
        settings: the schedule, its warm-up and its highest rate.
        step: updates before this one.
        progress: the share of the budget that is used up, 0 to 1.
        cuts: how often the plateau schedule has cut the rate.
    """
    warmup = settings.warmup_steps
    rising = min(1.0, (step + 1) / warmup) if warmup else 1.0
    if settings.schedule == "inverse-sqrt":
        factor = math.sqrt(max(warmup, 1) / max(step + 1, warmup, 1))
    elif settings.schedule == "cosine":
        factor = 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))
    elif settings.schedule == "plateau":
        factor = settings.plateau_factor**cuts
    else:
        factor = 1.0
    return settings.learning_rate * rising * factor


def clip_gradients(weights: Iterable[Tensor], settings: TrainingSettings) -> float:
    """Clips the gradients by value, then by norm; returns the norm before clipping."""
    return float(clip_on_device(weights, settings))


def clip_on_device(weights: Iterable[Tensor], settings: TrainingSettings) -> Tensor:
    """Does what `clip_gradients` does, without waiting for a GPU: the norm is a scalar there."""
    weights = [weight for weight in weights if weight.grad is not None]
    norm = nn.utils.get_total_norm([weight.grad for weight in weights if weight.grad is not None])
    if settings.clip_value:
        nn.utils.clip_grad_value_(weights, settings.clip_value)
    if settings.clip_norm and settings.clip_value:  # by value, the norm has changed
        nn.utils.clip_grad_norm_(weights, settings.clip_norm)
    elif settings.clip_norm:
        nn.utils.clip_grads_with_norm_(weights, settings.clip_norm, norm)
    return norm


@torch.no_grad()
def pull_towards(
    weights: Mapping[str, Tensor], initial: Mapping[str, Tensor], strength: float
) -> None:
    """Adds to the gradients that of a penalty on the distance from initial weights.

    .. math:: \\lambda \\sum (w - w_0)^2

    (Barone et al. 2017), with λ the `strength`. The initial weights are those of some names; a
    frozen weight has no gradient.
    """
    for name, first in initial.items():
        weight = weights[name]
        if weight.grad is not None:
            weight.grad.add_(weight - first, alpha=2 * strength)

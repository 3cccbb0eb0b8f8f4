"""The loss: label-smoothed cross-entropy, over real tokens only."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F


class Loss(NamedTuple):
    """Sums over the real target tokens of a batch.

    Attributes:
        smoothed: what is minimized, a scalar with a gradient.
        likelihood: negative log-likelihood in nats, a scalar without; exp of its mean is the
            perplexity.
        tokens: how many tokens there are, eos counted.
    """

    smoothed: Tensor
    likelihood: Tensor
    tokens: int


def real_tokens(values: Tensor, lengths: Tensor) -> Tensor:
    """The positions before each row's end: ``(batch_size, length, …)`` -> ``(tokens, …)``.

    What comes after this, the output layer above all, is computed on no pad.
    """
    mask = torch.arange(values.shape[1]) < lengths.unsqueeze(1)
    if bool(mask.all()):
        return values.flatten(0, 1)
    return values[mask.to(values.device)]


def cross_entropy(logits: Tensor, targets: Tensor, label_smoothing: float = 0.0) -> Loss:
    """Label-smoothed cross-entropy (Szegedy et al. 2016, section 7).

    .. math:: -(1 - ε) \\log p_y - \\frac{ε}{V} \\sum_v \\log p_v

    Args:
        logits: ``(tokens, vocab_size)``.
        targets: ids ``(tokens,)``.
        label_smoothing: ε.
    """
    log_probs = F.log_softmax(logits.float(), dim=-1)
    likelihood = -log_probs.gather(1, targets.unsqueeze(1)).sum()
    smoothed = likelihood
    if label_smoothing:
        uniform = -log_probs.sum() / logits.shape[-1]
        smoothed = (1 - label_smoothing) * likelihood + label_smoothing * uniform
    return Loss(smoothed, likelihood.detach(), targets.shape[0])

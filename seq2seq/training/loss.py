"""The loss: label-smoothed cross-entropy, over real tokens only."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx
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


def drop_padding(values: Tensor, lengths: Tensor) -> Tensor:
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


def output_cross_entropy(
    features: Tensor, output: nn.Linear, targets: Tensor, label_smoothing: float = 0.0
) -> Loss:
    """`cross_entropy` of an output layer, a few hundred tokens at a time.

    The same function as ``cross_entropy(output(features), …)``, for training. The logits of a batch
    are by far its largest tensor. Here they are made, used and forgotten piece by piece, with their
    gradients taken on the spot, so that a piece stays in the processor's cache: it takes less
    time, and the logits of a whole batch never stand in memory.

    Args:
        features: ``(tokens, readout_size)``.
        output: the output layer, ``readout_size`` to ``vocab_size``, with bias.
        targets: ids ``(tokens,)``.
        label_smoothing: ε.
    """
    smoothed, likelihood = OutputCrossEntropy.apply(  # type: ignore[no-untyped-call]
        features, output.weight, output.bias, targets, label_smoothing
    )
    return Loss(smoothed, likelihood, targets.shape[0])


def gradient_of_logits(
    logits: Tensor, targets: Tensor, label_smoothing: float, to_bias: Tensor
) -> tuple[Tensor, Tensor]:
    """Writes the gradient of the smoothed loss in the place of the logits it is of.

    Args:
        logits: ``(tokens, vocab_size)``; changed.
        targets: ids ``(tokens,)``.
        label_smoothing: ε.
        to_bias: ``(vocab_size,)``, to which the sum of the gradients is added.

    Returns:
        The smoothed loss and the negative log-likelihood, both summed.
    """
    log_probs = F.log_softmax(logits.float(), dim=-1)
    likelihood = -log_probs.gather(1, targets.unsqueeze(1)).sum()
    smoothed = likelihood
    if label_smoothing:
        uniform = -log_probs.sum() / logits.shape[1]
        smoothed = (1 - label_smoothing) * likelihood + label_smoothing * uniform
    gradient = log_probs.exp_()
    if label_smoothing:
        gradient.sub_(label_smoothing / logits.shape[1])
    gradient[torch.arange(len(targets)), targets] -= 1 - label_smoothing
    to_bias += gradient.sum(dim=0)
    logits.copy_(gradient)
    return smoothed, likelihood


class OutputCrossEntropy(torch.autograd.Function):
    """The output layer and its loss, with gradients computed in the forward pass.

    With p = softmax(W x + b), the gradient of the smoothed loss with respect to the logits is
    p - (1 - ε) onehot(y) - ε / V.
    """

    BLOCK = 2**24
    """So many logits stand in memory at most, 32 MiB in bfloat16: enough for large products."""

    PIECE = 2**20
    """On so many of them all else is computed, 4 MiB in float32: they stay in the cache."""

    @staticmethod
    def forward(
        ctx: FunctionCtx,
        features: Tensor,
        weight: Tensor,
        bias: Tensor,
        targets: Tensor,
        label_smoothing: float,
    ) -> tuple[Tensor, Tensor]:
        """The smoothed loss and the likelihood, both summed over tokens."""
        vocab_size = weight.shape[0]
        precision = F.linear(features[:1], weight[:1]).dtype  # what autocast makes of it
        # Cast once: autocast would do it for each block anew.
        low_weight, low_bias = weight.to(precision), bias.to(precision)
        to_features = torch.empty_like(features)
        to_weight = torch.zeros_like(weight)
        to_bias = torch.zeros_like(bias)
        smoothed = likelihood = features.new_zeros((), dtype=torch.float32)
        block = max(1, OutputCrossEntropy.BLOCK // vocab_size)
        piece = max(1, OutputCrossEntropy.PIECE // vocab_size)
        for begin in range(0, len(features), block):
            part = slice(begin, begin + block)
            inputs = features[part].to(precision)
            logits = F.linear(inputs, low_weight, low_bias)
            pieces = zip(torch.split(logits, piece), torch.split(targets[part], piece), strict=True)
            for values, expected in pieces:
                sums = gradient_of_logits(values, expected, label_smoothing, to_bias)
                smoothed, likelihood = smoothed + sums[0], likelihood + sums[1]
            to_features[part] = logits @ low_weight
            to_weight += logits.T @ inputs
        ctx.save_for_backward(to_features, to_weight, to_bias)
        ctx.mark_non_differentiable(likelihood)
        return smoothed, likelihood

    @staticmethod
    def backward(ctx: Any, scale: Tensor, _: Tensor) -> tuple[Tensor, Tensor, Tensor, None, None]:
        """The gradients that `forward` found, times that of the loss itself."""
        to_features, to_weight, to_bias = ctx.saved_tensors
        return to_features * scale, to_weight * scale, to_bias * scale, None, None

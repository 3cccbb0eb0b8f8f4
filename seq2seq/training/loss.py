"""The loss: label-smoothed cross-entropy, without padding."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx
from torch.nn import functional as F

from seq2seq.data.batching import real_places, to_device


class Loss(NamedTuple):
    """Sums over the target tokens of a batch, without padding.

    Attributes:
        smoothed: the label-smoothed loss, a scalar with a gradient.
        likelihood: the negative log-likelihood in nats, a scalar without a gradient; exp of its
            mean is the perplexity.
        tokens: the number of tokens, eos counted.
    """

    smoothed: Tensor
    likelihood: Tensor
    tokens: int


def drop_padding(values: Tensor, lengths: Tensor) -> Tensor:
    """Returns the positions before each row's end, so that nothing is computed on padding.

    Args:
        values: ``(batch_size, length, …)``.
        lengths: ``(batch_size,)``, on the CPU.

    Returns:
        ``(tokens, …)``.
    """
    if bool((lengths == values.shape[1]).all()):
        return values.flatten(0, 1)
    if values.device.type == "cpu":  # the quicker way, with its gradient
        return values[torch.arange(values.shape[1]) < lengths.unsqueeze(1)]
    places = to_device(real_places(lengths, values.shape[1]), values.device)
    return values.flatten(0, 1).index_select(0, places)


def cross_entropy(logits: Tensor, targets: Tensor, label_smoothing: float = 0.0) -> Loss:
    """Returns the label-smoothed cross-entropy (Szegedy et al. 2016, section 7).

    .. math:: -(1 - ε) \\log p_y - \\frac{ε}{V} \\sum_v \\log p_v

    Args:
        logits: ``(tokens, vocab_size)``.
        targets: ids ``(tokens,)``.
        label_smoothing: ε.
    """
    log_probs = F.log_softmax(logits.float(), dim=-1)
    smoothed, likelihood = sum_losses(log_probs, targets, label_smoothing)
    return Loss(smoothed, likelihood.detach(), targets.shape[0])


def sum_losses(log_probs: Tensor, targets: Tensor, label_smoothing: float) -> tuple[Tensor, Tensor]:
    """Returns the label-smoothed loss and the negative log-likelihood, both summed over tokens.

    Args:
        log_probs: ``(tokens, vocab_size)``.
        targets: ids ``(tokens,)``.
        label_smoothing: ε.
    """
    likelihood = -log_probs.gather(1, targets.unsqueeze(1)).sum()
    if not label_smoothing:
        return likelihood, likelihood
    uniform = -log_probs.sum() / log_probs.shape[1]
    return (1 - label_smoothing) * likelihood + label_smoothing * uniform, likelihood


def output_cross_entropy(
    pre_logits: Tensor, output: nn.Linear, targets: Tensor, label_smoothing: float = 0.0
) -> Loss:
    """Returns ``cross_entropy(output(pre_logits), …)``, computed a few hundred tokens at a time.

    For training. The logits of a batch are by far its largest tensor. Here they and their gradients
    are computed chunk by chunk in the forward pass, so that a chunk stays in the processor's
    cache: it takes less time, and the logits of a whole batch are never in memory.

    Args:
        pre_logits: ``(tokens, readout_size)``.
        output: the output layer, ``readout_size`` to ``vocab_size``, with bias.
        targets: ids ``(tokens,)``.
        label_smoothing: ε.
    """
    smoothed, likelihood = OutputCrossEntropy.apply(  # type: ignore[no-untyped-call]
        pre_logits, output.weight, output.bias, targets, label_smoothing
    )
    return Loss(smoothed, likelihood, targets.shape[0])


def replace_by_gradient(
    logits: Tensor, targets: Tensor, label_smoothing: float, bias_gradient: Tensor
) -> tuple[Tensor, Tensor]:
    """Replaces logits by p - (1 - ε) onehot(y): their gradient but for what all have alike, -ε / V.

    Logits are the most of what an update computes, so they are gone through as seldom as possible.

    Args:
        logits: ``(tokens, vocab_size)``; overwritten.
        targets: ids ``(tokens,)``.
        label_smoothing: ε.
        bias_gradient: ``(vocab_size,)``, to which the sum of what replaces them is added.

    Returns:
        The negative log-likelihood, and the logarithm of the sum of exp(logits), both summed over
        tokens.
    """
    exact, right = logits.float(), targets.unsqueeze(1)
    gradient = exact.softmax(dim=-1)
    # By the likeliest token, whose p is never too small for a float.
    log_sums = exact.amax(dim=1) - gradient.amax(dim=1).log()
    likelihood = (log_sums - exact.gather(1, right).squeeze(1)).sum()
    gradient.scatter_(1, right, gradient.gather(1, right) - (1 - label_smoothing))
    bias_gradient += gradient.sum(dim=0)
    logits.copy_(gradient)
    return likelihood, log_sums.sum()


class OutputCrossEntropy(torch.autograd.Function):
    """The output layer and its loss, with gradients computed in the forward pass.

    With p = softmax(W x + b), the gradient of the smoothed loss with respect to the logits is
    p - (1 - ε) onehot(y) - ε / V.
    """

    BLOCK = 2**24
    """The most logits in memory, 32 MiB in bfloat16: enough for large matrix products."""

    CHUNK = 2**20
    """The most logits that the loss takes at once, 4 MiB in float32: they stay in the cache."""

    GPU_BLOCK = 2**28
    """The same for both on a GPU, 1 GiB in float32: each call costs time, whatever its size."""

    @staticmethod
    def forward(
        ctx: FunctionCtx,
        pre_logits: Tensor,
        weight: Tensor,
        bias: Tensor,
        targets: Tensor,
        label_smoothing: float,
    ) -> tuple[Tensor, Tensor]:
        """Returns the label-smoothed loss and the negative log-likelihood, summed over tokens."""
        vocab_size = weight.shape[0]
        kind = weight.device.type
        reduced = torch.is_autocast_enabled(kind)
        precision = torch.get_autocast_dtype(kind) if reduced else pre_logits.dtype
        # Cast once: autocast would do it for each block anew.
        low_weight, low_bias = weight.to(precision), bias.to(precision)
        input_gradient = torch.empty_like(pre_logits)
        weight_gradient = torch.zeros_like(weight)
        bias_gradient = torch.zeros_like(bias)
        likelihood = log_sums = pre_logits.new_zeros((), dtype=torch.float32)
        sizes = OutputCrossEntropy.BLOCK, OutputCrossEntropy.CHUNK
        if kind != "cpu":
            sizes = OutputCrossEntropy.GPU_BLOCK, OutputCrossEntropy.GPU_BLOCK
        block, chunk = (max(1, size // vocab_size) for size in sizes)
        share, weight_sum = label_smoothing / vocab_size, weight.sum(dim=0)
        smoothing_gradient = (-share * weight_sum).to(precision)
        for begin in range(0, len(pre_logits), block):
            rows = slice(begin, begin + block)
            inputs = pre_logits[rows].to(precision)
            logits = F.linear(inputs, low_weight, low_bias)
            chunks = zip(torch.split(logits, chunk), torch.split(targets[rows], chunk), strict=True)
            for values, expected in chunks:
                sums = replace_by_gradient(values, expected, label_smoothing, bias_gradient)
                likelihood, log_sums = likelihood + sums[0], log_sums + sums[1]
            input_gradient[rows] = torch.addmm(smoothing_gradient, logits, low_weight)
            weight_gradient += logits.T @ inputs
        input_sum = pre_logits.sum(dim=0, dtype=weight.dtype)
        weight_gradient.sub_(input_sum, alpha=share)
        bias_gradient.sub_(share * len(targets))
        # Of each token's logits only their sum is needed here, and that is (Σ W) x + Σ b.
        logit_sum = torch.add(weight_sum @ input_sum, bias.sum(), alpha=len(targets))
        uniform = torch.sub(log_sums, logit_sum.to(log_sums), alpha=1 / vocab_size)
        smoothed = likelihood.lerp(uniform, label_smoothing)
        ctx.save_for_backward(input_gradient, weight_gradient, bias_gradient)
        ctx.mark_non_differentiable(likelihood)
        return smoothed, likelihood

    @staticmethod
    def backward(ctx: Any, scale: Tensor, _: Tensor) -> tuple[Tensor, Tensor, Tensor, None, None]:
        """Returns the gradients that `forward` computed, times that of the loss itself."""
        inputs, weight, bias = ctx.saved_tensors
        return inputs * scale, weight * scale, bias * scale, None, None

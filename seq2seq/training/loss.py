"""The loss: label-smoothed cross-entropy, without padding."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx
from torch.nn import functional as F

from seq2seq.data.batching import to_device


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
    mask = torch.arange(values.shape[1]) < lengths.unsqueeze(1)
    if bool(mask.all()):
        return values.flatten(0, 1)
    if values.device.type == "cpu":
        return values[mask]
    # Counted here: a GPU would have to be waited for, to say how many there are.
    places = to_device(mask.flatten().nonzero().squeeze(1), values.device)
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
    """Replaces logits by the gradient of the label-smoothed loss with respect to them.

    Args:
        logits: ``(tokens, vocab_size)``; overwritten.
        targets: ids ``(tokens,)``.
        label_smoothing: ε.
        bias_gradient: ``(vocab_size,)``, to which the sum of the gradients is added.

    Returns:
        The label-smoothed loss and the negative log-likelihood, both summed over tokens.
    """
    log_probs = F.log_softmax(logits.float(), dim=-1)
    smoothed, likelihood = sum_losses(log_probs, targets, label_smoothing)
    gradient = log_probs.exp_()
    if label_smoothing:
        gradient.sub_(label_smoothing / logits.shape[1])
    right = targets.unsqueeze(1)
    gradient.scatter_(1, right, gradient.gather(1, right) - (1 - label_smoothing))
    bias_gradient += gradient.sum(dim=0)
    logits.copy_(gradient)
    return smoothed, likelihood


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
        smoothed = likelihood = pre_logits.new_zeros((), dtype=torch.float32)
        sizes = OutputCrossEntropy.BLOCK, OutputCrossEntropy.CHUNK
        if kind != "cpu":
            sizes = OutputCrossEntropy.GPU_BLOCK, OutputCrossEntropy.GPU_BLOCK
        block, chunk = (max(1, size // vocab_size) for size in sizes)
        for begin in range(0, len(pre_logits), block):
            rows = slice(begin, begin + block)
            inputs = pre_logits[rows].to(precision)
            logits = F.linear(inputs, low_weight, low_bias)
            chunks = zip(torch.split(logits, chunk), torch.split(targets[rows], chunk), strict=True)
            for values, expected in chunks:
                sums = replace_by_gradient(values, expected, label_smoothing, bias_gradient)
                smoothed, likelihood = smoothed + sums[0], likelihood + sums[1]
            input_gradient[rows] = logits @ low_weight
            weight_gradient += logits.T @ inputs
        ctx.save_for_backward(input_gradient, weight_gradient, bias_gradient)
        ctx.mark_non_differentiable(likelihood)
        return smoothed, likelihood

    @staticmethod
    def backward(ctx: Any, scale: Tensor, _: Tensor) -> tuple[Tensor, Tensor, Tensor, None, None]:
        """Returns the gradients that `forward` computed, times that of the loss itself."""
        inputs, weight, bias = ctx.saved_tensors
        return inputs * scale, weight * scale, bias * scale, None, None

"""The loss: torch's own cross-entropy, on real tokens only."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from seq2seq.training.loss import cross_entropy, drop_padding, output_cross_entropy

LENGTHS = torch.tensor([3, 5, 1])
every_smoothing = pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.9])


@every_smoothing
def test_smoothed_loss_equals_torch_s_with_its_gradient(smoothing: float) -> None:
    logits = torch.randn(20, 9, requires_grad=True)
    targets = torch.randint(9, (20,))
    expected = F.cross_entropy(logits, targets, label_smoothing=smoothing, reduction="sum")
    loss = cross_entropy(logits, targets, smoothing)
    torch.testing.assert_close(loss.smoothed, expected)
    torch.testing.assert_close(
        torch.autograd.grad(loss.smoothed, logits), torch.autograd.grad(expected, logits)
    )


@every_smoothing
def test_likelihood_is_not_smoothed_and_has_no_gradient(smoothing: float) -> None:
    logits, targets = torch.randn(20, 9, requires_grad=True), torch.randint(9, (20,))
    loss = cross_entropy(logits, targets, smoothing)
    torch.testing.assert_close(
        loss.likelihood, F.cross_entropy(logits, targets, reduction="sum").detach()
    )
    assert not loss.likelihood.requires_grad
    assert loss.smoothed.requires_grad
    assert loss.tokens == 20


def test_real_tokens_are_those_before_each_row_s_end() -> None:
    values = torch.arange(15).view(3, 5)
    assert drop_padding(values, LENGTHS).tolist() == [0, 1, 2, 5, 6, 7, 8, 9, 10]
    assert drop_padding(values, torch.tensor([5, 5, 5])).tolist() == list(range(15))
    wide = torch.randn(3, 5, 2)
    chosen = drop_padding(wide, LENGTHS)
    assert torch.equal(chosen, torch.cat([wide[0, :3], wide[1], wide[2, :1]]))


@every_smoothing
def test_pads_never_matter_and_a_batch_is_the_sum_of_its_sentences(smoothing: float) -> None:
    logits = torch.randn(3, 5, 9, dtype=torch.float64).float().requires_grad_()
    targets = torch.randint(9, (3, 5))
    pads = torch.arange(5) >= LENGTHS.unsqueeze(1)

    def total(rows: slice, logits: torch.Tensor, targets: torch.Tensor) -> list[object]:
        lengths = LENGTHS[rows]
        return list(
            cross_entropy(
                drop_padding(logits[rows], lengths), drop_padding(targets[rows], lengths), smoothing
            )
        )

    together = total(slice(3), logits, targets)
    garbage = total(
        slice(3), logits.masked_fill(pads.unsqueeze(2), torch.nan), targets.masked_fill(pads, -7)
    )
    torch.testing.assert_close(garbage, together, rtol=0, atol=0)
    singles = [total(slice(row, row + 1), logits, targets) for row in range(3)]
    torch.testing.assert_close([sum(parts) for parts in zip(*singles, strict=True)], together)
    (gradient,) = torch.autograd.grad(together[0], logits)
    assert not gradient[pads].any()
    assert gradient[~pads].any(dim=1).all()


@every_smoothing
@pytest.mark.parametrize("tokens", [1, 256, 700])
def test_the_loss_of_an_output_layer_in_pieces_equals_that_of_its_logits(
    smoothing: float, tokens: int
) -> None:
    output = nn.Linear(5, 9)
    features, targets = torch.randn(tokens, 5, requires_grad=True), torch.randint(9, (tokens,))
    inputs = [features, output.weight, output.bias]
    whole = cross_entropy(output(features), targets, smoothing)
    pieces = output_cross_entropy(features, output, targets, smoothing)
    torch.testing.assert_close(list(pieces), list(whole))
    assert not pieces.likelihood.requires_grad
    torch.testing.assert_close(
        torch.autograd.grad(3 * pieces.smoothed / tokens, inputs),
        torch.autograd.grad(3 * whole.smoothed / tokens, inputs),
    )


@every_smoothing
def test_what_is_all_but_impossible_has_a_finite_loss_too(smoothing: float) -> None:
    """Its probability is too small for a float, and the loss is the distance of the logits."""
    output = nn.Linear(1, 3)
    output.weight.data.copy_(torch.tensor([[300.0], [0.0], [-300.0]]))
    output.bias.data.zero_()
    features, targets = torch.ones(2, 1, requires_grad=True), torch.tensor([2, 0])
    loss = output_cross_entropy(features, output, targets, smoothing)
    assert float(loss.likelihood) == 600
    expected = F.cross_entropy(
        output(features), targets, label_smoothing=smoothing, reduction="sum"
    )
    torch.testing.assert_close(loss.smoothed, expected)
    torch.testing.assert_close(
        torch.autograd.grad(loss.smoothed, features), torch.autograd.grad(expected, features)
    )

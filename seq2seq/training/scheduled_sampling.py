"""Teacher forcing and scheduled sampling: what the decoder's inputs are in training.

Teacher forcing takes the reference. Scheduled sampling (Bengio et al. 2015) draws for each token of
each sentence whether the input is the reference or the model's own prediction. With a rate of 0 it
is teacher forcing, exactly. There are two methods:

- `pre_logits_by_steps`: one step after the other, as in the paper; exact.
- `inputs_by_passes` (parallel scheduled sampling, Duckworth et al. 2019): a whole-sequence pass
  predicts every token from the inputs of the pass before; some of these predictions are the inputs
  of the next pass. After pass n the first n inputs are those of stepping, so as many passes as
  there are steps give the same result from the same draws, and one or two are a close and fast
  approximation.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from seq2seq.config.training import SamplingSettings, TrainingSettings
from seq2seq.data.batching import to_device
from seq2seq.data.vocabulary import PAD_ID
from seq2seq.models.decoder import Decoder, DecoderState

LAST_STEP = 10**9
"""A step that no training reaches, at which the rate of scheduled sampling is highest."""


def sampling_rate(settings: SamplingSettings, *, step: int, percent: float) -> float:
    """Returns the probability that an input is the model's own prediction, 1 - ε.

    The schedules of ε are those of Bengio et al. (2015), section 2.4.

    Args:
        settings: the schedule; its `unit` says what i is.
        step: updates so far.
        percent: the part of the training that is done, 0 to 100.
    """
    i = float(step) if settings.unit == "steps" else percent
    if settings.schedule == "none":
        return 0.0
    if settings.schedule == "constant":
        epsilon = 1 - settings.rate
    elif settings.schedule == "linear":
        epsilon = 1 - settings.slope * i
    elif settings.schedule == "exponential":
        epsilon = settings.k**i
    else:
        # k / (k + exp(i / k)), in a form that a large i does not overflow.
        epsilon = 1 / (1 + math.exp(min(i / settings.k - math.log(settings.k), 700)))
    return 1 - max(settings.floor, min(1.0, epsilon))


def final_sampling_rate(settings: TrainingSettings) -> float:
    """Returns the rate at the end of a training, which is the highest.

    Where the schedule counts steps, and the budget does not, it is that at the schedule's own end.
    """
    return sampling_rate(settings.sampling, step=settings.max_steps or LAST_STEP, percent=100.0)


class SamplingDraws(NamedTuple):
    """The random numbers of one batch, both ``(batch_size, target_length)``.

    Attributes:
        coins: True where the decoder's input is to be its own prediction; never at bos, nor on
            pads.
        uniforms: in [0, 1), for drawing that prediction from its distribution; None for argmax.
    """

    coins: Tensor
    uniforms: Tensor | None


def draw_coins(
    reference: Tensor,
    rate: float,
    choice: Literal["argmax", "sample"],
    generator: torch.Generator,
) -> SamplingDraws:
    """Draws for each token of each sentence whether, and which, prediction is the input.

    The reference is what the inputs are with teacher forcing, ``(batch_size, target_length)``.
    """
    coins = torch.rand(reference.shape, generator=generator) < rate
    coins[:, 0] = False
    coins = to_device(coins, reference.device) & (reference != PAD_ID)
    if choice == "argmax":
        return SamplingDraws(coins, None)
    uniforms = torch.rand(reference.shape, generator=generator)
    return SamplingDraws(coins, to_device(uniforms, reference.device))


def choose_tokens(logits: Tensor, uniforms: Tensor | None) -> Tensor:
    """Returns a token from each distribution, ids ``(…)``.

    Args:
        logits: unnormalized log-probabilities ``(…, vocab_size)``.
        uniforms: numbers ``(…)`` in [0, 1) for inverse transform sampling; None takes the most
            probable token.
    """
    if uniforms is None:
        return logits.argmax(dim=-1)
    cumulative = logits.float().softmax(dim=-1).cumsum(dim=-1)
    # Rounding leaves the last sum a little off 1: a number near 1 must not lie beyond it. Only
    # logits that are no numbers leave an id to clamp; the loss reports them.
    numbers = uniforms.unsqueeze(-1).to(cumulative) * cumulative[..., -1:]
    drawn = torch.searchsorted(cumulative, numbers, right=True)
    return drawn.squeeze(-1).clamp(max=logits.shape[-1] - 1)


def pre_logits_by_steps(
    decoder: Decoder, state: DecoderState, reference: Tensor, draws: SamplingDraws
) -> tuple[Tensor, DecoderState]:
    """Runs the decoder with scheduled sampling, one step at a time.

    Args:
        decoder: the decoder.
        state: its state before bos.
        reference: its inputs with teacher forcing, ``(batch_size, target_length)``.
        draws: where the inputs are predictions instead.

    Returns:
        Pre-logit states ``(batch_size, target_length, readout_size)``, and the state after the last
        step. No gradient goes through the choice of a token.
    """
    coins = draws.coins.to(reference.device)
    pre_logits = []
    tokens = reference[:, 0]
    for position in range(reference.shape[1]):
        hidden, state = decoder.step_hidden(tokens, state)
        pre_logits.append(hidden)
        if position + 1 < reference.shape[1]:
            uniforms = None if draws.uniforms is None else draws.uniforms[:, position]
            with torch.no_grad():
                predicted = choose_tokens(decoder.logits(hidden), uniforms)
            tokens = torch.where(coins[:, position + 1], predicted, reference[:, position + 1])
    return torch.stack(pre_logits, dim=1), state


@torch.no_grad()
def inputs_by_passes(
    decoder: Decoder, state: DecoderState, reference: Tensor, draws: SamplingDraws, passes: int
) -> Tensor:
    """Returns the decoder's inputs after some passes: ids ``(batch_size, target_length)``.

    Arguments as for `pre_logits_by_steps`.
    """
    coins = draws.coins.to(reference.device)
    inputs = reference
    for _ in range(passes):
        logits = decoder.logits(decoder.sequence(inputs, state)[0])
        # The prediction made at a position is the input of the next one.
        predicted = choose_tokens(logits, draws.uniforms).roll(1, dims=1)
        inputs = torch.where(coins, predicted, reference)
    return inputs


def pre_logits_with_sampling(
    decoder: Decoder,
    state: DecoderState,
    reference: Tensor,
    *,
    rate: float,
    settings: SamplingSettings,
    generator: torch.Generator,
) -> tuple[Tensor, DecoderState]:
    """Runs the decoder over a batch with scheduled sampling; at a rate of 0, with teacher forcing.

    Args:
        decoder: the decoder.
        state: its state before bos.
        reference: its inputs with teacher forcing, ``(batch_size, target_length)``.
        rate: the probability that an input is a prediction, as from `sampling_rate`.
        settings: the method and how predictions are chosen.
        generator: for the draws.

    Returns:
        Pre-logit states ``(batch_size, target_length, readout_size)``, and the state after the last
        token.
    """
    if rate == 0:
        return decoder.sequence(reference, state)
    draws = draw_coins(reference, rate, settings.choice, generator)
    if settings.method == "steps":
        return pre_logits_by_steps(decoder, state, reference, draws)
    inputs = inputs_by_passes(decoder, state, reference, draws, settings.passes)
    return decoder.sequence(inputs, state)

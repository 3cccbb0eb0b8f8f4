"""What the decoder sees: teacher forcing, scheduled sampling run two ways, and the schedules."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seq2seq.config.training import SamplingSettings
from seq2seq.data.batching import make_batch
from seq2seq.data.vocabulary import BOS_ID, PAD_ID
from seq2seq.decoding.constraints import Constraints
from seq2seq.decoding.greedy import greedy_search
from seq2seq.models.cells.registry import CELLS
from seq2seq.models.translation import TranslationModel
from seq2seq.training.scheduled_sampling import (
    choose_tokens,
    draw_coins,
    inputs_by_passes,
    pre_logits_by_steps,
    pre_logits_with_sampling,
    sampling_rate,
)

Build = Callable[..., TranslationModel]
BATCH = make_batch(
    [[4, 5, 6], [7, 8, 4, 9], [5], [9, 9]],
    [[6, 7, 12, 8, 4, 5, 9], [4], [11, 10, 9], [8, 7, 6, 5, 4]],
)
SHAPE = tuple(BATCH.target_input.shape)
WHOLE = torch.full(SHAPE, BOS_ID)
"""A reference without pads: draws for it also fall where the batch has some."""
every_choice = pytest.mark.parametrize("choice", ["argmax", "sample"])


def generator(seed: int = 3) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def started(tiny_model: Build, **settings: str) -> tuple[TranslationModel, Any]:
    """A float64 model whose predictions vary, and its state before bos."""
    model = tiny_model(**settings).double()
    with torch.no_grad():
        for weight in model.parameters():
            weight *= 2
        model.decoder.output.bias.zero_()
    return model, model.start(BATCH.source, BATCH.source_lengths)


@pytest.mark.parametrize("method", ["steps", "passes"])
@every_choice
def test_rate_0_is_teacher_forcing_to_the_bit(tiny_model: Build, method: str, choice: str) -> None:
    model, state = started(tiny_model)
    expected = model.decoder.sequence(BATCH.target_input, state)[0]
    settings = SamplingSettings(schedule="constant", rate=0.0, method=method, choice=choice)
    got = pre_logits_with_sampling(
        model.decoder, state, BATCH.target_input, rate=0.0, settings=settings, generator=generator()
    )[0]
    assert torch.equal(got, expected)


@every_choice
def test_without_heads_both_ways_show_the_reference(tiny_model: Build, choice: str) -> None:
    model, state = started(tiny_model)
    draws = draw_coins(WHOLE, 0.0, choice, generator())
    inputs = inputs_by_passes(model.decoder, state, BATCH.target_input, draws, passes=2)
    assert torch.equal(inputs, BATCH.target_input)
    torch.testing.assert_close(
        pre_logits_by_steps(model.decoder, state, BATCH.target_input, draws)[0],
        model.decoder.sequence(BATCH.target_input, state)[0],
    )


@pytest.mark.slow
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("context", ["initial", "every-step", "both"])
@every_choice
@pytest.mark.parametrize("rate", [0.5, 1.0])
def test_as_many_passes_as_steps_show_what_stepping_shows(
    tiny_model: Build, cell: str, context: str, choice: str, rate: float
) -> None:
    model, state = started(tiny_model, cell=cell, context=context)
    draws = draw_coins(WHOLE, rate, choice, generator())
    stepped = pre_logits_by_steps(model.decoder, state, BATCH.target_input, draws)[0]
    inputs = inputs_by_passes(model.decoder, state, BATCH.target_input, draws, passes=SHAPE[1])
    assert (inputs != BATCH.target_input).any()
    torch.testing.assert_close(model.decoder.sequence(inputs, state)[0], stepped)
    for passes in range(1, SHAPE[1]):
        some = inputs_by_passes(model.decoder, state, BATCH.target_input, draws, passes)
        assert torch.equal(some[:, : passes + 1], inputs[:, : passes + 1])


@every_choice
def test_settings_choose_the_method_and_passes(tiny_model: Build, choice: str) -> None:
    model, state = started(tiny_model)
    reference = BATCH.target_input.masked_fill(BATCH.target_input == PAD_ID, 5)

    def run(**options: Any) -> torch.Tensor:
        settings = SamplingSettings(schedule="constant", choice=choice, **options)
        return pre_logits_with_sampling(
            model.decoder,
            state,
            reference,
            rate=0.9,
            settings=settings,
            generator=generator(),
        )[0]

    by_steps = run(method="steps")
    torch.testing.assert_close(run(method="passes", passes=SHAPE[1]), by_steps)
    assert not torch.allclose(run(method="passes", passes=1), by_steps)
    assert not torch.allclose(model.decoder.sequence(reference, state)[0], by_steps)


def test_at_rate_1_the_history_is_the_model_s_own_greedy_output(tiny_model: Build) -> None:
    draws = draw_coins(WHOLE, 1.0, "argmax", generator())
    caps = torch.full((SHAPE[0],), SHAPE[1] - 1)
    outputs = set()
    for cell in CELLS:
        model, state = started(tiny_model, cell=cell)
        inputs = inputs_by_passes(model.decoder, state, BATCH.target_input, draws, passes=SHAPE[1])
        assert (inputs[:, 0] == BOS_ID).all()
        own = [
            hypothesis.tokens
            for hypothesis in greedy_search(model.step, state, Constraints(caps, forbidden=()))
        ]
        for row, tokens in zip(inputs.tolist(), own, strict=True):
            assert row[1 : 1 + len(tokens)] == tokens
        outputs |= set(map(tuple, own))
        stepped = pre_logits_by_steps(model.decoder, state, BATCH.target_input, draws)[0]
        predicted = model.decoder.logits(stepped).argmax(-1)
        assert torch.equal(predicted[:, :-1], inputs[:, 1:])
    assert len(outputs) > 5  # not one token over and over


@every_choice
def test_no_gradient_goes_through_a_choice(tiny_model: Build, choice: str) -> None:
    model, _ = started(tiny_model)
    draws = draw_coins(WHOLE, 0.7, choice, generator())
    gradients = []
    for method in ("steps", "given inputs"):
        state = model.start(BATCH.source, BATCH.source_lengths)
        if method == "steps":
            result = pre_logits_by_steps(model.decoder, state, BATCH.target_input, draws)[0]
        else:
            inputs = inputs_by_passes(
                model.decoder, state, BATCH.target_input, draws, passes=SHAPE[1]
            )
            result = model.decoder.sequence(inputs, state)[0]
        model.zero_grad()
        (result**2).sum().backward()
        assert model.decoder.output.weight.grad is None  # it only chose
        gradients.append(
            {name: w.grad.clone() for name, w in model.named_parameters() if w.grad is not None}
        )
    assert len(gradients[0]) > 10
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_a_coin_is_tossed_for_each_token_of_each_sentence_and_never_at_bos(rate: float) -> None:
    coins, uniforms = draw_coins(torch.full((300, 101), BOS_ID), rate, "argmax", generator())
    assert uniforms is None
    assert not coins[:, 0].any()
    tossed = coins[:, 1:].double()
    assert tossed.mean().item() == pytest.approx(rate, abs=4 * (rate * (1 - rate) / 30000) ** 0.5)
    # Independent coins: the share of heads in a row or column spreads as a binomial's does.
    for dim, count in ((0, 300), (1, 100)):
        spread = tossed.mean(dim=dim).var().item() / (rate * (1 - rate) / count)
        assert 0.6 < spread < 1.5


def test_uniforms_are_drawn_for_sampling_and_all_draws_follow_the_generator() -> None:
    first, again, other = (
        draw_coins(torch.full((50, 20), BOS_ID), 0.5, "sample", generator(seed))
        for seed in (1, 1, 2)
    )
    assert torch.equal(first.coins, again.coins)
    assert torch.equal(first.uniforms, again.uniforms)
    assert not torch.equal(first.coins, other.coins)
    assert 0 <= first.uniforms.min() < 0.01
    assert 0.99 < first.uniforms.max() < 1
    assert len(first.uniforms.unique()) > 990


@every_choice
def test_no_coin_falls_on_a_pad_which_changes_no_real_token(tiny_model: Build, choice: str) -> None:
    model, state = started(tiny_model)
    reference = BATCH.target_input
    whole, draws = (draw_coins(each, 0.7, choice, generator()) for each in (WHOLE, reference))
    assert not draws.coins[reference == PAD_ID].any()
    assert torch.equal(draws.coins, whole.coins & (reference != PAD_ID))
    assert whole.coins[reference == PAD_ID].any()
    real = torch.arange(SHAPE[1]) < BATCH.target_lengths.unsqueeze(1)
    for passes in (1, SHAPE[1]):
        expected, got = (
            inputs_by_passes(model.decoder, state, reference, each, passes)
            for each in (whole, draws)
        )
        assert torch.equal(got[real], expected[real])
        assert (got[~real] == PAD_ID).all()
        outputs = [model.decoder.sequence(inputs, state)[0][real] for inputs in (expected, got)]
        assert torch.equal(*outputs)


def test_choose_without_numbers_takes_the_most_probable() -> None:
    logits = torch.randn(3, 5, 7)
    assert torch.equal(choose_tokens(logits, None), logits.argmax(-1))


def test_choose_draws_in_proportion_to_the_probabilities() -> None:
    probabilities = torch.tensor([0.4, 0.05, 0.0, 0.3, 0.15, 0.1])
    draws = torch.rand(20_000, generator=generator())
    counts = (
        choose_tokens(probabilities.log().expand(20_000, 6), draws).bincount(minlength=6).double()
    )
    assert counts[2] == 0
    expected = 20_000 * probabilities.double()
    possible = expected > 0
    distance = ((counts - expected)[possible] ** 2 / expected[possible]).sum().item()
    assert distance < 18.5  # χ² with 4 degrees of freedom: 1 in 1,000


@pytest.mark.parametrize(
    ("uniform", "token"),
    [(0.0, 1), (0.24, 1), (0.26, 3), (0.74, 3), (0.76, 4), (1 - 2**-24, 4)],
)
def test_choose_inverts_the_cumulative_distribution(uniform: float, token: int) -> None:
    logits = torch.tensor([[0.0, 0.25, 0.0, 0.5, 0.25, 0.0]]).log()
    assert choose_tokens(logits, torch.tensor([uniform])).tolist() == [token]


def test_rounding_never_chooses_a_token_of_probability_zero() -> None:
    """With many tokens the float sum of all probabilities is not 1."""
    logits = torch.randn(500, 3000, generator=generator())
    logits[:, :10] = logits[:, -10:] = -math.inf
    sums = logits.softmax(-1).cumsum(-1)[:, -1]
    last = 1 - 2**-24
    assert (sums <= last).any()
    for uniform in (0.0, last):
        chosen = choose_tokens(logits, torch.full((500,), uniform))
        assert logits.gather(1, chosen.unsqueeze(1)).isfinite().all()


def test_logits_that_are_no_numbers_still_give_an_id() -> None:
    """So that a diverged model ends in a clear error about its loss, not in an index error."""
    chosen = choose_tokens(torch.full((4, 6), torch.nan), torch.rand(4))
    assert (chosen < 6).all()


@pytest.mark.parametrize("unit", ["steps", "percent"])
@pytest.mark.parametrize(
    ("settings", "i", "rate"),
    [
        ({"schedule": "none"}, 50, 0.0),
        ({"schedule": "constant", "rate": 0.25}, 0, 0.25),
        ({"schedule": "constant", "rate": 0.25}, 90, 0.25),
        ({"schedule": "linear", "slope": 0.0025}, 0, 0.0),
        ({"schedule": "linear", "slope": 0.0025}, 60, 0.15),
        ({"schedule": "linear", "slope": 0.02}, 80, 1.0),  # ε never falls below 0
        ({"schedule": "linear", "slope": 0.02, "floor": 0.3}, 80, 0.7),
        ({"schedule": "exponential", "k": 0.99}, 0, 0.0),
        ({"schedule": "exponential", "k": 0.99}, 100, 1 - 0.36603234127322950),
        ({"schedule": "exponential", "k": 0.5}, 3, 0.875),
        ({"schedule": "exponential", "k": 0.5, "floor": 0.25}, 3, 0.75),
        ({"schedule": "inverse-sigmoid", "k": 10}, 0, 1 / 11),
        ({"schedule": "inverse-sigmoid", "k": 1}, 1, 1 - 1 / (1 + math.e)),
        ({"schedule": "inverse-sigmoid", "k": 20}, 60, 1 - 20 / (20 + math.e**3)),
        ({"schedule": "inverse-sigmoid", "k": 1, "floor": 0.1}, 99, 0.9),
    ],
)
def test_schedules_are_the_paper_s_formulas(
    settings: dict[str, Any], i: int, rate: float, unit: str
) -> None:
    counts = {"step": i, "percent": 1.0} if unit == "steps" else {"step": 1, "percent": float(i)}
    got = sampling_rate(SamplingSettings(unit=unit, **settings), **counts)
    assert got == pytest.approx(rate, rel=1e-12, abs=1e-15)


@given(
    st.one_of(
        st.builds(SamplingSettings, st.just("constant"), rate=st.floats(0, 1)),
        st.builds(SamplingSettings, st.just("linear"), slope=st.floats(0, 2)),
        st.builds(
            SamplingSettings,
            st.just("exponential"),
            k=st.floats(0, 1, exclude_min=True, exclude_max=True),
        ),
        st.builds(SamplingSettings, st.just("inverse-sigmoid"), k=st.floats(1, 1e9)),
    ),
    st.floats(0, 1),
    st.lists(st.integers(0, 10**12), min_size=2),
)
def test_the_rate_never_falls_and_stays_between_0_and_1_minus_floor(
    settings: SamplingSettings, floor: float, steps: list[int]
) -> None:
    options = {**vars(settings), "floor": floor, "unit": "steps"}
    rates = [
        sampling_rate(SamplingSettings(**options), step=step, percent=0.0) for step in sorted(steps)
    ]
    assert rates == sorted(rates)
    assert rates[0] >= 0
    assert rates[-1] <= 1 - floor

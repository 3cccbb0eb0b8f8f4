"""Many sentences through a real model: order, batches and scores."""

from collections.abc import Callable
from itertools import chain
from typing import get_args, get_type_hints

import pytest
import torch

from seq2seq.config.decoding import DecodingSettings
from seq2seq.data.batching import make_batch
from seq2seq.data.vocabulary import EOS_ID
from seq2seq.decoding.hypothesis import Hypothesis, length_penalty
from seq2seq.decoding.mbr import Utility
from seq2seq.decoding.search import SEARCHES, score, search
from seq2seq.errors import SettingsError
from seq2seq.models.translation import TranslationModel

CPU = torch.device("cpu")
SOURCES = [[4, 5, 6], [10], [7, 8, 4, 9, 10, 4], [], [5, 5], [9], [6, 7, 8, 9], [4, 5, 6]]


@pytest.fixture(params=["gru", "lstm"])
def model(request: pytest.FixtureRequest, tiny_model: Callable[..., TranslationModel]) -> object:
    model = tiny_model(cell=request.param, encoder_sizes=(7, 5), decoder_sizes=(9, 8))
    with torch.no_grad():  # less flat, so that sentences differ and end at different lengths
        for weight in model.parameters():
            weight *= 2
        model.decoder.output.bias.zero_()
    return model


METHODS: list[dict[str, object]] = [
    {"beam_size": 1},
    {"beam_size": 4},
    {"beam_size": 4, "no_repeat_ngram": 2, "min_length": 2},
    {"method": "diverse-beam", "beam_size": 4, "groups": 2},
    {"method": "sample"},
    {"method": "sample", "top_k": 5, "top_p": 0.9, "temperature": 1.3},
    {"method": "mbr", "samples": 6},
]


def test_every_method_of_the_settings_is_there_and_tested() -> None:
    names = set(get_args(get_type_hints(DecodingSettings)["method"]))
    assert set(SEARCHES) == names == {options.get("method", "beam") for options in METHODS}


def alike(hypothesis: str, reference: str) -> float:
    """How many of the words are in the reference."""
    words = hypothesis.split()
    return sum(word in reference.split() for word in words) / max(1, len(words))


LIKENESS = Utility(lambda ids: " ".join(map(str, ids)), alike)


def found(
    model: TranslationModel,
    sources: list[list[int]],
    *,
    n: int = 1,
    prefixes: list[list[int]] | None = None,
    **options: float,
) -> object:
    settings = DecodingSettings(**{"max_length_ratio": 1.5, "max_length_extra": 3, **options})
    return search([model], [sources], settings, CPU, n=n, prefixes=prefixes, utility=LIKENESS)


def assert_same(first: list[list[Hypothesis]], second: list[list[Hypothesis]]) -> None:
    """The same sentences; scores to rounding, which depends on the shape of a batch."""
    assert [[h.tokens for h in row] for row in first] == [[h.tokens for h in row] for row in second]
    for one, other in zip(chain(*first), chain(*second), strict=True):
        assert one.log_probability == pytest.approx(other.log_probability, abs=1e-4)
        assert one.score == pytest.approx(other.score, abs=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("options", METHODS, ids=str)
@pytest.mark.parametrize("n", [1, 3])
def test_a_result_depends_on_no_other_sentence_and_no_batch_size(
    model: TranslationModel, options: dict[str, float], n: int
) -> None:
    prefixes = [[row % 3 + 4] * (row % 3) for row in range(len(SOURCES))]
    if options.get("no_repeat_ngram"):
        prefixes = None
    expected = found(model, SOURCES, n=n, prefixes=prefixes, **options)
    assert len({str([h.tokens for h in row]) for row in expected}) > 4  # they are not all alike
    assert len({len(h.tokens) for row in expected for h in row}) > 2
    alone = []
    for row, ids in enumerate(SOURCES):
        prefix = prefixes and [prefixes[row]]
        alone += found(model, [ids], n=n, prefixes=prefix, **options)
    assert_same(alone, expected)
    backwards = prefixes and prefixes[::-1]
    assert_same(found(model, SOURCES[::-1], n=n, prefixes=backwards, **options)[::-1], expected)
    for batch_size in (1, 3, 7):
        again = found(model, SOURCES, n=n, prefixes=prefixes, batch_size=batch_size, **options)
        assert_same(again, expected)


@pytest.mark.slow
@pytest.mark.parametrize("options", METHODS, ids=str)
def test_score_says_the_same_as_search(model: TranslationModel, options: dict[str, float]) -> None:
    results = found(model, SOURCES, n=3, **options)
    pairs = [(ids, h) for ids, row in zip(SOURCES, results, strict=True) for h in row]
    for batch_size in (1, 4, 100):
        values = score(
            [model],
            [[ids for ids, _ in pairs]],
            [h.tokens for _, h in pairs],
            CPU,
            batch_size=batch_size,
        )
        for (_, hypothesis), row in zip(pairs, values, strict=True):
            assert len(row) == len(hypothesis.tokens) + 1
            assert sum(row) == pytest.approx(hypothesis.log_probability, abs=1e-4)


def test_samples_are_different_ones_best_first_and_asking_for_more_keeps_them(
    model: TranslationModel,
) -> None:
    few, many = (found(model, SOURCES, n=n, method="sample") for n in (3, 7))
    for some, more in zip(few, many, strict=True):
        tokens = [str(h.tokens) for h in more]
        assert len(set(tokens)) == len(tokens) == 7
        assert {str(h.tokens) for h in some} < set(tokens)
        scores = [h.score for h in more]
        assert scores == sorted(scores, reverse=True)
    again = found(model, SOURCES, n=3, method="sample", seed=2)
    assert [[h.tokens for h in row] for row in again] != [[h.tokens for h in row] for row in few]


def test_there_are_no_more_different_samples_than_there_are(model: TranslationModel) -> None:
    results = found(model, SOURCES, n=4, method="sample", top_k=1)
    greedy = found(model, SOURCES, beam_size=1)
    assert_same(results, greedy)


def test_mbr_chooses_among_the_samples(model: TranslationModel) -> None:
    results = found(model, SOURCES, method="mbr", samples=6, seed=5)
    drawn = found(model, SOURCES, method="sample", n=6, seed=5)
    for chosen, samples in zip(results, drawn, strict=True):
        assert 1 <= len(chosen) <= 6
        assert {str(h.tokens) for h in chosen} <= {str(h.tokens) for h in samples}
        assert all(0 <= h.score <= 1 for h in chosen)
    with pytest.raises(SettingsError, match="utility"):
        search([model], [SOURCES], DecodingSettings(method="mbr"), CPU)


@pytest.mark.parametrize("groups", [1, 2, 3])
def test_a_diverse_beam_is_made_wide_enough(model: TranslationModel, groups: int) -> None:
    options = {"method": "diverse-beam", "beam_size": groups, "groups": groups}
    for hypotheses in found(model, SOURCES[:3], n=7, diversity=5.0, **options):
        assert len(hypotheses) >= 7 - groups


@pytest.mark.parametrize("beam_size", [1, 3])
def test_lengths_can_be_fixed(model: TranslationModel, beam_size: int) -> None:
    options = {"min_length": 5, "max_length": 5, "beam_size": beam_size}
    results = found(model, SOURCES, **options)
    assert {len(h.tokens) for row in results for h in row} == {5}
    # A least length goes before the greatest one that is computed from the source.
    options = {"min_length": 5, "max_length_ratio": 0.1, "max_length_extra": 1}
    results = found(model, SOURCES, beam_size=beam_size, **options)
    assert {len(h.tokens) for row in results for h in row} == {5}


def test_what_needs_attention_is_refused_without_it(model: TranslationModel) -> None:
    for options in ({"coverage_penalty": 0.1}, {"replace_unknown": True}):
        for beam_size in (1, 3):
            with pytest.raises(SettingsError, match="no attention"):
                found(model, SOURCES, beam_size=beam_size, **options)


@pytest.mark.parametrize("beam_size", [1, 4])
@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_log_probability_is_that_of_forced_decoding(
    model: TranslationModel, beam_size: int, alpha: float
) -> None:
    results = found(model, SOURCES, beam_size=beam_size, length_penalty=alpha)
    pairs = [(ids, h) for ids, row in zip(SOURCES, results, strict=True) for h in row]
    assert len(pairs) == len(SOURCES) * beam_size
    batch = make_batch([ids for ids, _ in pairs], [h.tokens for _, h in pairs])
    logits = model(batch.source, batch.source_lengths, batch.target_input)
    log_probs = logits.log_softmax(-1)
    chosen = log_probs.gather(2, batch.target_output.unsqueeze(2)).squeeze(2)
    real = torch.arange(chosen.shape[1]) < batch.target_lengths.unsqueeze(1)
    forced = chosen.where(real, torch.tensor(0.0)).sum(1).tolist()
    for (_, hypothesis), total in zip(pairs, forced, strict=True):
        assert hypothesis.log_probability == pytest.approx(total, abs=1e-4)
        penalty = length_penalty(len(hypothesis.tokens) + 1, alpha)
        assert hypothesis.score == pytest.approx(total / penalty, abs=1e-4)


@pytest.mark.parametrize("beam_size", [1, 3])
@pytest.mark.parametrize(("ratio", "extra"), [(0.0, 4), (1.5, 1), (2.0, 3)])
def test_no_hypothesis_is_longer_than_ratio_times_source_plus_extra(
    model: TranslationModel, beam_size: int, ratio: float, extra: int
) -> None:
    with torch.no_grad():
        model.decoder.output.bias[EOS_ID] -= 50  # left to itself, the model would never end
    results = found(
        model, SOURCES, beam_size=beam_size, max_length_ratio=ratio, max_length_extra=extra
    )
    for ids, hypotheses in zip(SOURCES, results, strict=True):
        assert len(hypotheses[0].tokens) == int(ratio * len(ids)) + extra


def test_no_sentence_gives_no_result(model: TranslationModel) -> None:
    assert found(model, []) == []

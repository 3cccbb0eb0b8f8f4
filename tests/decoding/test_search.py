"""Many sentences through a real model: order, batches and scores."""

from collections.abc import Callable
from itertools import chain

import pytest
import torch

from seq2seq.decoding.search import search
from seq2seq.decoding.steps import Hypothesis, length_penalty
from seq2seq.models.translation import TranslationModel
from seq2seq.settings import DecodingSettings
from seq2seq.text.batching import make_batch
from seq2seq.text.vocab import EOS_ID

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


def found(model: TranslationModel, sources: list[list[int]], **options: float) -> object:
    settings = DecodingSettings(**{"max_length_ratio": 1.5, "max_length_extra": 3, **options})
    return search(model, sources, settings, CPU)


def assert_same(first: list[list[Hypothesis]], second: list[list[Hypothesis]]) -> None:
    """The same sentences; scores to rounding, which depends on the shape of a batch."""
    assert [[h.tokens for h in row] for row in first] == [[h.tokens for h in row] for row in second]
    for one, other in zip(chain(*first), chain(*second), strict=True):
        assert one.log_probability == pytest.approx(other.log_probability, abs=1e-4)
        assert one.score == pytest.approx(other.score, abs=1e-4)


@pytest.mark.parametrize("beam_size", [1, 4])
def test_a_result_depends_on_no_other_sentence_and_no_batch_size(
    model: TranslationModel, beam_size: int
) -> None:
    expected = found(model, SOURCES, beam_size=beam_size)
    assert len({str([h.tokens for h in row]) for row in expected}) > 4  # they are not all alike
    assert len({len(h.tokens) for row in expected for h in row}) > 2
    assert_same([found(model, [ids], beam_size=beam_size)[0] for ids in SOURCES], expected)
    assert_same(found(model, SOURCES[::-1], beam_size=beam_size)[::-1], expected)
    for batch_size in (1, 2, 3, 7):
        assert_same(found(model, SOURCES, beam_size=beam_size, batch_size=batch_size), expected)


@pytest.mark.parametrize("beam_size", [1, 4])
@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_log_probability_is_that_of_forced_decoding(
    model: TranslationModel, beam_size: int, alpha: float
) -> None:
    results = found(model, SOURCES, beam_size=beam_size, length_penalty=alpha)
    pairs = [(ids, h) for ids, row in zip(SOURCES, results, strict=True) for h in row]
    assert len(pairs) == len(SOURCES) * beam_size
    batch = make_batch([ids for ids, _ in pairs], [h.tokens for _, h in pairs])
    features = model(batch.source, batch.source_lengths, batch.target_input)
    log_probs = model.decoder.logits(features).log_softmax(-1)
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

"""Minimum Bayes risk against the sum that it stands for."""

from collections import Counter
from random import Random
from typing import get_args, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sacrebleu.metrics import BLEU, CHRF

from seq2seq.config.decoding import DecodingSettings
from seq2seq.decoding.hypothesis import Hypothesis
from seq2seq.decoding.mbr import Utility, minimum_bayes_risk
from seq2seq.evaluation.metrics import UTILITIES, sentence_utility


def text(tokens: list[int]) -> str:
    return " ".join("abcdef"[token % 6] for token in tokens)  # 0 and 6 are the same text


def overlap(hypothesis: str, reference: str) -> float:
    """Not symmetric."""
    words = set(hypothesis.split())
    return len(words & set(reference.split())) / max(1, len(words)) + len(hypothesis) / 100


SAMPLES = st.lists(
    st.tuples(st.lists(st.integers(0, 11), max_size=3), st.floats(-9, -0.1)),
    min_size=1,
    max_size=12,
)


@given(SAMPLES)
def test_it_is_the_mean_over_all_samples(pairs: list[tuple[list[int], float]]) -> None:
    samples = [Hypothesis(tokens, total, total) for tokens, total in pairs]
    calls: Counter[tuple[str, str]] = Counter()

    def counted(hypothesis: str, reference: str) -> float:
        calls[hypothesis, reference] += 1
        return overlap(hypothesis, reference)

    found = minimum_bayes_risk(samples, Utility(text, counted))
    texts = [text(sample.tokens) for sample in samples]
    assert {text(hypothesis.tokens) for hypothesis in found} == set(texts)
    assert len(found) == len(set(texts))
    for hypothesis in found:
        mine = text(hypothesis.tokens)
        mean = sum(overlap(mine, other) for other in texts) / len(texts)
        assert hypothesis.score == pytest.approx(mean)
        alike = [sample for sample in samples if text(sample.tokens) == mine]
        assert hypothesis.log_probability == max(sample.log_probability for sample in alike)
    scores = [hypothesis.score for hypothesis in found]
    assert scores == sorted(scores, reverse=True)
    assert max(calls.values()) == 1


@given(SAMPLES, st.randoms(use_true_random=False))
def test_the_order_of_the_samples_does_not_matter(
    pairs: list[tuple[list[int], float]], random: Random
) -> None:
    samples = [Hypothesis(tokens, total, total) for tokens, total in pairs]
    utility = Utility(text, overlap)
    first = minimum_bayes_risk(samples, utility)[0]
    random.shuffle(samples)
    again = minimum_bayes_risk(samples, utility)[0]
    assert again.score == pytest.approx(first.score)


def test_utilities_are_those_of_sacrebleu() -> None:
    assert UTILITIES.keys() == set(get_args(get_type_hints(DecodingSettings)["utility"]))
    one, other = "A man stands on a ladder.", "A man is standing on the ladder."
    chrf, bleu = sentence_utility("chrf"), sentence_utility("bleu")
    assert chrf(one, other) == CHRF().sentence_score(one, [other]).score
    assert bleu(one, other) == BLEU(effective_order=True).sentence_score(one, [other]).score
    assert 0 < chrf(one, other) < 100
    for utility in (chrf, bleu):
        assert utility(one, one) == utility("", "") == 100.0
        assert utility(one, "") == utility("", one) == 0.0

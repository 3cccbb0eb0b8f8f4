"""Metrics from numbers of each sentence: sacreBLEU's own numbers, where it has the metric too."""

from collections.abc import Sequence
from typing import Any

import pytest
import sacrebleu
from sacrebleu.metrics import TER

from seq2seq.evaluation.metrics import METRICS, Metric, evaluate, score
from seq2seq.evaluation.sentence_metric import SentenceMetric
from seq2seq.evaluation.significance import compare

HYPOTHESES = ["The cat sat.", "a dog barks", "Two men, walking.", "Nothing", "the end"]
OTHERS = ["the cat sat.", "A dog barks", "Two men walking", "None", "End"]
REFERENCES = ["the cat sat.", "A dog barks", "Two men are walking.", "Nothing at all", "The end"]
SEVERAL = [[each, "Nothing"] if number == 3 else [each] for number, each in enumerate(REFERENCES)]


def exact_match(tokenize: str = "13a", lowercase: bool = False) -> SentenceMetric:
    return SentenceMetric(
        "exact match",
        statistics=lambda hypothesis, references: [hypothesis in references, 1],
        score=lambda sums: 100 * sums[0] / sums[1],
        lowercase=lowercase,
    )


def length_ratio(tokenize: str = "13a", lowercase: bool = False) -> SentenceMetric:
    """Words for each 100 words of the first reference."""
    return SentenceMetric(
        "length ratio",
        statistics=lambda hypothesis, references: [
            len(text.split()) for text in (hypothesis, references[0])
        ],
        score=lambda sums: 100 * sums[0] / sums[1],
        lowercase=lowercase,
    )


def edit_rate(tokenize: str, lowercase: bool) -> SentenceMetric:
    """TER, which is a quotient of sums."""
    ter = TER(case_sensitive=True)

    def statistics(hypothesis: str, references: Sequence[str]) -> list[float]:
        found = ter.sentence_score(hypothesis, references)
        return [found.num_edits, found.ref_length]

    return SentenceMetric(
        "edit rate", statistics, lambda sums: 100 * sums[0] / sums[1], lowercase=lowercase
    )


@pytest.mark.parametrize(
    ("references", "lowercase", "expected", "signature"),
    [
        (REFERENCES, False, 0, "nrefs:1|case:mixed"),
        (REFERENCES, True, 60, "nrefs:1|case:lc"),
        (SEVERAL, False, 20, "nrefs:var|case:mixed"),
        ([[*each, "x"] for each in zip(REFERENCES)], True, 60, "nrefs:2|case:lc"),
    ],
)
def test_exact_match(references: Any, lowercase: bool, expected: float, signature: str) -> None:
    found = score(exact_match(lowercase=lowercase), HYPOTHESES, references)
    assert found.score == expected
    assert found.signature == f"{signature}|version:{sacrebleu.__version__}"


def test_length_ratio() -> None:
    assert score(length_ratio(), HYPOTHESES, REFERENCES).score == pytest.approx(100 * 12 / 15)


@pytest.mark.filterwarnings("ignore:5 sentences are too few")
@pytest.mark.parametrize("test", ["bootstrap", "randomization"])
@pytest.mark.parametrize("lowercase", [False, True])
@pytest.mark.parametrize("references", [REFERENCES, SEVERAL], ids=["one", "several"])
def test_it_is_evaluated_and_compared_as_sacrebleu_s_own_metrics_are(
    references: Any, lowercase: bool, test: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, build in (("rate", edit_rate), ("exact", exact_match), ("length", length_ratio)):
        monkeypatch.setitem(METRICS, name, Metric(name, build, higher_is_better=name != "rate"))
    scores = evaluate(HYPOTHESES, references, lowercase=lowercase)
    assert scores["rate"].score == pytest.approx(scores["ter"].score)
    compared = compare(
        {"first": HYPOTHESES, "same": HYPOTHESES, "others": OTHERS},
        references,
        test=test,
        samples=50,
        lowercase=lowercase,
    )
    assert list(compared) == list(METRICS)
    for found, expected in zip(
        compared["rate"].systems.values(), compared["ter"].systems.values(), strict=True
    ):
        assert found == pytest.approx(expected)
    for name in ("exact", "length"):
        first, same, others = compared[name].systems.values()
        assert first.score == pytest.approx(scores[name].score)
        assert (same.score, same.p_value) == (first.score, 1)
        assert others.score != first.score
        case = "lc" if lowercase else "mixed"
        assert f"case:{case}|" in compared[name].signature
        assert "seed:12345" in compared[name].signature

"""Scores: sacreBLEU's own numbers, and nothing scored that is not aligned."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import sacrebleu

from seq2seq.errors import DataError, SettingsError
from seq2seq.evaluation.metrics import (
    METRICS,
    EmptyReferenceWarning,
    Metric,
    Score,
    bleu,
    evaluate,
)

HYPOTHESES = ["The cat sat on the mat.", "A dog barks loudly!", "Two men, walking.", "Nothing"]
REFERENCES = ["The cat is on the mat.", "the Dog barks loudly .", "Two men are walking.", "None"]
MORE = [
    ["The cat is on the mat.", "The cat sat upon a mat."],
    ["the Dog barks loudly ."],
    ["Two men are walking.", "Two men, walking.", "A pair of men walks."],
    ["None", "Nothing at all"],
]
STREAMS = [
    ["The cat is on the mat.", "the Dog barks loudly .", "Two men are walking.", "None"],
    ["The cat sat upon a mat.", None, "Two men, walking.", "Nothing at all"],
    [None, None, "A pair of men walks.", None],
]
references_of_each_kind = pytest.mark.parametrize(
    ("references", "streams"), [(REFERENCES, [REFERENCES]), (MORE, STREAMS)], ids=["one", "several"]
)


@references_of_each_kind
def test_scores_equal_sacrebleu_s(references: Sequence[Any], streams: list[list[str]]) -> None:
    scores = evaluate(HYPOTHESES, references)
    assert scores["bleu"].score == sacrebleu.corpus_bleu(HYPOTHESES, streams).score
    assert scores["chrf"].score == sacrebleu.corpus_chrf(HYPOTHESES, streams).score
    ter = sacrebleu.corpus_ter(HYPOTHESES, streams, case_sensitive=True)
    assert scores["ter"].score == ter.score
    assert bleu(HYPOTHESES, references) == scores["bleu"]
    assert scores.keys() == METRICS.keys()
    assert 0 < scores["bleu"].score < 100


@references_of_each_kind
@pytest.mark.parametrize("tokenize", ["13a", "char", "none", "intl", "zh"])
def test_tokenization_is_handed_on(
    references: Sequence[Any], streams: list[list[str]], tokenize: str
) -> None:
    expected = sacrebleu.corpus_bleu(HYPOTHESES, streams, tokenize=tokenize).score
    score = bleu(HYPOTHESES, references, tokenize=tokenize)
    assert score == evaluate(HYPOTHESES, references, tokenize=tokenize)["bleu"]
    assert score.score == expected
    assert f"tok:{tokenize}|" in score.signature


@pytest.mark.parametrize("score", [evaluate, bleu])
def test_an_unknown_tokenization_is_refused_with_the_known_ones(score: Callable[..., Any]) -> None:
    with pytest.raises(SettingsError, match=r"'13b'.* 13a, intl"):
        score(HYPOTHESES, REFERENCES, tokenize="13b")


def test_lowercase_scores_as_if_all_text_had_been_lower_cased_before() -> None:
    lower = [text.lower() for text in HYPOTHESES]
    lower_references = [[text.lower() for text in texts] for texts in MORE]
    got, expected = evaluate(HYPOTHESES, MORE, lowercase=True), evaluate(lower, lower_references)
    for name in METRICS:
        assert got[name].score == pytest.approx(expected[name].score), name
    assert bleu(HYPOTHESES, MORE, lowercase=True) == got["bleu"]


def perfect(metric: Metric) -> float:
    """The score of a translation that equals its reference."""
    return 100 if metric.higher_is_better else 0


def test_what_differs_in_case_alone_is_perfect_where_case_is_ignored() -> None:
    upper = [text.upper() for text in REFERENCES]
    got, mixed = evaluate(upper, REFERENCES, lowercase=True), evaluate(upper, REFERENCES)
    for name, metric in METRICS.items():
        assert got[name].score == pytest.approx(perfect(metric)), name
        assert "case:lc" in got[name].signature, f"{name}: see the docstring of Metric"
        assert "case:mixed" in mixed[name].signature, f"{name}: see the docstring of Metric"
    for name in ("bleu", "chrf", "ter"):
        assert mixed[name].score != pytest.approx(got[name].score), name


def test_unequal_numbers_of_references_count_as_repeated_ones() -> None:
    filled = [[*texts, *[texts[0]] * (3 - len(texts))] for texts in MORE]
    scores, expected = evaluate(HYPOTHESES, MORE), evaluate(HYPOTHESES, filled)
    assert scores["bleu"].score == pytest.approx(expected["bleu"].score)
    assert scores["chrf"].score == pytest.approx(expected["chrf"].score)
    assert scores["bleu"].score > evaluate(HYPOTHESES, REFERENCES)["bleu"].score


SHORT = ["I do", "a long enough sentence to count here"]
TWO = [
    ["this is a long ref", "this is another long ref"],
    ["a long enough sentence to count here", "something else"],
]


@pytest.mark.parametrize("empty", ["", "   ", "\t\u3000"])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_an_empty_reference_beside_others_is_none(empty: str, place: int) -> None:
    """An empty line of a file of references: it would be the nearest in length."""
    gap = [list(TWO[0]), [*TWO[1], "yet another one"]]
    gap[0].insert(place, empty)
    without = [TWO[0], gap[1]]
    scores = evaluate(SHORT, gap)
    assert scores == evaluate(SHORT, without)
    assert scores["bleu"].score == pytest.approx(64.75, abs=5e-3)
    assert scores["bleu"] == bleu(SHORT, gap)
    assert "nrefs:var|" in scores["bleu"].signature
    assert evaluate(SHORT, TWO)["bleu"].score == pytest.approx(64.75, abs=5e-3)


@pytest.mark.parametrize("references", [["a b c d e", " "], [["a b c d e"] * 2, ["", " "]]])
def test_an_empty_reference_without_another_counts_and_is_told(references: Sequence[Any]) -> None:
    with pytest.warns(EmptyReferenceWarning, match="^1 of 2 sentences") as caught:
        scores = evaluate(["a b c d e", "x"], references)
    assert len(caught) == 1
    expected = sacrebleu.corpus_bleu(["a b c d e", "x"], [["a b c d e", ""]]).score
    assert scores["bleu"].score == pytest.approx(expected)
    assert 0 < expected < 100


def test_a_perfect_translation_scores_100_and_ter_0() -> None:
    scores = evaluate(REFERENCES, REFERENCES)
    assert [scores[name].score for name in ("bleu", "chrf", "ter")] == pytest.approx([100, 100, 0])
    for name, metric in METRICS.items():
        assert scores[name].score == pytest.approx(perfect(metric)), name


@pytest.mark.parametrize("score", [evaluate, bleu])
@pytest.mark.parametrize(
    ("hypotheses", "references", "words"),
    [
        (["a"] * 3, ["a"] * 2, ["3 translations", "2 references"]),
        (["a"], ["a"] * 1234, ["1 translation but", "1,234 references"]),
        ([], ["a"], ["0 translations", "1 reference:"]),
        (["a"] * 2, [], ["2 translations", "0 references"]),
        ([], [], ["nothing to score"]),
    ],
)
def test_what_is_not_aligned_is_not_scored(
    score: Callable[..., object], hypotheses: list[str], references: list[str], words: list[str]
) -> None:
    with pytest.raises(DataError) as caught:
        score(hypotheses, references)
    for word in words:
        assert word in str(caught.value)


def test_a_score_is_printed_with_its_signature() -> None:
    scores = evaluate(HYPOTHESES, REFERENCES)
    for score in scores.values():
        assert str(score) == f"{score.score:.2f}  {score.signature}"
        assert f"version:{sacrebleu.__version__}" in score.signature
    assert str(Score(12.345678, "tok:13a")) == "12.35  tok:13a"


@pytest.mark.parametrize(
    ("hypotheses", "references", "message"),
    [
        (["a b", "c"], [["a b"], []], "sentence 2 has no reference"),
        (["a", "b", "c"], "abc", "one string"),
    ],
)
def test_a_missing_reference_is_an_error(
    hypotheses: list[str], references: list[list[str]] | str, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        bleu(hypotheses, references)

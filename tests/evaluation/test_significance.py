"""Paired tests: the same systems, a worse one, the same seed, and sacreBLEU's own numbers."""

import os
import random
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from sacrebleu.metrics import BLEU
from sacrebleu.significance import PairedTest

from seq2seq.errors import DataError, SettingsError
from seq2seq.evaluation.metrics import evaluate
from seq2seq.evaluation.significance import FewSentencesWarning, compare, least_p_value

WORDS = ["the", "a", "man", "woman", "dog", "cat", "sees", "eats", "likes", "red", "in", "house"]
TESTS = pytest.mark.parametrize("test", ["bootstrap", "randomization"])


def text(seed: int, count: int = 120) -> list[str]:
    generator = random.Random(seed)
    return [" ".join(generator.choices(WORDS, k=generator.randint(6, 12))) for _ in range(count)]


def damaged(lines: list[str], rate: float, seed: int) -> list[str]:
    """Each word replaced with some probability."""
    generator = random.Random(seed)
    return [
        " ".join(w if generator.random() > rate else generator.choice(WORDS) for w in line.split())
        for line in lines
    ]


REFERENCES = text(1)
GOOD, ALIKE, BAD = (damaged(REFERENCES, *how) for how in ((0.1, 2), (0.1, 3), (0.6, 4)))
BAD = [line.rpartition(" ")[0] for line in BAD]
"""Too short as well, for a metric that looks at lengths alone."""


@TESTS
def test_a_system_against_itself_is_luck(test: Any) -> None:
    found = compare({"a": GOOD, "same": list(GOOD)}, REFERENCES, test=test, samples=50)
    for comparison in found.values():
        first, second = comparison.systems.values()
        assert first.p_value is None
        assert second.p_value == 1
        assert second.score == first.score


def test_few_differences_are_never_significant_by_randomization() -> None:
    """One sentence that differs: both of the two exchanges have the real difference."""
    for differing, least in ((1, 1.0), (2, 0.5), (4, 0.125)):
        other = [*BAD[:differing], *GOOD[differing:]]
        systems = {"good": GOOD, "other": other}
        compared = compare(systems, REFERENCES, test="randomization", samples=200)
        assert compared["bleu"].systems["other"].p_value >= least
        assert least_p_value(GOOD, other) == least


@TESTS
def test_a_much_worse_system_is_significant_and_an_equally_good_one_is_not(test: Any) -> None:
    systems = {"good": GOOD, "alike": ALIKE, "bad": BAD}
    found = compare(systems, REFERENCES, test=test, samples=200)
    for name, comparison in found.items():
        assert list(comparison.systems) == ["good", "alike", "bad"]
        assert comparison.systems["alike"].p_value > 0.05, name
        assert comparison.systems["bad"].p_value < 0.01, name
        for score in comparison.systems.values():
            assert abs(score.mean - score.score) <= score.interval
    assert found["bleu"].systems["good"].score > found["bleu"].systems["bad"].score
    assert found["ter"].systems["good"].score < found["ter"].systems["bad"].score


@TESTS
def test_the_same_seed_gives_the_same_numbers(test: Any) -> None:
    systems = {"good": GOOD, "alike": ALIKE}
    one, again, other = (
        compare(systems, REFERENCES, test=test, samples=100, seed=seed) for seed in (3, 3, 4)
    )
    assert one == again
    assert one != other
    assert "seed:3|" in one["bleu"].signature


@pytest.mark.parametrize(("test", "short"), [("bootstrap", "bs"), ("randomization", "ar")])
def test_the_numbers_are_sacrebleu_s(
    test: Any, short: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SACREBLEU_SEED", raising=False)
    systems = {"good": GOOD, "alike": ALIKE}
    found = compare(systems, REFERENCES, test=test, samples=60)
    signatures, results = PairedTest(
        list(systems.items()), {"BLEU": BLEU()}, [REFERENCES], test_type=short, n_samples=60
    )()
    assert found["bleu"].systems["alike"].p_value == results["BLEU"][1].p_value
    assert found["bleu"].systems["alike"].score == results["BLEU"][1].score
    assert f"|{short}:60|" in found["bleu"].signature
    if test == "bootstrap":
        assert found["bleu"].signature == str(signatures["BLEU"])
        assert found["bleu"].systems["good"].mean == results["BLEU"][0].mean


@pytest.mark.parametrize("before", [None, "77"])
def test_the_environment_is_as_it_was(monkeypatch: pytest.MonkeyPatch, before: str | None) -> None:
    if before is None:
        monkeypatch.delenv("SACREBLEU_SEED", raising=False)
    else:
        monkeypatch.setenv("SACREBLEU_SEED", before)
    compare({"good": GOOD, "bad": BAD}, REFERENCES, samples=5, seed=3)
    assert os.environ.get("SACREBLEU_SEED") == before


def test_scores_and_settings_are_those_of_evaluate() -> None:
    references = [[one, two] for one, two in zip(REFERENCES, ALIKE, strict=True)]
    references[0] = references[0][:1]
    upper = [line.upper() for line in GOOD]
    found = compare(
        {"upper": upper, "bad": BAD}, references, samples=5, tokenize="char", lowercase=True
    )
    expected = evaluate(upper, references, tokenize="char", lowercase=True)
    for comparison, score in zip(found.values(), expected.values(), strict=True):
        assert comparison.systems["upper"].score == pytest.approx(score.score)
        assert "case:lc" in comparison.signature
        assert "nrefs:var" in comparison.signature
    assert "tok:char" in found["bleu"].signature


def test_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    compare({"good": GOOD, "bad": BAD}, REFERENCES, samples=5)
    assert capfd.readouterr() == ("", "")


def test_few_sentences_are_warned_about() -> None:
    with pytest.warns(FewSentencesWarning, match="3 sentences are too few"):
        compare({"good": GOOD[:3], "bad": BAD[:3]}, REFERENCES[:3], samples=5)


@pytest.fixture
def quiet() -> Iterator[None]:
    """Errors come before warnings of few sentences."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize(
    ("systems", "options", "error", "message"),
    [
        ({"a": ["x"], "b": ["x", "y"]}, {}, DataError, "2 translations but 1 reference"),
        ({"a": ["x"]}, {}, SettingsError, "at least two systems, not 1"),
        ({"a": ["x"], "b": ["x"]}, {"seed": 0}, SettingsError, "seed is 0"),
        ({"a": ["x"], "b": ["x"]}, {"samples": 0}, SettingsError, "samples is 0"),
        ({"a": ["x"], "b": ["x"]}, {"test": "t"}, SettingsError, "no test 't'.*bootstrap, rand"),
        ({"a": GOOD, "b": GOOD}, {"tokenize": "13b"}, (SettingsError, DataError), "13b"),
    ],
)
def test_what_can_not_be_compared(
    systems: dict[str, list[str]], options: dict[str, Any], error: Any, message: str
) -> None:
    references = REFERENCES if systems["a"] is GOOD else ["x"]
    with pytest.raises(error, match=message):
        compare(systems, references, **options)


def test_an_empty_reference_beside_others_is_none() -> None:
    others = [line if number % 2 else "" for number, line in enumerate(text(9))]
    gap = [list(pair) for pair in zip(others, REFERENCES, strict=True)]
    without = [[line for line in entry if line] for entry in gap]
    systems = {"good": GOOD, "bad": BAD}
    found = compare(systems, gap, samples=20)
    assert found == compare(systems, without, samples=20)
    assert "nrefs:var|" in found["bleu"].signature
    for name, score in evaluate(GOOD, gap).items():
        assert found[name].systems["good"].score == pytest.approx(score.score)

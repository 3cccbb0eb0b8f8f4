"""BLEU counts words as the target language needs it, in training and in judging."""

import json
import random
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest

from seq2seq.cli.main import main
from seq2seq.config.experiment import Experiment
from seq2seq.data.parallel import Corpora, ParallelCorpus
from seq2seq.errors import SettingsError
from seq2seq.evaluation.metrics import bleu
from seq2seq.runs.directory import RunDirectory
from seq2seq.translation.train import train
from seq2seq.translation.translator import Translator

pytestmark = pytest.mark.slow

Describe = Callable[..., Experiment]
WORDS = ["abc", "abd", "cab", "bad", "dab", "cad"]


def lines(count: int) -> list[str]:
    """Words that have many letters in common."""
    generator = random.Random(count)
    return [" ".join(generator.choices(WORDS, k=generator.randint(1, 6))) for _ in range(count)]


@pytest.fixture
def run(experiment: Describe) -> str:
    """A run whose BLEU counts characters, trained for some updates."""
    described = replace(experiment(max_steps=60, validate_every=20), tokenize="char")
    train(
        described, Corpora(*(ParallelCorpus(text, text, "x") for text in (lines(240), lines(40))))
    )
    return described.run


def test_validation_has_the_tokenization_of_the_run(run: str) -> None:
    rows = map(json.loads, RunDirectory(run).metrics.read_text().splitlines())
    scores = [row["bleu"] for row in rows if row["kind"] == "validation"]
    references = lines(40)
    translations = Translator.load(run, "cpu").translate(references, beam_size=1)
    best, usual = (bleu(translations, references, tokenize=kind).score for kind in ("char", "13a"))
    assert max(scores) == pytest.approx(best)
    assert best > usual + 1


@pytest.mark.parametrize("asked", ["", "13a"])
def test_a_run_is_judged_by_its_own_tokenization_unless_another_is_asked_for(
    run: str, asked: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = tmp_path / "text"
    text.write_text("".join(f"{line}\n" for line in lines(120)))
    files = ["--source", str(text), "--reference", str(text)]
    files += ["--tokenize", asked] if asked else []
    for command in (["evaluate", run], ["compare", run, str(text), "--samples", "100"]):
        main([*command, *files])
        assert f"|tok:{asked or 'char'}|" in capsys.readouterr().out


def test_a_continued_run_keeps_its_tokenization(
    run: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["train", "--run", run, "--resume", "--training.max-steps", "61", "--tokenize", "13a"])
    assert "--tokenize 13a (it is char)" in capsys.readouterr().err


@pytest.mark.skipif(find_spec("MeCab") is not None, reason="nothing is missing")
def test_what_a_tokenization_lacks_is_told_before_text_is_read(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        main(["train", "--run", "nowhere", "--data.train", "no.tsv", "--tokenize", "ja-mecab"])
    told = capsys.readouterr().err
    assert "tokenization ja-mecab can't be used here" in told
    assert "no budget" in told  # all at once


def test_a_tokenization_that_is_none_is_told_with_those_that_are() -> None:
    with pytest.raises(SettingsError, match=r"tokenize.*13b"):
        Experiment(run="run", tokenize="13b")  # type: ignore[arg-type]

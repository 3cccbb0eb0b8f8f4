"""The recipes of language models, as a newcomer runs them, on little text and for few steps."""

import json
import re
import runpy
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from seq2seq.data.monolingual import letters_only
from seq2seq.evaluation.perplexity import held_out_score
from seq2seq.language_modeling.model import LanguageModel
from tests.support.language import make_lines

pytestmark = pytest.mark.slow

RECIPES = Path(__file__).resolve().parent.parent / "recipes"
Command = Callable[..., subprocess.CompletedProcess[bytes]]
Run = Callable[..., tuple[int, str, str]]

TINY = [
    *("--device", "cpu", "--model.embedding-size", "8", "--model.sizes", "8"),
    *("--training.max-steps", "4", "--training.threads", "1", "--data.steps", "7"),
    *("--data.batch-size", "3", "--generation.max-tokens", "9", "--training.log-every", "2"),
]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with train.txt, valid.txt and test.txt, some words of them <unk>."""
    folder = tmp_path_factory.mktemp("corpus")
    for seed, (name, count) in enumerate({"train": 80, "valid": 20, "test": 20}.items()):
        lines = [line.replace("small", "<unk>") for line in make_lines(count, seed + 5)]
        (folder / f"{name}.txt").write_text("".join(f"{line}\n" for line in lines))
    return folder


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Runs a recipe as a script, but in this process, which has torch already.

    Returns its exit code and what it prints, on both outputs.
    """
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)  # a recipe changes it

    def call(recipe: str, *arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", [recipe, *map(str, arguments)])
        code = 0
        try:
            runpy.run_path(str(RECIPES / recipe), run_name="__main__")
        except SystemExit as ended:
            code = int(ended.code or 0)
        return code, *capfd.readouterr()

    return call


@pytest.mark.parametrize("recipe", ["shakespeare.py", "time_machine.py", "wikitext2.py"])
def test_help_has_what_every_recipe_has(run: Run, recipe: str) -> None:
    code, page, said = run(recipe, "--help")
    assert (code, said) == (0, "")
    for option in (
        *("--run", "--resume", "--overwrite", "--seed", "--device", "--corpus", "--data.windows"),
        *("--model.cell", "--model.sizes", "--training.minutes", "--training.max-steps"),
        *("--training.save-every", "--generation.prefix"),
    ):
        assert re.search(rf"│ {re.escape(option)}[ ,]", page), option


def test_the_time_machine(command: Command, run: Run, corpus: Path, tmp_path: Path) -> None:
    place = tmp_path / "run"
    sizes = ["--max-characters", "600", "--held-out", "150"]
    text = ["--corpus", corpus / "train.txt"]
    result = command(RECIPES / "time_machine.py", *text, *sizes, *TINY, "--run", place)
    assert result.returncode == 0, result.stderr.decode()
    found = re.fullmatch(
        r"training perplexity +([\d.]+)  on the 600 characters .* last 2 updates \(to epoch 0\)\n"
        r"validation perplexity +([\d.]+)  on the 150 characters .* at its best, at epoch 0, \2\n"
        r"made up at the end +(.+)\n",
        result.stdout.decode(),
    )
    assert found, result.stdout.decode()
    model = LanguageModel.load(place, "cpu")
    (letters,) = letters_only((corpus / "train.txt").read_text().split("\n"), lowercase=True)
    held_out = held_out_score(model.network, model.text, [letters[600:750]], model.device)
    assert float(found[2]) == pytest.approx(held_out.perplexity, abs=6e-4)
    assert found[3].startswith("time traveller")  # as it is, though some of its letters are unknown
    # The corpus is known when the run is continued.
    code, _, said = run(*("time_machine.py", "--run", place, "--resume", "--training.max-steps", 5))
    assert code == 0, said
    assert "Training ended after 5 steps" in said


@pytest.mark.parametrize(("rate", "trained"), [(1e6, r"\S+"), (1e38, "inf")])
def test_the_time_machine_after_a_training_that_diverged(
    run: Run, corpus: Path, tmp_path: Path, rate: float, trained: str
) -> None:
    """At the larger rate all updates but the first are skipped: they have no loss at all."""
    rate = ["--training.optimizer", "sgd", "--training.learning-rate", rate]
    code, out, said = run(
        *("time_machine.py", "--corpus", corpus / "train.txt", "--run", tmp_path / "run"),
        *("--max-characters", 600, "--held-out", 150, *TINY, *rate),
        *("--training.warmup-steps", 0, "--training.clip-norm", 0),
    )
    assert code == 0, said
    assert re.search(rf"^training perplexity +{trained} ", out, re.MULTILINE), out
    assert re.search(r"^validation perplexity +inf ", out, re.MULTILINE), out


def test_the_time_machine_needs_enough_text(run: Run, corpus: Path, tmp_path: Path) -> None:
    place = tmp_path / "run"
    code, _, said = run("time_machine.py", "--corpus", corpus / "train.txt", "--run", place)
    assert code == 2
    assert re.search(r"has [\d,]+ letters and spaces, fewer than the 20,000", said)
    assert not place.exists()


def test_shakespeare(run: Run, corpus: Path, tmp_path: Path) -> None:
    place = tmp_path / "run"
    text = corpus / "train.txt"
    code, out, said = run("shakespeare.py", "--corpus", text, "--run", place, *TINY)
    assert code == 0, said
    found = re.search(
        r"\n([\d,]+) held-out characters, line ends counted:\n"
        r"  ([\d.]+) nats per character\n  ([\d.]+) bits per character\n$",
        out,
    )
    assert found, out
    assert out.startswith(LanguageModel.load(place, "cpu").generate())
    whole = text.read_text()
    assert 0.08 * len(whole) < int(found[1]) < 0.12 * len(whole)
    rows = [json.loads(line) for line in (place / "metrics.jsonl").read_text().splitlines()]
    (loss,) = (row["loss"] for row in rows if row["kind"] == "validation")
    assert float(found[2]) == pytest.approx(loss, abs=6e-5)
    assert float(found[3]) == pytest.approx(loss / 0.693147, abs=1e-4)


def test_wikitext2_from_files(run: Run, corpus: Path, tmp_path: Path) -> None:
    place = tmp_path / "run"
    code, out, said = run("wikitext2.py", "--corpus", corpus, "--run", place, *TINY)
    assert code == 0, said
    found = re.fullmatch(
        r"([\d,]+) test tokens, line ends counted:\n  ([\d.]+) perplexity by token\n"
        r"  ([\d.]+) perplexity by word\n  [\d.]+ bits per character\n",
        out,
    )
    assert found, out
    lines = (corpus / "test.txt").read_text().split("\n")[:-1]
    assert int(found[1]) == sum(len(line.split()) + 1 for line in lines)
    model = LanguageModel.load(place, "cpu")
    score = held_out_score(model.network, model.text, lines, model.device)
    assert float(found[2]) == float(found[3]) == pytest.approx(score.perplexity, abs=6e-3)
    assert "<unk>" in (corpus / "train.txt").read_text()
    assert len(model.text.pipeline.vocab) <= 24, "<unk> in the text is the unknown token"


@pytest.mark.parametrize(
    ("recipe", "arguments", "message"),
    [
        ("time_machine.py", [], "no text: give --corpus FILE"),
        ("shakespeare.py", [], "no text: give --corpus FILE"),
        ("wikitext2.py", ["--corpus", "FOLDER"], "has no train.txt, valid.txt, test.txt"),
        ("time_machine.py", ["--max-characters", "0"], "--max-characters 0 must be at least 1"),
        ("time_machine.py", ["--data.train", "a"], "this recipe has its text from --corpus"),
        ("wikitext2.py", ["--data.train", "a"], "this recipe has its text from --corpus"),
        ("shakespeare.py", ["--corpus", "a", "--data.train", "b"], "which one is the text?"),
    ],
)
def test_mistakes_are_named(
    run: Run, recipe: str, arguments: list[str], message: str, tmp_path: Path
) -> None:
    given = [each.replace("FOLDER", str(tmp_path)) for each in arguments]
    code, out, said = run(recipe, *given, "--run", tmp_path / "run")
    said = re.sub(r"\s+", " ", said)
    assert (code, out) == (2, ""), said
    assert message in said
    assert not list(tmp_path.iterdir())

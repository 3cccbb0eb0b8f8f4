"""lm ngram and lm arpa as a user meets them: real programs, tables, JSON and mistakes."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from seq2seq.cli.main import main
from seq2seq.data.readers.lines import read_lines
from seq2seq.language_modeling.model import LanguageModel

Command = Callable[..., subprocess.CompletedProcess[bytes]]


Run = Callable[..., tuple[str, str]]


def figures(printed: str) -> dict[str, float]:
    """What stands in a table, by name."""
    rows = [line.rsplit(" ", 1) for line in printed.splitlines()]
    return {name.strip(): float(value.replace(",", "")) for name, value in rows}


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory, command: Command, sample: Path) -> Path:
    """Trigrams of the sample corpus, made by the command line; beside it what was printed."""
    folder = tmp_path_factory.mktemp("words")
    result = command(
        *("-m", "seq2seq", "lm", "ngram", "--data.train", sample / "train.en"),
        *("--data.validation", sample / "validation.en", "--data.tokenizer", "word"),
        *("--order", 3, "--run", folder / "run"),
    )
    assert result.returncode == 0, result.stderr.decode()
    assert result.stderr == b""
    (folder / "printed").write_bytes(result.stdout)
    return folder / "run"


def test_counts_and_the_perplexity_of_the_validation_text_are_printed(
    words: Path, sample: Path, run: Run
) -> None:
    printed = figures((words.parent / "printed").read_text())
    lines = read_lines(sample / "validation.en")
    score = LanguageModel.load(words, "cpu").evaluate_lines(lines)
    assert list(printed) == [
        *("1-grams", "2-grams", "3-grams"),
        *(name.replace("_", " ") for name in score.summary()),
    ]
    assert printed["1-grams"] < printed["2-grams"] < printed["3-grams"]
    assert printed["tokens"] == score.tokens
    assert printed["perplexity"] == pytest.approx(score.perplexity, abs=1e-4)
    # The same figures as those of lm score.
    text, _ = run("lm", "score", words, "--text", sample / "validation.en")
    assert (words.parent / "printed").read_text().endswith(text)


def test_score_and_generate_work_as_with_a_network(words: Path, sample: Path, run: Run) -> None:
    text = sample / "test.en"
    model = LanguageModel.load(words, "cpu")
    found = json.loads(run("lm", "score", words, "--text", text, "--json")[0])
    assert found == model.evaluate_lines(read_lines(text)).summary()
    rows = run("lm", "score", words, "--text", text, "--by-line", "--json")[0].splitlines()
    for line, row in zip(read_lines(text), rows, strict=True):
        assert json.loads(row) == {"text": line, **model.score(line).summary()}
    made_up, _ = run(
        "lm", "generate", words, "--prefix", "The girl", "--seed", 5, "--max-tokens", 9
    )
    assert made_up == model.generate("The girl", seed=5, max_tokens=9) + "\n"


def test_an_arpa_file_written_and_read(words: Path, tmp_path: Path, run: Run, sample: Path) -> None:
    assert run("lm", "arpa", words, tmp_path / "words.arpa") == ("", "")
    header = (tmp_path / "words.arpa").read_text(encoding="utf-8").split("\n\n")[0].splitlines()
    printed = figures((words.parent / "printed").read_text())
    sizes = [int(printed[f"{length}-grams"]) for length in (1, 2, 3)]
    assert header == ["\\data\\", *(f"ngram {n}={size}" for n, size in enumerate(sizes, 1))]
    again, _ = run(
        "lm",
        *("ngram", "--from-arpa", tmp_path / "words.arpa", "--data.vocabulary", words),
        *("--data.validation", sample / "validation.en", "--run", tmp_path / "again"),
    )
    assert figures(again) == pytest.approx(printed, rel=1e-4)
    counts, _ = run(
        "lm", "ngram", "--from-arpa", tmp_path / "words.arpa", "--run", tmp_path / "plain"
    )
    assert list(figures(counts)) == ["1-grams", "2-grams", "3-grams"]


def test_what_json_lacks_is_null(tmp_path: Path, run: Run) -> None:
    """Without <unk> in an ARPA file, an unknown word has no probability."""
    arpa = "\\data\\\nngram 1=3\n\n\\1-grams:\n0\t<s>\n-0.3\t</s>\n-0.3\ta\n\n\\end\\\n"
    (tmp_path / "a.arpa").write_text(arpa)
    (tmp_path / "text").write_text("a b\n")
    run("lm", "ngram", "--from-arpa", tmp_path / "a.arpa", "--run", tmp_path / "run")
    printed, _ = run("lm", "score", tmp_path / "run", "--text", tmp_path / "text", "--json")
    found = json.loads(printed, parse_constant=pytest.fail)
    assert found["tokens"] == 3
    assert found["perplexity"] is found["word_perplexity"] is None
    assert found["unknown_tokens"] == 1
    assert found["perplexity_without_unknown"] == pytest.approx(10**0.3, rel=1e-5)
    arguments = ("score", tmp_path / "run", "--text", tmp_path / "text", "--by-line")
    found = json.loads(run("lm", *arguments, "--json")[0], parse_constant=pytest.fail)
    assert found["tokens"] == ["a", "<unk>", "<eos>"]
    assert [value is None for value in found["token_log_probabilities"]] == [False, True, False]
    assert found["unknown_tokens"] == 1
    assert found["perplexity_without_unknown"] == pytest.approx(10**0.3, rel=1e-5)
    assert run("lm", *arguments)[0] == "-inf\t-inf\n"


def test_a_model_that_leaves_nothing_generates_nothing(
    tmp_path: Path, run: Run, fails: Callable[..., str]
) -> None:
    arpa = "\\data\\\nngram 1=3\n\n\\1-grams:\n-99\t<s>\n-99\t</s>\n-99\ta\n\n\\end\\\n"
    (tmp_path / "a.arpa").write_text(arpa)
    run("lm", "ngram", "--from-arpa", tmp_path / "a.arpa", "--run", tmp_path / "run")
    for temperature in (0, 1):
        arguments = ("generate", tmp_path / "run", "--temperature", temperature)
        assert "gives no token a probability" in fails("lm", *arguments)


def test_the_help_has_only_what_has_an_effect(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["lm", "ngram", "--help"])
    page = capsys.readouterr().out
    for option in ("--seed", "--resume", "--device", "--data.windows", "--data.steps", "--model"):
        assert f" {option}" not in page.replace("--generation.seed", "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["ngram", "--run", "new"], "no training text: give --data.train FILE"),
        (["ngram", "--data.train", "text"], "no run directory: give --run DIR"),
        (["ngram", "--data.train", "text", "--run", "words"], "words exists already"),
        (["ngram", "--smoothing", "add-k", "--run", "new"], "--smoothing add-k needs --k"),
        (["ngram", "--from-arpa", "text", "--run", "new"], "text:2: this is no ARPA file"),
        (["arpa", "missing", "x.arpa"], "there is no run at missing"),
        (["arpa", "words", "missing/x.arpa"], "could not be written"),
        (["arpa", "trained", "x.arpa"], "a translation model, and an n-gram model is needed"),
    ],
)
def test_mistakes_end_with_2_and_a_message(
    words: Path,
    trained: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fails: Callable[..., str],
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("words").symlink_to(words)
    Path("trained").symlink_to(trained)
    Path("text").write_text("a\nb\n")
    assert message in fails("lm", *arguments)
    assert not Path("new").exists()

"""recipes/labels.py: three ways of reading, in one direction and in two."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from recipes import labels
from seq2seq import DataError, Vocab
from tests.support.pictures import picture

pytestmark = pytest.mark.slow

Command = Callable[..., subprocess.CompletedProcess[bytes]]
PATH = Path(__file__).resolve().parent.parent / "recipes" / "labels.py"
FEW = labels.Labels(epochs=4)


def scores(name: str, *, bidirectional: bool) -> dict[str, float]:
    task = labels.make_task(name, 1)
    network = labels.train(task, FEW, bidirectional=bidirectional)
    return labels.score(task, network.predict(task.test))


@pytest.mark.parametrize(
    ("name", "chance"), [("slots", 1 / 2), ("key terms", 1 / 2), ("missing words", 1 / 6)]
)
def test_one_direction_guesses_where_the_clue_comes_later(name: str, chance: float) -> None:
    one, two = (scores(name, bidirectional=both) for both in (False, True))
    assert min(one["clue before the label"], two["clue before the label"]) >= 98
    assert one["clue after the label"] == pytest.approx(100 * chance, abs=10)
    assert two["clue after the label"] >= 98


def test_a_final_state_has_read_everything() -> None:
    assert scores("sentiment", bidirectional=False)["texts without a mistake"] >= 99


def test_no_text_of_the_test_is_learnt_from() -> None:
    for name in labels.READ:
        task = labels.make_task(name, 3)
        learnt, tested = (
            {" ".join(each.tokens) for each in part} for part in (task.training, task.test)
        )
        assert (len(learnt), len(tested)) == (2100, 400)
        assert not learnt & tested


@pytest.mark.parametrize("read", ["each", "last", "gap"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_a_batch_is_its_texts(read: str, bidirectional: bool) -> None:
    texts = ["a ___ b b c", "___ b", "c a ___", "___"]
    words = Vocab.build([text.split() for text in texts])
    network = labels.Labeller(words, ["x", "y", "z"], read, bidirectional=bidirectional)
    examples = [labels.Example(text.split(), []) for text in texts]
    alone = torch.cat([network([example]) for example in examples])
    assert torch.allclose(network(examples), alone, atol=1e-6)


def test_a_gap_is_read_from_what_stands_around_it() -> None:
    words = Vocab.build([["a", "b", "c", "___"]])
    for bidirectional in (False, True):
        network = labels.Labeller(words, ["x", "y"], "gap", bidirectional=bidirectional)
        a, b, c = (
            network([labels.Example(text.split(), [])])
            for text in ("a ___ b", "c ___ b", "a ___ c")
        )
        assert not torch.allclose(a, b)
        assert torch.equal(a, c) != bidirectional


def test_f1_is_that_of_precision_and_recall() -> None:
    pairs = [("x", "x"), ("x", "O"), ("O", "x"), ("O", "x"), ("O", "O")]
    precision, recall = 1 / 3, 1 / 2
    expected = 2 * precision * recall / (precision + recall)
    assert labels.f1(pairs, "x") == pytest.approx(100 * expected)


FILES = {
    "each": "leave Taipei\tO from\nto New York\tO to to\n",
    "last": "so good\tyes\nso bad\tno\n",
    "gap": "a ___ opens it\tkey\nwe cut with a ___\tknife\n",
}


@pytest.mark.parametrize("read", [*FILES])
def test_files_are_learnt_from(tmp_path: Path, read: str) -> None:
    path = tmp_path / "texts.tsv"
    path.write_text(30 * FILES[read])
    examples = labels.read_examples(str(path), read)
    assert examples[0].labels == FILES[read].split("\n")[0].split("\t")[1].split()
    task = labels.Task("texts.tsv", read, examples, examples[:2])
    network = labels.train(task, labels.Labels(epochs=40), bidirectional=True)
    assert labels.score(task, network.predict(task.test))["texts without a mistake"] == 100


def test_the_recipe(command: Command, tmp_path: Path) -> None:
    (tmp_path / "train.tsv").write_text(30 * FILES["each"])
    (tmp_path / "test.tsv").write_text(FILES["each"])
    files = ["--train", "train.tsv", "--test", "test.tsv", "--plot", "new/labels.png"]
    result = command(PATH, "--read", "each", *files, "--epochs", "40", cwd=tmp_path)
    assert result.returncode == 0, result.stderr.decode()
    shown = result.stdout.decode()
    assert "test.tsv (--read each): right of 2 new texts, in percent" in shown
    for row in ("texts without a mistake", "F1 of O", "F1 of from", "F1 of to"):
        assert re.search(rf"^  {row} +100.0 +100.0$", shown, re.MULTILINE), row
    assert "    right           leave Taipei/from\n" in shown
    width, height = picture(tmp_path / "new" / "labels.png")
    assert width > 300 < height


@pytest.mark.parametrize(
    ("read", "line", "problem"),
    [
        ("each", "leave Taipei\tO", "2 tokens and 1 labels: --read each needs 2"),
        ("each", "leave Taipei O from", "a text, a tab, and its labels"),
        ("each", "", "a text, a tab, and its labels"),
        ("last", "so good\tvery positive", "2 labels: --read last needs 1"),
        ("gap", "a key opens it\tkey", "one ___ in the text"),
        ("gap", "a ___ opens ___\tkey", "one ___ in the text"),
    ],
)
def test_a_line_at_fault_is_named(tmp_path: Path, read: str, line: str, problem: str) -> None:
    path = tmp_path / "train.tsv"
    path.write_text(FILES[read] + line + "\n")
    with pytest.raises(DataError, match=rf"train.tsv:3: .*{problem}"):
        labels.read_examples(str(path), read)


def test_one_direction_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path, plot = tmp_path / "texts.tsv", tmp_path / "labels.svg"
    path.write_text(FILES["last"])
    files = ["--train", str(path), "--test", str(path), "--plot", str(plot)]
    options = ["--read", "last", "--no-bidirectional", "--epochs", "1"]
    monkeypatch.setattr(sys, "argv", ["labels.py", *files, *options])
    labels.main()
    shown = capsys.readouterr().out
    assert "one direction" in shown
    assert "two directions" not in shown
    assert plot.read_text().count("one direction") >= 1


def test_files_need_their_way_of_reading(command: Command, tmp_path: Path) -> None:
    result = command(PATH, "--train", "train.tsv", cwd=tmp_path)
    said = result.stderr.decode()
    assert result.returncode == 2
    assert "--test FILE" in said
    assert "--read each, last or gap" in said
    assert "Traceback" not in said
    assert not list(tmp_path.iterdir())

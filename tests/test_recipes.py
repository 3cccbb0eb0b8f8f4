"""The recipes, run as a newcomer runs them, on little text and for little time."""

import ast
import gzip
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import seq2seq
from seq2seq.data.readers.lines import read_lines

pytestmark = pytest.mark.slow

RECIPES = Path(__file__).resolve().parent.parent / "recipes"
Command = Callable[..., subprocess.CompletedProcess[bytes]]

TINY = [
    *("--device", "cpu", "--model.embedding-size", "8", "--model.encoder-sizes", "8"),
    *("--model.decoder-sizes", "8", "--training.max-steps", "4", "--data.tokenizer", "word"),
    *("--training.batch-tokens", "200"),
]


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.py")), ids=lambda path: path.name)
def test_recipes_use_public_names_only(path: Path) -> None:
    tested = "".join(each.read_text() for each in Path(__file__).parent.glob("test_recipes*.py"))
    assert f'"{path.name}"' in tested
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0
            assert (node.module or "").split(".")[0] not in ("seq2seq", "torch"), path
        elif isinstance(node, ast.Import):
            for alias in node.names:
                assert alias.name.split(".")[0] != "seq2seq" or alias.name == "seq2seq"
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) == "seq2seq":
            assert node.attr in seq2seq.__all__


def test_a_recipe_loads_torch_after_its_process_is_set_up(command: Command) -> None:
    recipes = [path for path in RECIPES.glob("*.py") if "parse_experiment" in path.read_text()]
    program = (
        "import runpy, sys\n"
        "for path in sys.argv[1:]:\n"
        "    runpy.run_path(path)\n"
        "    assert 'torch' not in sys.modules, path\n"
    )
    result = command("-c", program, *recipes)
    assert (result.returncode, result.stderr) == (0, b"")


@pytest.mark.parametrize("recipe", ["copy_task.py", "quickstart.py", "multi30k.py"])
def test_help_has_what_every_recipe_has(command: Command, recipe: str) -> None:
    result = command(RECIPES / recipe, "--help")
    assert (result.returncode, result.stderr) == (0, b"")
    page = result.stdout.decode()
    for option in (
        *("--run", "--resume", "--overwrite", "--seed", "--device", "--data.train"),
        *("--model.cell", "--model.context", "--training.minutes", "--training.max-steps"),
        *("--training.save-every", *(["--corpus"] if recipe != "copy_task.py" else [])),
    ):
        assert re.search(rf"│ {re.escape(option)}[ ,]", page), option


def test_the_copy_task_is_learnt_in_seconds(command: Command, tmp_path: Path) -> None:
    # A little easier than its defaults, to take half the time.
    arguments = ["--longest", "4", "--letters", "abcdef", "--pairs", "600", "--device", "cpu"]
    steps = ["--training.max-steps", "350", "--training.validate-every", "100"]
    result = command(RECIPES / "copy_task.py", *arguments, *steps, "--run", tmp_path / "run")
    assert result.returncode == 0, result.stderr.decode()
    match = re.fullmatch(
        r"(\d+) of (\d+) unseen sequences without a mistake\n", result.stdout.decode()
    )
    assert match
    right, total = map(int, match.groups())
    assert total > 100
    assert right >= 0.95 * total


def test_the_copy_task_names_what_is_impossible(command: Command, tmp_path: Path) -> None:
    arguments = ["--pairs", "0", "--letters", "a b", "--seed", "-1", "--run", tmp_path / "run"]
    result = command(RECIPES / "copy_task.py", *arguments)
    said = result.stderr.decode()
    assert result.returncode == 2
    assert all(part in said for part in ("--pairs 0", "--letters 'a b'", "--seed -1"))
    assert "Traceback" not in said


def test_quickstart_offline(command: Command, tmp_path: Path, sample: Path) -> None:
    run = tmp_path / "run"
    begin = [RECIPES / "quickstart.py", "--corpus", "sample", *TINY, "--run", run]
    result = command(*begin)
    assert result.returncode == 0, result.stderr.decode()
    out, said = result.stdout.decode(), result.stderr.decode()
    assert len(re.findall(r"^hypothesis  ", out, re.MULTILINE)) == 12
    assert re.search(r"^300 held-out sentences:$", out, re.MULTILINE)
    assert re.search(r"^BLEU, first reference +[\d.]+  .*tok:13a.*version:", out, re.MULTILINE)
    assert 'test.fr" has no source or target in common' in said, "no test sentence is trained on"
    # What a recipe calls the corpus is kept, and continues without being said again.
    stored = json.loads((run / "experiment.json").read_text(encoding="utf-8"))
    assert stored["recipe"]["corpus"] == "sample"
    about = seq2seq.AboutSettings(**stored["experiment"]["about"])
    assert (about.source_language, about.target_language) == ("en", "fr")
    assert (about.data, about.licence) == ("the sample corpus of seq2seq", "Apache-2.0")
    assert str(run) in stored["begun"]["command"]
    what = {name: value for name, value in stored.items() if name != "begun"}
    assert str(tmp_path) not in json.dumps(what), "a run can be moved"
    assert len(read_lines(sample / "test.en")) == 300


def test_quickstart_without_a_network_names_the_way_out(command: Command, tmp_path: Path) -> None:
    # Nobody listens at port 9; the cache is empty.
    nowhere = {
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "PIP_EXTRA_INDEX_URL": "",
        "PIP_FIND_LINKS": "",
        "PIP_CONFIG_FILE": "/dev/null",
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "HOME": str(tmp_path),
        "NO_PROXY": "*",
    }
    run = tmp_path / "run"
    result = command(RECIPES / "quickstart.py", "--run", run, environment=nowhere)
    said = result.stderr.decode()
    assert result.returncode == 2, said
    assert "--corpus sample" in said
    assert "Traceback" not in said
    assert result.stdout == b""
    assert not run.exists()


@pytest.fixture
def multi30k(tmp_path: Path, sample: Path) -> Path:
    """A folder like Multi30k's: our sample corpus under its names, one side gzipped."""
    folder = tmp_path / "multi30k"
    folder.mkdir()
    names = {"train": "train", "validation": "val", "test": "test_2016_flickr"}
    for ours, theirs in names.items():
        shutil.copy(sample / f"{ours}.fr", folder / f"{theirs}.fr")
        with gzip.open(folder / f"{theirs}.en.gz", "wb") as file:
            file.write((sample / f"{ours}.en").read_bytes())
    return folder


def test_multi30k_from_files(command: Command, multi30k: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    begin = [RECIPES / "multi30k.py", "--corpus", multi30k, "--run", run]
    result = command(*begin, "--source", "fr", "--target", "en", *TINY)
    assert result.returncode == 0, result.stderr.decode()
    out = result.stdout.decode()
    assert out.startswith("test_2016_flickr, fr to en")
    assert "source language fr, target language en, data Multi30k" in result.stderr.decode()
    assert len(re.findall(r"BLEU +[\d.]+ .*case:mixed", out)) == 1
    assert len(re.findall(r"BLEU +[\d.]+ .*case:lc", out)) == 1, "the published figures' protocol"
    # Another language would be another run.
    result = command(*begin, "--resume", "--source", "de", "--device", "cpu")
    assert result.returncode == 2
    assert b"Traceback" not in result.stderr
    (multi30k / "val.en.gz").unlink()
    result = command(*begin, "--source", "fr", "--target", "en", "--overwrite", *TINY)
    assert result.returncode == 2
    assert "has neither val.en nor val.en.gz" in result.stderr.decode()


def test_multi30k_fits_what_nobody_stated(
    command: Command, multi30k: Path, sample: Path, tmp_path: Path
) -> None:
    begin = [RECIPES / "multi30k.py", "--corpus", multi30k, "--source", "fr", "--target", "en"]
    begin += ["--device", "cpu", "--training.max-steps", "50", "--model.dropout", "0.4"]
    said = command(*begin, "--dry-run").stderr.decode()
    assert "Settings that fit 6,650 pairs and the budget" in said
    for stated in ("--model.dropout", "--data.tokenizer", "--data.validation-size"):
        assert f"{stated} " not in said
    assert "--no-fit" not in command(*begin, "--no-fit", "--dry-run").stderr.decode()
    for side in ("fr", "en"):
        lines = (sample / f"train.{side}").read_text("utf-8").splitlines(keepends=True)
        (tmp_path / side).write_text("".join(lines[:99]), encoding="utf-8")
    other = ["--data.train", tmp_path / "fr", "--data.train-target", tmp_path / "en"]
    assert "Settings that fit 99 pairs" in command(*begin, *other, "--dry-run").stderr.decode()


def test_a_dry_run_of_a_recipe_writes_nothing(command: Command, tmp_path: Path) -> None:
    arguments = ["--longest", "4", "--pairs", "300", "--device", "cpu", "--dry-run"]
    result = command(RECIPES / "copy_task.py", *arguments, cwd=tmp_path)
    out = result.stdout.decode()
    assert result.returncode == 0, result.stderr.decode()
    assert re.search(r"^  \* --pairs +300  \(default: 4000\)$", out, re.MULTILINE)
    assert out.endswith("This was a dry run: nothing is trained, and nothing is written.\n")
    assert "without a mistake" not in out
    assert not list(tmp_path.iterdir())


def test_without_attention_nothing_that_needs_it_is_left_of_a_recipe(
    command: Command, tmp_path: Path
) -> None:
    begin = [RECIPES / "quickstart.py", "--corpus", "sample", "--dry-run", "--model.attention"]
    plain = command(*begin, "none", cwd=tmp_path)
    assert plain.returncode == 0, plain.stderr.decode()
    shown = plain.stdout.decode()
    line = r"^  \* --model.attention +none  \(default: scaled-general\)$"
    assert re.search(line, shown, re.MULTILINE)
    assert re.search(r"^  \* --model.lexical +False  \(default: True\)$", shown, re.MULTILINE)
    both = command(*begin, "none", "--model.lexical", cwd=tmp_path)
    assert both.returncode == 2
    assert "--model.lexical needs attention" in both.stderr.decode()

"""``seq2seq show``: a page about a run, and its settings as a file."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from seq2seq.cli.config_file import read_settings
from seq2seq.config.experiment import Experiment, with_settings
from seq2seq.config.language_model import LanguageExperiment, NGramExperiment
from seq2seq.runs.metadata import checksum
from seq2seq.runs.run import Run

KEPT = Path(__file__).resolve().parents[1] / "runs" / "format-2"
Command = Callable[..., tuple[str, str]]

PAGES = {
    "translation": (
        "translation model",
        "data.vocab_size = 70  (default: 8000)",
        "training.max_steps = 150  (default: not set)",
        "55 lines",
        "42 tokens",
        "4,284",
        "100.000",
    ),
    "language-model": ("language model", "model.sizes = [12]  (default: [512])", "1,430", "6.866"),
    "n-grams": ("n-gram model", "model.order = 3  (default: 5)", "20 tokens", "2-grams", "40"),
}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_says_what_a_run_is(run: Command, name: str) -> None:
    out, err = run("show", KEPT / name)
    assert err == ""
    assert out.startswith(f"{KEPT / name}: {PAGES[name][0]}\n")
    assert all(part in out for part in PAGES[name]), out
    assert "model.residual" not in out, "as by default"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("translation", Experiment),
        ("language-model", LanguageExperiment),
        ("n-grams", NGramExperiment),
    ],
)
def test_the_settings_of_a_run_are_a_file(
    run: Command, tmp_path: Path, name: str, kind: type
) -> None:
    file = tmp_path / "mine.toml"
    out, _ = run("show", KEPT / name, "--toml")
    file.write_text(out, encoding="utf-8")
    stored = Run(KEPT / name).experiment(kind)
    found = read_settings(file, kind).settings
    assert with_settings(kind(run=stored.run), found) == stored
    assert "# Where every random number comes from.\nseed = 1\n" in out


def test_what_a_recipe_adds_and_what_is_not_there_yet(run: Command, tmp_path: Path) -> None:
    other = shutil.copytree(KEPT / "translation", tmp_path / "run\nseed = 9")
    values = json.loads((other / "experiment.json").read_text(encoding="utf-8"))
    values["recipe"] = {"corpus": "sample"}
    values["begun"]["command"] = ["recipes/mine.py", "a b"]
    values["sha256"] = checksum(values)
    (other / "experiment.json").write_text(json.dumps(values), encoding="utf-8")
    for gone in ("best.safetensors", "last.safetensors", "metrics.jsonl"):
        (other / gone).unlink()
    out, _ = run("show", other)
    assert "recipes/mine.py 'a b'" in out
    assert 'corpus = "sample"' in out
    assert "best.safetensors is missing" in out
    assert "Best validation" not in out
    out, _ = run("show", other, "--toml")
    assert "A run like it: python recipes/mine.py --config FILE" in out
    assert out.endswith('\n[recipe]\ncorpus = "sample"\n')
    assert "\nseed = 9" not in out

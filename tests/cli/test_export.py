"""`seq2seq export`, and the commands that take an export, with torch and without."""

import json
import os
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.tampering import redescribe

KEPT = Path(__file__).parent.parent / "runs" / "format-2" / "translation"


@pytest.mark.parametrize("name", ["page.pdf", "model.onnx", "model.tar.gz", "text.TXT"])
def test_a_name_of_another_kind_of_file_is_refused(
    fails: Callable[..., str], tmp_path: Path, name: str
) -> None:
    assert "give FILE.html for a page" in fails("export", KEPT, "--out", tmp_path / name)
    assert not [*tmp_path.iterdir()]


WITHOUT = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {names}:
            raise ModuleNotFoundError(name, name=name)

sys.meta_path.insert(0, Missing())
from seq2seq.cli.main import main
main(sys.argv[1:])
"""
"""A program in which some packages are not installed."""

ROOT = Path(__file__).parents[2]


def installs() -> list[list[str]]:
    """What is said to be enough for exports: the arguments of `pip install`, line by line."""
    said = (ROOT / "recipes" / "README.md").read_text(encoding="utf-8")
    lines = re.findall(r"^light/bin/pip install (.*)$", said, flags=re.MULTILINE)
    assert len(lines) == 2
    return [line.split() for line in lines]


def enough() -> list[str]:
    """The packages that are said to be enough for exports."""
    return installs()[0]


def not_needed() -> set[str]:
    """What the package depends on, but for these."""
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    listed = re.search(r"^dependencies = \[(.*?)^\]", project, flags=re.MULTILINE | re.DOTALL)
    assert listed
    return {*re.findall(r'"([\w-]+)', listed[1]), "onnx"} - {*enough()}


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory, command: Callable[..., object]) -> Path:
    path = tmp_path_factory.mktemp("exports") / "export"
    done = command("-m", "seq2seq", "export", KEPT, "--out", path)
    assert (done.returncode, done.stdout) == (0, b"")
    return path


def test_torch_and_what_training_needs_are_not_needed() -> None:
    assert not_needed() >= {"torch", "onnx", "datasets", "sacrebleu", "matplotlib", "safetensors"}


def without(*names: str) -> str:
    return WITHOUT.replace("{names}", repr(set(names)))


def test_translations_are_those_of_the_run(
    export: Path, run: Callable[..., tuple[str, str]]
) -> None:
    text = export.parent / "text.de"
    text.write_text("Emma sucht das Haus.\n\nDas Haus.\n", encoding="utf-8")
    for options in (["--beam-size", "1"], ["--alignment"], ["--prefix", text]):
        expected, found = (run("translate", path, text, *options) for path in (KEPT, export))
        assert found == expected
    expected, found = (
        [json.loads(line) for line in run("translate", path, text, "--n-best", 2)[0].splitlines()]
        for path in (KEPT, export)
    )
    assert [line["tokens"] for line in found] == [line["tokens"] for line in expected]
    expected, found = (
        [json.loads(line) for line in run("score", path, text, text, "--json")[0].splitlines()]
        for path in (KEPT, export)
    )
    for line, other in zip(found, expected, strict=True):
        assert line["log_probability"] == pytest.approx(other["log_probability"], abs=1e-4)
    text.write_text("Emma sucht das Haus.\n", encoding="utf-8")
    assert run("evaluate", export, text, text) == run("evaluate", KEPT, text, text)


def test_int8_is_a_quarter_as_large(
    export: Path, run: Callable[..., tuple[str, str]], tmp_path: Path
) -> None:
    run("export", KEPT, "--out", tmp_path / "int8", "--quantize", "int8")
    sizes = [(path / "encoder.onnx").stat().st_size for path in (tmp_path / "int8", export)]
    assert sizes[0] < sizes[1]
    text = export.parent / "short.de"
    text.write_text("Emma sucht das Haus.\n", encoding="utf-8")
    assert run("translate", tmp_path / "int8", text)[0].count("\n") == 1
    described = json.loads((tmp_path / "int8" / "export.json").read_text(encoding="utf-8"))
    assert described["weights"] == "int8"


def test_it_works_without_torch(
    export: Path, command: Callable[..., subprocess.CompletedProcess[bytes]]
) -> None:
    """Nor is anything imported that training alone needs."""
    text = b"Emma sucht das Haus.\n\nDas Haus.\n"
    expected = command("-m", "seq2seq", "translate", KEPT, input=text)
    found = command("-c", without(*not_needed()), "translate", export, input=text)
    assert (found.stdout, found.stderr) == (expected.stdout, b"")
    assert found.stdout.count(b"\n") == 3


def test_python_works_without_torch(
    export: Path, command: Callable[..., subprocess.CompletedProcess[bytes]]
) -> None:
    program = without(*not_needed()).rpartition("from seq2seq.cli.main")[0] + (
        "from seq2seq import Translator\n"
        f"translator = Translator.load({str(export)!r})\n"
        "best = translator.candidates('Das Haus.', 2, prefix='The', attention=True)[0]\n"
        "assert len(best.attention) == len(best.tokens) + 1\n"
        "assert best.text.startswith('The')\n"
        "assert translator.score('Das Haus.', best.text).log_probability < 0\n"
        "assert not {'torch', 'sacrebleu', 'datasets', 'matplotlib'} & sys.modules.keys()\n"
    )
    done = command("-c", program)
    assert done.returncode == 0, done.stderr.decode()


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an environment's programs: this package, and what is said to be enough."""
    pytest.importorskip("pip")
    folder = tmp_path_factory.mktemp("environment")

    checkout = folder / "checkout"  # a copy: a build leaves files beside its source
    shutil.copytree(ROOT / "seq2seq", checkout / "seq2seq")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, checkout)

    def pip(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pip", *map(str, arguments), "--quiet"]
        options: dict[str, Any] = {"cwd": checkout, "capture_output": True, "text": True}
        clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        return subprocess.run(command, check=False, env=clean, **options)

    reached = pip("download", "--no-deps", "--retries", 0, "--dest", folder / "x", "lazy_loader")
    if reached.returncode:
        pytest.skip(f"pip reaches no index: {reached.stderr.strip().splitlines()[-1]}")
    venv.create(folder / "venv", symlinks=os.name != "nt")
    programs = folder / "venv" / ("Scripts" if os.name == "nt" else "bin")
    for words in installs():
        installed = pip("--python", programs / "python", "install", *words)
        assert installed.returncode == 0, installed.stderr
        assert "ERROR" not in installed.stderr
    return programs


def test_an_environment_without_torch(
    environment: Path,
    export: Path,
    tmp_path: Path,
    command: Callable[..., subprocess.CompletedProcess[bytes]],
) -> None:
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def run(*arguments: object, **options: Any) -> subprocess.CompletedProcess[bytes]:
        words = [*map(str, arguments)]
        return subprocess.run(words, env=clean, cwd=tmp_path, capture_output=True, **options)

    listed = run(
        environment / "python",
        "-c",
        "from importlib.metadata import distributions\n"
        "print(*{each.name.lower() for each in distributions()})",
    )
    there = {*listed.stdout.decode().split()}
    assert there >= {"seq2seq", "onnxruntime"}
    assert not there & not_needed()
    text = b"Emma sucht das Haus.\n\nDas Haus.\n"
    expected = command("-m", "seq2seq", "translate", KEPT, "--device", "cpu", input=text)
    found = run(environment / "seq2seq", "translate", export, input=text)
    assert (found.stdout, found.stderr) == (expected.stdout, b"")


def test_a_run_without_torch_and_an_export_without_onnxruntime(
    export: Path, command: Callable[..., subprocess.CompletedProcess[bytes]], tmp_path: Path
) -> None:
    def said(missing: str, *arguments: object) -> str:
        done = command("-c", without(missing), *arguments)
        assert (done.returncode, done.stdout) == (2, b"")
        return str(done.stderr.decode())

    assert "this needs the package torch, which" in said("torch", "translate", KEPT)
    assert "--device cuda needs torch" in said("torch", "translate", export, "--device", "cuda")
    assert "pip install onnxruntime" in said("onnxruntime", "translate", export)
    assert "pip install onnx" in said("onnx", "export", KEPT, "--out", tmp_path / "x")


def test_nothing_private_is_handed_on(run: Callable[..., tuple[str, str]], tmp_path: Path) -> None:
    """Paths, user, machine and command line stand in a run, and not in what is exported."""
    copy = Path(shutil.copytree(KEPT, tmp_path / "secret-folder"))
    secrets = {
        "command": ["seq2seq", "train", "--data.train", "/home/secret-user/secret-text.tsv"],
        "platform": "secret-host",
        "git": {"working directory": {"commit": "secret-commit", "changed": True}},
    }

    def change(values: dict[str, Any]) -> None:
        values["begun"].update(secrets)
        values["experiment"]["data"]["train"] = "/home/secret-user/secret-text.tsv"
        values["experiment"]["data"]["vocabulary"] = "/home/secret-user/secret-run"

    redescribe(copy, change)
    for quantize in ("none", "int8"):
        out = tmp_path / quantize
        run("export", copy, "--format", "onnx", "--out", out, "--quantize", quantize)
        words = ["secret", str(tmp_path), str(Path.cwd())]
        for path in out.iterdir():
            data = path.read_bytes().lower()
            assert not [word for word in words if word.lower().encode() in data]


def test_mistakes_are_told(export: Path, fails: Callable[..., str], tmp_path: Path) -> None:
    assert "give --out DIR" in fails("export", KEPT)
    assert "is an export already: give another" in fails("export", KEPT, "--out", export)
    assert "is an export, and no run" in fails("export", export, "--out", tmp_path / "x")
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "export.json").touch()
    assert "export.json is damaged: it is empty" in fails("translate", tmp_path / "empty")
    assert "there is no run at" in fails("export", tmp_path / "none", "--out", tmp_path / "x")
    language_model = KEPT.parent / "language-model"
    assert "is a language model, and a translation model is needed" in fails(
        "export", language_model, "--out", tmp_path / "x"
    )
    assert "method sample: an exported" in fails("translate", export, "--method", "sample")
    assert "can't be in an ensemble with a run" in fails("translate", export, "--ensemble", KEPT)
    assert "--format" in fails("export", KEPT, "--format", "onyx", "--out", tmp_path / "x")
    cut = Path(shutil.copytree(KEPT, tmp_path / "cut")) / "best.safetensors"
    cut.write_bytes(cut.read_bytes()[:-9])
    assert "best.safetensors" in fails("export", cut.parent, "--out", tmp_path / "x")
    assert not (tmp_path / "x").exists()
    for name in ("step.onnx", "target.vocab.json", "export.json"):
        copy = Path(shutil.copytree(export, tmp_path / name))
        (copy / name).write_bytes((copy / name).read_bytes()[:-9])
        assert name in fails("translate", copy)


def test_an_ensemble_of_exports(export: Path, run: Callable[..., tuple[str, str]]) -> None:
    text = export.parent / "ensemble.de"
    text.write_text("Emma sucht das Haus.\n", encoding="utf-8")
    twin = shutil.copytree(export, export.parent / "twin")
    alone = run("translate", export, text)
    assert run("translate", export, text, "--ensemble", twin) == alone

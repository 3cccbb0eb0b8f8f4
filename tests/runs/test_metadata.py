"""Runs from strangers and damaged disks: what is not of one piece is named, and costs little."""

import hashlib
import json
import math
import os
import shutil
import subprocess
import tracemalloc
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import seq2seq
from seq2seq.config.experiment import Experiment
from seq2seq.errors import RunError
from seq2seq.runs.directory import FORMAT
from seq2seq.runs.metadata import summarize_text
from seq2seq.runs.provenance import environment, git_state
from seq2seq.runs.run import Run
from seq2seq.runs.tensors import load_tensors, save_tensors
from seq2seq.training.state import TrainerState
from seq2seq.translation.train import train
from seq2seq.translation.translator import Translator
from tests.support.tampering import redescribe, reseal


@pytest.fixture
def copy(trained: Path, tmp_path: Path) -> Path:
    """A run to do harm to."""
    shutil.copytree(trained, tmp_path / "run")
    return tmp_path / "run"


FILES = ["source.tokenizer", "source.vocab.json", "target.tokenizer", "target.vocab.json"]


@pytest.mark.parametrize("name", [*FILES, "best.safetensors"])
@pytest.mark.parametrize("damage", ["flipped", "truncated", "missing", "a folder"])
def test_a_damaged_file_is_named(copy: Path, name: str, damage: str) -> None:
    path = copy / name
    data = path.read_bytes()
    path.unlink()
    if damage == "flipped":
        middle = len(data) // 2
        path.write_bytes(data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :])
    elif damage == "truncated":
        path.write_bytes(data[: len(data) // 2])
    elif damage == "a folder":
        path.mkdir()
    if name == "best.safetensors" and damage in ("missing", "a folder"):
        (copy / "last.safetensors").unlink()  # which would serve as well
    with pytest.raises(RunError, match=name):
        Translator.load(copy, "cpu")


def test_weights_that_were_chosen_are_not_replaced_by_others(copy: Path) -> None:
    (copy / "best.safetensors").unlink()
    with pytest.raises(RunError, match=r"best\.safetensors is missing, though a validation"):
        Translator.load(copy, "cpu")
    (copy / "best.safetensors").symlink_to("/dev/zero")
    with pytest.raises(RunError, match=r"best\.safetensors is missing"):
        Translator.load(copy, "cpu")


@pytest.mark.parametrize(
    ("before", "after"), [('"beam_size": 5', '"beam_size": 1'), ('"seed": 1', '"seed": 3')]
)
def test_a_description_changed_by_hand_is_refused(copy: Path, before: str, after: str) -> None:
    path = copy / "experiment.json"
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after, 1), encoding="utf-8")
    with pytest.raises(RunError, match=r"experiment\.json is damaged, or was changed by hand"):
        Translator.load(copy, "cpu")


@pytest.mark.parametrize("damage", [bytes.hex, lambda data: None])
def test_a_run_is_not_continued_beside_a_damaged_best(copy: Path, damage: Any) -> None:
    path = copy / "best.safetensors"
    data = damage(path.read_bytes())
    path.unlink()
    if data is not None:
        path.write_text(data)
    experiment = Run(copy).experiment(Experiment)
    with pytest.raises(RunError, match=r"best\.safetensors"):
        train(replace(experiment, resume=True))


def test_weights_that_are_no_numbers_are_one_message(copy: Path) -> None:
    tensors, state = load_tensors(copy / "best.safetensors")
    run_id = json.loads((copy / "experiment.json").read_text(encoding="utf-8"))["id"]
    broken = {name: tensor * math.nan for name, tensor in tensors.items()}
    save_tensors(copy / "best.safetensors", broken, state, run_id)
    with pytest.raises(RunError, match="gives no translation a probability"):
        Translator.load(copy, "cpu").translate("We eat.")


@pytest.mark.parametrize("name", ["metrics.jsonl", "training.lock"])
def test_nothing_is_read_that_has_no_end(copy: Path, name: str) -> None:
    experiment = Run(copy).experiment(Experiment)
    (copy / name).unlink(missing_ok=True)
    os.mkfifo(copy / name)
    with pytest.raises(RunError, match=rf"{name} is no plain file"):
        train(replace(experiment, resume=True))


@pytest.mark.parametrize("name", [*FILES, "best.safetensors"])
def test_a_file_of_another_run_is_named(copy: Path, trained: Path, name: str) -> None:
    """Even of one with the same text and the same sizes, where nothing else would tell."""
    other = copy.with_name("other")
    shutil.copytree(trained, other)
    redescribe(other, lambda values: values.update(id="0" * 64))
    for path in FILES:
        content = (other / path).read_text(encoding="utf-8")
        (other / path).write_text(content + "\n", encoding="utf-8")
    reseal(other)
    (copy / name).write_bytes((other / name).read_bytes())
    if name == "best.safetensors":
        (copy / "experiment.json").write_bytes((other / "experiment.json").read_bytes())
        for path in FILES:
            (copy / path).write_bytes((other / path).read_bytes())
    with pytest.raises(RunError, match=rf"{name}.* another run"):
        Translator.load(copy, "cpu")


def test_only_whole_files_of_one_run_are_continued(copy: Path) -> None:
    redescribe(copy, lambda values: values.update(id="0" * 64))
    (copy / "best.safetensors").unlink()
    with pytest.raises(RunError, match=r"last\.safetensors belongs to another run"):
        Translator.load(copy, "cpu")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "seq2seq run 1"}, r"seq2seq run 1 was written by another version of seq2seq"),
        ({"format": "seq2seq run 99"}, r"run 99 was written by another version"),
        ({"format": "fairseq"}, f"is not a description of the format '{FORMAT}'"),
        ({"format": None}, "is not a description"),
        ({"files": None}, "it lacks files"),
        ({"files": {}}, r"source\.tokenizer is no part of its run"),
        ({"id": 3, "text": []}, "it lacks id, text"),
        ({"experiment": {"data": 3}}, "data: expected names with values"),
    ],
)
def test_descriptions_of_other_kinds(copy: Path, change: dict[str, object], message: str) -> None:
    redescribe(copy, lambda values: values.update(change))
    with pytest.raises(RunError, match=message):
        Translator.load(copy, "cpu")


def test_a_run_names_no_path_to_read(copy: Path) -> None:
    def change(values: dict[str, Any]) -> None:
        values["experiment"]["decoding"]["language_model"] = "../other"

    redescribe(copy, change)
    with pytest.raises(RunError, match=r"experiment\.json: .*is no part of a run"):
        Translator.load(copy, "cpu")


@pytest.mark.parametrize("step", ["../x", 1.5, None, [1]])
def test_steps_that_become_names_of_files_are_numbers(step: object) -> None:
    values = asdict(TrainerState(kept=[(0.5, 3)]))
    assert TrainerState.from_dict(values) == TrainerState(kept=[(0.5, 3)])
    values["kept"] = [[0.5, step]]
    with pytest.raises(TypeError, match="kept steps"):
        TrainerState.from_dict(values)


@pytest.mark.parametrize("size", [10**8, 10**15, 2**62, 10**30])
def test_a_model_too_large_for_its_weights_takes_no_memory(copy: Path, size: int) -> None:
    redescribe(
        copy, lambda values: values["experiment"]["model"].update(decoder_sizes=[size, size])
    )
    with pytest.raises(
        RunError, match=r"weight .* (says|lacks)|no possible model|lacks weight|too large"
    ):
        Translator.load(copy, "cpu")


@pytest.mark.parametrize("text", ["[" * 10**6, "", "null", "[1]", '{"format": 1e999}', "\x00"])
def test_descriptions_that_are_no_json(copy: Path, text: str) -> None:
    (copy / "experiment.json").write_text(text, encoding="utf-8")
    with pytest.raises(RunError, match=r"experiment\.json"):
        Translator.load(copy, "cpu")


def test_a_description_without_end(copy: Path) -> None:
    with (copy / "experiment.json").open("r+b") as file:
        file.truncate(2**40)
    with pytest.raises(RunError, match=r"experiment\.json has more than 4,194,304 bytes"):
        Translator.load(copy, "cpu")


def test_the_description_says_what_made_the_run(trained: Path, sample: Path) -> None:
    values = json.loads((trained / "experiment.json").read_text(encoding="utf-8"))
    begun = values["begun"]
    assert begun["command"]
    assert torch.__version__.startswith(begun["versions"]["torch"])  # then what it is built for
    assert begun["versions"]["seq2seq"] == seq2seq.__version__
    assert all(begun["versions"].values())
    assert begun["platform"]
    assert begun["threads"] == 1
    assert values["continued"] == []
    sides = [
        (sample / f"train.{side}").read_text(encoding="utf-8").splitlines() for side in ("en", "fr")
    ]
    training = summarize_text(sides)
    assert values["text"]["train"] == training._asdict()
    assert (training.lines, training.read) == (len(sides[0]), len(sides[0]))
    assert values["text"]["validation"]["sha256"] != training.sha256
    assert list(values["files"]) == FILES


@given(st.lists(st.lists(st.text(st.characters())), min_size=1, max_size=3))
def test_the_digest_of_a_text_is_that_of_its_json(sides: list[list[str]]) -> None:
    """As older versions made it at once; lone surrogates are possible in JSON lines."""
    expected = hashlib.sha256(json.dumps(sides).encode()).hexdigest()
    assert summarize_text(sides) == (expected, len(sides[0]), len(sides[0]))
    assert summarize_text([tuple(side) for side in sides], read=7).sha256 == expected


def test_a_digest_takes_little_memory() -> None:
    lines = [f"Это предложение номер {number}." for number in range(20_000)]
    tracemalloc.start()
    summarize_text([lines, lines])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100_000


def test_the_commit_is_that_of_the_folder(tmp_path: Path) -> None:
    assert git_state(tmp_path) is None

    def git(*arguments: str) -> None:
        name = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
        subprocess.run(["git", *name, *arguments], cwd=tmp_path, check=True, capture_output=True)

    git("init")
    assert git_state(tmp_path) is None
    (tmp_path / "a").write_text("1")
    git("add", "a")
    git("commit", "-m", "first")
    before = git_state(tmp_path)
    assert before is not None
    assert len(before["commit"]) == 40
    assert before["changed"] is False
    (tmp_path / "a").write_text("2")
    assert git_state(tmp_path) == {**before, "changed": True}
    assert json.dumps(environment())


@pytest.mark.parametrize("text", [{}, {"train": 3}, {"train": {"sha256": 1}}])
def test_a_run_that_does_not_say_its_text_is_not_continued(
    copy: Path, text: dict[str, object]
) -> None:
    redescribe(copy, lambda values: values.update(text=text))
    experiment = Run(copy).experiment(Experiment)
    with pytest.raises(RunError, match="does not say which text was read"):
        train(replace(experiment, resume=True))

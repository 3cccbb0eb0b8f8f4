"""Weights and run directories on disk: whole or not at all, and never anything but numbers."""

import json
import os
import pickle
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from seq2seq.config.model import ModelSettings
from seq2seq.errors import RunError
from seq2seq.models.translation import build_translation_model
from seq2seq.runs.checkpoint import load_weights, named_weights
from seq2seq.runs.directory import FORMAT, RunDirectory
from seq2seq.runs.files import write_atomically, write_json
from seq2seq.runs.tensors import Shapes, load_tensors, save_tensors


@pytest.fixture
def tensors() -> dict[str, Tensor]:
    return {
        "a": torch.arange(600.0).reshape(20, 30),
        "b": torch.tensor(7),
        "c": torch.ones(3).bool(),
    }


def test_what_is_written_is_read(tmp_path: Path, tensors: dict[str, Tensor]) -> None:
    state = {"step": 3, "best": None, "words": "œuvre\u2028"}
    save_tensors(tmp_path / "x", tensors, state)
    found, found_state = load_tensors(tmp_path / "x")
    assert found_state == state
    assert found.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert found[name].dtype == tensor.dtype
        assert torch.equal(found[name], tensor)


def test_equal_tensors_are_equal_bytes(tmp_path: Path, tensors: dict[str, Tensor]) -> None:
    for number in range(10):
        save_tensors(tmp_path / str(number), tensors, {"step": 1, "loss": 2.5})
    assert len({path.read_bytes() for path in tmp_path.iterdir()}) == 1


def test_all_files_may_be_read_by_the_same_people(
    tmp_path: Path, tensors: dict[str, Tensor]
) -> None:
    before = os.umask(0o022)
    try:
        save_tensors(tmp_path / "x", tensors, None)
        write_json(tmp_path / "y", {})
    finally:
        os.umask(before)
    assert [path.stat().st_mode & 0o777 for path in tmp_path.iterdir()] == [0o644, 0o644]


@pytest.mark.parametrize("error", [OSError("disk full"), ValueError("bug"), KeyboardInterrupt()])
def test_a_failed_write_leaves_the_old_file_alone(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def write(temporary: Path) -> None:
        temporary.write_text("half of the n")
        raise error

    with pytest.raises(RunError if isinstance(error, OSError) else type(error)) as caught:
        write_atomically(path, write)
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]
    assert path.read_text() == "old"
    if isinstance(error, OSError):
        assert str(path) in str(caught.value)
        assert "disk full" in str(caught.value)


def test_a_folder_that_is_missing_is_named(tmp_path: Path, tensors: dict[str, Tensor]) -> None:
    with pytest.raises(RunError, match="nowhere"):
        save_tensors(tmp_path / "nowhere" / "x", tensors, None)
    with pytest.raises(RunError, match=r"nowhere.*is missing"):
        load_tensors(tmp_path / "nowhere" / "x")


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[:4],
        lambda data: data[:60],
        lambda data: data[:-1],
        lambda data: data[: len(data) // 2],
        lambda data: data + b"more",
        lambda data: bytes(range(256)) * 10,
        lambda data: data[:-90] + bytes([data[-90] ^ 1]) + data[-89:],
        lambda data: data.replace(b"checksum", b"check\xffum"),
        lambda data: data.replace(b"20,30", b"30,20"),
        lambda data: pickle.dumps({"a": torch.ones(3)}),
    ],
)
def test_damage_is_noticed(tmp_path: Path, tensors: dict[str, Tensor], damage) -> None:
    path = tmp_path / "best.safetensors"
    save_tensors(path, tensors, {"step": 1})
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(RunError, match=r"best\.safetensors is damaged"):
        load_tensors(path)


def test_every_bit_counts(tmp_path: Path) -> None:
    path = tmp_path / "x"
    save_tensors(path, {"a": torch.arange(3.0), "b": torch.tensor(7)}, {"step": 1}, "run")
    data = path.read_bytes()
    for place in range(len(data)):
        path.write_bytes(data[:place] + bytes([data[place] ^ 1 << place % 8]) + data[place + 1 :])
        with pytest.raises(RunError, match="x "):
            load_tensors(path, "run")


def test_a_file_knows_its_run(tmp_path: Path, tensors: dict[str, Tensor]) -> None:
    save_tensors(tmp_path / "x", tensors, None, "mine")
    assert load_tensors(tmp_path / "x", "mine")[0].keys() == tensors.keys()
    assert load_tensors(tmp_path / "x")[0].keys() == tensors.keys()
    with pytest.raises(RunError, match="x belongs to another run"):
        load_tensors(tmp_path / "x", "yours")
    save_tensors(tmp_path / "x", tensors, None)
    with pytest.raises(RunError, match="x belongs to another run"):
        load_tensors(tmp_path / "x", "yours")


def test_shapes_are_seen_before_numbers_are_read(tmp_path: Path) -> None:
    """A file of 8 GiB, none of which is on the disk."""
    path = tmp_path / "x"
    size = 2**33
    words = json.dumps({"state": "null", "run": None, "checksum": 0})
    header = {
        "__metadata__": {"seq2seq": words},
        "a": {"dtype": "F32", "shape": [2**20, 2**11], "data_offsets": [0, size]},
    }
    data = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(len(data).to_bytes(8, "little") + data)
        file.truncate(8 + len(data) + size)

    def check(shapes: Shapes) -> None:
        raise RunError(f"the shapes are {shapes}")

    with pytest.raises(RunError, match=r"the shapes are .*1048576, 2048"):
        load_tensors(path, None, check)


class Bomb:
    """Unpickling this would write a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.write_text, (self.path, "exploded")


@pytest.mark.parametrize("save", [lambda x, path: path.write_bytes(pickle.dumps(x)), torch.save])
def test_a_pickle_is_never_opened(tmp_path: Path, save) -> None:
    path = tmp_path / "best.safetensors"
    save(Bomb(tmp_path / "harm"), path)
    with pytest.raises(RunError, match=r"best\.safetensors"):
        load_tensors(path)
    assert not (tmp_path / "harm").exists()


def test_tied_weights_are_saved_once_and_come_back_tied(tmp_path: Path) -> None:
    def build() -> nn.Module:
        sizes = {"embedding_size": 6, "encoder_sizes": (4,), "decoder_sizes": (5,)}
        settings = ModelSettings(tied_output=True, shared_embedding=True, **sizes)
        return build_translation_model(9, 9, settings)

    first, second = build(), build()
    save_tensors(tmp_path / "x", named_weights(first), None)
    tensors, _ = load_tensors(tmp_path / "x")
    assert sum(tensor.shape == (9, 6) for tensor in tensors.values()) == 1
    load_weights(second, tensors, tmp_path / "x")
    before, after = first.state_dict(), second.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert len({weight.data_ptr() for weight in after.values() if weight.shape == (9, 6)}) == 1


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (nn.Linear(3, 5), "weight bias is"),
        (nn.Linear(3, 4, bias=False), "lacks weight bias"),
        (nn.Bilinear(3, 3, 4), "weight is"),
        (nn.Sequential(nn.Linear(3, 4)), r"unknown weight 0\.bias"),
    ],
)
def test_weights_of_another_model_are_refused(
    tmp_path: Path, other: nn.Module, message: str
) -> None:
    model = nn.Linear(3, 4)
    before = model.weight.clone()
    with pytest.raises(RunError, match=rf"(?s)x\.safetensors.*{message}"):
        load_weights(model, named_weights(other), Path("x.safetensors"))
    assert torch.equal(before, model.weight)


def test_a_run_is_made_where_nothing_is(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path / "a" / "b")
    run.create(overwrite=False)
    run.create(overwrite=False)  # an empty folder is nothing, too
    assert run.path.is_dir()


def test_a_run_is_overwritten_only_if_asked_for(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path)
    write_json(run.experiment, {"format": FORMAT})
    run.best.write_text("weights")
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(RunError, match=r"exists already: give another --run, or delete it with"):
        run.create(overwrite=False)  # there is no checkpoint to continue from
    run.last.write_text("weights")
    with pytest.raises(RunError, match=r"exists already.*--resume.*--overwrite"):
        run.create(overwrite=False)
    assert run.best.exists()
    for name in ("best.safetensors.tmp", "step-7.safetensors.tmp", "mine.tmp"):
        (tmp_path / name).write_text("half of the")
    run.create(overwrite=True)
    # Only a run's own files go; by its description, the directory is still known as a run.
    assert {path.name for path in tmp_path.iterdir()} == {
        *("experiment.json", "notes.txt", "mine.tmp"),
    }
    run.create(overwrite=True)


def test_what_a_killed_process_left_is_in_nobodys_way(tmp_path: Path) -> None:
    """It was killed before it had written a single file: the same command works again."""
    run = RunDirectory(tmp_path)
    for name in ("training.lock", "experiment.json.tmp", "step-12.safetensors.tmp"):
        (tmp_path / name).write_text("half of the")
    run.create(overwrite=False)
    assert [path.name for path in tmp_path.iterdir()] == ["training.lock"]
    (tmp_path / "thesis.tmp").write_text("years of work")
    with pytest.raises(RunError, match="never deleted"):
        run.create(overwrite=True)
    assert (tmp_path / "thesis.tmp").exists()


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("experiment", [None, "not JSON", "[1]", json.dumps({"format": "other 1"})])
def test_what_is_no_run_is_never_deleted(
    tmp_path: Path, experiment: str | None, overwrite: bool
) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    if experiment is not None:
        (tmp_path / "experiment.json").write_text(experiment)
    before = {path.name: path.read_text() for path in tmp_path.iterdir()}
    with pytest.raises(RunError, match="never deleted"):
        RunDirectory(tmp_path).create(overwrite=overwrite)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == before


def test_a_file_is_no_run_directory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    with pytest.raises(RunError, match="is a file"):
        RunDirectory(tmp_path / "file").create(overwrite=True)
    with pytest.raises(RunError, match="could not be made"):
        RunDirectory(tmp_path / "file" / "run").create(overwrite=True)
    for path, message in ((tmp_path, "is not a run directory"), (tmp_path / "x", "no run at")):
        with pytest.raises(RunError, match=message):
            RunDirectory(path).check_exists()

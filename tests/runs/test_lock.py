"""One training at a time in a run directory, whatever becomes of the one that held it."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from seq2seq.config.experiment import Experiment
from seq2seq.config.language_model import MonolingualSettings, NGramExperiment
from seq2seq.data.parallel import Corpora
from seq2seq.errors import RunError, SettingsError
from seq2seq.language_modeling.train_ngram import train_ngram_model
from seq2seq.runs.lock import lock_run
from seq2seq.translation.train import train

HOLDER = """
import sys, pathlib
from seq2seq.runs.lock import lock_run
with lock_run(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def holder(path: Path) -> subprocess.Popen[bytes]:
    """Another process that holds a run directory until its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    return process


def test_a_second_training_is_told_who_trains(
    experiment: Callable[..., Experiment], letters: Corpora
) -> None:
    run = experiment(max_steps=1)
    other = holder(Path(run.run))
    with pytest.raises(RunError, match=rf"is being trained by process {other.pid}: wait for it"):
        train(run, letters)
    unread = replace(run, data=replace(run.data, train="missing.tsv"))
    with pytest.raises(SettingsError, match=r"no file missing\.tsv") as refused:  # beside all else
        train(unread)
    assert f"is being trained by process {other.pid}: wait for it" in str(refused.value)
    other.communicate(b"")
    assert train(run, letters) == "the budget is used up"
    assert not (Path(run.run) / "training.lock").exists()


def test_a_killed_one_locks_nothing(
    experiment: Callable[..., Experiment], letters: Corpora
) -> None:
    run = experiment(max_steps=1)
    other = holder(Path(run.run))
    other.send_signal(signal.SIGKILL)
    other.communicate()
    assert (Path(run.run) / "training.lock").read_text() == str(other.pid)
    assert train(run, letters) == "the budget is used up"


def test_what_is_being_trained_is_not_overwritten(
    experiment: Callable[..., Experiment], letters: Corpora
) -> None:
    """Nor continued, nor replaced by an n-gram model: not under another name either."""
    run = experiment(max_steps=1)
    train(run, letters)
    other = holder(Path(run.run))
    moved = Path(run.run).rename(Path(run.run).with_name("moved"))
    before = {path.name: path.read_bytes() for path in moved.iterdir()}
    assert "training.lock" in before
    text = moved.with_name("text.txt")
    text.write_text("a b c\nd e f\n")
    model = NGramExperiment(
        run=str(moved), overwrite=True, data=MonolingualSettings(train=str(text), tokenizer="word")
    )
    for begin in (
        lambda: train(replace(run, run=str(moved), overwrite=True), letters),
        lambda: train(replace(run, run=str(moved), resume=True), letters),
        lambda: train_ngram_model(model),
    ):
        with pytest.raises(RunError, match=rf"moved is being trained by process {other.pid}"):
            begin()
    assert {path.name: path.read_bytes() for path in moved.iterdir()} == before
    # A copy is another run, whatever lock was copied with it.
    copy = Path(shutil.copytree(moved, moved.with_name("copy")))
    assert train(replace(run, run=str(copy), resume=True), letters) == "the budget is used up"
    assert not (copy / "training.lock").exists()
    other.communicate(b"")


def test_leftovers_are_cleared_by_the_holder_only(tmp_path: Path) -> None:
    other = holder(tmp_path)
    writing = tmp_path / "last.safetensors.tmp"
    writing.touch()
    with pytest.raises(RunError, match="is being trained"):
        lock_run(tmp_path).__enter__()
    assert writing.exists()
    other.communicate(b"")
    with lock_run(tmp_path):
        assert [path.name for path in tmp_path.iterdir()] == ["training.lock"]


def fail_in(path: Path) -> None:
    """A training that ends before it has written anything."""
    with lock_run(path):
        assert (path / "training.lock").is_file()
        raise SettingsError("no")


def test_an_error_leaves_neither_lock_nor_directory(tmp_path: Path) -> None:
    with pytest.raises(SettingsError):
        fail_in(tmp_path / "new" / "run")
    assert not (tmp_path / "new" / "run").exists()
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "file").touch()
    with pytest.raises(SettingsError):
        fail_in(tmp_path / "old")
    assert [path.name for path in (tmp_path / "old").iterdir()] == ["file"]


def test_many_processes_take_turns(tmp_path: Path) -> None:
    """Of those that come at the same time one gets it; when it goes, another one can."""
    for _ in range(3):
        others = [
            subprocess.Popen(
                [sys.executable, "-c", HOLDER, str(tmp_path)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            for _ in range(3)
        ]
        lines = [other.stdout.readline() for other in others if other.stdout]
        assert sorted(lines) == [b"", b"", b"held\n"]
        for other in others:
            other.communicate(b"")
        assert not list(tmp_path.iterdir())


@pytest.mark.skipif(
    os.name != "posix" or os.geteuid() == 0, reason="root, and Windows, may write anywhere"
)
def test_a_directory_that_can_not_be_written_to(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(RunError, match="could not be written"), lock_run(tmp_path / "run"):
        pass


def test_a_file_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="could not be written"), lock_run(tmp_path / "file"):
        pass

"""A training that is killed at any moment and continued is one that never stopped."""

import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.killing import (
    Moment,
    Programs,
    Training,
    assert_same,
    check_usable,
    is_written,
    kill_often,
    last_step,
    strike,
    trainings,
)

Whole = Callable[[str], tuple[Training, Path]]


@pytest.mark.parametrize(("name", "kills"), [("drawn", 10), ("averaged", 5), ("carried", 5)])
def test_killed_at_random_moments(
    programs: Programs, whole: Whole, tmp_path: Path, name: str, kills: int
) -> None:
    """By three signals, in all parts of a training; renamed and copied in between."""
    happened = kill_often(programs, *whole(name), tmp_path, kills, seed=kills)
    assert len(happened) == kills


def kill_while_writing(programs: Programs, training: Training, run: Path, name: str) -> None:
    """Kills a training in the middle of writing a file; tries again if that was too late."""
    before = run.with_name(f"before {name}")
    if run.exists():
        shutil.copytree(run, before)
    for _ in range(20):
        programs.begin(*training.begin_or_continue(run))
        caught = strike(programs, run, Moment(signal.SIGKILL, writing=f"{name}.tmp", latest=1))
        programs.wait()
        if caught:
            return
        shutil.rmtree(run)
        if before.exists():
            shutil.copytree(before, run)
    pytest.fail(f"{name} was always written too quickly")


def test_killed_while_it_writes_its_first_files(programs: Programs, tmp_path: Path) -> None:
    """The same command works again as long as nothing is there; then --overwrite is asked for."""
    training = trainings(tmp_path)["drawn"]
    run = tmp_path / "run"
    begin = [*training.command, "--run", run, *training.options]
    for name in ("experiment.json", "source.tokenizer", "last.safetensors"):
        kill_while_writing(programs, training, run, name)
        assert is_written(run, f"{name}.tmp")
        assert not (run / name).exists()
        check_usable(training, run)
    status, said = programs.run(*begin)
    assert status == 2
    assert said.endswith("exists already: give another --run, or delete it with --overwrite\n")
    status, said = programs.run("train", "--run", run, "--resume", "--device", "cpu")
    assert status == 2
    assert "last.safetensors is missing: the run was stopped before it could be saved" in said
    assert programs.run(*begin, "--overwrite", "--training.max-steps", 5)[0] == 0
    assert last_step(run) == 5
    assert not is_written(run, "*.tmp")
    assert programs.run(*begin, "--training.max-steps", 5, "--run", tmp_path / "other")[0] == 0
    assert_same(run, tmp_path / "other")


def test_leftovers_are_cleared_when_a_run_is_continued(
    programs: Programs, whole: Whole, tmp_path: Path
) -> None:
    training, run = whole("averaged")
    run = Path(shutil.copytree(run, tmp_path / "run"))
    files = {path.name for path in run.iterdir()}
    for name in ("best.safetensors.tmp", "metrics.jsonl.tmp", "step-3.safetensors.tmp"):
        (run / name).write_text("half of the")
    (run / "notes.tmp").write_text("mine")
    assert programs.run(*training.begin_or_continue(run))[0] == 0
    assert {path.name for path in run.iterdir()} == {*files, "notes.tmp"}

"""A full disk, a directory that is read-only or gone: one clear error, and nothing is lost."""

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

import seq2seq
from seq2seq.errors import RunError
from seq2seq.runs.lock import lock_run
from tests.support.killing import (
    Programs,
    Training,
    assert_same,
    check_usable,
    is_written,
    last_step,
    trainings,
)

pytestmark = pytest.mark.slow

Whole = Callable[[str], tuple[Training, Path]]
NOBODY = 65534
"""A user who owns nothing."""


def contents(run: Path) -> dict[str, bytes]:
    """The checkpoints of a run."""
    return {path.name: path.read_bytes() for path in run.glob("*.safetensors")}


def check_refused(status: int, said: str, *parts: str) -> None:
    """One error, which says all this, and no traceback."""
    assert status == 2, said
    assert "Traceback" not in said
    assert ("\n" + said).count("\nerror: ") == 1, said
    for part in parts:
        assert part in said


@pytest.mark.parametrize(
    ("name", "most", "file"),
    [
        ("averaged", 3500, "experiment.json"),
        ("drawn", 14_000, "last.safetensors"),
    ],
)
def test_no_space_for_the_first_files(
    programs: Programs, tmp_path: Path, name: str, most: int, file: str
) -> None:
    training = trainings(tmp_path)[name]
    run = tmp_path / "run"
    status, said = programs.run(*training.begin_or_continue(run), most=most)
    check_refused(status, said, f"{run / file} could not be written", "File too large")
    assert not is_written(run, "*.tmp")
    assert not is_written(run, "training.lock")
    check_usable(training, run)
    few = ["--training.epochs", "None", "--training.max-steps", 2]
    assert programs.run(*training.begin_or_continue(run), *few)[0] == 0


def test_no_space_for_what_a_training_writes(
    programs: Programs, whole: Whole, tmp_path: Path
) -> None:
    """Checkpoint, log and curves; with space again, it all ends as if nothing had been."""
    training, uninterrupted = whole("drawn")
    run = tmp_path / "run"
    programs.begin(*training.begin_or_continue(run))
    while last_step(run) < 10 and not programs.ended(0.001):
        pass
    programs.send(signal.SIGTERM)
    assert programs.wait()[0] == 130
    before = contents(run)
    size = len(before["last.safetensors"])

    status, said = programs.run(*training.begin_or_continue(run), most=size - 100)
    check_refused(status, said, "last.safetensors could not be written")
    assert contents(run) == before

    log = run / "metrics.jsonl"
    original = log.read_bytes()
    first, _, rest = original.partition(b"\n")
    long = json.dumps({**json.loads(first), "note": "x" * (2 * size - len(original))}).encode()
    log.write_bytes(long + b"\n" + rest)
    status, said = programs.run(*training.begin_or_continue(run), most=2 * size + 100)
    check_refused(status, said, "metrics.jsonl could not be written: File too large")
    log.write_bytes(log.read_bytes().replace(long, first))

    status, said = programs.run(*training.begin_or_continue(run))
    assert status == 0, said
    assert_same(uninterrupted, run)
    curves = (run / "learning_curves.png").read_bytes()
    status, said = programs.run("plot", run, most=1000)
    check_refused(status, said, "learning_curves.png could not be written")
    assert (run / "learning_curves.png").read_bytes() == curves


def mount(*arguments: object) -> None:
    """Calls `mount`; skips the test where that is not allowed."""
    try:
        subprocess.run(["mount", *map(str, arguments)], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no file system of a given size can be made here: {error}")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, of one page."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount("-t", "tmpfs", "-o", "size=4k", "tmpfs", disk)
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_disk_that_is_full_again_and_again(
    programs: Programs, whole: Whole, small_disk: Path
) -> None:
    """It grows by little each time, so that there is space for one more file, or for half of it."""
    training, uninterrupted = whole("averaged")
    run = small_disk / "run"
    failures = set()
    for size in (4, 12, 20, 28, 36, 80, 120, 160, 1000):
        mount("-o", f"remount,size={size}k", small_disk)
        before = contents(run)
        status, said = programs.run(*training.begin_or_continue(run))
        if status == 0:
            break
        check_refused(status, said, str(run), "No space left on device")
        failures.add(re.search(r"error: .*/(\S+) could not be", said)[1])
        assert contents(run).keys() >= before.keys() & {"last.safetensors", "best.safetensors"}
        check_usable(training, run)
    assert failures >= {"experiment.json", "source.tokenizer", "last.safetensors"}, failures
    assert_same(uninterrupted, run)


def test_a_disk_that_is_read_only(programs: Programs, tmp_path: Path, small_disk: Path) -> None:
    mount("-o", "remount,size=2m", small_disk)
    training = trainings(tmp_path)["drawn"]
    run = small_disk / "run"
    few = ["--training.max-steps", 3]
    assert programs.run(*training.begin_or_continue(run), *few)[0] == 0
    before = contents(run)
    mount("-o", "remount,ro", small_disk)
    status, said = programs.run(*training.begin_or_continue(run), "--training.max-steps", 5)
    check_refused(status, said, f"{run / 'training.lock'} could not be written: Read-only file")
    status, said = programs.run(*training.begin_or_continue(small_disk / "new"), *few)
    check_refused(status, said, "new", "could not be written: Read-only file")
    check_usable(training, run)
    assert contents(run) == before


@pytest.fixture
def folder() -> Iterator[tuple[Path, int | None]]:
    """A folder that a user other than root owns and can reach, and this user, if it is another."""
    user = NOBODY if os.geteuid() == 0 else None
    installed = [Path(module.__file__) for module in (torch, seq2seq)]
    closed = [
        str(each) for file in installed for each in file.parents if each.stat().st_mode % 2 == 0
    ]
    if user is not None and closed:
        pytest.skip(f"no other user can read {closed[-1]}, where the programs are installed")
    path = Path(tempfile.mkdtemp())
    if user is not None:
        os.chown(path, user, -1)
    path.chmod(0o755)
    yield path, user
    shutil.rmtree(path)


def test_a_directory_that_can_no_longer_be_written_to(
    programs: Programs, folder: tuple[Path, int | None]
) -> None:
    path, user = folder
    training = trainings(path)["drawn"]
    run = path / "run"
    begin_and_pause(programs, training, run, user=user)
    before = contents(run)
    run.chmod(0o555)
    programs.send(signal.SIGCONT)
    check_refused(*programs.wait(), f"{run}", "could not be written: Permission denied")
    assert contents(run) == before
    for options in ([], ["--training.max-steps", 70]):
        status, said = programs.run(*training.begin_or_continue(run), *options, user=user)
        check_refused(status, said, f"{run}", "could not be written: Permission denied")
    path.chmod(0o555)
    status, said = programs.run(*training.begin_or_continue(path / "new"), user=user)
    check_refused(status, said, f"{path / 'new'}", "could not be written: Permission denied")
    run.chmod(0o000)
    for command in (["train", "--run", run, "--resume"], training.begin_or_continue(run)):
        status, said = programs.run(*command, user=user)
        check_refused(status, said, f"{run}", "Permission denied")
    path.chmod(0o755)
    run.chmod(0o755)
    status, said = programs.run(*training.begin_or_continue(run), user=user)
    assert status == 0, said


def begin_and_pause(
    programs: Programs, training: Training, run: Path, **options: int | None
) -> None:
    """Begins a training, and stops it for a while after some steps."""
    programs.begin(*training.begin_or_continue(run), **options)
    while last_step(run) < 10 and not programs.ended(0.001):
        pass
    programs.send(signal.SIGSTOP)
    time.sleep(0.05)  # until it has
    assert not programs.ended(), programs.wait()


def test_a_directory_that_is_gone(programs: Programs, whole: Whole, tmp_path: Path) -> None:
    training, uninterrupted = whole("drawn")
    run = tmp_path / "run"
    begin_and_pause(programs, training, run)
    moved = run.rename(tmp_path / "moved")
    with pytest.raises(RunError, match=f"moved is being trained by process {programs.process}"):
        lock_run(moved).__enter__()
    programs.send(signal.SIGCONT)
    check_refused(*programs.wait(), f"{run}", "could not be written: No such file or directory")
    assert not run.exists()
    assert programs.run(*training.begin_or_continue(moved))[0] == 0
    assert_same(uninterrupted, moved)
    begin_and_pause(programs, training, run)
    shutil.rmtree(run)
    programs.send(signal.SIGCONT)
    check_refused(*programs.wait(), f"{run}", "could not be written: No such file or directory")

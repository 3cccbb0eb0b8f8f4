"""`recipes/translate_with_ray.py` with a local Ray; skipped where Ray is not installed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from seq2seq.data.readers.lines import read_lines
from seq2seq.translation.translator import Translator

ROOT = Path(__file__).resolve().parent.parent
RECIPE = ROOT / "recipes" / "translate_with_ray.py"
KEPT = ROOT / "tests" / "runs" / "format-2"
PATIENCE = 300.0

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks for workers in /proc"),
]


def busy_workers(parent: int) -> list[int]:
    """The workers of the Ray that a process has begun which translate at the moment."""
    found, families = [], {parent}
    for folder in sorted(Path("/proc").glob("[0-9]*"), key=lambda path: int(path.name)):
        try:
            title = (folder / "cmdline").read_bytes()
            above = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if above in families:
            families.add(int(folder.name))
            if title.startswith(b"ray::MapWorker") and b".submit" in title:
                found.append(int(folder.name))
    return found


def test_a_worker_is_killed_and_nothing_is_lost(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    lines = [f"{line} {n % 7 * 'x'}" for n in range(110) for line in read_lines(KEPT / "text.txt")]
    lines[1] = "a\u2028b"  # a line all the same
    lines[2] = ""
    texts = tmp_path / "one.txt", tmp_path / "empty.txt"
    texts[0].write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    texts[1].touch()
    run, out = KEPT / "translation", tmp_path / "out"
    program = [sys.executable, RECIPE, run, *texts, "--out", out, "--workers", "2"]
    program += ["--beam-size", "2"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "RAY_USAGE_STATS_ENABLED": "0"}
    with (tmp_path / "said").open("wb") as said:
        process = subprocess.Popen(program, stdout=said, stderr=said, env=environment)
        killed = kill_a_worker(process)
        status = process.wait(PATIENCE)
    told = (tmp_path / "said").read_text()
    assert status == 0, told
    assert killed, "it was too quick to be killed"
    assert {path.name for path in out.iterdir()} == {"one.txt", "empty.txt"}
    found = read_lines(out / "one.txt")
    assert found == Translator.load(run, "cpu").translate(lines, beam_size=2)
    assert (out / "empty.txt").read_bytes() == b""


def kill_a_worker(process: "subprocess.Popen[bytes]") -> bool:
    """Kills a worker that translates; returns whether there was one."""
    end = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < end:
        for worker in busy_workers(process.pid):
            os.kill(worker, signal.SIGKILL)
            return True
        time.sleep(0.01)
    return False


def test_two_texts_of_one_name_are_refused(tmp_path: Path) -> None:
    given = [KEPT / "translation", "a/text.txt", "b/text.txt.gz"]
    result = subprocess.run(
        [sys.executable, RECIPE, *given], capture_output=True, env={**os.environ}, cwd=tmp_path
    )
    said = result.stderr.decode()
    assert result.returncode == 2
    assert "give --out DIR" in said
    assert "two texts have the same name" in said
    assert "Traceback" not in said

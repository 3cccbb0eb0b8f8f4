"""The fuzzer itself, for some seconds, with a fixed seed; and what it has found."""

import subprocess
from collections.abc import Callable
from pathlib import Path

FUZZER = Path(__file__).resolve().parent / "fuzz.py"


def test_nearly_right_files_are_read_or_refused(
    command: Callable[..., subprocess.CompletedProcess[bytes]],
) -> None:
    result = command(FUZZER, "--seed", 1, "--cases", 300)
    assert result.returncode == 0, result.stdout.decode()
    assert result.stdout.startswith(b"300 cases, 0 finds")

"""What all pictures share: without matplotlib, a word on how to install it."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path


def test_without_matplotlib_the_command_to_install_it_is_named(
    command: Callable[..., subprocess.CompletedProcess[bytes]], tmp_path: Path
) -> None:
    (tmp_path / "matplotlib.py").write_text("raise ImportError('not installed')\n")
    result = command(
        "-c",
        "from seq2seq.errors import SettingsError\n"
        "from seq2seq.plotting.figure import check_figure_path\n"
        "try:\n    check_figure_path('x.png')\n"
        "except SettingsError as error:\n    print(error)\n",
        environment={"PYTHONPATH": f"{tmp_path}{os.pathsep}{Path(__file__).parents[2]}"},
    )
    assert result.stdout == b"plots need matplotlib: pip install matplotlib\n", result.stderr

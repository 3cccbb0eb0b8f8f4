"""Under which circumstances a run was made: versions, machine, command line, state of the code."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import seq2seq
from seq2seq.torchrun import own_rank

LIBRARIES = ("torch", "sentencepiece", "sacrebleu", "datasets", "safetensors", "numpy")
"""Which libraries' versions can change what comes out."""


def environment() -> dict[str, Any]:
    """What has to be known, besides settings and text, to make the same run again.

    The number of threads is that of torch now: sums of floating-point numbers depend on it. Under
    torchrun they depend on the number of its ranks, too; its id tells a restart from another start.
    """
    import torch

    rank = own_rank()
    return {
        "command": list(sys.argv),
        "versions": {
            "seq2seq": seq2seq.__version__,
            "python": platform.python_version(),
            **{name: version(name) for name in LIBRARIES},
        },
        "platform": platform.platform(),
        "processor": processor(),
        "threads": torch.get_num_threads(),
        "git": {
            "seq2seq": git_state(Path(seq2seq.__file__).parent),
            "working directory": git_state(Path.cwd()),
        },
        **({"ranks": rank.size, "launch": rank.launch} if rank else {}),
    }


def version(library: str) -> str | None:
    """The version of a library; None if it is not installed."""
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return None


def processor() -> str:
    """The processor's name: other kernels, other roundings."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # not on Linux
        return platform.processor()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())


def git_state(folder: Path) -> dict[str, Any] | None:
    """The commit that a folder is at, and whether files differ from it; None without git."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(folder), *arguments]
        # No lock is taken, so that nobody is disturbed.
        alone = {**os.environ, "GIT_OPTIONAL_LOCKS": "0"}
        done = subprocess.run(command, check=True, capture_output=True, timeout=10, env=alone)
        return done.stdout.decode("utf-8", "replace").strip()

    try:
        commit = git("rev-parse", "HEAD")
        changed = git("status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):  # no git, no repository, or no commit yet
        return None
    return {"commit": commit, "changed": bool(changed)}

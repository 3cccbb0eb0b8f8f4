"""What some tests need of the operating system; they are skipped where it is missing."""

import os

import pytest
import torch

needs_posix = pytest.mark.skipif(os.name != "posix", reason="needs a POSIX system")
"""Signals that kill, shells, forks, devices, named pipes, links."""

can_fork = pytest.mark.skipif(
    torch.cuda.is_available(),
    reason="beside a GPU, what has computed gradients once can't fork others that do",
)
"""For tests whose processes are forked from the one that runs the tests."""

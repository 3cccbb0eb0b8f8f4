"""What some tests need of the operating system; they are skipped where it is missing."""

import os

import pytest

needs_posix = pytest.mark.skipif(os.name != "posix", reason="needs a POSIX system")
"""Signals that kill, shells, forks, devices, named pipes, links."""

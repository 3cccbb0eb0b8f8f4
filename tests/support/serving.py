"""Servers as a user starts them: programs, each at a port of its own."""

import os
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

KEPT = Path(__file__).parents[1] / "runs" / "format-2" / "translation"
PATIENCE = 60.0
"""Seconds after which a program is taken to hang."""


class Server:
    """``seq2seq serve ARGUMENTS --port 0``, until the end of the context.

    Attributes:
        url: where it is.
        process: the program.
        said: what it wrote to stderr, once it has ended.
    """

    def __init__(self, *arguments: object, **environment: str) -> None:
        command = [sys.executable, "-m", "seq2seq", "serve", *map(str, arguments), "--port", "0"]
        self.process = subprocess.Popen(
            command,
            stderr=subprocess.PIPE,
            bufsize=0,
            env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        )
        self.said = ""
        self.url = self._wait_for_address()
        self.port = urlsplit(self.url).port

    def _wait_for_address(self) -> str:
        assert self.process.stderr
        end = time.monotonic() + PATIENCE
        while not (found := re.search(r"serving at (\S+).*\n", self.said)):
            ready, *_ = select.select([self.process.stderr], [], [], end - time.monotonic())
            more = self.process.stderr.read(4096) if ready else b""
            self.said += more.decode()
            assert more, self.said
        return found[1]

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.end()

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Sends a signal, waits for the end, and returns the exit code."""
        assert self.process.stderr
        self.process.send_signal(number)
        self.said += self.process.stderr.read().decode()
        self.process.stderr.close()
        return self.process.wait(PATIENCE)

    @property
    def memory(self) -> int:
        """What it has in memory, in KiB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+)", status)
        assert found
        return int(found[1])

"""Programs that hold a model in JavaScript, and answer one request after the other."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Protocol

from seq2seq.export.html import WORKER, read_scripts

LOOP = """
(async () => {
  for await (const line of require("readline").createInterface({ input: process.stdin })) {
    process.stdout.write(JSON.stringify(await answer(JSON.parse(line))) + "\\n");
  }
})();
"""


class Engine(Protocol):
    """What runs a program that has all that translates, and a function `answer` of its own."""

    def ask(self, request: dict[str, Any]) -> Any:
        """Returns what `answer` returns for a request; both are JSON."""

    def close(self) -> None:
        """Ends it."""


class Node:
    """The program in node."""

    def __init__(self, program: str) -> None:
        self.folder = tempfile.TemporaryDirectory()
        path = Path(self.folder.name) / "program.cjs"
        path.write_text(read_scripts(WORKER) + program + LOOP, encoding="utf-8")
        self.process = subprocess.Popen(
            ["node", path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, request: dict[str, Any]) -> Any:
        """See `Engine`."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self) -> None:
        """See `Engine`."""
        self.process.communicate()
        self.folder.cleanup()


class Chromium:
    """The program in Debian's Chromium, without a screen, opened from the disk."""

    def __init__(self, program: str) -> None:
        from selenium import webdriver

        self.folder = tempfile.TemporaryDirectory()
        path = Path(self.folder.name) / "page.html"
        script = read_scripts(WORKER) + program
        path.write_text(
            f'<!DOCTYPE html><meta charset="utf-8"><script>{script}</script>', encoding="utf-8"
        )
        options = webdriver.ChromeOptions()
        for argument in ("headless=new", "no-sandbox", "disable-dev-shm-usage", "disable-gpu"):
            options.add_argument(f"--{argument}")
        service = webdriver.ChromeService(shutil.which("chromedriver"))
        self.driver = webdriver.Chrome(options=options, service=service)
        self.driver.set_script_timeout(3600)
        self.driver.get(path.as_uri())

    def ask(self, request: dict[str, Any]) -> Any:
        """See `Engine`."""
        return self.driver.execute_async_script("answer(arguments[0]).then(arguments[1])", request)

    def close(self) -> None:
        """See `Engine`."""
        self.driver.quit()
        self.folder.cleanup()

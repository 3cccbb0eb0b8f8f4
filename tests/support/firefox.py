"""Debian's Firefox without a screen, driven by WebDriver BiDi, which it speaks without a driver."""

import json
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

PROGRAM = shutil.which("firefox-esr") or shutil.which("firefox")
needs_firefox = pytest.mark.skipif(
    PROGRAM is None, reason="there is no Firefox: apt-get install firefox-esr"
)


class Firefox:
    """A page in Firefox.

    Args:
        folder: an empty one, for its profile.
    """

    def __init__(self, folder: Path) -> None:
        websocket = pytest.importorskip("websocket", reason="selenium is not installed")
        assert PROGRAM is not None
        said = folder / "said"
        with said.open("w") as file:
            self.process = subprocess.Popen(
                [PROGRAM, "--headless", "--remote-debugging-port", "0", "--profile", folder],
                stdout=file,
                stderr=file,
            )
        self.number = 0
        self.events: list[dict[str, Any]] = []
        self.socket = websocket.create_connection(
            f"{address(said)}/session", timeout=120, suppress_origin=True
        )
        self.call("session.new", capabilities={})
        self.call("session.subscribe", events=["log.entryAdded", "network.beforeRequestSent"])
        self.context = self.call("browsingContext.getTree")["contexts"][0]["context"]

    def __enter__(self) -> "Firefox":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()
        self.process.terminate()
        self.process.wait(60)

    def call(self, method: str, **parameters: object) -> Any:
        """The result of a command; events that come in between are kept."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        self.socket.send(json.dumps(message))
        while True:
            answer = json.loads(self.socket.recv())
            if answer.get("id") == self.number:
                assert answer["type"] == "success", answer
                return answer["result"]
            self.events.append(answer)

    def open(self, page: Path) -> None:
        """Opens a page, and waits until it can translate."""
        self.call(
            "browsingContext.navigate", context=self.context, url=page.as_uri(), wait="complete"
        )
        self.wait("document.getElementById('status').textContent === ''")

    def run(self, expression: str) -> Any:
        """The value of an expression of JavaScript."""
        found = self.call(
            "script.evaluate",
            expression=f"JSON.stringify({expression})",
            target={"context": self.context},
            awaitPromise=True,
        )
        return json.loads(found["result"].get("value", "null"))

    def wait(self, condition: str, seconds: float = 60) -> None:
        """Waits until an expression is true."""
        end = time.monotonic() + seconds
        while not self.run(f"Boolean({condition})"):
            assert time.monotonic() < end, condition
            time.sleep(0.05)

    def type(self, text: str) -> None:
        """Types letters where the focus is."""
        keys = [{"type": kind, "value": key} for key in text for kind in ("keyDown", "keyUp")]
        actions = [{"type": "key", "id": "keyboard", "actions": keys}]
        self.call("input.performActions", context=self.context, actions=actions)

    def requests(self) -> set[str]:
        """The addresses of all that was asked for."""
        return {
            event["params"]["request"]["url"]
            for event in self.events
            if event["method"] == "network.beforeRequestSent"
        }

    def problems(self) -> list[str]:
        """What the console says: errors, and what the policy had to refuse."""
        return [
            event["params"]["text"]
            for event in self.events
            if event["method"] == "log.entryAdded" and event["params"]["level"] != "debug"
        ]


def address(said: Path) -> str:
    """Where it listens, as soon as it says so."""
    for _ in range(600):
        for line in said.read_text(errors="replace").splitlines():
            if "WebDriver BiDi listening on " in line:
                return line.split()[-1]
        time.sleep(0.1)
    raise AssertionError(said.read_text(errors="replace"))

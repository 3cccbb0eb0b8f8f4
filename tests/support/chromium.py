"""Debian's Chromium without a screen, for pages that are opened from the disk."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

needs_chromium = pytest.mark.skipif(
    shutil.which("chromium") is None or shutil.which("chromedriver") is None,
    reason="there is no browser: apt-get install chromium chromium-driver",
)


class Browser:
    """A page in Chromium, seen as by a person: what is typed, what can be read.

    Args:
        page: the file.
        width: of the window, in pixels; below 600 it is a phone.
        dark: whether the person prefers dark colours.
    """

    def __init__(self, page: Path, *, width: int = 1200, dark: bool = False) -> None:
        webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
        options = webdriver.ChromeOptions()
        for argument in ("headless=new", "no-sandbox", "disable-dev-shm-usage", "disable-gpu"):
            options.add_argument(f"--{argument}")
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        service = webdriver.ChromeService(shutil.which("chromedriver"))
        self.driver = webdriver.Chrome(options=options, service=service)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        self.driver.get(page.as_uri())
        self.wait("document.getElementById('status').textContent === ''")

    def __enter__(self) -> "Browser":
        return self

    def __exit__(self, *_: object) -> None:
        self.driver.quit()

    def all(self, selector: str) -> list[Any]:
        """The elements of a CSS selector."""
        found: list[Any] = self.driver.find_elements("css selector", selector)
        return found

    def text(self, selector: str) -> str:
        """What can be read there."""
        return str(self.all(selector)[0].text)

    def run(self, expression: str) -> Any:
        """The value of an expression of JavaScript."""
        return self.driver.execute_script(f"return {expression}")

    def wait(self, condition: str, seconds: float = 60) -> None:
        """Waits until an expression is true."""
        from selenium.webdriver.support.ui import WebDriverWait

        WebDriverWait(self.driver, seconds).until(lambda _: self.run(condition))

    def type(self, text: str) -> None:
        """Types into the source, and waits until it is translated, with the beam."""
        self.all("#source")[0].send_keys(text)
        self.wait("state.lines.every((line) => !isMissing(line, decoding.beam_size))")

    def requests(self) -> set[str]:
        """The addresses of all that was asked for, by the page and its worker."""
        messages = (
            json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")
        )
        return {
            message["params"]["request"]["url"]
            for message in messages
            if message["method"] == "Network.requestWillBeSent"
        }

    def problems(self) -> list[str]:
        """What the browser's console says."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

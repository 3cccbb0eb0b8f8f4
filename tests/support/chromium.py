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

WATCH = """
    window.longest = 0;
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) longest = Math.max(longest, duration);
    }).observe({ type: "longtask" });
    window.problems = [];
    for (const name of ["error", "unhandledrejection", "securitypolicyviolation"]) {
      addEventListener(name, (event) => {
        problems.push(`${name}: ${event.message ?? event.blockedURI}`);
      });
    }
"""
"""Runs before the page's own script: how long its thread was busy at most, and what went wrong."""


class Browser:
    """A page in Chromium, seen as by a person: what is typed, what can be read."""

    def __init__(self) -> None:
        webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
        options = webdriver.ChromeOptions()
        for argument in ("headless=new", "no-sandbox", "disable-dev-shm-usage", "disable-gpu"):
            options.add_argument(f"--{argument}")
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        service = webdriver.ChromeService(shutil.which("chromedriver"))
        self.driver = webdriver.Chrome(options=options, service=service)
        self.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": WATCH})

    def __enter__(self) -> "Browser":
        return self

    def __exit__(self, *_: object) -> None:
        self.driver.quit()

    def open(
        self, page: Path | str, *, width: int = 1280, height: int = 900, dark: bool = False
    ) -> None:
        """Opens a page, and waits until it can translate; arguments as for `show`."""
        self.show(page, width=width, height=height, dark=dark)
        self.wait("document.getElementById('status').textContent === ''")

    def show(
        self, page: Path | str, *, width: int = 1280, height: int = 900, dark: bool = False
    ) -> None:
        """Opens a page of any kind.

        Args:
            page: the file, or an address.
            width: of the window, in pixels; below 600 it is a phone.
            height: likewise.
            dark: whether the person prefers dark colours.
        """
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        for kind in ("browser", "performance"):
            self.driver.get_log(kind)  # what was logged of the page before
        self.driver.get(page if isinstance(page, str) else page.as_uri())

    def all(self, selector: str) -> list[Any]:
        """The elements of a CSS selector."""
        found: list[Any] = self.driver.find_elements("css selector", selector)
        return found

    def text(self, selector: str) -> str:
        """What can be read there."""
        return str(self.all(selector)[0].text)

    def texts(self, selector: str) -> list[str]:
        """The texts of all elements of a selector, those that are out of sight, too."""
        script = "return [...document.querySelectorAll(arguments[0])].map((e) => e.textContent)"
        return list(self.driver.execute_script(script, selector))

    def press(self, key: str) -> None:
        """Presses a key, wherever the focus is: the name of one of selenium's `Keys`."""
        from selenium.webdriver.common.keys import Keys

        self.driver.switch_to.active_element.send_keys(getattr(Keys, key))

    def run(self, expression: str) -> Any:
        """The value of an expression of JavaScript."""
        return self.driver.execute_script(f"return {expression}")

    def wait(self, condition: str, seconds: float = 60) -> None:
        """Waits until an expression is true."""
        from selenium.webdriver.support.ui import WebDriverWait

        WebDriverWait(self.driver, seconds, 0.05).until(lambda _: self.run(condition))

    def wait_for_all(self) -> None:
        """Waits until all that stands in the source is translated, with the beam."""
        self.wait("state.lines.every((line) => !isMissing(line, decoding.beam_size))")

    def type(self, text: str) -> None:
        """Types into the source, and waits until it is translated."""
        self.all("#source")[0].send_keys(text)
        self.wait_for_all()

    def paste(self, text: str) -> None:
        """Puts a text into the source at once, in place of what is there."""
        self.driver.execute_script(
            "const source = document.getElementById('source');"
            "source.value = arguments[0]; source.dispatchEvent(new Event('input'));",
            text,
        )

    def requests(self) -> set[str]:
        """The addresses of all that was asked for, by the page and its workers."""
        messages = (
            json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")
        )
        return {
            message["params"]["request"]["url"]
            for message in messages
            if message["method"] == "Network.requestWillBeSent"
        }

    def problems(self) -> list[str]:
        """What the browser's console says, errors, and what the policy had to refuse."""
        return [
            *(entry["message"] for entry in self.driver.get_log("browser")),
            *self.run("problems"),
        ]

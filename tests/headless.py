"""A real browser without a window: what it shows of a page, what it asked for, what it complained about."""

from __future__ import annotations

import base64
import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

__all__ = ["PHONE", "WIDE", "Browser", "browser"]

PHONE, WIDE = 360, 1200  #: CSS pixels
_PATIENCE = 30.0  #: seconds that a page may take
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-default-apps"),
)


class Browser:
    """One page at a time, from a file."""

    def __init__(self, driver: Any) -> None:
        self._driver = driver
        self._size: dict[str, Any] = {}

    def show(self, page: Path, *, width: int = WIDE, scheme: str = "light", medium: str = "") -> None:
        """Load the page anew as a screen of ``width`` pixels, in a colour scheme, or as paper (``medium="print"``)."""
        self._size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        self._command("Emulation.setDeviceMetricsOverride", self._size)
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self._command("Emulation.setEmulatedMedia", {"media": medium, "features": [feature]})
        for kind in ("browser", "performance"):
            self._driver.get_log(kind)  # what an earlier page left
        self._driver.get(page.as_uri())
        self._wait_for(page.as_uri())

    def ask(self, script: str) -> Any:
        """The value of an expression of JavaScript, asked from outside of the page and its policy."""
        return self._command("Runtime.evaluate", {"expression": script, "returnByValue": True})["result"].get("value")

    def title(self) -> str:
        return str(self._driver.title)

    def complaints(self) -> list[str]:
        """What stands in the console."""
        return [entry["message"] for entry in self._driver.get_log("browser")]

    def requests(self) -> list[str]:
        """The addresses that were asked for since the page was shown, those of ``data:`` left out."""
        events = [json.loads(entry["message"])["message"] for entry in self._driver.get_log("performance")]
        sent = [event["params"] for event in events if event["method"] == "Network.requestWillBeSent"]
        return [url for each in sent if not (url := each["request"]["url"]).startswith("data:")]

    def picture(self) -> bytes:
        """The whole page as PNG."""
        height = self.ask("Math.min(document.documentElement.scrollHeight, 16000)")
        self._command("Emulation.setDeviceMetricsOverride", {**self._size, "height": height})
        taken = self._command("Page.captureScreenshot", {"format": "png"})
        return base64.b64decode(taken["data"])

    def pdf(self) -> bytes:
        return base64.b64decode(self._command("Page.printToPDF", {"printBackground": False})["data"])

    def _wait_for(self, address: str) -> None:
        """Until the page has taken the place of the one before it, which may be in another process."""
        until = time.monotonic() + _PATIENCE
        while self.ask("document.readyState + ' ' + location.href.split('#')[0]") != f"complete {address}":
            if time.monotonic() > until:
                raise TimeoutError(f"the browser did not show {address}")
            time.sleep(0.02)

    def _command(self, name: str, parameters: dict[str, Any]) -> Any:
        return self._driver.execute_cdp_cmd(name, parameters)


@contextmanager
def browser(profile: Path) -> Iterator[Browser]:
    """Start a browser; the test is skipped where there is none, or no driver for it."""
    program = next(filter(None, map(shutil.which, _BROWSERS)), None)
    driver = shutil.which("chromedriver")
    if program is None or driver is None:
        pytest.skip("no Chromium or Chrome with its chromedriver here")
    from selenium.webdriver import Chrome, ChromeOptions, ChromeService

    options = ChromeOptions()
    options.binary_location = program
    for flag in (*_FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    started = Chrome(options=options, service=ChromeService(driver))
    try:
        yield Browser(started)
    finally:
        started.quit()

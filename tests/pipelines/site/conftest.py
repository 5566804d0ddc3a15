"""The site of a release, and a real browser where one is installed."""

from collections.abc import Iterator
from pathlib import Path
from shutil import which

import pytest
from playwright.sync_api import Browser, sync_playwright

CHROMIUM = which("chromium") or which("chromium-browser") or which("google-chrome")


@pytest.fixture(scope="session")
def release(undisturbed: Path) -> Path:
    """The published folder."""
    return (undisturbed / "releases" / "latest").resolve()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A real browser without a screen."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed, so no page is opened in a browser.")
    with sync_playwright() as engine:
        opened = engine.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()

"""A Chromium for the tests of this folder; without one they are skipped."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error, sync_playwright


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The system's Chromium, or the one Playwright brings."""
    found = next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(
                executable_path=Path(found) if found else None, args=["--no-sandbox"]
            )
        except Error:
            pytest.skip("there is no Chromium on this machine")
        yield browser
        browser.close()

"""A Chromium for the tests of this folder; without one they are skipped."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error, sync_playwright


# For a module, not for the run: while it is open its event loop runs in this thread, and no other
# test could start one.
@pytest.fixture(scope="module")
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
            if os.environ.get("CI"):
                pytest.fail("the build must have a Chromium, and there is none")
            pytest.skip("there is no Chromium on this machine")
        yield browser
        browser.close()

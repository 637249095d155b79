"""A browser for the pages: Playwright with the system's Chromium; without either, tests are skipped with the reason."""

from __future__ import annotations

import os
import shutil

import pytest


def pytest_collection_modifyitems(items):
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser():
    playwright = pytest.importorskip("playwright.sync_api")
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        pytest.skip("no chromium on the path")
    sandbox = [] if os.geteuid() else ["--no-sandbox"]  # the superuser has none
    with playwright.sync_playwright() as running:
        opened = running.chromium.launch(executable_path=path, args=sandbox)
        yield opened
        opened.close()

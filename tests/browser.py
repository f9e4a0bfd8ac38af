"""A headless Chromium for the tests that look at a page.

Install it with `apt-get install chromium` (Debian), or set CHROMIUM to the path of
another Chromium or Chrome. Without any, these tests are skipped; where
REQUIRE_BROWSER is set, as in CI, they fail instead.
"""

import os
import shutil
from contextlib import contextmanager

import pytest

# a closed network is no reason to wait
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def find_chromium():
    return os.environ.get("CHROMIUM") or shutil.which("chromium")


@contextmanager
def open_browser():
    path = find_chromium()
    if path is None:
        message = "no Chromium: `apt-get install chromium`, or set CHROMIUM to its path"
        if os.environ.get("REQUIRE_BROWSER"):
            pytest.fail(message)
        pytest.skip(message)
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()

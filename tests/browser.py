"""A headless Chromium for the tests that look at a page, and checks of what it shows.

Install it with `apt-get install chromium` (Debian), or set CHROMIUM to the path of
another Chromium or Chrome. Without any, these tests are skipped; where
REQUIRE_BROWSER is set, as in CI, they fail instead. The same holds for the packages
that they need, playwright and axe-playwright-python, both of the extra `dev`.
"""

import importlib
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
SCHEMES = ("light", "dark")
WIDTHS = (1280, 390)
HEIGHT = 800
# what stands beyond the right edge, in pixels
EXCESS = "((x) => x.scrollWidth - x.clientWidth)(document.documentElement)"


def find_chromium():
    return os.environ.get("CHROMIUM") or shutil.which("chromium")


def skip_or_fail(message):
    if os.environ.get("REQUIRE_BROWSER"):
        pytest.fail(message)
    pytest.skip(message)


def require_module(name):
    try:
        return importlib.import_module(name)
    except ImportError as error:
        skip_or_fail(f"{error}: `pip install -e '.[dev]'`")


@contextmanager
def open_browser():
    path = find_chromium()
    if path is None:
        skip_or_fail(
            "no Chromium: `apt-get install chromium`, or set CHROMIUM to its path"
        )
    sync_api = require_module("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


def each_view(page, schemes=SCHEMES, widths=WIDTHS):
    """Show a page in light and dark, on a screen and a phone.

    page (playwright.sync_api.Page): loaded.
    YIELDS (str): the name of what is shown, such as `dark, 390 px`.
    """
    for scheme in schemes:
        page.emulate_media(color_scheme=scheme)
        for width in widths:
            page.set_viewport_size({"width": width, "height": HEIGHT})
            yield f"{scheme}, {width} px"


def check_accessibility(page, schemes=SCHEMES, widths=WIDTHS):
    """Fail if axe-core finds something serious or critical, or if the page is wider
    than the window, in light or dark, on a screen or a phone.

    page (playwright.sync_api.Page): loaded, in the state that is to be checked.
    """
    axe = require_module("axe_playwright_python.sync_playwright").Axe()
    found = []
    for view in each_view(page, schemes, widths):
        for violation in axe.run(page).response["violations"]:
            if violation["impact"] in ("serious", "critical"):
                found.append(f"{view}: {describe_violation(violation)}")
        excess = page.evaluate(EXCESS)
        if excess > 0:
            found.append(f"{view}: the page is {excess} px wider than the window")
    assert not found, "\n".join(found)


def find_cut_off(page, selector=".scroll"):
    """RETURNS (List[str]): the texts of elements that have to be scrolled sideways."""
    return page.eval_on_selector_all(
        selector,
        "xs => xs.filter(x => x.scrollWidth > x.clientWidth).map(x => x.innerText)",
    )


def describe_violation(violation, n_shown=5):
    """RETURNS (str): the rule, and the first elements that break it."""
    nodes = violation["nodes"]
    lines = [f"{violation['id']} ({violation['help']}), {len(nodes)} elements"]
    for node in nodes[:n_shown]:
        said = [x["message"] for kind in ("any", "all", "none") for x in node[kind]]
        lines.append(f"  {node['html'][:200]}: {'; '.join(said)}")
    return "\n".join(lines)

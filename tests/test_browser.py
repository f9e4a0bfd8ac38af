"""The checks of pages find what they are there for."""

import pytest

from .browser import check_accessibility

GOOD = """<!doctype html><html lang="en"><head><title>Good</title><style>
:root { color-scheme: light dark; }
body { background: canvas; color: canvastext; }</style></head>
<body><main><h1>Good</h1><p>Legible.</p></main></body></html>"""


@pytest.fixture
def page(browser):
    page = browser.new_page()
    yield page
    page.close()


def test_a_good_page_passes(page):
    page.set_content(GOOD)
    check_accessibility(page)


@pytest.mark.parametrize(
    "old, new, found",
    [
        ("<p>", "<p style='color: #767676'>", "dark, 390 px: color-contrast"),
        ("<p>", "<img src='data:,'><p>", "light, 1280 px: image-alt"),
        ("<p>", "<p style='width: 500px'>", "390 px: the page is .* wider"),
    ],
)
def test_a_bad_page_fails(page, old, new, found):
    page.set_content(GOOD.replace(old, new))
    with pytest.raises(AssertionError, match=found):
        check_accessibility(page)

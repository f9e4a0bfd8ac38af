"""Pictures of the service's page at two widths, for the README.

python docs/take_screenshots.py training/joint/model-best
"""

import sys
from pathlib import Path

import typer

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS.parent))

from rel_component.inference.service import create_app  # noqa: E402
from tests.browser import open_browser  # noqa: E402
from tests.inference.service.server import run_server  # noqa: E402


def main(model: Path = typer.Argument(..., help="Trained pipeline")) -> None:
    """Take the pictures."""
    with run_server(create_app(model)) as url, open_browser() as browser:
        for name, width in (("page", 1000), ("page_phone", 390)):
            page = browser.new_page(viewport={"width": width, "height": 800})
            page.goto(url)
            page.get_by_role("button", name="Job ad").click()
            page.locator("#rows tr").first.wait_for()
            page.locator("h1").click()  # nothing is hovered or focused
            page.screenshot(path=str(DOCS / f"{name}.png"), full_page=True)


if __name__ == "__main__":
    typer.run(main)

"""The pictures of the docs: the service's page, the report, an inspection.

    python docs/take_screenshots.py training/joint/model-best data

Needs Chromium and the extras service, plots and dev.
"""

import sys
import tempfile
from pathlib import Path

import typer

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS.parent))

from rel_component.evaluation.report import (  # noqa: E402
    evaluate_files,
    write_reports,
)
from rel_component.inference.service import create_app  # noqa: E402
from rel_component.inspection import inspect_files  # noqa: E402
from rel_component.inspection.picture import draw_picture  # noqa: E402
from tests.browser import open_browser  # noqa: E402
from tests.inference.service.server import run_server  # noqa: E402

TEXT = "Wanted: 5+ years of experience in Python and Go, and a BSc in Physics."


def main(
    model: Path = typer.Argument(..., help="Trained pipeline that predicts entities"),
    data: Path = typer.Argument(..., help="Folder with train, dev and test"),
) -> None:
    """Take the pictures."""
    draw_picture(inspect_files([data]), DOCS / "inspect.png")
    with open_browser() as browser:
        photograph_service(browser, model)
        photograph_report(browser, model, data)


def photograph_service(browser, model: Path) -> None:
    with run_server(create_app(model)) as url:
        for name, width in (("page", 1000), ("page_phone", 390)):
            page = browser.new_page(viewport={"width": width, "height": 800})
            page.goto(url)
            page.get_by_label("Text").fill(TEXT)
            page.get_by_role("button", name="Find relations").click()
            page.locator("#rows tr").first.wait_for()
            page.locator("h1").click()  # nothing is hovered or focused
            page.screenshot(path=str(DOCS / f"{name}.png"), full_page=True)
            page.close()


def photograph_report(browser, model: Path, data: Path) -> None:
    """The headline figures on a screen, and the errors on a phone."""
    train, dev, test = (data / f"{x}.spacy" for x in ("train", "dev", "test"))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.html"
        write_reports(evaluate_files(model, test, dev=dev, train=train), [path])
        for name, width, height, section in (
            ("report", 1280, 1330, "summary"),
            ("report_phone", 390, 1100, "errors-end-to-end"),
        ):
            page = browser.new_page(viewport={"width": width, "height": height})
            page.goto(path.as_uri())
            if section != "summary":
                page.locator(f"#{section}").scroll_into_view_if_needed()
                page.evaluate(f"location.hash = '#{section}'")
            page.screenshot(path=str(DOCS / f"{name}.png"))
            page.close()


if __name__ == "__main__":
    typer.run(main)

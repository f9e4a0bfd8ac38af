"""Reports as one page that needs no other file."""

from pathlib import Path
from typing import Sequence

from jinja2 import Environment, FileSystemLoader

from .sections import Section

# tables with more columns get the whole width, and on a phone a block for each row
N_COLUMNS = 5

ENVIRONMENT = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
)


def make_page(
    title: str, sections: Sequence[Section], *, subtitle: str = "", note: str = ""
) -> str:
    """Make a page, for a screen, a phone and paper, in light and dark.

    title (str): names what the page is about.
    sections (Sequence[Section]): its parts.
    subtitle (str): a line below the title.
    note (str): something to know, such as why there are no plots.
    RETURNS (str): HTML; no script is needed, and nothing is loaded.
    """
    return ENVIRONMENT.get_template("page.html").render(
        title=title,
        subtitle=subtitle,
        note=note,
        sections=sections,
        n_columns=N_COLUMNS,
    )

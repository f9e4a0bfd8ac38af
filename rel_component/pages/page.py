"""Reports as a self-contained HTML page."""

from pathlib import Path
from typing import Sequence

from jinja2 import Environment, FileSystemLoader

from .sections import Section

# tables with more columns use the full width, and a block per row on phones
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
    """Create a page for screens, phones and print, in light and dark mode.

    title (str): the title.
    sections (Sequence[Section]): the sections.
    subtitle (str): a line below the title.
    note (str): a note, such as why plots are missing.
    RETURNS (str): HTML without scripts or external files.
    """
    return ENVIRONMENT.get_template("page.html").render(
        title=title,
        subtitle=subtitle,
        note=note,
        sections=sections,
        n_columns=N_COLUMNS,
    )

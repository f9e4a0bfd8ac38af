"""Reports in sections, as self-contained HTML or Markdown."""

from .markdown import make_markdown
from .page import make_page
from .plots import draw_plot, has_matplotlib
from .sections import Card, Figure, Group, Matrix, Notice, Section, Tile

__all__ = [
    "Card",
    "Figure",
    "Group",
    "Matrix",
    "Notice",
    "Section",
    "Tile",
    "draw_plot",
    "has_matplotlib",
    "make_markdown",
    "make_page",
]

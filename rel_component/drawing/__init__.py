"""Draw texts with entities and relations as SVG, with line breaks.

displaCy draws arcs over a single line of 175 pixels per word, so a text of 100 words is
17,500 pixels wide. Here, texts have lines of a given width, and arcs continue across
lines, as in brat.
"""

from .excerpt import Arc, Drawing, Entity, Word, make_excerpt
from .svg import assign_colors, check_width, draw_svg

__all__ = [
    "Arc",
    "Drawing",
    "Entity",
    "Word",
    "assign_colors",
    "check_width",
    "draw_svg",
    "make_excerpt",
]

"""Texts with their entities and relations as SVG, broken into lines.

displaCy's drawing of arcs gives each word 175 pixels of one endless line: an
advertisement of 100 words is 17,500 pixels wide. Here a text is set in lines of a given
width, and an arc that leaves one line goes on in another, as in brat.
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

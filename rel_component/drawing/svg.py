"""Render a drawing as SVG."""

import hashlib
import html
from math import inf
from numbers import Real
from typing import Dict, Iterable, List, Optional

from spacy.util import registry

from ..wording import replace_unwritable
from .excerpt import Drawing, Word
from .layout import (
    ARC_STEP,
    DESCENT,
    FONT,
    FOOT,
    LOWEST,
    SMALL,
    TYPE_STEP,
    Line,
    PlacedArc,
    PlacedEntity,
    PlacedWord,
    lay_out,
)

FAMILY = "Helvetica, Arial, 'Liberation Sans', sans-serif"
INK = {"plain": "#37474f", "gold": "#1b7837", "wrong": "#c62828"}
DASHES = {"gold": ' stroke-dasharray="5 3"'}
# light enough for black text, and colour-blind safe
PALETTE = (
    "#a6cee3", "#fdbf6f", "#b2df8a", "#cab2d6", "#ffe48a", "#f4a9a8", "#9fd8cb",
    "#d9c3a5", "#c5cae9", "#e6b8d7",
)  # fmt: skip
HEAD = 4.0


def draw_svg(
    drawing: Drawing, *, width: float = 760, colors: Optional[Dict[str, str]] = None
) -> str:
    """Draw a text with entities and relations.

    drawing (Drawing): the drawing.
    width (float): width of the lines, in pixels. The picture shrinks if less space is
        available.
    colors (Optional[Dict[str, str]]): colours of entity types; None: see
        `assign_colors`.
    RETURNS (str): a self-contained `<svg>` element.
    RAISES (ValueError): if the width is not a number above 0.
    """
    check_width(width)
    lines, height = lay_out(drawing, width)
    if colors is None:
        colors = assign_colors(entity.label for entity in drawing.entities)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="relations" role="img" '
        f'viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}" '
        f'style="max-width: 100%; height: auto" font-family="{FAMILY}" '
        f'font-size="{FONT:g}">',
        f"<title>{_escape(describe(drawing))}</title>",
    ]
    for line in lines:
        # nested entities on top of outer ones; labels on top of everything
        outer_first = sorted(line.entities, key=lambda placed: -placed.level)
        parts += [_draw_background(entity, line, colors) for entity in outer_first]
        parts += [_draw_word(word, line) for word in line.words]
        parts += [_draw_type(x, line, colors, drawing.rtl) for x in line.entities]
        parts += [_draw_arc(arc, line) for arc in line.arcs]
        parts += [_draw_label(arc, line) for arc in line.arcs if arc.label_width]
    return "\n".join([*parts, "</svg>"])


def check_width(width: float) -> None:
    """RAISES (ValueError): if the width is not a number above 0."""
    if not isinstance(width, Real) or not 0 < float(width) < inf:
        raise ValueError(f"width is {width!r}; expected a number of pixels above 0.")


def describe(drawing: Drawing) -> str:
    """RETURNS (str): the relations as text; or the text, if it has no relations."""

    def join(words: Iterable[Word]) -> str:
        return "".join(word.text + " " * word.blank for word in words).strip()

    names = [join(drawing.words[x.start : x.end]) for x in drawing.entities]
    said = [f"{names[x.head]} —{x.label}→ {names[x.tail]}" for x in drawing.arcs]
    return "; ".join(said) or join(drawing.words)


def assign_colors(labels: Iterable[str]) -> Dict[str, str]:
    """Assign a colour to each entity type, distinct if possible.

    labels (Iterable[str]): all types shown together.
    RETURNS (Dict[str, str]): displaCy's registered colours, if any; else types have the
        same colour in all pictures, unless another type already uses it.
    """
    known: Dict[str, str] = {}
    for colors in registry.displacy_colors.get_all().values():
        colors = colors() if callable(colors) else colors
        known.update({key.upper(): color for key, color in colors.items()})
    assigned: Dict[str, str] = {}
    for label in sorted(set(labels)):
        digest = hashlib.md5(label.encode("utf8"), usedforsecurity=False).digest()
        preferred = [*PALETTE[digest[0] % len(PALETTE) :], *PALETTE]
        free = [color for color in preferred if color not in assigned.values()]
        assigned[label] = known.get(label.upper(), (free or preferred)[0])
    return assigned


def _draw_background(placed: PlacedEntity, line: Line, colors: Dict[str, str]) -> str:
    return (
        f'<rect class="entity" x="{placed.left - 2:.1f}" '
        f'y="{line.baseline - 13:.1f}" rx="3" '
        f'width="{placed.right - placed.left + 4:.1f}" height="17" '
        f'fill="{colors[placed.entity.label]}" fill-opacity="0.45"/>'
    )


def _draw_word(word: PlacedWord, line: Line) -> str:
    x = word.x + word.width if word.rtl else word.x
    direction = ' direction="rtl"' if word.rtl else ""
    # keep the measured width for any font
    return (
        f'<text x="{x:.1f}" y="{line.baseline:.1f}"{direction} '
        f'textLength="{word.width:.1f}" lengthAdjust="spacingAndGlyphs">'
        f"{_escape(word.text)}</text>"
    )


def _draw_type(
    placed: PlacedEntity, line: Line, colors: Dict[str, str], rtl: bool
) -> str:
    entity = placed.entity
    y = line.baseline + DESCENT + placed.level * TYPE_STEP
    color = INK[entity.kind] if entity.kind != "plain" else colors[entity.label]
    dashes = DASHES.get(entity.kind, "")
    bar = (
        f'<path class="{entity.kind}" d="M{placed.left - 2:.1f} {y:.1f}'
        f'H{placed.right + 2:.1f}" '
        f'stroke="{color}" stroke-width="2.5"{dashes}/>'
    )
    if not placed.is_start:
        return bar
    ink = "#455a64" if entity.kind == "plain" else INK[entity.kind]
    anchor = ' text-anchor="end"' if rtl else ""
    x = placed.right if rtl else placed.left
    return (
        f'{bar}<text class="type {entity.kind}" x="{x:.1f}" y="{y + 10:.1f}" '
        f'font-size="{SMALL - 1:g}"{anchor} fill="{ink}">{_escape(entity.label)}</text>'
    )


def _get_arc_height(placed: PlacedArc, line: Line) -> float:
    return line.baseline - FOOT - LOWEST - placed.level * ARC_STEP


def _draw_arc(placed: PlacedArc, line: Line) -> str:
    kind = placed.arc.kind
    foot, y = line.baseline - FOOT, _get_arc_height(placed, line)
    bend = min(6.0, max((placed.right - placed.left) / 2, 0.1))
    path: List[str] = []
    if placed.is_left_end:
        path.append(f"M{placed.left:.1f} {foot:.1f}V{y + bend:.1f}")
        path.append(f"Q{placed.left:.1f} {y:.1f} {placed.left + bend:.1f} {y:.1f}")
    else:
        path.append(f"M{placed.left:.1f} {y:.1f}")
    if placed.is_right_end:
        path.append(f"H{placed.right - bend:.1f}")
        path.append(f"Q{placed.right:.1f} {y:.1f} {placed.right:.1f} {y + bend:.1f}")
        path.append(f"V{foot:.1f}")
    else:
        path.append(f"H{placed.right:.1f}")
    heads = [
        f"M{x:.1f} {foot + 1:.1f}l-{HEAD:g} -{HEAD + 2:g}h{2 * HEAD:g}z"
        for x, points in (
            (placed.left, placed.points_left),
            (placed.right, placed.points_right),
        )
        if points
    ]
    arrow = (
        f'<path class="head {kind}" d="{"".join(heads)}" fill="{INK[kind]}"/>'
        if heads
        else ""
    )
    return (
        f'<path class="arc {kind}" d="{"".join(path)}" fill="none" '
        f'stroke="{INK[kind]}" stroke-width="1.4"{DASHES.get(kind, "")}/>{arrow}'
    )


def _draw_label(placed: PlacedArc, line: Line) -> str:
    """Draw the label above the arc, with a border to separate it from crossing arcs."""
    kind = placed.arc.kind
    return (
        f'<text class="label {kind}" x="{placed.label_left:.1f}" '
        f'y="{_get_arc_height(placed, line) - 4.5:.1f}" font-size="{SMALL:g}" '
        f'textLength="{placed.label_width:.1f}" lengthAdjust="spacingAndGlyphs" '
        f'fill="{INK[kind]}" stroke="#ffffff" stroke-width="3" paint-order="stroke" '
        f'stroke-linejoin="round">{_escape(placed.arc.label)}</text>'
    )


def _escape(text: str) -> str:
    return html.escape(replace_unwritable(text))

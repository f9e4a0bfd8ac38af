"""The layout of a drawing: words in lines, entities below them, arcs above."""

from dataclasses import dataclass, field
from typing import Dict, List, NamedTuple, Set, Tuple

from .excerpt import Arc, Drawing, Entity, Word
from .measure import get_width, has_direction, is_rtl

# sizes in pixels
FONT, SMALL = 14.0, 10.0
BLANK = 4.0
MARGIN = 6.0
# distance of two arcs, and of two rows of entity types
ARC_STEP, TYPE_STEP = 17.0, 15.0
LINE_GAP = 8.0
# distance from the baseline to the ends of arcs, from there to the lowest arc, and from
# the highest arc to the top of its label
FOOT, LOWEST, LABEL_HEIGHT = 15.0, 11.0, 14.0
ASCENT, DESCENT = 14.0, 5.0
# minimum distance of two labels in a row
LABEL_GAP = 8.0


class PlacedWord(NamedTuple):
    """`x` (float): left edge, in pixels."""

    text: str
    x: float
    width: float
    rtl: bool


class PlacedEntity(NamedTuple):
    """The part of an entity in one line.

    left (float), right (float): edges of its words.
    level (int): row below the words.
    is_start (bool): whether its type is written here.
    """

    entity: Entity
    left: float
    right: float
    level: int
    is_start: bool


class PlacedArc(NamedTuple):
    """The part of an arc in one line.

    left (float), right (float): its ends; the edge of the line if it continues in
        another one.
    level (int): row above the words, 0 is the lowest.
    is_left_end (bool), is_right_end (bool): whether it ends at a word there.
    points_left (bool), points_right (bool): whether it has an arrow head there.
    label_left (float): start of its label.
    label_width (float): width of its label; 0 if only the other part of the arc has
        space for it.
    """

    arc: Arc
    left: float
    right: float
    level: int
    is_left_end: bool
    is_right_end: bool
    points_left: bool
    points_right: bool
    label_left: float
    label_width: float


@dataclass
class Line:
    """`top` (float) of the line and `baseline` (float) of its words, in pixels."""

    words: List[PlacedWord] = field(default_factory=list)
    entities: List[PlacedEntity] = field(default_factory=list)
    arcs: List[PlacedArc] = field(default_factory=list)
    top: float = 0.0
    baseline: float = 0.0
    bottom: float = 0.0


def lay_out(drawing: Drawing, width: float) -> Tuple[List[Line], float]:
    """Lay out a drawing.

    drawing (Drawing): the drawing.
    width (float): width of the lines, in pixels.
    RETURNS (Tuple[List[Line], float]): the lines, and the total height.
    """
    levels = stack_entities(drawing.entities)
    rows = _break_lines(drawing, levels, width)
    lines, where = [], {}
    for number, row in enumerate(rows):
        line = Line()
        for index, placed in _order(row, drawing, width):
            line.words.append(placed)
            where[index] = (number, placed)
        lines.append(line)
    _place_entities(drawing, levels, lines, where)
    _place_arcs(drawing, lines, where, width)
    top = 0.0
    for line in lines:
        n_arcs = 1 + max((arc.level for arc in line.arcs), default=-1)
        n_types = 1 + max((placed.level for placed in line.entities), default=-1)
        line.top = top
        above = FOOT + LOWEST + (n_arcs - 1) * ARC_STEP + LABEL_HEIGHT
        line.baseline = top + (above if n_arcs else ASCENT)
        line.bottom = line.baseline + DESCENT + n_types * TYPE_STEP
        top = line.bottom + LINE_GAP
    return lines, top


def stack_entities(entities: List[Entity]) -> List[int]:
    """RETURNS (List[int]): the row of each entity below the words, without overlaps;
    nested entities are above the outer ones."""
    levels = [0] * len(entities)
    rows: List[Set[int]] = []  # occupied words
    for i in sorted(range(len(entities)), key=lambda i: _get_length(entities[i])):
        words = range(entities[i].start, entities[i].end)
        level = len(rows)
        while level > 0 and rows[level - 1].isdisjoint(words):
            level -= 1
        if level == len(rows):
            rows.append(set())
        rows[level].update(words)
        levels[i] = level
    return levels


def _get_length(entity: Entity) -> Tuple[int, int]:
    return entity.end - entity.start, entity.start


def _break_lines(
    drawing: Drawing, levels: List[int], width: float
) -> List[List[Tuple[int, float, float]]]:
    """RETURNS (List): index, position and width of the words in each line."""
    starts: Dict[int, List[Tuple[int, float]]] = {}
    for entity, level in zip(drawing.entities, levels):
        label = get_width(entity.label, SMALL) + LABEL_GAP
        starts.setdefault(entity.start, []).append((level, label))
    rows: List[List[Tuple[int, float, float]]] = [[]]
    x = MARGIN
    label_ends: Dict[int, float] = {}
    for i, word in enumerate(drawing.words):
        size = min(get_width(word.text, FONT), width - 2 * MARGIN)
        begun = starts.get(i, [])
        x = max([x, *(label_ends.get(level, 0.0) for level, _ in begun)])
        right = max([x + size, *(x + label - LABEL_GAP for _, label in begun)])
        if rows[-1] and (word.is_break or right > width - MARGIN):
            rows.append([])
            x, label_ends = MARGIN, {}
        for level, label in begun:
            label_ends[level] = x + label
        rows[-1].append((i, x, size))
        x += size + (BLANK if word.blank else 0.0)
    return [row for row in rows if row]


def _order(
    row: List[Tuple[int, float, float]], drawing: Drawing, width: float
) -> List[Tuple[int, PlacedWord]]:
    """Get the visual order of the words of a line.

    Groups of words in the opposite direction are reversed, as in the Unicode
    bidirectional algorithm (rule L2) for two levels.
    """
    words = drawing.words
    against = [_runs_against(words[i], drawing.rtl) for i, _, _ in row]
    placed, start = [], 0
    while start < len(row):
        end = start + 1
        if against[start]:
            last = start
            # punctuation within a group belongs to it
            while end < len(row) and against[end] is not False:
                last = end if against[end] else last
                end += 1
            end = last + 1
        group = row[start:end]
        if against[start] and len(group) > 1:
            left, right = group[0][1], group[-1][1] + group[-1][2]
            group = [(i, left + right - x - size, size) for i, x, size in group]
        for i, x, size in group:
            x = width - x - size if drawing.rtl else x
            text = words[i].text
            is_turned = is_rtl(text) or (drawing.rtl and not has_direction(text))
            placed.append((i, PlacedWord(text, x, size, is_turned)))
        start = end
    return placed


def _runs_against(word: Word, rtl: bool) -> "bool | None":
    """RETURNS (Optional[bool]): None for punctuation, which has no direction."""
    if not has_direction(word.text):
        return None
    return is_rtl(word.text) != rtl


def _place_entities(
    drawing: Drawing,
    levels: List[int],
    lines: List[Line],
    where: Dict[int, Tuple[int, PlacedWord]],
) -> None:
    for entity, level in zip(drawing.entities, levels):
        by_line: Dict[int, List[PlacedWord]] = {}
        for i in range(entity.start, entity.end):
            number, word = where[i]
            by_line.setdefault(number, []).append(word)
        for number, words in by_line.items():
            left = min(word.x for word in words)
            right = max(word.x + word.width for word in words)
            is_start = number == min(by_line)
            lines[number].entities.append(
                PlacedEntity(entity, left, right, level, is_start)
            )
    for line in lines:  # no gaps for rows that only other lines need
        rows = sorted({placed.level for placed in line.entities})
        line.entities = [x._replace(level=rows.index(x.level)) for x in line.entities]


def _place_arcs(
    drawing: Drawing,
    lines: List[Line],
    where: Dict[int, Tuple[int, PlacedWord]],
    width: float,
) -> None:
    anchors = _find_anchors(drawing, where)
    parts: Dict[int, List[PlacedArc]] = {}
    for i, arc in enumerate(drawing.arcs):
        (head_line, head_x), (tail_line, tail_x) = anchors[(i, 0)], anchors[(i, 1)]
        label_width = get_width(arc.label, SMALL)
        if head_line == tail_line:
            to_left = tail_x < head_x
            left, right = min(head_x, tail_x), max(head_x, tail_x)
            spot = _centre(left, right, label_width, width)
            part = PlacedArc(
                arc, left, right, 0, True, True, to_left, not to_left, spot, label_width
            )
            parts.setdefault(head_line, []).append(part)
            continue
        ends = ((head_line, head_x, tail_line), (tail_line, tail_x, head_line))
        # up to the end of the line if it continues below
        to_rights = [(other > number) != drawing.rtl for number, _, other in ends]
        rooms = [width - x if right else x for (_, x, _), right in zip(ends, to_rights)]
        for (number, x, _), to_right, room in zip(ends, to_rights, rooms):
            is_tail = number == tail_line
            left, right = (x, width) if to_right else (0.0, x)
            is_named = room >= label_width + 24 or room == max(rooms)
            size = label_width if is_named else 0.0
            part = PlacedArc(
                arc,
                left,
                right,
                0,
                to_right,
                not to_right,
                is_tail and to_right,
                is_tail and not to_right,
                _centre(left, right, size, width),
                size,
            )
            parts.setdefault(number, []).append(part)
    for number, placed in parts.items():
        lines[number].arcs = _stack_arcs(placed)


def _centre(left: float, right: float, size: float, width: float) -> float:
    middle = (left + right - size) / 2
    return max(2.0, min(middle, width - size - 2.0))


def _find_anchors(
    drawing: Drawing, where: Dict[int, Tuple[int, PlacedWord]]
) -> Dict[Tuple[int, int], Tuple[int, float]]:
    """Find the line and position of each arc's ends; arcs of the same entity are placed
    side by side."""
    centres = []
    for entity in drawing.entities:
        number = where[entity.start][0]
        words = [where[i][1] for i in range(entity.start, entity.end)]
        words = [
            word
            for word, i in zip(words, range(entity.start, entity.end))
            if where[i][0] == number
        ]
        left = min(word.x for word in words)
        right = max(word.x + word.width for word in words)
        centres.append((number, (left + right) / 2, right - left))
    ends: Dict[int, List[Tuple[bool, float, int, int]]] = {}
    for i, arc in enumerate(drawing.arcs):
        for side, (own, other) in enumerate(
            ((arc.head, arc.tail), (arc.tail, arc.head))
        ):
            below = centres[other][0] - centres[own][0]
            toward = centres[other][1] + 1e5 * below * (-1 if drawing.rtl else 1)
            # arcs to the left first, nested on each side
            key = (toward > centres[own][1], -toward, i, side)
            ends.setdefault(own, []).append(key)
    anchors = {}
    for own, found in ends.items():
        number, centre, size = centres[own]
        step = min(7.0, size / (len(found) + 1))
        for rank, (_, _, i, side) in enumerate(sorted(found)):
            shift = (rank - (len(found) - 1) / 2) * step
            anchors[(i, side)] = (number, centre + shift)
    return anchors


def _stack_arcs(arcs: List[PlacedArc]) -> List[PlacedArc]:
    """Stack short arcs below long ones, without overlaps of arcs and labels."""
    levels: List[List[Tuple[float, float]]] = []
    placed = []
    for part in sorted(arcs, key=lambda part: part.right - part.left):
        left = min(part.left, part.label_left) - 3
        right = max(part.right, part.label_left + part.label_width) + 3
        level = len(levels)
        # above all arcs that it covers
        while level > 0 and all(b <= left or a >= right for a, b in levels[level - 1]):
            level -= 1
        if level == len(levels):
            levels.append([])
        levels[level].append((left, right))
        placed.append(part._replace(level=level))
    return placed

"""Layout of a small graph without overlapping names.

Distances on the page follow those in the graph (stress majorization; Gansner, Koren and
North, 2004, https://doi.org/10.1007/978-3-540-31843-9_25); then overlapping boxes are
moved apart. The layout is deterministic.
"""

from typing import Dict, List, NamedTuple, Sequence, Tuple

import numpy

N_STEPS = 60
N_PUSHES = 100
# pixels
MARGIN, GAP, LINE, CHARACTER = 6, 14, 28, 7.6
ROW = 46
# offset of a curve's middle, relative to its length
BOW = 0.18
# space above a box with an arrow to itself
LOOP = 26
# possible positions of a label on a line
SHARES = (0.5, 0.42, 0.58, 0.34, 0.66, 0.26, 0.74)
SMALL_CHARACTER, SMALL_LINE = 6.6, 14

Point = Tuple[float, float]


class Box(NamedTuple):
    """A name: its center and its size, in pixels."""

    x: float
    y: float
    width: float
    height: float


class Line(NamedTuple):
    """An arrow from one box to another: a cubic Bézier curve, of four points."""

    points: Tuple[Point, Point, Point, Point]

    @property
    def path(self) -> str:
        """RETURNS (str): the path in SVG."""
        start, first, second, end = (f"{x:.1f} {y:.1f}" for x, y in self.points)
        return f"M{start} C{first} {second} {end}"

    def at(self, share: float) -> Point:
        """RETURNS (Tuple[float, float]): a point on the line; 0 is its start, 1 its
        end."""
        rest = 1 - share
        parts = (rest**3, 3 * rest**2 * share, 3 * rest * share**2, share**3)
        (x, y), *others = ((p * x, p * y) for p, (x, y) in zip(parts, self.points))
        return x + sum(o[0] for o in others), y + sum(o[1] for o in others)


def place_boxes(
    names: Sequence[str], edges: Sequence[Tuple[int, int]], width: float
) -> Tuple[List[Box], float]:
    """Place the boxes of names.

    names (Sequence[str]): the displayed names.
    edges (Sequence[Tuple[int, int]]): pairs of linked names.
    width (float): available width.
    RETURNS (Tuple[List[Box], float]): boxes that don't overlap, and the total height.
    """
    sizes = numpy.array([_get_size(name) for name in names])
    spots = _spread(len(names), edges)
    room = numpy.array([width, _guess_height(sizes, width)]) - 2 * MARGIN
    low, high = spots.min(0), spots.max(0)
    spots = (spots - low) / numpy.maximum(high - low, 1e-9)
    spots[:, high - low < 1e-9] = 0.5
    centers = MARGIN + sizes / 2 + spots * numpy.maximum(room - sizes, 0)
    centers = _push_apart(centers, sizes, width)
    above = MARGIN + LOOP * any(head == tail for head, tail in edges)
    centers[:, 1] += above - (centers[:, 1] - sizes[:, 1] / 2).min()
    boxes = _settle(
        [
            Box(round(float(x), 1), round(float(y), 1), float(w), float(h))
            for (x, y), (w, h) in zip(centers, sizes)
        ]
    )
    return boxes, round(max(box.y + box.height / 2 for box in boxes) + MARGIN)


def draw_lines(
    boxes: Sequence[Box], edges: Sequence[Tuple[int, int]]
) -> Dict[Tuple[int, int], Line]:
    """Draw arrows between boxes, curved if there are two in opposite directions.

    boxes (Sequence[Box]): the output of `place_boxes`.
    edges (Sequence[Tuple[int, int]]): pairs of boxes.
    RETURNS (Dict[Tuple[int, int], Line]): the line of each edge.
    """
    known = set(edges)
    return {
        (head, tail): _draw_loop(boxes[head])
        if head == tail
        else _draw_line(boxes[head], boxes[tail], BOW * ((tail, head) in known))
        for head, tail in known
    }


def place_labels(
    lines: Dict[Tuple[int, int], Line],
    labels: Dict[Tuple[int, int], str],
    boxes: Sequence[Box],
) -> Dict[Tuple[int, int], Point]:
    """Place the labels of lines without covering names or other labels.

    lines (Dict[Tuple[int, int], Line]): the output of `draw_lines`.
    labels (Dict[Tuple[int, int], str]): the label of each line.
    boxes (Sequence[Box]): the output of `place_boxes`.
    RETURNS (Dict[Tuple[int, int], Tuple[float, float]]): their centers; labels without
        space are omitted.
    """
    taken, places = list(boxes), {}
    for edge, label in labels.items():
        for share in SHARES:
            x, y = lines[edge].at(share)
            box = Box(x, y, len(label) * SMALL_CHARACTER, SMALL_LINE)
            if not any(_is_over(box, other) for other in taken):
                taken.append(box)
                places[edge] = (round(x, 1), round(y, 1))
                break
    return places


def _is_over(one: Box, other: Box) -> bool:
    is_beside = 2 * abs(one.x - other.x) >= one.width + other.width
    return not is_beside and 2 * abs(one.y - other.y) < one.height + other.height


def _get_size(name: str) -> Tuple[float, float]:
    # East Asian letters are as wide as they are high
    n = sum(1.0 + (ord(x) > 0x2E7F) for x in name)
    return round(n * CHARACTER + 20), LINE


def _guess_height(sizes: numpy.ndarray, width: float) -> float:
    """Estimate the height for all boxes, with as much space in between."""
    per_row = max(width / (2.2 * (sizes[:, 0].mean() + GAP)), 1.0)
    return max(220.0, 0.3 * width, ROW * len(sizes) / per_row)


def _spread(n: int, edges: Sequence[Tuple[int, int]]) -> numpy.ndarray:
    """RETURNS (ndarray): (n, 2), positions whose distances match those in the graph."""
    distances = _measure(n, edges)
    angles = numpy.linspace(0, 2 * numpy.pi, n, endpoint=False)
    spots = numpy.stack((numpy.cos(angles), numpy.sin(angles)), axis=1)
    spots[0] = 0.0  # the center
    weights = 1 / numpy.maximum(distances, 1) ** 2
    numpy.fill_diagonal(weights, 0)
    inverse = numpy.linalg.pinv(numpy.diag(weights.sum(1)) - weights)
    for _ in range(N_STEPS):
        apart = numpy.linalg.norm(spots[:, None] - spots, axis=2)
        ratios = weights * distances / numpy.maximum(apart, 1e-9)
        spots = inverse @ ((numpy.diag(ratios.sum(1)) - ratios) @ spots)
    return spots


def _measure(n: int, edges: Sequence[Tuple[int, int]]) -> numpy.ndarray:
    """RETURNS (ndarray): (n, n), number of edges between nodes."""
    distances = numpy.full((n, n), float(n))
    numpy.fill_diagonal(distances, 0)
    for head, tail in edges:
        if head != tail:
            distances[head, tail] = distances[tail, head] = 1
    for i in range(n):  # Floyd and Warshall
        numpy.minimum(distances, distances[:, i, None] + distances[i], out=distances)
    return distances


def _push_apart(
    centers: numpy.ndarray, sizes: numpy.ndarray, width: float
) -> numpy.ndarray:
    """RETURNS (ndarray): (n, 2), centers of boxes, with little remaining overlap."""
    n = len(centers)
    order = numpy.sign(numpy.arange(n)[:, None] - numpy.arange(n))
    least = MARGIN + sizes[:, 0] / 2
    most = numpy.maximum(width - least, least)
    reach = (sizes[:, None] + sizes) / 2 + (GAP, GAP / 2)
    for _ in range(N_PUSHES):
        apart = centers[:, None] - centers
        over = reach - abs(apart)
        is_over = (over > 0.01).all(2) & (order != 0)
        if not is_over.any():
            break
        sides = numpy.where(apart == 0, order[:, :, None], numpy.sign(apart))
        is_flat = over[:, :, 1] <= over[:, :, 0]
        for axis, is_chosen in ((0, is_over & ~is_flat), (1, is_over & is_flat)):
            push = numpy.where(is_chosen, sides[:, :, axis] * over[:, :, axis], 0)
            n_pushes = numpy.maximum(is_chosen.sum(1), 1)
            centers[:, axis] += 0.55 * push.sum(1) / n_pushes
        centers[:, 0] = numpy.clip(centers[:, 0], least, most)
    return centers


def _settle(boxes: Sequence[Box]) -> List[Box]:
    """Move boxes that still overlap downwards, where space is unlimited."""
    settled: Dict[int, Box] = {}
    for i in sorted(range(len(boxes)), key=lambda i: boxes[i].y):
        box = boxes[i]
        while under := [other for other in settled.values() if _is_over(box, other)]:
            lowest = max(other.y + other.height / 2 for other in under)
            box = box._replace(y=lowest + box.height / 2 + GAP / 2)
        settled[i] = box
    return [settled[i] for i in range(len(boxes))]


def _draw_line(head: Box, tail: Box, bow: float) -> Line:
    """Draw a line, or a curve with an offset of `bow` times its length."""
    dx, dy = tail.x - head.x, tail.y - head.y
    first, second = (
        (head.x + share * dx - bow * dy, head.y + share * dy + bow * dx)
        for share in (1 / 3, 2 / 3)
    )
    return Line((_clip(head, first), first, second, _clip(tail, second)))


def _draw_loop(box: Box) -> Line:
    top, x = box.y - box.height / 2, box.x + box.width / 4
    return Line(
        ((x - 10, top), (x - 14, top - 24), (x + 14, top - 24), (x + 10, top - 3))
    )


def _clip(box: Box, towards: Point) -> Point:
    """RETURNS (Tuple[float, float]): the point where the line leaves the box."""
    dx, dy = towards[0] - box.x, towards[1] - box.y
    room_x = (box.width / 2 + 3) / abs(dx) if dx else float("inf")
    room_y = (box.height / 2 + 3) / abs(dy) if dy else float("inf")
    share = min(room_x, room_y, 1.0)
    return box.x + share * dx, box.y + share * dy

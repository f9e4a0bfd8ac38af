"""The sections of a report, for HTML, Markdown or a terminal."""

from dataclasses import dataclass, field
from typing import Dict, List, NamedTuple, Sequence

from ..wording import Table, number

# maximum readable rows of a matrix
N_CLASSES = 15


class Tile(NamedTuple):
    """A key figure.

    name (str): its name.
    value (str): its value.
    detail (str): its interval, or a remark.
    """

    name: str
    value: str
    detail: str = ""


class Notice(NamedTuple):
    """A piece of advice.

    level (str): `warn` or `info`.
    text (str): a sentence.
    """

    level: str
    text: str


class Figure(NamedTuple):
    """A drawing.

    svg (str): an `<svg>` element.
    title (str): a caption; empty if the drawing has one.
    narrow (str): a version for phones; empty to shrink `svg`.
    """

    svg: str
    title: str = ""
    narrow: str = ""


class Card(NamedTuple):
    """An example.

    title (str): its source.
    lines (List[str]): its description.
    svg (str): an `<svg>` element, or empty.
    """

    title: str
    lines: List[str]
    svg: str = ""


class Group(NamedTuple):
    """Examples of one kind.

    title (str), note (str): the kind, and its meaning.
    total (int): the total number; `cards` (List[Card]) contains the first ones.
    """

    title: str
    note: str
    total: int
    cards: List[Card]


@dataclass
class Matrix:
    """A matrix of counts.

    title (str): the title.
    corner (str): names of rows and columns, such as `gold ↓ predicted →`.
    labels (List[str]): classes of the rows and of the columns.
    counts (List[List[int]]): by row and column.
    note (str): a note below, or empty.
    is_confusion (bool): whether the diagonal contains correct predictions.
    """

    title: str
    corner: str
    labels: List[str]
    counts: List[List[int]]
    note: str = ""
    is_confusion: bool = True

    @property
    def shares(self) -> List[List[float]]:
        """RETURNS (List[List[float]]): each count as a share of its row for
        confusion matrices, else of the largest count."""
        most = max(map(max, self.counts), default=0)
        totals = [sum(row) if self.is_confusion else most for row in self.counts]
        return [
            [n / (total or 1) for n in row] for row, total in zip(self.counts, totals)
        ]

    def to_table(self) -> Table:
        """RETURNS (Table): the matrix as a table."""
        rows = [
            [label, *(number(n) for n in counts)]
            for label, counts in zip(self.labels, self.counts)
        ]
        aligns = "l" + "r" * len(self.labels)
        return Table(self.title, [self.corner, *self.labels], rows, aligns, self.note)


def merge_rare(
    labels: Sequence[str], counts: Sequence[Sequence[int]], *, n_last: int = 0
) -> "tuple[List[str], List[List[int]]]":
    """Merge the rarest classes of a matrix that is too large.

    labels (Sequence[str]): the most frequent first.
    counts (Sequence[Sequence[int]]): by row and column.
    n_last (int): number of classes at the end to keep.
    RETURNS (Tuple[List[str], List[List[int]]]): at most `N_CLASSES` labels, and counts.
    """
    n_more = len(labels) - N_CLASSES
    if n_more <= 0:
        return list(labels), [list(row) for row in counts]
    first, end = N_CLASSES - n_last - 1, len(labels) - n_last
    merged = [[*row[:first], sum(row[first:end]), *row[end:]] for row in counts]
    between = [sum(column) for column in zip(*merged[first:end])]
    names = [*labels[:first], f"{end - first} others", *labels[end:]]
    return names, [*merged[:first], between, *merged[end:]]


@dataclass
class Section:
    """A part of a report.

    id (str): its anchor.
    title (str): its heading.
    words (List[str]): introductory paragraphs.
    tiles (List[Tile]), notices (List[Notice]), tables (List[Table]), matrices
        (List[Matrix]), figures (List[Figure]), groups (List[Group]): its content.
    legend (Dict[str, str]): legend for the styles of arcs in drawings.
    """

    id: str
    title: str
    words: List[str] = field(default_factory=list)
    tiles: List[Tile] = field(default_factory=list)
    notices: List[Notice] = field(default_factory=list)
    tables: List[Table] = field(default_factory=list)
    matrices: List[Matrix] = field(default_factory=list)
    figures: List[Figure] = field(default_factory=list)
    groups: List[Group] = field(default_factory=list)
    legend: Dict[str, str] = field(default_factory=dict)

    def list_tables(self) -> List[Table]:
        """RETURNS (List[Table]): tiles, tables and matrices as tables."""
        tables = []
        if self.tiles:
            header = ["figure", "value", "95 % interval"]
            rows = [list(tile) for tile in self.tiles]
            tables.append(Table(self.title, header, rows, "lrr"))
        return [*tables, *self.tables, *(matrix.to_table() for matrix in self.matrices)]

r"""The rows of a WebAnno TSV file: tokens, columns of layers, and the text.

`VALUE[3]` is an annotation over several rows, `|` separates stacked ones, `*` is no
value, `_` no annotation; a backslash escapes the next character.
"""

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from typing import DefaultDict, List, Optional, Tuple

from ..base import FormatError
from ..fields import show
from ..io import split_lines
from ..offsets import UTF16, same_text
from ..passages import CODE_POINTS, JoinedText, Piece
from ..record import Offsets, Source
from ..report import ENTITIES, Report

MARK = "#FORMAT=WebAnno TSV 3"
TEXT = "#Text="
LAYER = re.compile(r"#T_(SP|RL|CH)=([^|]+)(.*)")
KINDS = {"SP": "span", "RL": "relation", "CH": "chain"}
SLOT, BASE = "ROLE_", "BT_"
ANY = "uima.tcas.Annotation"

UNIT = re.compile(r"[0-9]{1,9}-[0-9]{1,9}(\.[0-9]{1,9})?$")
OFFSETS = re.compile(r"([0-9]{1,18})-([0-9]{1,18})$")
STACKED = re.compile(r"((?:\\.|[^|])*)(?:\||$)", re.DOTALL)
NUMBERED = re.compile(r"((?:\\.|[^\\])*)\[([0-9]{1,9})\]$", re.DOTALL)
ESCAPED = re.compile(r"\\(->|.)", re.DOTALL)
LETTERS = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "b": "\b"}


@dataclass
class Layer:
    """A layer in the header.

    kind (str): `span`, `relation` or `chain`.
    name (str): full name.
    features (List[str]): features with a column, without slots.
    columns (List[str]): name of each column; empty without features.
    first (int): first column.
    base (str): layer of a relation's head and tail.
    slots (List[Tuple[int, str, str]]): for each slot feature, the column of its roles,
        which is followed by that of its targets; its name; the layer of its targets.
    """

    kind: str
    name: str
    features: List[str]
    columns: List[str]
    first: int
    base: str = ANY
    slots: List[Tuple[int, str, str]] = field(default_factory=list)


@dataclass
class Unit:
    """A row: a token, or a part of a token.

    id (str): e.g. `1-3` or `1-3.1`.
    source (Source): its line.
    begin, end (int): offsets, in the unit of the file.
    text (str): its text in the file.
    sentence (int): index of its sentence, from 0.
    cells (List[str]): columns of the layers.
    """

    id: str
    source: Source
    begin: int
    end: int
    text: str
    sentence: int
    cells: List[str]

    @property
    def is_token(self) -> bool:
        return "." not in self.id


class Rows:
    """A parsed file.

    layers (List[Layer]): the layers in the header.
    sentences (List[List[str]]): the lines of each sentence.
    units (List[Unit]): the valid rows; others are reported.
    """

    def __init__(self, text: str, source: Source, report: Report) -> None:
        """
        text (str): content of the file.
        source (Source): the file.
        report (Report): counts rows that can't be read, when calling `read`.
        RAISES (FormatError): if the header is missing or invalid.
        """
        self.source = source
        self.report = report
        lines = split_lines(text)
        if not lines[0].startswith(MARK):
            raise FormatError(
                f"{source.file}:1: found {show(lines[0])}, expected {MARK + '.3'!r}. "
                f"Export the document from INCEpTION as UIMA CAS JSON, or as WebAnno "
                f"TSV 3."
            )
        self.lines = list(enumerate(lines, 1))
        self.sentences: List[List[str]] = []
        self.units: List[Unit] = []
        # before counting anything, since an error rejects the whole file
        self.layers: List[Layer] = []
        for number, line in self.lines:
            if line.startswith(TEXT):
                break
            if line.startswith("#T_"):
                self._read_header(number, line)

    def read(self) -> None:
        """Read all rows."""
        previous = ""
        for number, line in self.lines:
            if line.startswith(TEXT):
                if not previous.startswith(TEXT):
                    self.sentences.append([])
                self.sentences[-1].append(_unescape(line[len(TEXT) :]))
            elif line.strip() and not line.startswith("#"):
                self._read_row(number, line)
            previous = line

    def _read_header(self, number: int, line: str) -> None:
        match = LAYER.match(line.strip())
        if not match:
            raise FormatError(
                f"{self.source.file}:{number}: found {show(line)}, expected a layer, "
                f"such as '#T_SP=custom.Span|label'. Without it nothing is known of "
                f"the columns."
            )
        # layers without features may or may not end in `|`
        columns = [part for part in match.group(3).split("|") if part]
        base = ANY
        if columns and columns[-1].startswith(BASE):
            base = columns[-1][len(BASE) :]
        features = [
            column
            for column, before in zip(columns, ["", *columns])
            if not column.startswith((SLOT, BASE)) and not before.startswith(SLOT)
        ]
        # ROLE_layer:feature_type of the links
        slots = [
            (i, column.partition(":")[2].rpartition("_")[0] or "slot", target)
            for i, (column, target) in enumerate(zip(columns, columns[1:]))
            if column.startswith(SLOT)
        ]
        first = sum(max(1, len(layer.columns)) for layer in self.layers)
        kind, name = KINDS[match.group(1)], match.group(2)
        self.layers.append(Layer(kind, name, features, columns, first, base, slots))

    def _read_row(self, number: int, line: str) -> None:
        source = replace(self.source, line=number)
        cells = line.split("\t")
        n_columns = 3 + sum(max(1, len(layer.columns)) for layer in self.layers)
        problem = ""
        offsets = OFFSETS.match(cells[1]) if len(cells) > 1 else None
        if not self.sentences:
            problem = f"found {show(line)}, expected {TEXT!r} with a sentence first"
        elif not UNIT.match(cells[0]) or offsets is None:
            problem = (
                f"found {show(line)}, expected a row that starts with id, tab, offsets "
                f"and tab, such as '1-1\\t0-5\\t'"
            )
        elif len(cells) < n_columns or any(cells[n_columns:]):
            n_found = len(cells) - (not cells[-1])
            problem = f"found {n_found} columns, the header has {n_columns} of them"
        if problem or offsets is None:
            self.report.read(ENTITIES)
            message = f"{source}: {problem}; row not converted."
            self.report.error(ENTITIES, "row not readable", message)
            return
        begin, end = int(offsets.group(1)), int(offsets.group(2))
        sentence = len(self.sentences) - 1
        self.units.append(
            Unit(cells[0], source, begin, end, cells[2], sentence, cells[3:])
        )

    def lay_out(self, n_spans: int) -> JoinedText:
        """Get the text; offsets are in UTF-16 code units, unless only characters match
        the rows."""
        layout = self._put_together(UTF16)
        if not self._fits(layout):
            other = self._put_together(CODE_POINTS)
            if self._fits(other):
                self.report.repair("offsets in characters", n_spans)
                layout = other
        self.report.repair(
            "sentences that overlap by their offsets: put one after another",
            layout.n_overlaps,
        )
        return layout

    def _put_together(self, unit: str) -> JoinedText:
        tokens: DefaultDict[int, List[Unit]] = defaultdict(list)
        for token in self.units:
            if token.is_token:
                tokens[token.sentence].append(token)
        pieces: List[Piece] = []
        at = 0
        for i, lines in enumerate(self.sentences):
            text = "\n".join(lines)
            begin = _find_begin(text, tokens[i], unit)
            pieces.append(Piece(at if begin is None else begin, text))
            at = pieces[-1].offset + _size(text, unit) + 1
        return JoinedText(pieces, unit, separator="\n")

    def _fits(self, layout: JoinedText) -> bool:
        for unit in self.units:
            found = layout.find(unit.begin, unit.end, unit.sentence)
            if found is None or not _agrees(unit, found, layout):
                return False
        return True

    def find_tokens(self, layout: JoinedText) -> Optional[List[Offsets]]:
        tokens = []
        for unit in self.units:
            if unit.is_token:
                found = layout.find(unit.begin, unit.end, unit.sentence)
                if found is None or not _agrees(unit, found, layout):
                    reason = "tokens that do not fit the text: retokenized"
                    self.report.repair(reason)
                    return None
                tokens.append(found)
        return tokens or None


def _find_begin(text: str, tokens: List[Unit], unit: str) -> Optional[int]:
    """Get the start of a sentence according to most of its rows."""
    votes: Counter[int] = Counter()
    at = begin = 0
    for token in tokens:
        found = text.find(token.text, at)
        if found >= 0:
            begin += _size(text[at:found], unit)
            votes[token.begin - begin] += 1
            at = found
    return max(votes, key=votes.__getitem__, default=None)


def _size(text: str, unit: str) -> int:
    if unit == CODE_POINTS:
        return len(text)
    return len(text.encode("utf-16-le", "replace")) // 2


def _agrees(unit: Unit, found: Offsets, layout: JoinedText) -> bool:
    return same_text(layout.text[slice(*found)], unit.text)


def get_stacks(unit: Unit, layer: Layer) -> List[List[str]]:
    """RETURNS (List[List[str]]): the annotations in each column of a layer."""
    n_columns = max(1, len(layer.columns))
    return [_split(cell) for cell in unit.cells[layer.first : layer.first + n_columns]]


def _split(cell: str) -> List[str]:
    if cell in ("_", ""):
        return []
    parts = [match.group(1) for match in STACKED.finditer(cell)]
    # the pattern also matches the end of the cell
    return parts[:-1] if len(parts) > 1 and not parts[-1] else parts


def read_number(value: str) -> int:
    """RETURNS (int): number that identifies an annotation; 0 if there is none."""
    match = NUMBERED.match(value)
    return int(match.group(2)) if match else 0


def read_value(value: str) -> Optional[str]:
    """RETURNS (Optional[str]): the value without its number, or None."""
    match = NUMBERED.match(value)
    value = match.group(1) if match else value
    return None if value in ("*", "") else _unescape(value).strip() or None


def _unescape(text: str) -> str:
    return ESCAPED.sub(lambda m: LETTERS.get(m.group(1), m.group(1)), text)

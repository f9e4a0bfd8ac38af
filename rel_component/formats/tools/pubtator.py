"""PubTator: title and abstract, mentions of concepts, and relations between concepts.

Documents start with `ID|t|title` and `ID|a|abstract`, followed by tab-separated lines:
ID, start, end, text, type and concept of each mention; ID, label and both concepts of
each relation. Offsets refer to title and abstract, joined by one character.
Source: ncbi.nlm.nih.gov/research/pubtator; the corpora CDR and BioRED.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Tuple

from ..base import Format, FormatError, Options, Preview
from ..fields import EndpointError, FieldError, show
from ..io import iter_text_lines, split_lines
from ..items import Items
from ..mentions import MENTIONS, Concepts, split_ids
from ..record import EntityRecord, Record, RelationRecord, Source
from ..report import DOCUMENTS, ENTITIES, RELATIONS, Report

PASSAGE = re.compile(r"([^|\t]+)\|([A-Za-z])\|(.*)", re.DOTALL)
INTEGER = re.compile(r"\s*-?[0-9]{1,18}\s*$")
EXPECTED = {
    ENTITIES: "ID<tab>start<tab>end<tab>text<tab>type<tab>concept",
    RELATIONS: "ID<tab>label<tab>concept<tab>concept",
}
NAMES = {ENTITIES: "entity", RELATIONS: "relation"}


@dataclass
class _Document:
    """The lines of one document.

    id (str): its id, with which its lines start.
    line (int): its first line.
    passages (List[str]): title and abstract.
    rows (List[Tuple[int, List[str]]]): line numbers and columns.
    problem (str): message if it can't be converted, otherwise empty.
    """

    id: str
    line: int
    passages: List[str] = field(default_factory=list)
    rows: List[Tuple[int, List[str]]] = field(default_factory=list)
    problem: str = ""


def read(path: Path, options: Options, report: Report) -> Iterator[Record]:
    """Read documents one by one.

    path (Path): the file.
    options (Options): `mentions`.
    report (Report): counts items and problems.
    YIELDS (Record): one per title.
    RAISES (FormatError): if there are no documents.
    """
    for document in _iter_documents(path, options, report):
        record = _Reader(document, path, options, report).read()
        if record is not None:
            yield record


def _iter_documents(
    path: Path, options: Options, report: Report
) -> Iterator[_Document]:
    document: Optional[_Document] = None
    for number, line in iter_text_lines(path, options.encoding):
        place = f"{path}:{number}"
        if isinstance(line, FormatError):
            _lose_line(document, str(line), report)
            continue
        if not line.strip():
            continue
        match = PASSAGE.match(line)
        if match:
            id_, letter, text = match.groups()
            if letter == "t" or document is None or id_ != document.id:
                if document is not None:
                    yield document
                document = _Document(id_, number)
                if letter != "t":
                    document.problem = (
                        f"{place}: found {show(line)}, expected {f'{id_}|t|'!r} with "
                        f"the title before it, from which offsets count"
                    )
            document.passages.append(text)
            continue
        cells = line.split("\t")
        if document is not None and cells[0] == document.id:
            document.rows.append((number, cells))
            continue
        _report_stray(place, cells, document, report)
    if document is not None:
        yield document


def _lose_line(document: Optional[_Document], problem: str, report: Report) -> None:
    if document is not None and not document.rows and len(document.passages) < 2:
        document.problem = document.problem or problem.rstrip(".")
        return
    report.read(ENTITIES)
    report.error(ENTITIES, "line not readable", f"{problem} Line not converted.")


def _report_stray(
    place: str, cells: List[str], document: Optional[_Document], report: Report
) -> None:
    kind = _find_kind(cells)
    report.read(kind)
    if len(cells) == 1:
        what = f"found {show(cells[0])}, expected a title such as 1234|t|Title, or tabs"
    elif document is None:
        what = f"found {show(cells[0])} before any title, expected 1234|t|Title first"
    else:
        what = (
            f"found the document id {show(cells[0])}, expected {document.id!r} as in "
            f"the title above"
        )
    message = f"{place}: {what}; {NAMES[kind]} not converted."
    report.error(kind, "not of this document", message)


def _find_kind(cells: List[str]) -> str:
    """Guess the kind of a line; only entities have offsets, but most invalid lines are
    entities, too."""
    if len(cells) < 4 or any(INTEGER.match(cell) for cell in cells[1:2]):
        return ENTITIES
    has_end = len(cells) > 5 and bool(INTEGER.match(cells[2]))
    return ENTITIES if has_end else RELATIONS


class _Reader:
    """Reads one document."""

    def __init__(
        self, document: _Document, path: Path, options: Options, report: Report
    ) -> None:
        self.document = document
        self.path = path
        self.options = options
        self.report = report
        self.source = Source(str(path), line=document.line, id=document.id)
        self.concepts = Concepts(options[MENTIONS])

    def read(self) -> Optional[Record]:
        """RETURNS (Optional[Record]): None if the document can't be converted."""
        rows: Dict[str, List[Tuple[Source, List[str]]]] = {ENTITIES: [], RELATIONS: []}
        for line, cells in self.document.rows:
            source = Source(str(self.path), line=line, id=self.document.id)
            rows[_find_kind(cells)].append((source, cells))
        self.report.read(DOCUMENTS)
        if self.document.problem:
            self._lose(rows)
            return None
        items = Items(self.source, self.report)
        # relations may precede the mentions
        for source, cells in rows[ENTITIES]:
            with items.entity(source=source):
                items.entities.append(self._read_entity(source, cells))
        n_lost = self.report.n_lost[RELATIONS]
        for source, cells in rows[RELATIONS]:
            with items.relation(source=source):
                items.relations += self._read_relation(source, cells)
        is_partial = self.concepts.is_partial
        negatives = []
        is_lost = self.report.n_lost[RELATIONS] > n_lost  # of an unknown pair
        if is_partial and self.options.complete and not is_lost:
            negatives = self.concepts.list_unrelated()
        return Record(
            "\n".join(self.document.passages),
            self.source,
            items.entities,
            items.relations,
            negatives=negatives,
            complete=self.options.complete and not is_partial,
        )

    def _lose(self, rows: Dict[str, List[Tuple[Source, List[str]]]]) -> None:
        reason = "not readable"
        message = f"{self.document.problem}; document not converted."
        self.report.error(DOCUMENTS, reason, message)
        for kind, found in rows.items():
            self.report.read(kind, len(found))
            self.report.lost_with(kind, reason, len(found))

    def _read_entity(self, source: Source, cells: List[str]) -> EntityRecord:
        if len(cells) < 5:
            raise _wrong(ENTITIES, cells)
        if not all(map(INTEGER.match, cells[1:3])):
            raise FieldError(
                "",
                f"found the offsets {show(cells[1])} and {show(cells[2])}, expected "
                f"whole numbers",
                "wrong offsets",
            )
        if not cells[4].strip():
            raise FieldError("", "found no type, expected one in column 5", "no type")
        offsets = (int(cells[1]), int(cells[2]))
        # additional columns of composite mentions and variants
        ids = [id_ for cell in cells[5:] for id_ in split_ids(cell)]
        entity = EntityRecord(f"line {source.line}", cells[4].strip(), [offsets])
        entity.text = cells[3]
        entity.source = source
        if ids:
            entity.attrs["kb_id"] = ids[0]
        self.concepts.add(ids, entity)
        return entity

    def _read_relation(
        self, source: Source, cells: List[str]
    ) -> Iterator[RelationRecord]:
        if len(cells) < 4 or not cells[1].strip():
            raise _wrong(RELATIONS, cells)
        ends = [self._resolve(cell) for cell in cells[2:4]]
        policy = self.options[MENTIONS]
        self.report.note(f"relations between concepts: {policy} mentions")
        attrs = {"novel": cells[4].strip()} if cells[4:] and cells[4].strip() else {}
        for head, tail in self.concepts.relate(*ends):
            label = cells[1].strip()
            yield RelationRecord(label, head, tail, attrs=dict(attrs), source=source)

    def _resolve(self, cell: str) -> List[str]:
        found = self.concepts.resolve(cell)
        if not found:
            raise EndpointError(
                "",
                f"found the concept {show(cell)}, which no mention of this document "
                f"has, expected one that a line above has in column 6",
            )
        return found


def _wrong(kind: str, cells: List[str]) -> FieldError:
    line = "\t".join(cells)
    hint = "" if "\t" in line else ": it has spaces instead of tabs"
    return FieldError(
        "",
        f"found {show(line)}, expected {EXPECTED[kind]}{hint}",
        "line not readable",
    )


def _looks_like(preview: Preview) -> bool:
    lines = (line for line in split_lines(preview.text) if line.strip())
    return re.match(r"[^|\t]+\|t\|", next(lines, "")) is not None


FORMAT = Format(
    "pubtator",
    "PubTator (title, abstract, tabs)",
    read,
    _looks_like,
    options=(MENTIONS,),
)

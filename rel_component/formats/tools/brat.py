"""brat standoff: `X.txt` with its annotations in `X.ann`, or folders of such pairs.

Source: brat.nlplab.org/standoff.html; older parts (`.a1`, `.a2`, `.co`, `.rel`) are put
together. Labels that an `annotation.conf` calls symmetric are read as such.
"""

import codecs
import os
import re
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Dict, FrozenSet, Iterator, List, Optional, Tuple

from ...brat_config import CONFIG_NAME, parse_annotation_conf
from ...wording import plural
from ..base import Format, FormatError, Options, Preview
from ..fields import show
from ..io import cannot_read, decode, list_files, read_bytes
from ..record import EntityRecord, Offsets, Record, RelationRecord, Source
from ..report import DOCUMENTS, ENTITIES, FILES, RELATIONS, Report

JOINED = ".ann"
PARTS = (".a1", ".a2", ".co", ".rel")
SUFFIXES = (JOINED, *PARTS)
CONFIGS = (
    CONFIG_NAME,
    "visual.conf",
    "tools.conf",
    "kb_shortcuts.conf",
    ".stats_cache",
)

ID = re.compile(r"(?:[A-Za-z#][0-9]\S*|\*)$")
SPAN = re.compile(
    r"(\S+) +(-?[0-9]{1,18} +-?[0-9]{1,18}(?:;-?[0-9]{1,18} +-?[0-9]{1,18})*) *$"
)
ARGUMENT = re.compile(r"([^\s:]+):(\S+)$")
EXPECTED = {
    "T": "T1<tab>Type start end<tab>text",
    "R": "R1<tab>Type Arg1:T1 Arg2:T2",
    "*": "*<tab>Type T1 T2 ...",
}
KINDS = {"T": ENTITIES, "R": RELATIONS, "*": RELATIONS}
NAMES = {"T": "entity", "R": "relation", "*": "relation"}
# a line that can't be told is most often the rest of a broken entity
UNKNOWN = ENTITIES
NOT_CONVERTED = {
    "E": "brat events",
    "A": "brat attributes",
    "M": "brat attributes",
    "N": "brat references",
    "#": "brat notes",
}


class _LineError(ValueError):
    """What was found in a line, what was expected, and a few words to count it by."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True)
class _Line:
    """A line of an annotation file.

    file (Path): the file.
    number (int): from 1.
    text (str): without its end.
    """

    file: Path
    number: int
    text: str

    @property
    def id(self) -> str:
        """RETURNS (str): e.g. `T1`; empty if the line does not begin with an id."""
        word = self.text.split(maxsplit=1)[0]
        return word if ID.match(word) and self.text.startswith(word) else ""

    @property
    def kind(self) -> str:
        """RETURNS (str): the letter of the id."""
        return self.id[:1]

    @property
    def source(self) -> Source:
        """RETURNS (Source): where it stands, for messages."""
        return Source(str(self.file), line=self.number)

    def cells(self, n: int) -> List[str]:
        """RETURNS (List[str]): what follows the id, in at most n parts."""
        return self.text.split("\t", n)[1:]

    def __str__(self) -> str:
        return self.source.at(self.id)


@dataclass
class _Document:
    """What the lines of one document add up to.

    lines (Dict[str, _Line]): lines of entities, relations and events, by id.
    broken (Dict[str, _Line]): lines of entities that can't be read, by id.
    """

    lines: Dict[str, _Line] = field(default_factory=dict)
    broken: Dict[str, _Line] = field(default_factory=dict)
    entities: Dict[str, EntityRecord] = field(default_factory=dict)
    relations: List[RelationRecord] = field(default_factory=list)


def read(path: Path, options: Options, report: Report) -> Iterator[Record]:
    """Read a pair of files, or all pairs in a folder and its subfolders.

    path (Path): a folder, an annotation file or a text file.
    options (Options): the encoding is used.
    report (Report): counts what is read and what is wrong with it.
    YIELDS (Record): a document per text file.
    RAISES (FormatError): if there is no such pair.
    """
    if path.name in CONFIGS:
        # given by a shell's `folder/*`; the annotations find it by themselves
        report.note("brat configuration files")
        return
    reader = _Reader(path, options, report)
    for base in _find_documents(path):
        record = reader.read(base)
        if record is not None:
            yield record


def _find_documents(path: Path) -> List[Path]:
    """Files without suffix, one for each document."""
    suffixes = (".txt", *SUFFIXES)
    if path.is_dir():
        files = [file for file in list_files(path) if file.suffix in suffixes]
        found = {file.with_suffix("") for file in files}
        if not found:
            raise FormatError(
                f"{path}: found no .ann and .txt files in this folder, expected pairs "
                f"of them. Give the folder that has them."
            )
        return sorted(found)
    if path.suffix not in suffixes:
        raise FormatError(
            f"{path}: found a file with the suffix {path.suffix!r}, expected a folder, "
            f"an .ann or a .txt file: brat keeps a document in two files."
        )
    if not path.exists():
        raise FormatError(f"{path}: no such file.")
    return [path.with_suffix("")]


class _Reader:
    """Reads documents; knows what those of one input have in common."""

    def __init__(self, path: Path, options: Options, report: Report) -> None:
        self.path = path
        self.options = options
        self.report = report
        self.roles: Dict[str, Tuple[str, ...]] = {}
        self.configs: Dict[Path, FrozenSet[str]] = {}

    def read(self, base: Path) -> Optional[Record]:
        """RETURNS (Optional[Record]): the document, None if it can't be read."""
        self.report.read(DOCUMENTS)
        parts = _annotation_files(base)
        text_file = _add_suffix(base, ".txt")
        if not text_file.exists():
            self.report.error(
                DOCUMENTS,
                "no text file",
                f"{parts[0]}: found annotations without their text, expected "
                f"{text_file.name} beside it; document not converted.",
            )
            return None
        try:
            data = read_bytes(text_file)
            text = decode(data, text_file, self.options.encoding)
            lines = [line for part in parts for line in self._read_lines(part)]
        except FormatError as error:
            message = f"{error} Document not converted."
            self.report.error(DOCUMENTS, "not readable", message)
            return None
        if not parts:
            self.report.note("text files without annotation file")
        document = self._read_document(lines, self._symmetric(base.parent))
        has_bom = data.startswith(codecs.BOM_UTF8)
        return Record(
            text,
            Source(str(parts[0] if parts else text_file), id=self._id(base)),
            list(document.entities.values()),
            document.relations,
            # a text that nobody annotated says nothing about its pairs
            complete=self.options.complete and bool(parts),
            bom=has_bom and self.options.encoding == "utf-8-sig",
        )

    def _id(self, base: Path) -> str:
        is_folder = self.path.is_dir()
        return base.relative_to(self.path).as_posix() if is_folder else base.name

    def _read_lines(self, path: Path) -> Iterator[_Line]:
        try:
            data = path.read_bytes()  # it may be empty: nothing to annotate
        except OSError as error:
            raise cannot_read(path, error) from None
        text = decode(data, path, self.options.encoding)
        # not splitlines: an entity's text may hold U+2028 or the like
        for number, line in enumerate(text.split("\n"), 1):
            if line.strip():
                yield _Line(path, number, line.rstrip("\r"))

    def _symmetric(self, folder: Path) -> FrozenSet[str]:
        """Labels that the nearest `annotation.conf` calls symmetric."""
        top = self.path if self.path.is_dir() else self.path.parent
        for parent in (folder, *folder.parents):
            config = parent / CONFIG_NAME
            if config.is_file():
                if config not in self.configs:
                    self.configs[config] = self._read_config(config)
                return self.configs[config]
            if parent == top.parent:
                break
        return frozenset()

    def _read_config(self, path: Path) -> FrozenSet[str]:
        data, problems = parse_annotation_conf(path)
        if problems:
            self.report.read(FILES)
        for i, problem in enumerate(problems):
            # one file, with as many sentences as it takes
            self.report.error(FILES, "mistakes in it", problem, n=int(i == 0))
        relations = data["relations"].items()
        return frozenset(label for label, entry in relations if entry["symmetric"])

    def _read_document(
        self, lines: List[_Line], symmetric: FrozenSet[str]
    ) -> _Document:
        document = _Document()
        # relations may stand before their entities
        for line in sorted(lines, key=lambda line: line.kind not in ("T", "E")):
            if line.kind in NOT_CONVERTED:
                self._read_other(line, document)
                continue
            try:
                if line.kind == "T":
                    self.report.read(ENTITIES)
                    entity = _read_entity(line, document)
                    document.entities[entity.id] = entity
                elif line.kind == "R":
                    self.report.read(RELATIONS)
                    document.relations.append(self._read_relation(line, document))
                elif line.kind == "*":
                    self._read_group(line, document)
                else:
                    self.report.read(UNKNOWN)
                    raise _unknown(line)
            except _LineError as error:
                self._lose(line, error)
        for relation in document.relations:
            relation.symmetric = relation.symmetric or relation.label in symmetric
        return document

    def _lose(self, line: _Line, error: _LineError, n: int = 1) -> None:
        kind = KINDS.get(line.kind, UNKNOWN)
        words = "".join(line.cells(2)[:1]).split()
        what = NAMES.get(line.kind, "line") + ("s" if n > 1 else "")
        label = f" {words[0]!r}" if words and line.kind in KINDS else ""
        message = f"{line}: {error}; {what}{label} not converted."
        self.report.error(kind, error.reason, message, n)

    def _read_relation(self, line: _Line, document: _Document) -> RelationRecord:
        _register(line, document)
        cells = line.cells(2)
        words = cells[0].split() if cells else []
        arguments = [ARGUMENT.match(word) for word in words[1:]]
        if not words or not all(arguments) or "".join(cells[1:]).strip():
            raise _wrong(line)
        ends = [(match.group(1), match.group(2)) for match in arguments if match]
        roles = tuple(role for role, _ in ends)
        if len(set(roles)) != 2 or len(roles) != 2:
            raise _LineError(
                "not two arguments",
                f"found {plural(len(roles), 'argument')} with the roles "
                f"{', '.join(roles)}, expected two with different roles, such as "
                f"Arg1 and Arg2",
            )
        for _, id_ in ends:
            _check_end(id_, document)
        head, tail = self._order(words[0], roles)
        targets = dict(ends)
        return RelationRecord(
            words[0], targets[head], targets[tail], line.id, source=line.source
        )

    def _order(self, label: str, roles: Tuple[str, ...]) -> Tuple[str, ...]:
        """Which role is the head: brat does not promise an order."""
        if set(roles) == {"Arg1", "Arg2"}:
            return ("Arg1", "Arg2")
        known = self.roles.setdefault(label, roles)
        return known if set(known) == set(roles) else roles

    def _read_group(self, line: _Line, document: _Document) -> None:
        """`*` lines: every two of the entities are related, without direction."""
        cells = line.cells(2)
        words = cells[0].split() if cells else []
        ids = list(dict.fromkeys(words[1:]))
        if len(ids) < 2:
            self.report.read(RELATIONS)
            raise _wrong(line)
        known = [id_ for id_ in ids if id_ in document.entities]
        known.sort(key=lambda id_: document.entities[id_].start)
        pairs = list(combinations(known, 2))
        n_pairs = len(ids) * (len(ids) - 1) // 2
        self.report.read(RELATIONS, n_pairs)
        self.report.note("relations from brat's * lines", len(pairs))
        document.relations += [
            RelationRecord(
                words[0], head, tail, "*", symmetric=True, source=line.source
            )
            for head, tail in pairs
        ]
        n_lost = n_pairs - len(pairs)
        for id_ in ids:
            try:
                _check_end(id_, document)
            except _LineError as error:
                self._lose(line, error, n_lost)
                n_lost = 0  # one number, a sentence for each missing entity

    def _read_other(self, line: _Line, document: _Document) -> None:
        """Events, attributes, references to databases, notes."""
        if line.kind == "E":
            document.lines[line.id] = line
        if line.kind == "N" and _read_reference(line, document):
            self.report.note("references to databases kept as kb_id")
        else:
            self.report.ignored(NOT_CONVERTED[line.kind])


def _annotation_files(base: Path) -> List[Path]:
    """All that belong to a document; brat too prefers the joined file."""
    joined = _add_suffix(base, JOINED)
    parts = [_add_suffix(base, suffix) for suffix in PARTS]
    # a link to a file that is gone is no text without annotations
    return [joined] if os.path.lexists(joined) else list(filter(os.path.lexists, parts))


def _add_suffix(base: Path, suffix: str) -> Path:
    # not Path.with_suffix: the name may have dots of its own
    return base.with_name(base.name + suffix)


def _register(line: _Line, document: _Document) -> None:
    earlier = document.lines.setdefault(line.id, line)
    if earlier is not line:
        raise _LineError(
            "duplicate id",
            f"found the id {line.id} again, expected it once: line {earlier.number} "
            f"has it already",
        )


def _read_entity(line: _Line, document: _Document) -> EntityRecord:
    _register(line, document)
    document.broken[line.id] = line
    cells = line.cells(2)
    match = SPAN.match(cells[0]) if cells else None
    if not match:
        raise _wrong(line)
    fragments = [_offsets(pair) for pair in match.group(2).split(";")]
    text = cells[1] if len(cells) > 1 else ""
    if not text.strip() and all(start < end for start, end in fragments):
        raise _LineError(
            "no text",
            f"found no text after the offsets, expected {EXPECTED['T']!r}: without the "
            f"text nothing shows whether the offsets are right",
        )
    del document.broken[line.id]
    return EntityRecord(
        line.id, match.group(1), fragments, text, line.id, source=line.source
    )


def _offsets(pair: str) -> Offsets:
    start, end = pair.split()
    return (int(start), int(end))


def _check_end(id_: str, document: _Document) -> None:
    if id_ in document.entities:
        return
    if id_ in document.broken:
        number = document.broken[id_].number
        reason, why = "endpoint not readable", f"whose line {number} can't be read"
    elif id_[:1] == "E" and id_ in document.lines:
        reason, why = "endpoint is an event", "which is an event"
    else:
        reason, why = "no such entity", "which is not an entity of this document"
    raise _LineError(reason, f"found the endpoint {id_}, {why}; expected an entity")


def _read_reference(line: _Line, document: _Document) -> bool:
    """`N1<tab>Reference T1 Wikidata:Q30<tab>text`; an entity's first one counts."""
    cells = line.cells(2)
    words = cells[0].split() if cells else []
    entity = document.entities.get(words[1]) if len(words) == 3 else None
    if entity is None or "kb_id" in entity.attrs:
        return False
    entity.attrs["kb_id"] = words[2]
    return True


def _wrong(line: _Line) -> _LineError:
    hint = "" if "\t" in line.text else ": there are blanks where tabs should be"
    return _LineError(
        "line not readable",
        f"found {show(line.text)}, expected {EXPECTED[line.kind]!r}{hint}",
    )


def _unknown(line: _Line) -> _LineError:
    if line.id:
        return _LineError(
            "unknown kind of line",
            f"found {show(line.text)}, expected an id that begins with one of "
            f"{', '.join([*KINDS, *NOT_CONVERTED])}",
        )
    return _LineError(
        "line not readable",
        f"found {show(line.text)}, expected an id such as T1 and a tab first",
    )


def find_base(path: Path) -> Optional[Path]:
    """The document that a file is a part of, or None if it is of no brat document.

    path (Path): such as `x.ann`, or `x.txt` with an `x.ann` beside it.
    RETURNS (Optional[Path]): the file without its suffix.
    """
    base = path.with_suffix("")
    is_part = path.suffix in SUFFIXES
    is_text = path.suffix == ".txt" and bool(_annotation_files(base))
    return base if is_part or is_text else None


def _sniff(preview: Preview) -> bool:
    path = preview.path
    if path.is_dir():
        return any(file.suffix in SUFFIXES for file in list_files(path))
    if find_base(path) or path.name in CONFIGS:
        return True
    # a text that nobody annotated, among others
    return path.suffix == ".txt" and any(
        other.suffix in SUFFIXES for other in path.parent.iterdir()
    )


FORMAT = Format(
    "brat",
    "brat standoff: a folder, or one of its .ann or .txt files",
    read,
    _sniff,
)

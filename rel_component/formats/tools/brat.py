"""brat standoff: `X.txt` with its annotations in `X.ann`, or folders of such pairs.

Source: brat.nlplab.org/standoff.html. Older separate files (`.a1`, `.a2`, `.co`,
`.rel`) are combined. Symmetric labels are read from `annotation.conf`.
"""

import codecs
import os
import re
from collections import defaultdict
from dataclasses import dataclass
from itertools import chain, combinations
from pathlib import Path
from typing import DefaultDict, Dict, FrozenSet, Iterator, List, Optional, Tuple

from ...brat_config import CONFIG_NAME, parse_annotation_conf, read_roles
from ...wording import plural
from ..base import Format, FormatError, Option, Options, Preview
from ..fields import AMBIGUOUS, EndpointError, FieldError, show
from ..io import cannot_read, decode, list_files, read_bytes, split_lines
from ..items import Items
from ..record import EntityRecord, Offsets, Record, RelationRecord, Source
from ..report import DOCUMENTS, FILES, RELATIONS, Report
from ..roles import Roles
from ..sniff import is_i2b2

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
    "E": "E1<tab>Type:T1 Role:T2 ...",
}
NOT_CONVERTED = {
    "A": "brat attributes",
    "M": "brat attributes",
    "N": "brat references",
    "#": "brat notes",
}
NOT_READABLE = "line not readable"
EVENTS = Option(
    "events",
    "drop",
    "events: leave them out, use their triggers as endpoints of relations, or also "
    "convert their arguments to relations",
    choices=("drop", "triggers", "relations"),
)


@dataclass(frozen=True)
class _Line:
    """A line of an annotation file.

    file (Path): the file.
    number (int): from 1.
    text (str): its content, without the line break.
    """

    file: Path
    number: int
    text: str

    @property
    def id(self) -> str:
        """RETURNS (str): e.g. `T1`; empty if the line doesn't start with an id."""
        word = self.text.split(maxsplit=1)[0]
        return word if ID.match(word) and self.text.startswith(word) else ""

    @property
    def kind(self) -> str:
        """RETURNS (str): the letter of the id."""
        return self.id[:1]

    @property
    def source(self) -> Source:
        """RETURNS (Source): its location, for messages."""
        return Source(str(self.file), line=self.number)

    def cells(self, n: int) -> List[str]:
        """RETURNS (List[str]): the columns after the id, split into at most n."""
        return self.text.split("\t", n)[1:]

    @property
    def words(self) -> List[str]:
        """RETURNS (List[str]): the words of the first column after the id."""
        return "".join(self.cells(2)[:1]).split()


@dataclass
class _Event:
    """An event: the id of its trigger, and the roles and ids of its arguments."""

    line: _Line
    trigger: str
    arguments: List[Tuple[str, str]]


def read(path: Path, options: Options, report: Report) -> Iterator[Record]:
    """Read a pair of files, or all pairs in a folder and its subfolders.

    path (Path): a folder, an annotation file or a text file.
    options (Options): `encoding`, `events`.
    report (Report): counts items and problems.
    YIELDS (Record): a document per text file.
    RAISES (FormatError): if there is no such pair.
    """
    if path.name in CONFIGS:
        # from a shell's `folder/*`; it's found without being an input
        report.note("brat configuration files")
        return
    reader = _Reader(path, options, report)
    for base in _find_documents(path):
        record = reader.read(base)
        if record is not None:
            yield record


def _find_documents(path: Path) -> List[Path]:
    """Find the documents, as paths without suffix."""
    suffixes = (".txt", *SUFFIXES)
    if path.is_dir():
        files = [file for file in list_files(path) if file.suffix.lower() in suffixes]
        for file in files:
            if file.suffix not in suffixes:
                raise FormatError(
                    f"{file}: found the suffix {file.suffix}, expected "
                    f"{file.suffix.lower()}. Rename the file."
                )
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
        raise FormatError(f"{path}: file not found.")
    return [path.with_suffix("")]


def learn_roles(path: Path, roles: Roles) -> None:
    """Learn the order of roles from the `annotation.conf` files of an input.

    path (Path): a folder, or one of the files in it.
    roles (Roles): the roles of the conversion.
    """
    top = path if path.is_dir() else path.parent
    files = list_files(path) if path.is_dir() else iter(())
    found = {file for file in files if file.name == CONFIG_NAME}
    for config in sorted(found | {top / CONFIG_NAME, top.parent / CONFIG_NAME}):
        if config.is_file():
            for label, names in read_roles(config).items():
                roles.learn(label, names)


class _Reader:
    """Reads documents, with state shared by all documents of an input."""

    def __init__(self, path: Path, options: Options, report: Report) -> None:
        self.path = path
        self.options = options
        self.report = report
        self.roles = options.roles
        self.configs: Dict[Path, FrozenSet[str]] = {}

    def read(self, base: Path) -> Optional[Record]:
        """RETURNS (Optional[Record]): the document; None if it can't be read."""
        self.report.read(DOCUMENTS)
        parts = _annotation_files(base)
        if parts and parts[0].suffix == JOINED:
            others = [x for x in PARTS if _add_suffix(base, x).exists()]
            self.report.ignored("brat's separate files beside .ann", len(others))
        text_file = _add_suffix(base, ".txt")
        if not text_file.exists():
            self.report.error(
                DOCUMENTS,
                "no text file",
                f"{parts[0]}: found annotations without their text, expected "
                f"{text_file.name} next to it; document not converted.",
            )
            return None
        try:
            data = read_bytes(text_file, may_be_blank=True)
            text = decode(data, text_file, self.options.encoding)
            lines = [line for part in parts for line in self._read_lines(part)]
        except FormatError as error:
            message = f"{error} Document not converted."
            self.report.error(DOCUMENTS, "not readable", message)
            return None
        if not parts:
            self.report.note("text files without annotation file")
        source = Source(str(parts[0] if parts else text_file), id=self._id(base))
        symmetric = self._symmetric(base.parent)
        items = _Document(source, lines, self, self.report).read()
        for relation in items.relations:
            relation.symmetric = relation.symmetric or relation.label in symmetric
        has_bom = data.startswith(codecs.BOM_UTF8)
        return Record(
            text,
            source,
            items.entities,
            items.relations,
            # if a text is not annotated, its pairs are not negative
            complete=self.options.complete and bool(parts),
            bom=has_bom and self.options.encoding == "utf-8-sig",
        )

    def _id(self, base: Path) -> str:
        is_folder = self.path.is_dir()
        return base.relative_to(self.path).as_posix() if is_folder else base.name

    def _read_lines(self, path: Path) -> Iterator[_Line]:
        try:
            data = path.read_bytes()  # may be empty, without annotations
        except OSError as error:
            raise cannot_read(path, error) from None
        text = decode(data, path, self.options.encoding)
        for number, line in enumerate(split_lines(text), 1):
            if line.strip():
                yield _Line(path, number, line)

    def _symmetric(self, folder: Path) -> FrozenSet[str]:
        """Get the symmetric labels of the nearest `annotation.conf`."""
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
            # count the file once, even with several messages
            self.report.error(FILES, "mistakes in it", problem, n=int(i == 0))
        relations = data["relations"].items()
        return frozenset(label for label, entry in relations if entry["symmetric"])


class _Document:
    """One document while its lines are read."""

    def __init__(
        self, source: Source, lines: List[_Line], reader: _Reader, report: Report
    ) -> None:
        self.lines = lines
        self.policy = reader.options[EVENTS]
        self.roles = reader.roles
        self.report = report
        self.items = Items(source, report)
        # by id
        self.entities: Dict[str, EntityRecord] = {}
        self.events: DefaultDict[str, List[_Event]] = defaultdict(list)
        self.relations: Dict[str, _Line] = {}

    def read(self) -> Items:
        """RETURNS (Items): entities and relations."""
        # relations may precede their entities, and events their arguments
        for line in sorted(self.lines, key=lambda line: "TE".find(line.kind) % 3):
            label = line.words[:1]
            if line.kind == "T":
                with self.items.entity(*label, source=line.source):
                    self._read_entity(line)
            elif line.kind == "R":
                with self.items.relation(*label, source=line.source):
                    self._read_relation(line)
            elif line.kind == "*":
                self._read_group(line)
            elif line.kind == "E":
                self._read_event(line)
            elif line.kind in NOT_CONVERTED:
                self._read_other(line)
            else:
                with self.items.entity(source=line.source, what="line"):
                    raise _unknown(line)
        if self.policy == "relations":
            for event in chain.from_iterable(self.events.values()):
                self._read_arguments(event)
        return self.items

    def _read_entity(self, line: _Line) -> None:
        self.items.claim(line.id, f"line {line.number}")
        cells = line.cells(2)
        match = SPAN.match(cells[0]) if cells else None
        if not match:
            raise _wrong(line)
        fragments = [_offsets(pair) for pair in match.group(2).split(";")]
        text = cells[1] if len(cells) > 1 else ""
        if not text.strip() and all(start < end for start, end in fragments):
            raise FieldError(
                line.id,
                f"found no text after the offsets, expected {EXPECTED['T']!r}: without "
                f"the text nothing shows whether the offsets are right",
                "no text",
            )
        entity = EntityRecord(line.id, match.group(1), fragments, text, line.id)
        entity.source = line.source
        self.items.entities.append(entity)
        self.items.name(line.id, entity, line.id)
        self.entities[line.id] = entity

    def _read_relation(self, line: _Line) -> None:
        earlier = self.relations.setdefault(line.id, line)
        if earlier is not line:
            raise FieldError(
                line.id,
                f"found the id {line.id} again, expected it once: line "
                f"{earlier.number} already has it",
                "duplicate id",
            )
        cells = line.cells(2)
        arguments = [ARGUMENT.match(word) for word in line.words[1:]]
        if not line.words or not all(arguments) or "".join(cells[1:]).strip():
            raise _wrong(line)
        ends = [(match.group(1), match.group(2)) for match in arguments if match]
        roles = tuple(role for role, _ in ends)
        if len(set(roles)) != 2 or len(roles) != 2:
            raise FieldError(
                line.id,
                f"found {plural(len(roles), 'argument')} with the roles "
                f"{', '.join(roles)}, expected two with different roles, such as "
                f"Arg1 and Arg2",
                "not two arguments",
            )
        found = {role: self._resolve(id_, line) for role, id_ in ends}
        head, tail = self._order(line.words[0], roles)
        self._relate(line, line.words[0], found[head], found[tail])

    def _relate(self, line: _Line, label: str, head: str, tail: str) -> RelationRecord:
        relation = RelationRecord(label, head, tail, line.id, source=line.source)
        self.items.relations.append(relation)
        return relation

    def _order(self, label: str, roles: Tuple[str, ...]) -> Tuple[str, ...]:
        """Get the roles of head and tail, since brat doesn't guarantee the order."""
        return roles[::-1] if self.roles.is_swapped(label, roles) else roles

    def _resolve(self, id_: str, line: _Line) -> str:
        """Get the entity id of an endpoint; for events the trigger, if enabled."""
        events = self.events.get(id_)
        if not events:
            return self.items.resolve(id_, line.id)
        if len(events) > 1:
            raise EndpointError(
                line.id, f"{len(events)} events have the id {id_}", AMBIGUOUS
            )
        if self.policy == "drop":
            raise EndpointError(
                line.id,
                f"found the endpoint {id_}, which is an event, expected an entity; "
                f"--events triggers takes the trigger of an event in its place, "
                f"--events relations reads the arguments of events as relations, too",
                "endpoint is an event",
            )
        return self.items.resolve(events[0].trigger, line.id)

    def _read_group(self, line: _Line) -> None:
        """Read a `*` line: symmetric relations between all pairs of its entities."""
        words, source = line.words, line.source
        ids = list(dict.fromkeys(words[1:]))
        if len(ids) < 2:
            with self.items.relation(*words[:1], source=source):
                raise _wrong(line) if len(words) < 3 else _named_twice(line, ids[0])
            return
        found: List[str] = []
        errors: List[FieldError] = []
        for id_ in ids:
            try:
                found.append(self._resolve(id_, line))
            except FieldError as error:
                errors.append(error)
        found.sort(key=lambda id_: self.entities[id_].start)
        pairs = list(combinations(found, 2))
        self.report.read(RELATIONS, len(pairs))
        self.report.note("relations from brat's * lines", len(pairs))
        for head, tail in pairs:
            self._relate(line, words[0], head, tail).symmetric = True
        n_lost = len(ids) * (len(ids) - 1) // 2 - len(pairs)
        for problem in errors:
            with self.items.relation(words[0], n=n_lost, source=source):
                raise problem
            n_lost = 0  # count once, with a message per missing entity

    def _read_event(self, line: _Line) -> None:
        """Read an event such as `E1<tab>Feed:T3 Agent:T1 Food:E2`."""
        if self.policy != "relations":
            self.report.ignored("brat events")
        found = [ARGUMENT.match(word) for word in line.words]
        parts = [(match.group(1), match.group(2)) for match in found if match]
        if parts and len(parts) == len(found):
            self.events[line.id].append(_Event(line, parts[0][1], parts[1:]))
        elif self.policy != "drop":
            with self.items.relation(*line.words[:1], source=line.source):
                raise _wrong(line)

    def _read_arguments(self, event: _Event) -> None:
        """Add relations from the trigger to each argument."""
        roles = {role for role, _ in event.arguments}
        for role, id_ in event.arguments:
            # repeated roles are numbered: Theme, Theme2
            plain = role.rstrip("0123456789")
            label = plain if plain in roles else role
            with self.items.relation(label, source=event.line.source):
                head = self.items.resolve(event.trigger, event.line.id)
                self._relate(event.line, label, head, self._resolve(id_, event.line))

    def _read_other(self, line: _Line) -> None:
        """Read attributes, references to databases, and notes."""
        if line.kind == "N" and self._read_reference(line):
            self.report.note("references to databases kept as kb_id")
        else:
            self.report.ignored(NOT_CONVERTED[line.kind])

    def _read_reference(self, line: _Line) -> bool:
        """Read a reference, e.g. `N1<tab>Reference T1 Wikidata:Q30<tab>text`; only the
        first one of an entity is used."""
        words = line.words
        entity = self.entities.get(words[1]) if len(words) == 3 else None
        if entity is None or "kb_id" in entity.attrs:
            return False
        entity.attrs["kb_id"] = words[2]
        return True


def _annotation_files(base: Path) -> List[Path]:
    """List the files of a document; like brat, prefer the combined file."""
    joined = _add_suffix(base, JOINED)
    # a broken link is not a text without annotations
    if os.path.lexists(joined):
        return [joined]
    parts = [_add_suffix(base, suffix) for suffix in PARTS]
    return [part for part in parts if os.path.lexists(part) and not is_i2b2(part)]


def _add_suffix(base: Path, suffix: str) -> Path:
    # not Path.with_suffix: the name may contain dots
    return base.with_name(base.name + suffix)


def _offsets(pair: str) -> Offsets:
    start, end = pair.split()
    return (int(start), int(end))


def _wrong(line: _Line) -> FieldError:
    hint = "" if "\t" in line.text else ": it has spaces instead of tabs"
    return FieldError(
        line.id,
        f"found {show(line.text)}, expected {EXPECTED[line.kind]!r}{hint}",
        NOT_READABLE,
    )


def _named_twice(line: _Line, id_: str) -> FieldError:
    return FieldError(
        line.id, f"found {id_} twice in this line, expected different entities"
    )


def _unknown(line: _Line) -> FieldError:
    if line.id:
        return FieldError(
            line.id,
            f"found {show(line.text)}, expected an id that starts with one of "
            f"{', '.join([*EXPECTED, *NOT_CONVERTED])}",
            "unknown kind of line",
        )
    return FieldError(
        "",
        f"found {show(line.text)}, expected an id such as T1 and a tab first",
        NOT_READABLE,
    )


def find_base(path: Path) -> Optional[Path]:
    """Get the document that a file belongs to, or None if it's not from brat.

    path (Path): such as `x.ann`, or `x.txt` with an `x.ann` next to it.
    RETURNS (Optional[Path]): the file without its suffix.
    """
    base = path.with_suffix("")
    is_part = path.suffix in SUFFIXES and not is_i2b2(path)
    is_text = path.suffix == ".txt" and bool(_annotation_files(base))
    return base if is_part or is_text else None


def _sniff(preview: Preview) -> bool:
    path = preview.path
    if path.is_dir():
        files = (file for file in list_files(path) if file.suffix in SUFFIXES)
        return any(not is_i2b2(file) for file in files)
    return bool(find_base(path)) or path.name in CONFIGS


def is_bare_text(path: Path) -> bool:
    """RETURNS (bool): whether a file may be a text without annotations, among others
    with annotations."""
    return path.suffix == ".txt" and any(
        other.suffix in SUFFIXES and not is_i2b2(other)
        for other in path.parent.iterdir()
    )


FORMAT = Format(
    "brat",
    "brat standoff: a folder, or one of its .ann or .txt files",
    read,
    _sniff,
    options=(EVENTS,),
    find_base=find_base,
)

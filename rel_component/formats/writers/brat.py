"""brat standoff: a folder with `X.txt` and `X.ann` per document, and
`annotation.conf`.

In brat, entities must not contain line breaks, so they are split into pieces. Links to
knowledge bases have the form `DB:ID`. Relations can only be symmetric by label.
Characters that are not allowed in labels and document names are replaced. Scores are
written as notes for annotators.
"""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, Set, Tuple

from ...brat_config import CONFIG_NAME
from ...files import fill_folder
from ...schema import TypePair
from ..from_doc import KB_ID, SCORE
from ..offsets import trim
from ..record import Offsets, Record
from ..report import Report
from ..tools.brat import JOINED
from .base import WriteOptions, Writer
from .details import KB_IDS, PIECES, SCORES, SYMMETRIC
from .labels import Labels
from .prepare import MARK, drop_entities

NUL = "\x00"
NAME_SIZE = 100
# all line breaks recognized by brat
LINE_ENDS = "\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
ANY = "<ENTITY>"
OVERLAP = f"<OVERLAP>\tArg1:{ANY}, Arg2:{ANY}, <OVL-TYPE>:<ANY>"
# displays the original names of renamed labels
VISUAL_NAME = "visual.conf"
DRAWING = """
[drawing]

SPAN_DEFAULT	fgColor:black, bgColor:lightgreen, borderColor:darken
ARC_DEFAULT	color:black, arrowHead:triangle-5
"""


def write(
    records: Iterable[Record], path: Path, options: WriteOptions, report: Report
) -> None:
    """Write a folder for brat.

    records (Iterable[Record]): the records.
    path (Path): the folder; other documents in it are kept.
    options (WriteOptions): additional labels for the configuration; `numbered`.
    report (Report): gives advice on renamed labels.
    """
    labels, names = Labels(options), _Names(report)
    used: Dict[str, int] = {}
    with fill_folder(path) as folder:
        for number, record in enumerate(labels.watch(records), 1):
            base = _name_document(record, number, options.numbered, used)
            lines = _to_lines(record, names, report)
            _write(folder / f"{base}.txt", record.text)
            # even if empty, since brat requires it to open the text
            _write(folder / f"{base}{JOINED}", "".join(f"{x}\n" for x in lines))
        _write(folder / CONFIG_NAME, _to_config(labels, names))
        if names.changed:
            _write(folder / VISUAL_NAME, _to_visual(names))
    labels.count_lost_marks(report)


def fit(record: Record, report: Report) -> Record:
    """Remove characters that cause problems in text files."""
    if NUL in record.text:
        report.repair("NUL characters written as U+FFFD", record.text.count(NUL))
        record = replace(record, text=record.text.replace(NUL, "\ufffd"))
    n = len(record.text) - len(record.text.lstrip(MARK))
    return _take_off(record, n, report) if n else record


def _take_off(record: Record, n: int, report: Report) -> Record:
    """Remove byte order marks at the start of a text."""
    report.repair("byte order marks removed from texts")
    pieces = {
        entity.id: [(max(0, s - n), e - n) for s, e in entity.fragments if e > n]
        for entity in record.entities
    }
    problems = {id_: "is only a mark" for id_, found in pieces.items() if not found}
    record = drop_entities(record, problems, "only a byte order mark", report)
    entities = [replace(e, fragments=pieces[e.id]) for e in record.entities]
    return replace(record, text=record.text[n:], entities=entities)


class _Names:
    """Unique names for labels, in the characters allowed by brat.

    changed (Dict[str, str]): labels of changed names.
    """

    def __init__(self, report: Report) -> None:
        self.report = report
        self.changed: Dict[str, str] = {}
        self._names: Dict[Tuple[str, str], str] = {}
        self._used: Dict[str, Dict[str, int]] = {}

    def entity(self, label: str) -> str:
        return self._find("--map-entity", label)

    def relation(self, label: str) -> str:
        return self._find("--map-label", label)

    def _find(self, option: str, label: str) -> str:
        if (option, label) not in self._names:
            plain = re.sub(r"[^A-Za-z0-9_-]", "_", label)
            name = _make_unique(plain, self._used.setdefault(option, {}))
            self._names[option, label] = name
            if name != label:
                self.changed[name] = label
                self.report.hint(
                    f"brat does not allow the label {label!r}, so it's written as "
                    f"{name}; use {option} '{name}={label}' to restore it"
                )
        return self._names[option, label]


def _make_unique(name: str, used: Dict[str, int]) -> str:
    """RETURNS (str): the name, with a number if it's already used."""
    found = name
    while found in used:
        used[name] += 1
        found = f"{name}-{used[name]}"
    used[found] = 1
    return found


def _name_document(
    record: Record, number: int, is_numbered: bool, used: Dict[str, int]
) -> str:
    source = record.source
    place = source.index if source.line is None else source.line
    id_ = source.id
    if id_ is None:
        id_ = f"{Path(source.file).stem}-{number if place is None else place:05d}"
    plain = re.sub(r"[^\w.-]+", "-", id_).encode()[:NAME_SIZE]
    name = plain.decode(errors="ignore").strip(".-") or "doc"
    name = f"{number:05d}-{name}" if is_numbered else name
    folded = name.lower()  # some file systems ignore case
    return name + _make_unique(folded, used)[len(folded) :]


def _to_lines(record: Record, names: _Names, report: Report) -> Iterator[str]:
    entities = sorted(record.entities, key=lambda e: (e.start, -e.end))
    ids = {entity.id: f"T{i}" for i, entity in enumerate(entities, 1)}
    links: List[str] = []
    scores: Dict[str, Any] = {}
    for entity in entities:
        id_, name = ids[entity.id], names.entity(entity.label)
        pieces = [piece for ends in entity.fragments for piece in _cut(record, ends)]
        text = " ".join(record.text[start:end] for start, end in pieces)
        offsets = ";".join(f"{start} {end}" for start, end in pieces)
        yield f"{id_}\t{name} {offsets}\t{text}"
        kb_id = str(entity.attrs.get(KB_ID, ""))
        if re.fullmatch(r"\S+:\S+", kb_id):
            links.append(f"Reference {id_} {kb_id}\t{text}")
        elif kb_id:
            report.ignored(KB_IDS)
        scores[id_] = entity.attrs.get(SCORE)
    for i, relation in enumerate(record.relations, 1):
        head, tail = ids[relation.head], ids[relation.tail]
        yield f"R{i}\t{names.relation(relation.label)} Arg1:{head} Arg2:{tail}\t"
        scores[f"R{i}"] = relation.attrs.get(SCORE)
    yield from (f"N{i}\t{link}" for i, link in enumerate(links, 1))
    given = {id_: score for id_, score in scores.items() if score is not None}
    for i, (id_, score) in enumerate(given.items(), 1):
        yield f"#{i}\tAnnotatorNotes {id_}\t{score:.4g}"


def _cut(record: Record, ends: Offsets) -> List[Offsets]:
    """Split a span of text by lines."""
    start, end = ends
    lines = re.finditer(f"[^{LINE_ENDS}]+", record.text[start:end])
    pieces = [
        trim(record.text, start + line.start(), start + line.end()) for line in lines
    ]
    return [piece for piece in pieces if piece[0] < piece[1]]


def _to_config(labels: Labels, names: _Names) -> str:
    symmetric = labels.symmetric
    lines = ["[entities]", *map(names.entity, labels.entities), "", "[relations]"]
    for label, pairs in labels.pairs.items():
        mark = ", <REL-TYPE>:symmetric" if label in symmetric else ""
        pairs = set(pairs or ())
        if label in symmetric:
            pairs |= {(tail, head) for head, tail in pairs}
        lines += [
            f"{names.relation(label)}\tArg1:{heads}, Arg2:{tails}{mark}"
            for heads, tails in _group_types(pairs, names)
        ]
    lines += [OVERLAP] if labels.has_overlaps else []
    return "\n".join([*lines, "", "[events]", "", "[attributes]", ""])


def _group_types(pairs: Set[TypePair], names: _Names) -> List[Tuple[str, str]]:
    """Group types of heads and tails, so that they result in exactly these pairs."""
    if not pairs:
        return [(ANY, ANY)]
    tails: Dict[str, List[str]] = {}
    for head, tail in sorted(pairs):
        tails.setdefault(names.entity(head), []).append(names.entity(tail))
    heads: Dict[str, List[str]] = {}
    for head, found in tails.items():
        heads.setdefault("|".join(found), []).append(head)
    return [("|".join(found), alternatives) for alternatives, found in heads.items()]


def _to_visual(names: _Names) -> str:
    shown = [f"{name} | {label}" for name, label in names.changed.items()]
    return "\n".join(["[labels]", *shown, DRAWING])


def _write(path: Path, text: str) -> None:
    path.write_bytes(text.encode("utf8"))


WRITER = Writer(
    "brat",
    "brat standoff with its annotation.conf (a folder)",
    "",
    write,
    holds=frozenset({KB_IDS, PIECES, SCORES, SYMMETRIC}),
    fit=fit,
)

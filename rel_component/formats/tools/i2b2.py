"""i2b2/VA 2010 (n2c2): a text, its concepts `.con` and their relations `.rel`.

The files of a document are in the same folder, or in the folders `txt`, `concept` and
`rel`. Each line of a text is a sentence, with words separated by spaces. Concepts are
referred to by their first and last word, as `line:word`, with lines from 1, words from
0, and inclusive ends:

    c="mild pain" 1:0 1:1||t="problem"
    c="rest" 1:3 1:3||r="TrIP"||c="mild pain" 1:0 1:1

Source: Uzuner et al. 2011, 2010 i2b2/VA challenge on concepts, assertions, and
relations in clinical text, and the challenge's "Annotation File Formatting".
"""

import os
import re
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple, Optional, Set, Tuple

from ..base import ENTITY_LABEL, Format, FormatError, Options, Preview
from ..fields import FieldError, show, skip_document
from ..io import cannot_read, decode, list_files, read_bytes, split_lines
from ..items import Items
from ..record import Offsets, Record, Source
from ..report import DOCUMENTS, ENTITIES, RELATIONS, Report
from ..sniff import is_i2b2
from ..words import squeeze

# possible folders of files by suffix
FOLDERS = {
    ".con": ("concept", "concepts"),
    ".rel": ("rel",),
    ".ast": ("ast",),
    ".txt": ("txt",),
}
PLACE = r'c="(.*)" (\d{1,9}:\d{1,9} \d{1,9}:\d{1,9})'
CONCEPT = re.compile(rf'{PLACE}\|\|t="([^"]*)"')
RELATION = re.compile(rf'{PLACE}\|\|r="([^"]*)"\|\|{PLACE}')
KINDS = {".con": ENTITIES, ".rel": RELATIONS}
Word = Tuple[int, int]


class _Line(NamedTuple):
    """A non-blank line of an annotation file."""

    source: Source
    text: str


def read(path: Path, options: Options, report: Report) -> Iterator[Record]:
    """Read the documents in a folder, or the document of a file.

    path (Path): a folder, a text, or a file of concepts or relations.
    options (Options): `entity_label` for relations without concepts; `entities_only`
        for concepts without relations.
    report (Report): counts items and problems.
    YIELDS (Record): one per text with concepts or relations.
    RAISES (FormatError): if a file can't be read.
    """
    texts: Dict[str, List[Path]] = {}
    if path.is_dir():
        files = sorted(list_files(path))
        for file in files:
            if file.suffix == ".txt":
                texts.setdefault(file.stem, []).append(file)
    else:
        files = [path]
    bases = dict.fromkeys(_strip(file) for file in files if file.suffix in KINDS)
    if not path.is_dir():
        bases = {_strip(path): None}
    used: Set[Path] = set()
    for base in bases:
        parts = {suffix: _find(base, suffix) for suffix in FOLDERS}
        # the texts of the challenge's test set are in another folder
        others = texts.get(base.name, [])
        if parts[".txt"] is None and len(others) == 1:
            parts[".txt"] = others[0]
        used.update(part for part in parts.values() if part)
        report.read(DOCUMENTS)
        try:
            record = _read_document(base, parts, options, report)
        except FormatError as error:
            report.error(DOCUMENTS, "not readable", str(error))
        else:
            if record is not None:
                yield record
    for text in (text for found in texts.values() for text in found):
        if text not in used:
            report.read(DOCUMENTS)
            report.skipped(DOCUMENTS, "text without concepts or relations")


def _strip(path: Path) -> Path:
    """Get the document of a file, as a path in the corpus folder."""
    is_apart = path.parent.name in FOLDERS.get(path.suffix, ())
    folder = path.parent.parent if is_apart else path.parent
    return folder / path.stem


def _find(base: Path, suffix: str) -> Optional[Path]:
    name = base.name + suffix
    candidates = [base.parent / name]
    candidates += [base.parent / folder / name for folder in FOLDERS[suffix]]
    return next((path for path in candidates if os.path.lexists(path)), None)


def _read_document(
    base: Path, parts: Dict[str, Optional[Path]], options: Options, report: Report
) -> Optional[Record]:
    text_path = parts[".txt"]
    source = Source(str(text_path or parts[".con"] or parts[".rel"]))
    lines = {
        suffix: _read_lines(part, options.encoding)
        for suffix, part in parts.items()
        if suffix != ".txt" and part is not None
    }
    try:
        if text_path is None:
            raise FieldError(
                "",
                f"found no text for these annotations, expected {base.name}.txt next "
                f"to this file or in a folder 'txt'",
                "no text",
            )
        if ".rel" not in lines and not options.entities_only:
            raise FieldError(
                "",
                f"found concepts without a file of relations, expected "
                f"{base.name}.rel, empty if there are none; use --entities-only to "
                f"read the concepts without negative pairs",
                "no relations",
            )
        data = read_bytes(text_path, may_be_blank=True)
    except FieldError as error:
        skip_document(source, lines, error, KINDS, report)
        return None
    text = decode(data, text_path, options.encoding)
    report.ignored("assertions", len(lines.get(".ast", ())))
    return _Document(text, source, base.name, options, report).read(lines)


def _read_lines(path: Path, encoding: str) -> List[_Line]:
    try:
        data = path.read_bytes()  # may be empty
    except OSError as error:
        raise cannot_read(path, error) from None
    return [
        _Line(Source(str(path), line=number), line.strip())
        for number, line in enumerate(split_lines(decode(data, path, encoding)), 1)
        if line.strip()
    ]


class _Document:
    """State while reading one document."""

    def __init__(
        self, text: str, source: Source, id_: str, options: Options, report: Report
    ) -> None:
        self.text = text
        self.source = Source(source.file, id=id_)
        self.options = options
        self.report = report
        self.items = Items(self.source, report)
        self.lines: List[List[Offsets]] = []
        start = 0
        for line in split_lines(text.replace("\r\n", " \n")):
            words = re.finditer(r"\S+", line)
            self.lines.append([(start + w.start(), start + w.end()) for w in words])
            start += len(line) + 1

    def read(self, lines: Dict[str, List[_Line]]) -> Record:
        for line in lines.get(".con", ()):
            with self.items.entity(source=line.source, what="concept"):
                self._read_concept(line)
        for line in lines.get(".rel", ()):
            with self.items.relation(source=line.source):
                self._read_relation(line, has_concepts=".con" in lines)
        return Record(
            self.text,
            self.source,
            self.items.entities,
            self.items.relations,
            tokens=[word for words in self.lines for word in words],
            sentences=[(words[0][0], words[-1][1]) for words in self.lines if words],
            complete=self.options.complete and ".rel" in lines,
        )

    def _read_concept(self, line: _Line) -> None:
        found = CONCEPT.fullmatch(line.text)
        if not found:
            raise FieldError(
                "",
                f'found {show(line.text)}, expected c="text" 1:0 1:1||t="type", first '
                f"and last word as line:word",
            )
        text, place, label = found.groups()
        self.items.claim(place, f"line {line.source.line}")
        self._add(text, place, label, line)

    def _add(self, text: str, place: str, label: str, line: _Line) -> None:
        span = self._find_span(text, place)
        entity = self.items.add(label, *span, "")
        entity.id = f"{line.source.line}.{place}"
        entity.source = line.source
        self.items.name(place, entity, f"{place}")

    def _find_span(self, text: str, place: str) -> Offsets:
        """Get the characters of a concept, which must match its text."""
        first, last = (
            (int(line), int(word))
            for line, word in (end.split(":") for end in place.split())
        )
        ends = [self._find_word(word, place) for word in (first, last)]
        start, end = ends[0][0], ends[1][1]
        covered = self.text[start:end]
        if squeeze(covered) != squeeze(text):
            raise FieldError(
                place,
                f"found the concept {show(text)}, expected the words at this position, "
                f"{show(covered)}: lines are counted from 1, words from 0",
                "another text",
            )
        return start, end

    def _find_word(self, word: Word, place: str) -> Offsets:
        line, index = word
        n_lines = len(self.lines)
        if not 1 <= line <= n_lines:
            raise FieldError(
                place, f"found line {line}, expected one from 1 to {n_lines}"
            )
        words = self.lines[line - 1]
        if index >= len(words):
            raise FieldError(
                place,
                f"found word {index} of line {line}, which has {len(words)}, expected "
                f"one from 0",
            )
        return words[index]

    def _read_relation(self, line: _Line, *, has_concepts: bool) -> None:
        found = RELATION.fullmatch(line.text)
        if not found:
            raise FieldError(
                "",
                f'found {show(line.text)}, expected c="text" 1:3 1:3||r="label"||'
                f'c="text" 1:0 1:1',
            )
        texts, places, label = found.group(1, 4), found.group(2, 5), found.group(3)
        before = len(self.items.entities)
        try:
            for text, place in zip(texts, places):
                if not has_concepts and not self.items.has(place):
                    self.items.claim(place, f"line {line.source.line}")
                    self._add(text, place, self.options[ENTITY_LABEL], line)
            head, tail = (self.items.resolve(place, "") for place in places)
        finally:
            self.report.read(ENTITIES, len(self.items.entities) - before)
        self.items.relate(label, head, tail, "")
        self.items.relations[-1].source = line.source


def find_base(path: Path) -> Optional[Path]:
    """Get the document that a file belongs to, or None if it's not from i2b2.

    path (Path): such as `x.con`, or `x.txt` with an `x.con`.
    RETURNS (Optional[Path]): its path in the corpus folder, without suffix.
    """
    if path.suffix not in FOLDERS:
        return None
    base = _strip(path)
    parts = [_find(base, suffix) for suffix in (".con", ".rel", ".ast")]
    return base if any(part and is_i2b2(part) for part in parts) else None


def _sniff(preview: Preview) -> bool:
    if not preview.path.is_dir():
        return bool(find_base(preview.path)) or preview.text.startswith('c="')
    files = list(list_files(preview.path))
    is_brat = any(file.suffix == ".ann" for file in files)
    return not is_brat and any(file.suffix in KINDS and is_i2b2(file) for file in files)


FORMAT = Format(
    "i2b2",
    "i2b2 2010 (a folder, or one of its .txt, .con or .rel files)",
    read,
    _sniff,
    options=(ENTITY_LABEL,),
    find_base=find_base,
)

"""CoNLL04 as multi-head text: `#doc` lines, then a word per line in five columns.

The columns are index, word, tag, labels and heads, separated by tabs, such as
`2  Smith  I-Peop  ['Live_In']  [7]`. A relation is listed at the last word of its head,
with the last word of its tail; `['N']` means no relation.
Source: github.com/bekou/multihead_joint_entity_relation_extraction, README, parsers.py.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Tuple

from ...wording import plural
from ..base import Format, FormatError, Options, Preview
from ..fields import EndpointError, FieldError, show
from ..io import iter_text_lines
from ..items import Items
from ..record import Record, Source
from ..report import DOCUMENTS, ENTITIES, RELATIONS, Report
from ..tag_schemes import (
    TAG_SCHEME,
    Chunk,
    Tag,
    Votes,
    choose_scheme,
    find_chunks,
    parse_tag,
)
from ..words import Text

INDEX = re.compile(r"^ *([0-9]+) +")
BEGIN = "#doc"
NUMBER = re.compile(r"[0-9]{1,9}")
COLUMNS = "index, word, tag, ['labels'], [heads]"
NONE = "N"
REASON = "broken columns"
COVERING = "relation end resolved to the entity covering its word"


@dataclass
class _Row:
    """A word.

    line (int): its line in the file.
    labels (str): labels of its relations, as in the file.
    heads (str): words that they point to, as in the file.
    """

    line: int
    word: str
    tag: Tag
    labels: str
    heads: str


@dataclass
class _Document:
    """Rows after a `#doc` line, and messages on those that can't be read."""

    source: Source
    rows: List[_Row] = field(default_factory=list)
    problems: List[str] = field(default_factory=list)


def read(path: Path, options: Options, report: Report) -> Iterator[Record]:
    """Read documents, each of which is a sentence.

    path (Path): the file, with any suffix.
    options (Options): `tag_scheme`, if it's not IOB2.
    report (Report): counts items and problems.
    YIELDS (Record): one per `#doc`.
    RAISES (FormatError): if there is no `#doc` line.
    """
    scheme = "iob2"
    if options[TAG_SCHEME] != "auto":
        scheme = choose_scheme(Votes(), options[TAG_SCHEME])
    for document in _iter_documents(path, scheme, options):
        report.read(DOCUMENTS)
        chunks, repairs = find_chunks((row.tag for row in document.rows), scheme)
        report.read(ENTITIES, len(chunks))
        if document.problems:
            _lose(document, len(chunks), report)
            continue
        for reason, n in repairs.items():
            report.repair(reason, n)
        yield _make_record(document, chunks, options, report)


def _iter_documents(path: Path, scheme: str, options: Options) -> Iterator[_Document]:
    document: Optional[_Document] = None
    for number, line in iter_text_lines(path, options.encoding):
        text = line if isinstance(line, str) else ""
        source = Source(str(path), line=number)
        words = text.split(None, 1)
        if words[:1] == [BEGIN]:
            if document is not None:
                yield document
            id_ = words[1].strip() if len(words) > 1 else None
            document = _Document(Source(str(path), line=number, id=id_))
        elif document is None and (words or text is not line):
            raise FormatError(
                f"{source}: found {show(text)}, expected a line such as '#doc 12' that "
                f"starts a document."
            )
        elif document is not None and isinstance(line, FormatError):
            document.problems.append(str(line).rstrip("."))
        elif document is not None and words:
            try:
                document.rows.append(_read_row(text, number, document, scheme))
            except FieldError as error:
                document.problems.append(error.say(source))
    if document is not None:
        yield document


def _read_row(text: str, line: int, document: _Document, scheme: str) -> _Row:
    # columns may be padded, and the index followed by spaces
    spaced = INDEX.sub(r"\1\t", text)
    cells = [cell.strip(" \r") for cell in spaced.split("\t") if cell.strip(" \r")]
    if len(cells) != 5:
        raise FieldError(
            "",
            f"found {plural(len(cells), 'column')} in {show(text)}, expected 5 with "
            f"tabs between them: {COLUMNS}",
        )
    index, word, tag, labels, heads = cells
    expected = len(document.rows)
    # after an invalid row, all other indices would be wrong
    if index != str(expected) and not document.problems:
        raise FieldError(
            "index", f"found {show(index)}, expected {expected}, counting words from 0"
        )
    return _Row(line, word, parse_tag(tag, scheme, "tag"), labels, heads)


def _lose(document: _Document, n_entities: int, report: Report) -> None:
    n_relations = sum(row.labels.count("'") // 2 for row in document.rows)
    n_relations -= sum(f"'{NONE}'" in row.labels for row in document.rows)
    report.read(RELATIONS, n_relations)
    report.lost_with(ENTITIES, REASON, n_entities)
    report.lost_with(RELATIONS, REASON, n_relations)
    for i, problem in enumerate(document.problems):
        message = f"{problem}; document not converted."
        report.error(DOCUMENTS, REASON, message, n=int(i == 0))


def _make_record(
    document: _Document, chunks: List[Chunk], options: Options, report: Report
) -> Record:
    text = Text([[row.word for row in document.rows]])
    items = Items(document.source, report)
    covering: Dict[int, Chunk] = {}
    for chunk in chunks:
        source = Source(document.source.file, line=document.rows[chunk.start].line)
        span = text.span(chunk.start, chunk.end)
        items.add(chunk.label, *span, f"word {chunk.start}").source = source
        covering.update(dict.fromkeys(range(chunk.start, chunk.end), chunk))
    for i, row in enumerate(document.rows):
        _read_relations(i, row, document, covering, items)
    return Record(
        text.text,
        document.source,
        items.entities,
        items.relations,
        tokens=text.tokens,
        complete=options.complete,
    )


def _read_relations(
    i: int, row: _Row, document: _Document, covering: Dict[int, Chunk], items: Items
) -> None:
    """Read the relations of a head that ends in a row."""
    source = Source(document.source.file, line=row.line)
    pairs: List[Tuple[str, int]] = []
    with items.relation(source=source, what="relations of this word"):
        pairs = _read_pairs(row)
    for k, (label, target) in enumerate(pairs):
        name = f"relations[{k}]"
        with items.relation(label, source=source):
            head, tail = (
                _resolve(end, document, covering, f"{name}.{key}")
                for key, end in (("head", i), ("tail", target))
            )
            n_moved = (head.end - 1 != i) + (tail.end - 1 != target)
            items.report.repair(COVERING, n_moved)
            items.relate(label, f"word {head.start}", f"word {tail.start}", name)
            items.relations[-1].source = source


def _resolve(
    word: int, document: _Document, covering: Dict[int, Chunk], path: str
) -> Chunk:
    """Get the entity that contains a word."""
    if word in covering:
        return covering[word]
    if word < len(document.rows):
        found = f"word {word}, {show(document.rows[word].word)}, is in no entity"
    else:
        found = f"found word {word} of {len(document.rows)}, counted from 0"
    raise EndpointError(path, f"{found}; expected the last word of one")


def _read_pairs(row: _Row) -> List[Tuple[str, int]]:
    """Read labels and tails of the relations of a word."""
    labels, heads = _split_list(row.labels, "labels"), _split_list(row.heads, "heads")
    for label in labels:
        if label[:1] + label[-1:] not in ("''", '""') or not label[1:-1].strip():
            raise FieldError("labels", f"found {show(label)}, expected one in quotes")
    for head in heads:
        if not NUMBER.fullmatch(head):
            raise FieldError("heads", f"found {show(head)}, expected an index")
    if len(labels) != len(heads):
        raise FieldError(
            "heads",
            f"found {plural(len(heads), 'head')} for {plural(len(labels), 'label')}, "
            f"expected as many",
        )
    pairs = [(label[1:-1].strip(), int(head)) for label, head in zip(labels, heads)]
    return [(label, head) for label, head in pairs if label != NONE]


def _split_list(cell: str, path: str) -> List[str]:
    if not (cell.startswith("[") and cell.endswith("]") and len(cell) > 1):
        example = "['Live_In']" if path == "labels" else "[7]"
        raise FieldError(path, f"found {show(cell)}, expected a list such as {example}")
    inner = cell[1:-1].strip()
    return [item.strip() for item in inner.split(",")] if inner else []


def _looks_like(preview: Preview) -> bool:
    return preview.text.split(None, 1)[:1] == [BEGIN]


FORMAT = Format(
    "conll04",
    "CoNLL04 multi-head text ('#doc' and five columns)",
    read,
    _looks_like,
    options=(TAG_SCHEME,),
)

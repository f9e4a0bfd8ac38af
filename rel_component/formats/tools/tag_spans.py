"""Rows of `{"id", "text", "rel_tag", "tag_spans"}`, each an ordered pair in a text.

La Javaness creates them from Annotto's files to train LUKE, without entity types.
`NO_REL` is the label of unrelated pairs. The rows of a text are combined. Source: see
`annotto`.
"""

import re
from pathlib import Path
from typing import Any, Dict, Iterator, Set, Tuple

from ..base import Format, Options, Preview
from ..fields import (
    FieldError,
    check,
    check_offsets,
    get,
    get_text,
    show,
    skip_document,
)
from ..json_values import iter_json
from ..record import EntityRecord, Offsets, Record, RelationRecord, Source
from ..report import DOCUMENTS, ENTITIES, RELATIONS, Report

LABEL = "ENT"
KNOWN = {"id", "text", "rel_tag", "tag_spans"}
KINDS = {"tag_spans": ENTITIES}
# text 114, row 2
ID = re.compile(r"(.+)-[0-9]+")


def read(path: Path, options: Options, report: Report) -> Iterator[Record]:
    """Read rows, and yield each text after its last row.

    path (Path): the file.
    options (Options): `null_labels`, the labels of unrelated pairs; if a text has any,
        pairs without a row are considered unannotated, otherwise unrelated.
    report (Report): counts items and problems.
    YIELDS (Record): one per text, and per part before the last `-` of the ids.
    RAISES (FormatError): if it's not a JSON file.
    """
    last: Dict[int, int] = {}
    for i, (_, value) in enumerate(iter_json(path, options, Report())):
        last[_key(value)] = i
    texts: Dict[int, Record] = {}
    broken: Set[int] = set()
    for i, (source, value) in enumerate(iter_json(path, options, report)):
        key = _key(value)
        try:
            row = check(value, dict, "the row")
            text = get(row, "text", str)
            label = get_text(row, "rel_tag")
            ends = _read_spans(row)
        except FieldError as error:
            skip_document(source, value, error, KINDS, report)
            report.read(RELATIONS)
            report.lost_with(RELATIONS, "wrong fields", 1)
            broken.add(key)
        else:
            if key in texts:
                report.merged(DOCUMENTS, "rows of the same text")
            else:
                texts[key] = _start(row, text, source, options)
            _add(texts[key], label, ends, source, options, report)
        if i == last[key] and key in texts:
            record = texts.pop(key)
            if key in broken:
                record.losses = frozenset({ENTITIES, RELATIONS})
            yield record


def _key(value: Any) -> int:
    """Get a key that is equal for all rows of a text."""
    row = value if isinstance(value, dict) else {}
    match = ID.fullmatch(str(row.get("id")))
    # ids may be just row numbers
    return hash(f"{match.group(1) if match else ''}\n{row.get('text')}")


def _read_spans(row: Dict[str, Any]) -> Tuple[Offsets, Offsets]:
    """Read head and tail; their order is the direction."""
    spans = get(row, "tag_spans", list)
    if len(spans) != 2:
        raise FieldError("tag_spans", f"found {show(spans)}, expected two spans")
    head, tail = (check_offsets(x, f"tag_spans[{i}]") for i, x in enumerate(spans))
    return head, tail


def _start(row: Dict[str, Any], text: str, source: Source, options: Options) -> Record:
    match = ID.fullmatch(str(row.get("id")))
    if match:
        source = Source(source.file, source.line, source.index, match.group(1))
    meta = {key: row[key] for key in row if key not in KNOWN}
    return Record(text, source, complete=options.complete, meta=meta)


def _add(
    record: Record,
    label: str,
    spans: Tuple[Offsets, Offsets],
    source: Source,
    options: Options,
    report: Report,
) -> None:
    head, tail = (
        EntityRecord(
            str(len(record.entities) + i),
            LABEL,
            [ends],
            field=f"tag_spans[{i}]",
            source=source,
        )
        for i, ends in enumerate(spans)
    )
    record.entities += [head, tail]
    relation = RelationRecord(label, head.id, tail.id, "rel_tag", source=source)
    record.relations.append(relation)
    report.read(ENTITIES, 2)
    report.read(RELATIONS)
    if label in options.null_labels:
        record.complete = False


def _looks_like(preview: Preview) -> bool:
    return preview.has("text", "tag_spans")


FORMAT = Format(
    "tag_spans", "rows with rel_tag and tag_spans (JSON lines)", read, _looks_like
)

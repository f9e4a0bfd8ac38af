"""doccano JSONL: one example per line, with `entities` and `relations`.

Projects without relations, and older versions, have `label` or `labels` as triples of
start, end and label. Exports of projects without shared annotations contain a file per
annotator, with the same ids and texts.
Source: github.com/doccano/doccano, backend/data_export/models.py and
backend/data_import/pipeline.
"""

from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

from ..archive import Archive
from ..base import Format, FormatError, Options, Preview
from ..fields import (
    FieldError,
    add_id,
    check,
    check_text,
    get,
    get_list,
    get_relation_list,
    get_text,
    show,
    skip_document,
)
from ..items import Items, peek
from ..json_values import iter_json
from ..record import Record, Source, Version
from ..report import ENTITIES, FILES, RELATIONS, Report

TEXTS = ("text", "data")
LISTS = ("entities", "label", "labels")
IGNORED = ("Comments", "comments", "cats")
KNOWN = {*TEXTS, *LISTS, *IGNORED, "relations"}
OLD = "annotations"
KINDS = {**dict.fromkeys((*LISTS, OLD), ENTITIES), "relations": RELATIONS}
EVERYBODY = "all"
ZIP = b"PK"


def read(path: Path, options: Options, report: Report) -> Iterator[Record]:
    """Read an export of a sequence labelling project.

    path (Path): the file, or doccano's archive; `admin.jsonl` is read as the
        annotations of the user admin.
    options (Options): `entities_only` accepts examples without a list of relations.
    report (Report): counts items and problems.
    YIELDS (Record): one per line.
    RAISES (FormatError): if it's not a JSON file.
    """
    with path.open("rb") as file:
        if not file.read(4).startswith(ZIP):
            yield from _read_file(path, options, report)
            return
        archive = Archive(file, str(path))
        for name in archive.names:
            if archive.is_empty(name):
                report.note("annotators without examples")
                continue
            try:
                yield from _read_file(archive.find(name), options, report)
            except FormatError as error:
                report.read(FILES)
                report.error(FILES, "not readable", str(error))


def _read_file(path: Path, options: Options, report: Report) -> Iterator[Record]:
    for source, value in iter_json(path, options, report):
        source = add_id(source, value, "id")
        try:
            record = _read_example(value, source, options, report)
        except FieldError as error:
            skip_document(source, value, error, KINDS, report)
            continue
        by = () if path.stem == EVERYBODY else (path.stem,)
        # without id, repeated texts are considered the same example
        record.version = Version(f"doccano {source.id} {record.text}", by)
        yield record


def _read_example(
    value: Any, source: Source, options: Options, report: Report
) -> Record:
    obj = check(value, dict, "the example")
    text = get(obj, "data" if "text" not in obj and "data" in obj else "text", str)
    # check all lists first, so that a rejected example is not counted
    spans = _find_spans(obj)
    links = get_relation_list(obj, options, report)
    for key in IGNORED:
        if isinstance(obj.get(key), list) and obj[key]:
            report.ignored(f"doccano {key}", len(obj[key]))
    items = Items(source, report, "example")
    for field, span in spans:
        with items.entity():
            _read_entity(span, field, items)
    for i, value in enumerate(links or []):
        field = f"relations[{i}]"
        with items.relation(*peek(value, "type")):
            label = get_text(check(value, dict, field), "type", field)
            ends = items.ends(value, ("from_id", "to_id"), field, (int, str))
            items.relate(label, *ends, field)
    return Record(
        text,
        source,
        items.entities,
        items.relations,
        complete=options.complete and links is not None,
        may_count_clusters=True,
        meta={key: obj[key] for key in obj if key not in KNOWN},
    )


def _find_spans(obj: Dict[str, Any]) -> List[Tuple[str, Any]]:
    """Get the lists of entities with their fields; at least one is required."""
    keys = [key for key in LISTS if key in obj]
    if not keys:
        found = ", ".join(map(repr, list(obj)[:8]))
        advice = ""
        if OLD in obj:
            advice = (
                "; this is doccano's old JSONL, which has numbers for labels: export "
                "as JSONL with text labels"
            )
        raise FieldError(
            "entities", f"missing, expected a list (found the fields {found}){advice}"
        )
    return [(f"{k}[{i}]", v) for k in keys for i, v in enumerate(get_list(obj, k))]


def _read_entity(value: Any, field: str, items: Items) -> None:
    id_ = value.get("id") if isinstance(value, dict) else None
    if id_ is not None:
        id_ = items.claim(check(id_, (int, str), f"{field}.id"), field)
    entity = items.add(*_read_span(value, field), field)
    if id_ is not None:
        items.name(id_, entity)


def _read_span(value: Any, field: str) -> Tuple[str, int, int]:
    """Read label, start and end of an object or a triple."""
    if isinstance(value, dict):
        start = get(value, "start_offset", int, field)
        end = get(value, "end_offset", int, field)
        return get_text(value, "label", field), start, end
    if not isinstance(value, list) or len(value) != 3:
        raise FieldError(
            field,
            f"found {show(value)}, expected an object with start_offset, end_offset "
            f"and label, or a list of start, end and label",
        )
    start, end = (check(value[i], int, f"{field}[{i}]") for i in (0, 1))
    return check_text(value[2], f"{field}[2]"), start, end


def _is_span(value: Any) -> bool:
    if isinstance(value, dict):
        return "start_offset" in value
    return isinstance(value, list) and len(value) == 3


def _looks_like(preview: Preview) -> bool:
    value = preview.value
    if preview.names:
        is_ours = all(name.endswith(".jsonl") for name in preview.names)
        value = preview.inner if is_ours else None
    if not isinstance(value, dict) or not ("text" in value or "data" in value):
        return False
    lists = [value[key] for key in (*LISTS, OLD) if key in value]
    spans = [found[0] for found in lists if isinstance(found, list) and found]
    is_empty = bool(lists) and all(found == [] for found in lists)
    return any(map(_is_span, spans)) or is_empty


FORMAT = Format(
    "doccano",
    "doccano sequence labelling (JSONL)",
    read,
    _looks_like,
    has_versions=True,
)

"""La Javaness Annotto, `annotation.jsonlines`: one item per line.

The relations are in `annotation.ner`, next to the tasks with their entities.
Source: "Finetune a Relation Classifier with transformers and LUKE", La Javaness.
"""

from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Tuple

from ..base import Format, Options, Preview
from ..fields import (
    FieldError,
    add_id,
    check,
    get,
    get_list,
    get_relation_list,
    get_text,
    skip_document,
)
from ..items import Items, peek
from ..json_values import iter_json
from ..record import Record, Source
from ..report import DOCUMENTS, ENTITIES, RELATIONS, Report

KINDS = {"entities": ENTITIES, "relations": RELATIONS}
LINKS = "relations"
IGNORED = {
    "comments": "Annotto comments",
    "historicAnnotations": "Annotto earlier annotations",
}


def read(path: Path, options: Options, report: Report) -> Iterator[Record]:
    """Read an export; items without annotation are left out.

    path (Path): the file.
    options (Options): `entities_only` accepts items without a list of relations.
    report (Report): counts items and problems.
    YIELDS (Record): one per annotated item.
    RAISES (FormatError): if it's not a JSON file.
    """
    for source, value in iter_json(path, options, report):
        try:
            item = get(check(value, dict, "the line"), "item", dict)
            source = add_id(source, item, "uuid")
            ner = _find_ner(value)
            if ner is None:
                report.skipped(DOCUMENTS, "not annotated")
                continue
            text = get(get(item, "data", dict, "item"), "text", str, "item.data")
            record = _read_annotation(text, ner, source, options, report)
        except FieldError as error:
            skip_document(source, _list_contents(value), error, KINDS, report)
            continue
        for key, name in IGNORED.items():
            if isinstance(value.get(key), list):
                report.ignored(name, len(value[key]))
        known = ("item", "annotation", *IGNORED)
        rest = {key: item[key] for key in item if key not in ("data", "tags")}
        meta = {key: value[key] for key in value if key not in known}
        record.meta = {**meta, "item": rest}
        yield record


def _find_ner(value: Dict[str, Any]) -> Optional[Dict[str, Any]]:
    """Get `annotation.ner`, or None if the item is not annotated."""
    none = type(None)
    annotation = check(value.get("annotation"), (dict, none), "annotation") or {}
    return check(annotation.get("ner"), (dict, none), "annotation.ner") or None


def _list_contents(value: Any) -> Dict[str, List[Any]]:
    """List all entities and relations, to count them."""
    annotation = value.get("annotation") if isinstance(value, dict) else None
    ner = annotation.get("ner") if isinstance(annotation, dict) else None
    if not isinstance(ner, dict):
        return {}
    tasks = [v for k, v in ner.items() if k != LINKS and isinstance(v, dict)]
    lists = [task.get("entities") for task in tasks]
    return {
        "entities": [e for v in lists if isinstance(v, list) for e in v],
        "relations": ner[LINKS] if isinstance(ner.get(LINKS), list) else [],
    }


def _read_annotation(
    text: str, ner: Dict[str, Any], source: Source, options: Options, report: Report
) -> Record:
    # check all lists first, so that a rejected item is not counted
    path = "annotation.ner"
    values: List[Tuple[str, Any]] = []
    for name in ner:
        if name != LINKS:
            field = f"{path}.{name}"
            task = check(ner[name], (dict, type(None)), field) or {}
            listed = get_list(task, "entities", field)
            values += [(f"{field}.entities[{i}]", v) for i, v in enumerate(listed)]
    links = get_relation_list(ner, options, report, path)
    items = Items(source, report, "item")
    for field, value in values:
        with items.entity():
            _read_entity(value, field, items)
    for i, value in enumerate(links or []):
        field = f"{path}.{LINKS}[{i}]"
        with items.relation(*peek(value, "label")):
            label = get_text(check(value, dict, field), "label", field)
            ends = items.ends(value, ("src", "dest"), field, (int, str))
            items.relate(label, *ends, field)
    return Record(
        text,
        source,
        items.entities,
        items.relations,
        complete=options.complete and links is not None,
    )


def _read_entity(value: Any, field: str, items: Items) -> None:
    obj = check(value, dict, field)
    id_ = items.claim(get(obj, "ent_id", (int, str), field), field)
    label = get_text(obj, "value", field)
    start, end = get(obj, "start_char", int, field), get(obj, "end_char", int, field)
    items.name(id_, items.add(label, start, end, field), f"{field}.ent_id")


def _looks_like(preview: Preview) -> bool:
    return (
        preview.has("item", "annotation")
        and isinstance(preview.value["item"], dict)
        and "data" in preview.value["item"]
    )


FORMAT = Format("annotto", "La Javaness Annotto (JSON lines)", read, _looks_like)

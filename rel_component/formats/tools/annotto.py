"""La Javaness Annotto, `annotation.jsonlines`: one item per line.

The relations stand in `annotation.ner`, beside the tasks with their entities.
Source: "Finetune a Relation Classifier with transformers and LUKE", La Javaness.
"""

from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Tuple

from ..base import Format, Options, Preview
from ..fields import (
    NO_ENTITY,
    EndpointError,
    FieldError,
    add_id,
    check,
    get,
    get_list,
    get_relation_list,
    get_text,
    show,
    skip_document,
    skip_relation,
)
from ..json_values import iter_json
from ..record import EntityRecord, Record, RelationRecord, Source
from ..report import DOCUMENTS, ENTITIES, RELATIONS, Report

KINDS = {"entities": ENTITIES, "relations": RELATIONS}
LINKS = "relations"
IGNORED = {
    "comments": "Annotto comments",
    "historicAnnotations": "Annotto earlier annotations",
}


def read(path: Path, options: Options, report: Report) -> Iterator[Record]:
    """Read an export; items that nobody annotated are left out.

    path (Path): the file.
    options (Options): `entities_only` accepts items without a list of relations.
    report (Report): counts what is read and what is wrong.
    YIELDS (Record): one per annotated item.
    RAISES (FormatError): if it is no JSON file.
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
            record = _Annotation(ner, source, options, report).read(text)
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
    """`annotation.ner`, or None if the item is not annotated."""
    none = type(None)
    annotation = check(value.get("annotation"), (dict, none), "annotation") or {}
    return check(annotation.get("ner"), (dict, none), "annotation.ner") or None


def _list_contents(value: Any) -> Dict[str, List[Any]]:
    """All entities and relations, to be counted."""
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


class _Annotation:
    """One annotation while it is read."""

    def __init__(
        self, ner: Dict[str, Any], source: Source, options: Options, report: Report
    ) -> None:
        self.ner = ner
        self.source = source
        self.options = options
        self.report = report
        self.entities: Dict[str, EntityRecord] = {}
        self.broken: Dict[str, str] = {}

    def read(self, text: str) -> Record:
        # all lists first: nothing is counted of an item that is left out
        path = "annotation.ner"
        values: List[Tuple[str, Any]] = []
        for name in self.ner:
            if name != LINKS:
                field = f"{path}.{name}"
                task = check(self.ner[name], (dict, type(None)), field) or {}
                listed = get_list(task, "entities", field)
                values += [(f"{field}.entities[{i}]", v) for i, v in enumerate(listed)]
        links = get_relation_list(self.ner, self.options, self.report, path)
        for field, value in values:
            self._read_entity(value, field)
        relations = [
            relation
            for i, value in enumerate(links or [])
            if (relation := self._read_relation(value, f"{path}.{LINKS}[{i}]"))
        ]
        return Record(
            text,
            self.source,
            list(self.entities.values()),
            relations,
            complete=self.options.complete and links is not None,
        )

    def _read_entity(self, value: Any, field: str) -> None:
        self.report.read(ENTITIES)
        try:
            obj = check(value, dict, field)
            id_ = str(get(obj, "ent_id", (int, str), field))
            self.broken.setdefault(id_, field)
            if id_ in self.entities:
                raise FieldError(
                    f"{field}.ent_id",
                    f"found {show(obj['ent_id'])} again, expected ids to differ: "
                    f"{self.entities[id_].field} has it",
                )
            label = get_text(obj, "value", field)
            ends = get(obj, "start_char", int, field), get(obj, "end_char", int, field)
        except FieldError as error:
            message = f"{error.say(self.source)}; entity not converted."
            self.report.error(ENTITIES, "wrong fields", message)
            return
        self.entities[id_] = EntityRecord(id_, label, [ends], field=field)

    def _read_relation(self, value: Any, field: str) -> Optional[RelationRecord]:
        self.report.read(RELATIONS)
        label = "?"
        try:
            obj = check(value, dict, field)
            label = get_text(obj, "label", field)
            head, tail = (self._resolve(obj, key, field) for key in ("src", "dest"))
        except FieldError as error:
            skip_relation(
                error,
                label,
                self.source,
                self.report,
                reason=NO_ENTITY,
            )
            return None
        return RelationRecord(label, head, tail, field)

    def _resolve(self, obj: Dict[str, Any], key: str, field: str) -> str:
        id_ = str(get(obj, key, (int, str), field))
        if id_ in self.entities:
            return id_
        why = f"is not an entity of this item (ent_id: {', '.join(self.entities)})"
        if id_ in self.broken:
            why = f"can't be read, see {self.broken[id_]}"
        raise EndpointError(f"{field}.{key}", f"{show(obj[key])} {why}")


def _looks_like(preview: Preview) -> bool:
    return (
        preview.has("item", "annotation")
        and isinstance(preview.value["item"], dict)
        and "data" in preview.value["item"]
    )


FORMAT = Format("annotto", "La Javaness Annotto (JSON lines)", read, _looks_like)

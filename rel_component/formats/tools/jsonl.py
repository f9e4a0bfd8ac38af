"""Plain JSON lines, as `scripts/predict.py` and `scripts/export.py` write them.

A document per line: `text`, `entities` with `start`, `end` (characters, exclusive end)
and `label`, `relations` with `label`, `head` and `tail`. These repeat an entity, or are
its position in `entities`. For files made by hand and by other programs too.
"""

import json
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, Optional, Tuple

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
from ..record import EntityRecord, Offsets, Record, RelationRecord, Source
from ..report import ENTITIES, RELATIONS, Report

FIELDS = (
    *("text", "entities", "relations", "id", "group"),
    *("tokens", "sentences", "negatives", "complete"),
)
ENTITY_FIELDS = ("start", "end", "label", "text", "fragments")
RELATION_FIELDS = ("label", "head", "tail", "symmetric")
KINDS = {"entities": ENTITIES, "relations": RELATIONS}


def read(path: Path, options: Options, report: Report) -> Iterator[Record]:
    """Read documents.

    path (Path): the file.
    options (Options): `entities_only` accepts documents without a list of relations.
    report (Report): counts what is read and what is wrong.
    YIELDS (Record): one per line.
    RAISES (FormatError): if it is no JSON file.
    """
    for source, value in iter_json(path, options, report):
        source = add_id(source, value, "id")
        try:
            yield _read_row(value, source, options, report)
        except FieldError as error:
            skip_document(source, value, error, KINDS, report)


def _read_row(value: Any, source: Source, options: Options, report: Report) -> Record:
    obj = check(value, dict, "the document")
    text = get(obj, "text", str)
    # all that can fail first: nothing is counted of a document that is left out
    values = get(obj, "entities", list)
    links = get_relation_list(obj, options, report)
    negatives = get_list(obj, "negatives")
    complete = check(obj.get("complete"), (bool, type(None)), "complete")
    group = check(obj.get("group"), (str, type(None)), "group")
    tokens, sentences = _read_tokens(obj, report), _read_all(obj, "sentences")
    entities = _Entities(values, source, report)
    return Record(
        text,
        source,
        entities.records,
        _read_relations(links or [], entities, source, report),
        tokens=tokens,
        sentences=sentences,
        negatives=_read_negatives(negatives, entities, source, report),
        complete=options.complete and links is not None and complete is not False,
        group=group,
        meta={key: obj[key] for key in obj if key not in FIELDS},
    )


class _Entities:
    """The entities of a document.

    records (List[EntityRecord]): those that could be read; their ids are positions.
    """

    def __init__(self, values: List[Any], source: Source, report: Report) -> None:
        self.n = len(values)
        self.records: List[EntityRecord] = []
        for i, value in enumerate(values):
            report.read(ENTITIES)
            try:
                self.records.append(_read_entity(value, i))
            except FieldError as error:
                message = f"{error.say(source)}; entity not converted."
                report.error(ENTITIES, "wrong fields", message)

    def resolve(self, value: Any, path: str) -> str:
        """Entity id of the end of a relation."""
        if isinstance(value, int) and not isinstance(value, bool):
            found = [e for e in self.records if e.id == str(value)]
        else:
            obj = check(value, dict, path)
            pieces, label = _read_pieces(obj, path), obj.get("label")
            found = [e for e in self.records if e.fragments == pieces]
            # the label tells entities of the same stretch apart
            found = [e for e in found if label in (e.label, None)]
        if len({(e.label, *e.fragments) for e in found}) > 1:
            labels = ", ".join(e.label for e in found)
            raise EndpointError(
                path,
                f"{len(found)} entities ({labels}) stand there, expected its label "
                f"to say which",
            )
        if not found:
            raise EndpointError(
                path,
                f"{show(value)} is not an entity of this document, expected one of "
                f"its {self.n} entities, or its position among them, from 0",
            )
        return found[0].id


def _read_entity(value: Any, i: int) -> EntityRecord:
    field = f"entities[{i}]"
    obj = check(value, dict, field)
    pieces = _read_pieces(obj, field)
    label = get_text(obj, "label", field)
    text = check(obj.get("text"), (str, type(None)), f"{field}.text")
    attrs = {key: obj[key] for key in obj if key not in ENTITY_FIELDS}
    return EntityRecord(str(i), label, pieces, text, field, attrs)


def _read_pieces(obj: Dict[str, Any], field: str) -> List[Offsets]:
    if obj.get("fragments") is not None:
        return _read_all(obj, "fragments", field) or []
    return [(get(obj, "start", int, field), get(obj, "end", int, field))]


def _read_all(
    obj: Dict[str, Any], key: str, field: str = ""
) -> Optional[List[Offsets]]:
    """Stretches of text; None if there are none."""
    path = f"{field}.{key}" if field else key
    values = get_list(obj, key, field)
    return [_read_offsets(v, f"{path}[{i}]") for i, v in enumerate(values)] or None


def _read_offsets(value: Any, path: str) -> Offsets:
    if len(check(value, list, path)) != 2:
        raise FieldError(path, f"found {show(value)}, expected start and end")
    start, end = (check(x, int, f"{path}[{i}]") for i, x in enumerate(value))
    return start, end


def _read_tokens(obj: Dict[str, Any], report: Report) -> Optional[List[Offsets]]:
    if any(isinstance(token, str) for token in get_list(obj, "tokens")):
        report.repair("tokens without offsets: tokenized anew")
        return None
    return _read_all(obj, "tokens")


def _read_relations(
    values: List[Any], entities: _Entities, source: Source, report: Report
) -> List[RelationRecord]:
    relations: List[RelationRecord] = []
    for i, value in enumerate(values):
        field = f"relations[{i}]"
        report.read(RELATIONS)
        label = "?"
        try:
            obj = check(value, dict, field)
            label = get_text(obj, "label", field)
            symmetric = check(obj.get("symmetric", False), bool, f"{field}.symmetric")
            head, tail = _read_ends(obj, entities, field)
        except FieldError as error:
            skip_relation(error, label, source, report, reason=NO_ENTITY)
            continue
        attrs = {key: obj[key] for key in obj if key not in RELATION_FIELDS}
        relations.append(RelationRecord(label, head, tail, field, symmetric, attrs))
    return relations


def _read_ends(obj: Dict[str, Any], entities: _Entities, field: str) -> Tuple[str, str]:
    head, tail = (
        entities.resolve(get(obj, key, (dict, int), field), f"{field}.{key}")
        for key in ("head", "tail")
    )
    return head, tail


def _read_negatives(
    values: List[Any], entities: _Entities, source: Source, report: Report
) -> List[Tuple[str, str]]:
    """Unrelated pairs; one that can't be read is counted among the relations."""
    pairs: List[Tuple[str, str]] = []
    for i, value in enumerate(values):
        field = f"negatives[{i}]"
        try:
            pairs.append(_read_ends(check(value, dict, field), entities, field))
        except FieldError as error:
            report.read(RELATIONS)
            message = f"{error.say(source)}; unrelated pair not converted."
            report.error(RELATIONS, "unrelated pair", message)
    return pairs


def _looks_like(preview: Preview) -> bool:
    # the first document may have no entity
    rows = [preview.value, *_parse_lines(preview.text.split("\n")[1:])]
    return any(map(_is_row, rows))


def _parse_lines(lines: Iterable[str]) -> Iterator[Any]:
    for line in lines:
        try:
            yield json.loads(line)
        except (ValueError, RecursionError):
            return  # most often cut off, since it is the last one


def _is_row(value: Any) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get("text"), str):
        return False
    entities = value.get("entities")
    if not isinstance(entities, list):
        return False
    if not entities:
        return isinstance(value.get("complete"), bool)
    keys = ("start", "end", "label")
    return isinstance(entities[0], dict) and all(key in entities[0] for key in keys)


FORMAT = Format(
    "jsonl",
    "plain JSON lines with text, entities and relations",
    read,
    _looks_like,
)

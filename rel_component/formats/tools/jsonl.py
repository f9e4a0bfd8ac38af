"""Plain JSON lines, as written by `scripts/predict.py` and `scripts/export.py`.

One document per line: `text`, `entities` with `start`, `end` (in characters, exclusive)
and `label`, `relations` with `label`, `head` and `tail`, which are entities, or indices
of `entities`. Also for files created manually or by other programs.
"""

import json
from collections import defaultdict
from itertools import chain
from pathlib import Path
from typing import Any, DefaultDict, Dict, Iterable, Iterator, List, Optional, Tuple

from ..base import Format, Options, Preview
from ..fields import (
    AMBIGUOUS,
    LOST,
    EndpointError,
    FieldError,
    add_id,
    check,
    check_offsets,
    get,
    get_list,
    get_relation_list,
    get_text,
    show,
    skip_document,
)
from ..io import split_lines
from ..items import Items, peek
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
    report (Report): counts items and problems.
    YIELDS (Record): one per line.
    RAISES (FormatError): if it's not a JSON file.
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
    # check everything first, so that a rejected document is not counted
    values = get(obj, "entities", list)
    links = get_relation_list(obj, options, report)
    negatives = get_list(obj, "negatives")
    complete = check(obj.get("complete"), (bool, type(None)), "complete")
    group = check(obj.get("group"), (str, type(None)), "group")
    tokens, sentences = _read_tokens(obj, report), _read_all(obj, "sentences")
    items = Items(source, report)
    for i, entity in enumerate(values):
        with items.entity():
            items.entities.append(_read_entity(entity, f"entities[{i}]"))
    ends = _Ends(items.entities, len(values))
    for i, link in enumerate(links or []):
        with items.relation(*peek(link, "label")):
            items.relations.append(_read_relation(link, f"relations[{i}]", ends))
    return Record(
        text,
        source,
        items.entities,
        items.relations,
        tokens=tokens,
        sentences=sentences,
        negatives=_read_negatives(negatives, ends, items),
        complete=options.complete and links is not None and complete is not False,
        group=group,
        meta={key: obj[key] for key in obj if key not in FIELDS},
    )


def _read_entity(value: Any, field: str) -> EntityRecord:
    obj = check(value, dict, field)
    pieces = _read_pieces(obj, field)
    label = get_text(obj, "label", field)
    text = check(obj.get("text"), (str, type(None)), f"{field}.text")
    check(obj.get("kb_id"), (str, int, type(None)), f"{field}.kb_id")
    attrs = {key: obj[key] for key in obj if key not in ENTITY_FIELDS}
    return EntityRecord(field, label, pieces, text, field, attrs)


def _read_pieces(obj: Dict[str, Any], field: str) -> List[Offsets]:
    if obj.get("fragments") is not None:
        pieces = _read_all(obj, "fragments", field)
        if not pieces:
            raise FieldError(
                f"{field}.fragments", "found [], expected at least one [start, end]"
            )
        return pieces
    return [(get(obj, "start", int, field), get(obj, "end", int, field))]


def _read_all(
    obj: Dict[str, Any], key: str, field: str = ""
) -> Optional[List[Offsets]]:
    """Read spans of text, or None."""
    path = f"{field}.{key}" if field else key
    values = get_list(obj, key, field)
    return [check_offsets(v, f"{path}[{i}]") for i, v in enumerate(values)] or None


def _read_tokens(obj: Dict[str, Any], report: Report) -> Optional[List[Offsets]]:
    if any(isinstance(token, str) for token in get_list(obj, "tokens")):
        report.repair("tokens without offsets: retokenized")
        return None
    return _read_all(obj, "tokens")


def _read_relation(value: Any, field: str, ends: "_Ends") -> RelationRecord:
    obj = check(value, dict, field)
    label = get_text(obj, "label", field)
    symmetric = check(obj.get("symmetric", False), bool, f"{field}.symmetric")
    head, tail = ends.read(obj, field)
    attrs = {key: obj[key] for key in obj if key not in RELATION_FIELDS}
    return RelationRecord(label, head, tail, field, symmetric, attrs)


class _Ends:
    """Finds the entities of relations, given as indices or objects."""

    def __init__(self, entities: List[EntityRecord], n_listed: int) -> None:
        self.n_listed = n_listed
        self._by_field = {entity.field: entity for entity in entities}
        self._by_id = {
            entity.attrs["id"]: entity
            for entity in entities
            if isinstance(entity.attrs.get("id"), int)
        }
        self._by_pieces: DefaultDict[Tuple[Offsets, ...], List[EntityRecord]]
        self._by_pieces = defaultdict(list)
        for entity in entities:
            self._by_pieces[tuple(entity.fragments)].append(entity)

    def read(self, obj: Dict[str, Any], field: str) -> Tuple[str, str]:
        """RETURNS (Tuple[str, str]): entity ids of head and tail."""
        head, tail = (
            self._resolve(get(obj, key, (dict, int), field), f"{field}.{key}")
            for key in ("head", "tail")
        )
        return head, tail

    def _resolve(self, value: Any, path: str) -> str:
        if isinstance(value, int):
            entity = self._by_field.get(f"entities[{value}]")
            found = [entity] if entity else []
            named = self._by_id.get(value)
            if named is not None and named is not entity:
                raise EndpointError(
                    path,
                    f"{value} is the id of {named.field}, and a position among the "
                    f"entities, from 0; expected entities without ids, or ids that are "
                    f"their positions",
                    AMBIGUOUS,
                )
        else:
            found = self._by_pieces.get(tuple(_read_pieces(value, path)), [])
            # the label distinguishes entities with the same offsets
            label = value.get("label")
            found = [entity for entity in found if label in (entity.label, None)]
        labels = list(dict.fromkeys(entity.label for entity in found))
        if len(labels) == 1:
            return found[0].id
        if labels:
            raise EndpointError(
                path,
                f"{len(found)} entities ({', '.join(labels)}) have these offsets, "
                f"expected a label to choose one",
            )
        if isinstance(value, int) and 0 <= value < self.n_listed:
            raise EndpointError(path, f"entities[{value}] was not converted", LOST)
        raise EndpointError(
            path,
            f"{show(value)} is not an entity of this document, expected one of its "
            f"{self.n_listed} entities, or its position among them, from 0",
        )


def _read_negatives(
    values: List[Any], ends: _Ends, items: Items
) -> List[Tuple[str, str]]:
    """Read unrelated pairs; those that can't be read are counted as relations."""
    pairs: List[Tuple[str, str]] = []
    for i, value in enumerate(values):
        field = f"negatives[{i}]"
        with items.relation(what="unrelated pair"):
            pairs.append(ends.read(check(value, dict, field), field))
    return pairs


def _looks_like(preview: Preview) -> bool:
    # the first document may have no entities
    rows = [preview.value, *_parse_lines(split_lines(preview.text)[1:])]
    if any(map(_is_row, rows)):
        return True
    return all(map(_is_empty, rows)) and _find_row(preview)


def _is_empty(value: Any) -> bool:
    return isinstance(value, dict) and "text" in value and value.get("entities") == []


def _find_row(preview: Preview) -> bool:
    """Whether the first document with entities is ours."""
    with preview.path.open(encoding=preview.encoding, errors="replace") as file:
        is_list = file.read(1 << 10).lstrip().startswith("[")
        file.seek(0)
        values = _parse_lines([file.read()] if is_list else file)
        for value in chain.from_iterable(values) if is_list else values:
            if not _is_empty(value):
                return _is_row(value)
    return False


def _parse_lines(lines: Iterable[str]) -> Iterator[Any]:
    for line in lines:
        try:
            yield json.loads(line)
        except (ValueError, RecursionError):
            return  # most likely truncated, since it's the last one


def _is_row(value: Any) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get("text"), str):
        return False
    entities = value.get("entities")
    if not isinstance(entities, list):
        return False
    if not entities:
        return isinstance(value.get("complete"), bool)
    first = entities[0]
    return isinstance(first, dict) and (
        all(key in first for key in ("start", "end", "label"))
        or all(key in first for key in ("fragments", "label"))
    )


FORMAT = Format(
    "jsonl",
    "plain JSON lines with text, entities and relations",
    read,
    _looks_like,
    accepts=lambda preview: _is_empty(preview.value),
)

"""UBIAI JSON: a list of `{"document", "tokens", "relations"}`.

`tokens` are the entities, not the tokens. `head` and `child` of a relation are the
`token_start` (first token) of an entity, unlike in Prodigy.
"""

from pathlib import Path
from typing import AbstractSet, Any, Dict, Iterator, List, Mapping, Optional, Tuple

import numpy

from ..base import Format, Option, Options, Preview
from ..fields import (
    EndpointError,
    FieldError,
    add_id,
    check,
    get,
    get_relation_list,
    get_text,
    skip_document,
)
from ..items import Items, peek
from ..json_values import iter_json
from ..record import Record, Source
from ..report import ENTITIES, RELATIONS, Report

FIELDS: Option[Mapping[str, str]] = Option(
    "fields", {}, "alternative name of a field: document=text", flag="field"
)
# more than the tokens of any document
MOST = 2**31
# token_start, inclusive token_end, entity id
Extent = Tuple[int, int, str]
KNOWN = {"document", "tokens", "relations"}
# fields that can have other names
OF_DOCUMENT = KNOWN | {"id"}
OF_ENTITY = {"text", "start", "end", "token_start", "token_end", "entityLabel"}
OF_RELATION = {"head", "child", "relationLabel"}
KINDS = {"tokens": ENTITIES, "relations": RELATIONS}


def read(path: Path, options: Options, report: Report) -> Iterator[Record]:
    """Read a UBIAI export.

    path (Path): the file, with any suffix (usually `.txt` or `.json`).
    options (Options): `fields` for other field names, e.g. document=text.
    report (Report): counts items and problems.
    YIELDS (Record): one per document.
    RAISES (FormatError): if it's not a JSON file.
    """
    for source, value in iter_json(path, options, report):
        obj = _rename(value, options, OF_DOCUMENT) if isinstance(value, dict) else value
        source = add_id(source, obj, "id")
        try:
            yield _read_document(obj, source, options, report)
        except FieldError as error:
            skip_document(source, obj, error, KINDS, report)


def _read_document(
    value: Any, source: Source, options: Options, report: Report
) -> Record:
    obj = check(value, dict, "the document")
    text = get(obj, "document", str)
    # check both lists first, so that a rejected document is not counted
    values = get(obj, "tokens", list)
    links = get_relation_list(obj, options, report)
    items = Items(source, report)
    extents = _read_entities(values, items, options)
    _read_relations(links or [], extents, items, options)
    return Record(
        text,
        source,
        items.entities,
        items.relations,
        complete=options.complete and links is not None,
        meta={key: obj[key] for key in obj if key not in KNOWN},
    )


def _rename(
    obj: Dict[str, Any], options: Options, names: AbstractSet[str]
) -> Dict[str, Any]:
    """Rename fields to their usual names, if they are among these."""
    usual = {theirs: ours for ours, theirs in options[FIELDS].items() if ours in names}
    return {usual.get(key, key): value for key, value in obj.items()}


def _read_entities(values: List[Any], items: Items, options: Options) -> List[Extent]:
    extents: List[Extent] = []
    seen = set()
    for i, value in enumerate(values):
        field = f"tokens[{i}]"
        with items.entity():
            obj = _rename(check(value, dict, field), options, OF_ENTITY)
            start, end = get(obj, "start", int, field), get(obj, "end", int, field)
            label = get_text(obj, "entityLabel", field)
            text = check(obj.get("text"), (str, type(None)), f"{field}.text")
            extent = _read_extent(obj, field)
            entity = items.add(label, start, end, field, text)
            if extent is not None and (start, end, label) not in seen:
                seen.add((start, end, label))
                extents.append((*extent, entity.id))
    return extents


def _read_extent(obj: Dict[str, Any], field: str) -> Optional[Tuple[int, int]]:
    """Read first and last token, which are only required for relations."""
    if obj.get("token_start") is None:
        return None
    first = get(obj, "token_start", int, field)
    last = check(obj.get("token_end"), (int, type(None)), f"{field}.token_end")
    return first, first if last is None else last


def _read_relations(
    values: List[Any], extents: List[Extent], items: Items, options: Options
) -> None:
    found = _Extents(extents)
    for i, value in enumerate(values):
        field = f"relations[{i}]"
        obj = _rename(value, options, OF_RELATION) if isinstance(value, dict) else value
        with items.relation(*peek(obj, "relationLabel")):
            label = get_text(check(obj, dict, field), "relationLabel", field)
            # check both endpoints first, to only count repairs of converted relations
            ends = [_resolve(obj, key, found, field) for key in ("head", "child")]
            items.relate(label, ends[0][0], ends[1][0], field)
            for _, repair in ends:
                items.report.repair(repair, int(bool(repair)))


class _Extents:
    """Entities by tokens, optimized for documents with very many.

    extents (List[Tuple[int, int, str]]): first and last token, and entity id.
    """

    def __init__(self, extents: List[Extent]) -> None:
        self.starting: Dict[int, List[str]] = {}
        for first, _, id_ in extents:
            self.starting.setdefault(first, []).append(id_)
        self.ids = [id_ for _, _, id_ in extents]
        self.first, self.last = (
            numpy.asarray([max(-1, min(x[i], MOST)) for x in extents], dtype="int64")
            for i in (0, 1)
        )

    def cover(self, token: int) -> List[str]:
        """RETURNS (List[str]): ids of the entities that contain a token."""
        if not 0 <= token < MOST:
            return []
        rows = numpy.flatnonzero((self.first <= token) & (token <= self.last))
        return [self.ids[row] for row in rows]


def _resolve(
    obj: Dict[str, Any], key: str, extents: _Extents, field: str
) -> Tuple[str, str]:
    """Get the entity id of an endpoint, and the repair applied."""
    token = get(obj, key, int, field)
    ids = extents.starting.get(token, [])
    repair = ""
    if not ids:
        ids = extents.cover(token)
        repair = "relation end resolved to the entity covering its token"
    if len(ids) == 1:
        return ids[0], repair
    if not ids:
        raise EndpointError(
            f"{field}.{key}",
            f"{token} is not the token_start of an entity of this document, expected "
            f"one of {sorted(extents.starting)[:10]}",
        )
    where = "start at" if not repair else "contain"
    raise EndpointError(
        f"{field}.{key}",
        f"{len(ids)} entities {where} token {token} "
        f"({', '.join(ids)}), expected one; this is ambiguous in UBIAI, so remove all "
        f"but one",
    )


def _looks_like(preview: Preview) -> bool:
    return preview.has("document") and (
        preview.has("tokens") or preview.has("relations")
    )


FORMAT = Format(
    "ubiai", "UBIAI relations export (JSON)", read, _looks_like, options=(FIELDS,)
)

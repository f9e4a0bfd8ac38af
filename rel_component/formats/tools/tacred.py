"""TACRED-like JSON: a list of pairs, `{"token", "subj_start", ..., "relation"}`.

Each item is a sentence with one pair of entities, in words, with inclusive ends.
Sentences are repeated for further pairs; other pairs are not annotated.
Source: github.com/yuhaozhang/tacred-relation, data/loader.py.
"""

from pathlib import Path
from typing import Any, Dict, Iterator

from ..base import Format, Options, Preview
from ..fields import FieldError, add_id, check, get, get_text, show, skip_document
from ..items import Items, peek
from ..json_values import iter_json
from ..pairs import MERGE_PAIRS, join_pairs
from ..record import Record, Source
from ..report import ENTITIES, RELATIONS, Report
from ..words import Text, check_sentence

SIDES = ("subj", "obj")
FIELDS = tuple(f"{side}_{name}" for side in SIDES for name in ("start", "end", "type"))
KNOWN = {"token", "relation", *FIELDS}
KINDS = {"entities": ENTITIES, "relations": RELATIONS}


def read(path: Path, options: Options, report: Report) -> Iterator[Record]:
    """Read the pairs of TACRED, TACREV or Re-TACRED.

    path (Path): the file, with any suffix.
    options (Options): `merge_pairs` combines the pairs of a sentence in one document;
        `entities_only` accepts items without a relation.
    report (Report): counts items and problems.
    YIELDS (Record): one per item, or per sentence.
    RAISES (FormatError): if it's not a JSON file.
    """
    yield from join_pairs(_iter_items(path, options, report), options, report)


def _iter_items(path: Path, options: Options, report: Report) -> Iterator[Record]:
    for source, value in iter_json(path, options, report):
        source = add_id(source, value, "id")
        try:
            yield _read_item(value, source, options, report)
        except FieldError as error:
            skip_document(source, _list_contents(value), error, KINDS, report)


def _list_contents(value: Any) -> Dict[str, Any]:
    """List the contents of an item, to count them."""
    obj = value if isinstance(value, dict) else {}
    sides = [side for side in SIDES if f"{side}_start" in obj]
    return {"entities": sides, "relations": ["relation"] * ("relation" in obj)}


def _read_item(value: Any, source: Source, options: Options, report: Report) -> Record:
    obj = check(value, dict, "the item")
    words = check_sentence(get(obj, "token", list), "token")
    text = Text([words])
    items = Items(source, report, "item")
    for side in SIDES:
        with items.entity():
            _read_entity(obj, side, text, items)
    if obj.get("relation") is None and options.entities_only:
        report.note("items without a relation")
    else:
        with items.relation(*peek(obj, "relation")):
            label = get_text(obj, "relation")
            head, tail = (items.resolve(side, "relation") for side in SIDES)
            items.relate(label, head, tail, "relation")
    docid = obj.get("docid")
    return Record(
        text.text,
        source,
        items.entities,
        items.relations,
        tokens=text.tokens,
        # no other pair was annotated, nor this one in the opposite direction
        complete=False,
        group=str(docid) if isinstance(docid, (str, int)) else None,
        meta={key: obj[key] for key in obj if key not in KNOWN},
    )


def _read_entity(obj: Dict[str, Any], side: str, text: Text, items: Items) -> None:
    field = f"{side}_start"
    items.claim(side, field)
    label = get_text(obj, f"{side}_type")
    start, end = get(obj, field, int), get(obj, f"{side}_end", int)
    n_words = len(text.tokens)
    if not 0 <= start <= end < n_words:
        raise FieldError(
            field,
            f"found words {show(start)} to {show(end)}, expected 0 <= {side}_start "
            f"<= {side}_end < {n_words}, the end being the last word",
        )
    items.name(side, items.add(label, *text.span(start, end + 1), field))


def _looks_like(preview: Preview) -> bool:
    return preview.has("subj_start", "obj_start")


FORMAT = Format("tacred", "TACRED-like JSON", read, _looks_like, options=(MERGE_PAIRS,))

"""GLiNER and GLiREL training data: `{"tokenized_text", "ner", "relations"}`.

`ner` contains `[first, last, type]`, in words, with inclusive ends, and in GLiREL also
the text. Relations are `[head, tail, label]` in GLiNER, with indices of `ner`, and
objects in GLiREL, with the first and last word as `position` of `head` and `tail`.
Source: urchade.github.io/GLiNER/training.html; github.com/jackboyla/GLiREL, README.md.
"""

from pathlib import Path
from typing import Any, Dict, Iterator

from ..base import Format, Options, Preview
from ..fields import (
    FieldError,
    add_id,
    check,
    check_text,
    get,
    get_relation_list,
    get_text,
    show,
    skip_document,
)
from ..items import Items, peek
from ..json_values import iter_json
from ..record import Offsets, Record, Source
from ..report import ENTITIES, RELATIONS, Report
from ..word_spans import WordSpans
from ..words import Text, check_sentence

KINDS = {"ner": ENTITIES, "relations": RELATIONS}
KNOWN = {"tokenized_text", *KINDS}
EXCLUSIVE = "ends that name the word after the last one, as the texts say: moved back"
DIFFERENT = "texts of entities that are not those of their words: the words are taken"


def read(path: Path, options: Options, report: Report) -> Iterator[Record]:
    """Read training data of GLiNER or GLiREL.

    path (Path): the file, with any suffix: a list, or an item per line.
    options (Options): `entities_only` for items without `relations`, as in training
        data for entities only.
    report (Report): counts items and problems.
    YIELDS (Record): one per item.
    RAISES (FormatError): if it's not a JSON file.
    """
    for source, value in iter_json(path, options, report):
        source = add_id(source, value, "id")
        try:
            yield _read_item(value, source, options, report)
        except FieldError as error:
            skip_document(source, value, error, KINDS, report)


def _read_item(value: Any, source: Source, options: Options, report: Report) -> Record:
    obj = check(value, dict, "the item")
    words = check_sentence(get(obj, "tokenized_text", list), "tokenized_text")
    text = Text([words])
    # check both lists first, so that a rejected item is not counted
    ner = get(obj, "ner", list)
    links = get_relation_list(obj, options, report)
    items = Items(source, report, "item")
    spans = WordSpans(items, text)
    for i, entity in enumerate(ner):
        with items.entity():
            items.claim(i, f"ner[{i}]")
            _read_entity(entity, f"ner[{i}]", spans, report)
            items.name(str(i), items.entities[-1])
    for i, link in enumerate(links or []):
        key = 2 if isinstance(link, list) else "relation_text"
        with items.relation(*peek(link, key)):
            _read_relation(link, f"relations[{i}]", spans)
    return Record(
        text.text,
        source,
        items.entities,
        items.relations,
        tokens=text.tokens,
        complete=options.complete and links is not None,
        meta={key: obj[key] for key in obj if key not in KNOWN and key != "id"},
    )


def _read_entity(value: Any, field: str, spans: WordSpans, report: Report) -> None:
    if not 3 <= len(check(value, list, field)) <= 4:
        raise FieldError(
            field, f"found {show(value)}, expected [first, last, type] or with a text"
        )
    stated = check(value[3], str, f"{field}[3]") if len(value) == 4 else None
    label = check_text(value[2], f"{field}[2]")
    words = _choose_words(value[:2], stated, field, spans, report)
    spans.add(label, words, field)


def _choose_words(
    value: Any, stated: Any, field: str, spans: WordSpans, report: Report
) -> Offsets:
    """Get first and last word; the end is considered exclusive if only that matches the
    text."""
    if stated is None:
        return spans.check(value, field)
    first, last = (check(end, int, f"{field}[{i}]") for i, end in enumerate(value))
    if spans.says((first, last), stated):
        return first, last
    if spans.says((first, last - 1), stated):
        report.repair(EXCLUSIVE)
        return first, last - 1
    words = spans.check(value, field)
    report.repair(DIFFERENT)
    return words


def _read_relation(value: Any, field: str, spans: WordSpans) -> None:
    items = spans.items
    if isinstance(check(value, (list, dict), field), dict):
        label = get_text(value, "relation_text", field)
        head, tail = (_read_end(value, side, field, spans) for side in ("head", "tail"))
        items.relate(label, head, tail, field)
        if isinstance(value.get("relation_id"), str):
            items.relations[-1].attrs["relation_id"] = value["relation_id"]
        return
    if len(value) != 3:
        raise FieldError(field, f"found {show(value)}, expected [head, tail, label]")
    label = check_text(value[2], f"{field}[2]")
    head, tail = (
        items.resolve(check(value[i], int, f"{field}[{i}]"), f"{field}[{i}]")
        for i in range(2)
    )
    items.relate(label, head, tail, field)


def _read_end(link: Dict[str, Any], side: str, field: str, spans: WordSpans) -> str:
    """Get the id of the entity at a position in GLiREL."""
    end = get(link, side, dict, field)
    path = f"{field}.{side}"
    position = get(end, "position", list, path)
    if len(position) != 2:
        raise FieldError(
            f"{path}.position", f"found {show(position)}, expected [first, last]"
        )
    label = check(end.get("type"), (str, type(None)), f"{path}.type")
    mention = check(end.get("mention"), (str, type(None)), f"{path}.mention")
    report = Report()  # not used, since the entity is already counted
    words = _choose_words(position, mention, f"{path}.position", spans, report)
    return spans.resolve(words, f"{path}.position", label)


def _looks_like(preview: Preview) -> bool:
    return preview.has("tokenized_text")


FORMAT = Format("gliner", "GLiNER or GLiREL training data (JSON)", read, _looks_like)

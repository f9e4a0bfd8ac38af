"""CrossRE JSON lines, a sentence per line: `{"sentence", "ner", "relations"}`.

`ner` contains `[first, last, type]`, `relations` `[first, last, first, last, label,
explanation, uncertain, syntax]`, in words of the sentence, with inclusive ends. A pair
may have several labels. Source: github.com/mainlp/CrossRE, README.md.
"""

from pathlib import Path
from typing import Any, Iterator

from ..base import Format, Options, Preview
from ..fields import (
    FieldError,
    add_id,
    check,
    check_text,
    get,
    get_relation_list,
    show,
    skip_document,
)
from ..items import Items, peek
from ..json_values import iter_json
from ..record import Record, Source
from ..report import ENTITIES, RELATIONS, Report
from ..word_spans import WordSpans
from ..words import Text, check_sentence

KINDS = {"ner": ENTITIES, "relations": RELATIONS}
KNOWN = {"sentence", *KINDS}
# fields after the label
NOTES = ("explanation", "uncertain", "syntax_ambiguous")


def read(path: Path, options: Options, report: Report) -> Iterator[Record]:
    """Read CrossRE, Multi-CrossRE or other data in this format.

    path (Path): the file, with any suffix (usually `.json`).
    options (Options): `entities_only`.
    report (Report): counts items and problems.
    YIELDS (Record): one per sentence.
    RAISES (FormatError): if it's not a JSON file.
    """
    for source, value in iter_json(path, options, report):
        source = add_id(source, value, "doc_key")
        try:
            yield _read_sentence(value, source, options, report)
        except FieldError as error:
            skip_document(source, value, error, KINDS, report)


def _read_sentence(
    value: Any, source: Source, options: Options, report: Report
) -> Record:
    obj = check(value, dict, "the sentence")
    words = check_sentence(get(obj, "sentence", list), "sentence")
    # check both lists first, so that a rejected sentence is not counted
    ner = get(obj, "ner", list)
    links = get_relation_list(obj, options, report)
    items = Items(source, report, "sentence")
    spans = WordSpans(items, Text([words]))
    for i, entity in enumerate(ner):
        with items.entity():
            _read_entity(entity, f"ner[{i}]", spans)
    for i, relation in enumerate(links or []):
        with items.relation(*peek(relation, 4)):
            _read_relation(relation, f"relations[{i}]", spans)
    return Record(
        spans.text.text,
        source,
        items.entities,
        items.relations,
        tokens=spans.text.tokens,
        sentences=spans.text.sentences,
        complete=options.complete and links is not None,
        meta={key: obj[key] for key in obj if key not in KNOWN},
    )


def _read_entity(value: Any, field: str, spans: WordSpans) -> None:
    if len(check(value, list, field)) != 3:
        raise FieldError(field, f"found {show(value)}, expected [first, last, type]")
    words = spans.check(value[:2], field)
    spans.add(check_text(value[2], f"{field}[2]"), words, field)


def _read_relation(value: Any, field: str, spans: WordSpans) -> None:
    if not 5 <= len(check(value, list, field)) <= 8:
        raise FieldError(
            field,
            f"found {show(value)}, expected [first, last, first, last, label] and "
            f"perhaps {', '.join(NOTES)}",
        )
    label = check_text(value[4], f"{field}[4]")
    head, tail = (
        spans.resolve(spans.check(value[at : at + 2], place), place)
        for place, at in ((f"{field}.head", 0), (f"{field}.tail", 2))
    )
    spans.items.relate(label, head, tail, field)
    notes = zip(NOTES, value[5:])
    spans.items.relations[-1].attrs.update({key: note for key, note in notes if note})


def _looks_like(preview: Preview) -> bool:
    return preview.has("sentence", "ner") and isinstance(
        preview.value["sentence"], list
    )


FORMAT = Format("crossre", "CrossRE JSON lines", read, _looks_like)

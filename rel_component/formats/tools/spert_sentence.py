"""Sentences of SpERT, which are also used in Hugging Face data sets: `{"tokens",
"entities", "relations"}`."""

from typing import Any, FrozenSet, Sequence

from ..base import Options
from ..fields import FieldError, check, get, get_relation_list, get_text, show
from ..items import Items, peek
from ..record import Offsets, Record, Source
from ..report import ENTITIES, RELATIONS, Report
from ..words import check_sentence, join_words

KNOWN = {"tokens", "entities", "relations"}
KINDS = {"entities": ENTITIES, "relations": RELATIONS}


def read_sentence(
    value: Any,
    source: Source,
    symmetric: FrozenSet[str],
    options: Options,
    report: Report,
) -> Record:
    """Read a sentence.

    value (Any): the sentence in the file.
    source (Source): its location.
    symmetric (FrozenSet[str]): symmetric labels.
    options (Options): `entities_only`, `complete`.
    report (Report): counts items and problems.
    RETURNS (Record): the sentence.
    RAISES (FieldError): if it can't be read; it's not counted then.
    """
    obj = check(value, dict, "the sentence")
    text, tokens = join_words(check_sentence(get(obj, "tokens", list), "tokens"))
    # check both lists first, so that a rejected sentence is not counted
    values = get(obj, "entities", list)
    links = get_relation_list(obj, options, report)
    items = Items(source, report, "sentence")
    for i, entity in enumerate(values):
        with items.entity():
            items.claim(i, f"entities[{i}]")
            _read_entity(entity, f"entities[{i}]", tokens, items)
            items.name(str(i), items.entities[-1])
    for i, relation in enumerate(links or []):
        with items.relation(*peek(relation, "type")):
            _read_relation(relation, f"relations[{i}]", symmetric, items)
    return Record(
        text,
        source,
        items.entities,
        items.relations,
        tokens=tokens,
        complete=options.complete and links is not None,
        meta={key: obj[key] for key in obj if key not in KNOWN},
    )


def _read_entity(
    value: Any, field: str, tokens: Sequence[Offsets], items: Items
) -> None:
    obj = check(value, dict, field)
    label = get_text(obj, "type", field)
    start, end = get(obj, "start", int, field), get(obj, "end", int, field)
    if not 0 <= start < end <= len(tokens):
        raise FieldError(
            field,
            f"found tokens {show(start)} to {show(end)}, expected 0 <= start < end <= "
            f"{len(tokens)}, end being the token after the last one",
        )
    items.add(label, tokens[start][0], tokens[end - 1][1], field)


def _read_relation(
    value: Any, field: str, symmetric: FrozenSet[str], items: Items
) -> None:
    obj = check(value, dict, field)
    label = get_text(obj, "type", field)
    items.relate(label, *items.ends(obj, ("head", "tail"), field, int), field)
    items.relations[-1].symmetric = label in symmetric

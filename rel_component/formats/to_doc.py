"""Convert records to Docs, for all formats."""

import re
from itertools import chain
from typing import Any, Dict, Iterable, Iterator, List, Optional, Tuple

from spacy.tokenizer import Tokenizer
from spacy.tokens import Doc, Span, SpanGroup
from spacy.util import filter_spans

from ..relations import SOURCE_KEY, EntityKey, get_entity_key, set_relations
from ..wording import make_writable
from .base import Options
from .fields import show
from .links import Links
from .offsets import locate_entities
from .pieces import split_record
from .record import Offsets, Record
from .report import DOCUMENTS, ENTITIES, FIELDS, RELATIONS, Report
from .tokens import load_tokenizer, make_doc, set_sentences

KB_ID = "kb_id"
INCOMPLETE = "documents marked as incomplete: something in them was not converted"


def to_docs(
    records: Iterable[Record],
    options: Options,
    report: Report,
    *,
    tokenizer: Optional[Tokenizer] = None,
) -> Iterator[Doc]:
    """Convert records to annotated Docs.

    records (Iterable[Record]): the records from readers.
    options (Options): options for alignment, labels, symmetry and so on.
    report (Report): counts items written, merged, skipped and lost.
    tokenizer (Optional[Tokenizer]): the tokenizer; None for that of `options.lang`.
    YIELDS (Doc): Docs with `doc.ents`, `doc.spans[options.spans_key]` (all entities,
        including overlapping ones), `doc._.relations`, and their source in
        `doc.user_data["rel_component_source"]`.
    """
    tokenizer = tokenizer or load_tokenizer(options.lang)
    seen: Dict[int, int] = {}
    policy = options.split_documents
    for record in chain.from_iterable(
        [record]
        if policy is None
        else split_record(record, policy, tokenizer, options, report)
        for record in records
    ):
        made = _convert(record, tokenizer, options, report)
        if made is not None:
            doc, annotation = made
            _note_repetition(hash(record.text), annotation, seen, options, report)
            yield doc


def to_doc(
    record: Record, tokenizer: Tokenizer, options: Options, report: Report
) -> Optional[Doc]:
    """Convert a record to an annotated Doc.

    record (Record): the document.
    tokenizer (Tokenizer): the tokenizer.
    options (Options): options for alignment, labels, symmetry and so on.
    report (Report): counts items written, merged, skipped and lost.
    RETURNS (Optional[Doc]): the Doc; None if the document is left out.
    """
    made = _convert(record, tokenizer, options, report)
    return made[0] if made else None


def _convert(
    record: Record, tokenizer: Tokenizer, options: Options, report: Report
) -> Optional[Tuple[Doc, int]]:
    """Convert a record to a Doc, and a hash that is equal for equal annotations."""
    if not record.text.strip():
        _skip_all(record, report, "text is empty")
        report.take_losses()  # not those of the next document
        return None
    report.saw(ENTITIES, (entity.label for entity in record.entities))
    report.saw(RELATIONS, (relation.label for relation in record.relations))
    places = locate_entities(record, options, report)
    located = {id_: place[0] for id_, place in places.items() if place}
    borders = [x for ends in located.values() for x in ends]
    if options.align != "retokenize":
        borders = []
    doc = make_doc(tokenizer, record, borders, report)
    set_sentences(doc, record.sentences)
    spans = _make_spans(doc, record, located, options, report)
    by_key = {get_entity_key(span): span for span in spans.values()}
    # stable sort, to keep the order of annotation
    keys = sorted(by_key, key=lambda key: key[:2])
    links = Links(options, report)
    links.collect(record, spans, places.keys() - located.keys())
    losses = record.losses | report.take_losses()
    if options.only_with_relations and not links.relations:
        report.skipped(DOCUMENTS, "no relation")
        report.skipped(ENTITIES, "document has no relation", len(keys))
        return None
    report.note(INCOMPLETE, int(bool(losses and record.complete)))
    is_whole = ENTITIES not in losses and len(located) == len(places)
    _set_entities(doc, [by_key[key] for key in keys], is_whole, options, report)
    set_relations(
        doc,
        links.relations,
        complete=record.complete and not losses,
        negatives=links.negatives,
    )
    doc.user_data[SOURCE_KEY] = _describe(record, options, report)
    for kind, items in ((ENTITIES, record.entities), (RELATIONS, record.relations)):
        n_more = sum(len(item.attrs.keys() - {KB_ID}) for item in items)
        report.ignored(f"further fields of {kind}", n_more)
    report.written(DOCUMENTS)
    report.written(RELATIONS, links.n_written)
    if not record.relations:
        report.note("documents without relations")
    return doc, hash((frozenset(by_key), frozenset(links.keys)))


def _note_repetition(
    text: int, annotation: int, seen: Dict[int, int], options: Options, report: Report
) -> None:
    if text not in seen:
        seen[text] = annotation
    elif seen[text] == annotation:
        report.note("documents repeated")
    else:
        report.note("documents repeated with other annotations")
        if options.annotation != "all":
            report.hint(
                "a text is repeated with other annotations (by another annotator?) "
                "and both are kept; remove duplicates"
            )


def _skip_all(record: Record, report: Report, reason: str) -> None:
    report.skipped(DOCUMENTS, reason)
    for kind, items in (
        (ENTITIES, record.entities),
        (RELATIONS, record.relations),
    ):
        if items:
            report.error(
                kind,
                reason,
                f"{record.source}: {reason}; its {kind} ({len(items)}) are not "
                f"converted. Restore the text.",
                len(items),
            )


def _make_spans(
    doc: Doc,
    record: Record,
    located: Dict[str, Offsets],
    options: Options,
    report: Report,
) -> Dict[str, Span]:
    """Create spans by entity id; duplicates share one."""
    spans: Dict[str, Span] = {}
    seen: Dict[EntityKey, Span] = {}
    for entity in record.entities:
        if entity.id not in located:
            continue
        start, end = located[entity.id]
        label = options.map_entity.get(entity.label, entity.label)
        kb_id = entity.attrs.get(KB_ID)
        kb_id = "" if kb_id is None else str(kb_id)
        span = doc.char_span(start, end, label=label, kb_id=kb_id)
        if span is None:
            span = _align(doc, start, end, label, kb_id, options.align)
            if span is None:
                report.error(
                    ENTITIES,
                    "not aligned with tokens",
                    f"{record.place(entity)}: {show(record.text[start:end])} "
                    f"at {start}-{end} is not aligned with tokens; entity "
                    f"{entity.label!r} not converted. --align retokenize keeps it.",
                )
                continue
            report.repair(f"entity aligned with tokens ({options.align})")
        key = get_entity_key(span)
        if key in seen:
            is_same = seen[key].kb_id == span.kb_id
            reason = "exact duplicates" if is_same else "same but for their kb_id"
            report.merged(ENTITIES, reason)
        spans[entity.id] = seen.setdefault(key, span)
    return spans


def _align(
    doc: Doc, start: int, end: int, label: str, kb_id: str, policy: str
) -> Optional[Span]:
    if policy not in ("expand", "contract"):
        return None
    span = doc.char_span(start, end, label=label, kb_id=kb_id, alignment_mode=policy)
    return span if span is not None and len(span) else None


def _set_entities(
    doc: Doc, spans: List[Span], is_whole: bool, options: Options, report: Report
) -> None:
    # in text order
    is_flat = all(a.end <= b.start for a, b in zip(spans, spans[1:]))
    chosen = spans if is_flat else filter_spans(spans)
    n_left_out = len(spans) - len(chosen)
    # if any entities were lost, it's unknown whether other tokens are outside
    doc.set_ents(chosen, default="outside" if is_whole else "missing")
    if options.spans_key:
        doc.spans[options.spans_key] = SpanGroup(
            doc, name=options.spans_key, spans=spans
        )
        report.written(ENTITIES, len(spans))
        report.note(
            f"overlapping entities only in doc.spans['{options.spans_key}']", n_left_out
        )
    else:
        report.written(ENTITIES, len(chosen))
        report.skipped(ENTITIES, "overlap, and no spans key", n_left_out)


def _describe(record: Record, options: Options, report: Report) -> Dict[str, Any]:
    source = record.source
    return {
        "file": make_writable(source.file),
        "line": source.line,
        "index": source.index,
        "id": source.id,
        "group": _find_group(record, options, report),
        **({} if record.piece is None else {"piece": record.piece}),
    }


def _find_group(record: Record, options: Options, report: Report) -> Optional[str]:
    if not options.group_by:
        return record.group
    named = {"id": record.source.id, "file": record.source.file}
    value: Any = {**record.meta, **named}
    for key in options.group_by.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    if value is None:
        report.note(f"documents without {options.group_by}: grouped by themselves")
        report.saw(FIELDS, _list_fields({**named, **record.meta}))
        return None
    if not options.group_regex:
        return str(value)
    match = re.search(options.group_regex, str(value))
    if match is None:
        report.note("documents whose group does not match --group-regex: by the field")
        return str(value)
    return match.group(1 if match.re.groups else 0) or ""


def _list_fields(meta: Dict[str, Any], prefix: str = "") -> Iterator[str]:
    """Dotted paths of the plain values that documents can be grouped by."""
    for key, value in meta.items():
        if isinstance(value, dict):
            yield from _list_fields(value, f"{prefix}{key}.")
        elif isinstance(value, (str, int)) and not key.startswith("_"):
            yield f"{prefix}{key}"

"""Entities given by the caller."""

import warnings
from typing import Any, Dict, Iterable, Iterator, List, Optional

from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.util import filter_spans

from ..pipe.loading import find_spans_key
from .tasks import Task


def make_docs(nlp: Language, tasks: Iterable[Task], source: str = "") -> Iterator[Doc]:
    """Docs of texts, with the entities that were given.

    nlp (Language): its tokenizer is used.
    tasks (Iterable[Task]): the texts.
    source (str): name of the input, for messages.
    YIELDS (Doc): given entities stand in `doc.ents`, and all of them, overlapping ones
        too, in `doc.spans["entities"]` and where else the pipeline looks for them.
        An entity that begins or ends inside a token gets the whole token; warned of.
    RAISES (ValueError): if an entity lies outside its text, or where tokens are given
        does not begin and end with them.
    """
    spans_key = find_spans_key(nlp)
    for number, task in enumerate(tasks, 1):
        if task.tokens is not None:
            doc = Doc(nlp.vocab, words=task.tokens)
        else:
            doc = nlp.make_doc(task.text)
        if task.entities is not None:
            where = f"{source} text {number}".strip()
            spans = set_entities(doc, task.entities, where)
            if spans_key is not None:
                doc.spans[spans_key] = spans
            if task.tokens is not None:
                _check_tokens(task.entities, spans, where)
            _warn_of_changes(doc, task.entities, spans, where)
        yield doc


def set_entities(
    doc: Doc, entities: Iterable[Dict[str, Any]], where: str
) -> List[Span]:
    """Give a Doc entities: in `doc.ents`, and all of them, overlapping ones too, in
    `doc.spans["entities"]`.

    doc (Doc): the document.
    entities (Iterable[Dict[str, Any]]): with `start`, `end` (characters) and `label`.
    where (str): place of the document in the input, for messages.
    RETURNS (List[Span]): whole tokens, one span for each entity.
    RAISES (ValueError): if an entity lies outside its text.
    """
    spans = [_make_span(doc, entity, where) for entity in entities]
    doc.ents = filter_spans(spans)
    doc.spans["entities"] = spans
    return spans


def copy_entities(source: Doc, target: Doc, spans_key: Optional[str] = None) -> None:
    """Give a Doc the entities that another pipeline found in the same tokens.

    source (Doc): of the other pipeline, with `doc.ents` and span groups.
    target (Doc): gets all of them.
    spans_key (Optional[str]): a group that it has to have: without one in the source it
        is made of `doc.ents`.
    """
    groups = {key: _move(group, target) for key, group in source.spans.items()}
    target.ents = _move(source.ents, target)
    if spans_key is not None:
        groups.setdefault(spans_key, _move(source.ents, target))
    for key, spans in groups.items():
        target.spans[key] = spans


def _move(spans: Iterable[Span], doc: Doc) -> List[Span]:
    return [Span(doc, span.start, span.end, label=span.label_) for span in spans]


def _check_tokens(
    entities: List[Dict[str, Any]], spans: List[Span], where: str
) -> None:
    for entity, span in zip(entities, spans):
        start, end = entity["start"], entity["end"]
        if (start, end) != (span.start_char, span.end_char):
            raise ValueError(
                f"{where}: entity {entity['label']} at characters {start}–{end} does "
                f"not begin and end with tokens; the nearest are {span.start_char}–"
                f"{span.end_char}, {span.text!r}. Beside tokens, entities count the "
                f"characters of these joined by single blanks; those that count tokens "
                f"are read from SpERT's form (.json)."
            )


def _warn_of_changes(
    doc: Doc, entities: List[Dict[str, Any]], spans: List[Span], where: str
) -> None:
    dropped = len(spans) - len(doc.ents)
    given = [(entity["start"], entity["end"]) for entity in entities]
    moved = sum((s.start_char, s.end_char) != ends for s, ends in zip(spans, given))
    if dropped:
        warnings.warn(
            f"{where}: {dropped} overlapping entities are left out of doc.ents (all "
            f"stand in doc.spans['entities'], for models trained on it).",
            stacklevel=3,
        )
    if moved:
        warnings.warn(
            f"{where}: {moved} entities begin or end inside a token and were widened "
            f"to whole tokens.",
            stacklevel=3,
        )


def _make_span(doc: Doc, entity: Dict[str, Any], where: str) -> Span:
    start, end, label = entity["start"], entity["end"], entity["label"]
    span = None
    if 0 <= start < end <= len(doc.text):
        span = doc.char_span(start, end, label=label, alignment_mode="expand")
    if span is None:
        raise ValueError(
            f"{where}: entity {label} at characters {start}–{end} lies outside the "
            f"text ({len(doc.text)} characters); expected 0 ≤ start < end ≤ length."
        )
    return span

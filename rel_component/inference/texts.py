"""Texts in, relations out: rows for tables and JSON lines."""

import warnings
from dataclasses import dataclass, field, replace
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, Optional, Sequence

import srsly
from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.util import filter_spans

from ..evaluation import find_spans_key, list_entity_finders
from ..formats.io import list_files
from ..readers import copy_tokens
from ..relations import EntityKey, Relation, get_relations

JSON_SUFFIXES = (".jsonl", ".ndjson", ".jsonlines")


@dataclass(frozen=True)
class Task:
    """A text to predict on.

    text (str): the text.
    entities (Optional[List[Dict[str, Any]]]): given entities, with `start`, `end`
        (characters, exclusive end) and `label`; None if they are to be found.
    tokens (Optional[List[str]]): given tokens.
    meta (Dict[str, Any]): passed through to the output.
    """

    text: str
    entities: Optional[List[Dict[str, Any]]] = None
    tokens: Optional[List[str]] = None
    meta: Dict[str, Any] = field(default_factory=dict)


def read_tasks(path: Path, by_line: bool = False) -> Iterator[Task]:
    """Read texts from a file.

    path (Path): a text file, or JSON lines with `text` (or `tokens`) and optionally
        `entities`: objects with `start`, `end` and `label`, or lists of the three, in
        characters; with `tokens` of these joined by single blanks.
    by_line (bool): each line of a text file is a text of its own.
    YIELDS (Task): one for each text.
    RAISES (ValueError): naming file, line and field, if something is not as expected.
    """
    if path.suffix.lower() in JSON_SUFFIXES:
        for number, line in enumerate(_read_lines(path), 1):
            if line.strip():
                yield read_json_task(line, f"{path}:{number}")
    elif by_line:
        yield from (Task(line) for line in _read_lines(path) if line.strip())
    else:
        yield Task(_decode(path.read_bytes(), path).removeprefix("\ufeff"))


def read_folder(path: Path, by_line: bool = False) -> Iterator[Task]:
    """Read the text files of a folder and its subfolders.

    path (Path): the folder.
    by_line (bool): each line of a file is a text of its own.
    YIELDS (Task): by name of the file, which is the `id` in its meta.
    RAISES (ValueError): if there is no text file.
    """
    files = sorted(file for file in list_files(path) if file.suffix == ".txt")
    if not files:
        raise ValueError(f"{path}: found no .txt file in this folder, expected texts.")
    for file in files:
        name = file.relative_to(path).with_suffix("").as_posix()
        for number, task in enumerate(read_tasks(file, by_line), 1):
            id_ = f"{name}-{number}" if by_line else name
            yield replace(task, meta={**task.meta, "id": id_})


def _read_lines(path: Path) -> Iterator[str]:
    """Lines one by one, split only where JSON strings can't be."""
    offset = 0
    with path.open("rb") as file:
        for line in file:
            text = _decode(line, path, offset)
            yield (text if offset else text.removeprefix("\ufeff")).rstrip("\r\n")
            offset += len(line)


def _decode(data: bytes, path: Path, offset: int = 0) -> str:
    try:
        return data.decode("utf8")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path}: byte {offset + error.start} is not UTF-8. Save the file as UTF-8."
        ) from error


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


def extract(
    nlp: Language, docs: Iterable[Doc], is_given: bool, batch_size: int = 64
) -> Iterator[Doc]:
    """Run a pipeline.

    nlp (Language): the pipeline.
    docs (Iterable[Doc]): the documents.
    is_given (bool): whether they have their entities already: the components that
        find entities are left out.
    batch_size (int): documents to process at one time.
    YIELDS (Doc): in the order of the input.
    """
    with nlp.select_pipes(disable=list_entity_finders(nlp) if is_given else []):
        yield from nlp.pipe(docs, batch_size=batch_size)


def predict(
    nlp: Language,
    docs: Sequence[Doc],
    tasks: Sequence[Task],
    *,
    finder: Optional[Language] = None,
    batch_size: int = 64,
) -> Iterator[Doc]:
    """Run a pipeline on the Docs of tasks; given entities are kept.

    nlp (Language): the pipeline.
    docs (Sequence[Doc]): of `make_docs`.
    tasks (Sequence[Task]): what they were made of.
    finder (Optional[Language]): finds the entities in place of the pipeline.
    batch_size (int): documents to process at one time.
    YIELDS (Doc): in the order of the input.
    """
    given = [task.entities is not None for task in tasks]
    if finder is not None:
        bare = [doc for doc, is_given in zip(docs, given) if not is_given]
        copies = [copy_tokens(doc, finder.vocab) for doc in bare]
        for doc, found in zip(bare, finder.pipe(copies, batch_size=batch_size)):
            copy_entities(found, doc, find_spans_key(nlp))
        given = [True] * len(docs)
    for is_given, group in groupby(zip(given, docs), key=itemgetter(0)):
        batch = (doc for _, doc in group)
        yield from extract(nlp, batch, is_given, batch_size)


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


def to_row(
    doc: Doc,
    meta: Optional[Dict[str, Any]] = None,
    relations: Optional[Sequence[Relation]] = None,
    *,
    text: Optional[str] = None,
) -> Dict[str, Any]:
    """What was found in a Doc, as plain data.

    doc (Doc): the document.
    meta (Optional[Dict[str, Any]]): further fields.
    relations (Optional[Sequence[Relation]]): those of its relations that are wanted;
        None for all.
    text (Optional[str]): of the Doc, from whoever has it: `doc.text` puts it together
        word by word.
    RETURNS (Dict[str, Any]): `text`, `entities` (start, end, label, text; characters)
        and `relations` (label, score, and `head` and `tail` like entities).
    """
    text = doc.text if text is None else text
    return {
        **(meta or {}),
        "text": text,
        "entities": [_to_entity(span, text) for span in list_entities(doc)],
        "relations": [
            {
                "label": label,
                "score": score,
                "head": _to_entity(head, text),
                "tail": _to_entity(tail, text),
            }
            for head, label, tail, score in _pick(doc, relations)
        ],
    }


def to_spert(
    doc: Doc,
    meta: Optional[Dict[str, Any]] = None,
    relations: Optional[Sequence[Relation]] = None,
) -> Dict[str, Any]:
    """What was found in a Doc, as SpERT writes its predictions.

    doc (Doc): the document.
    meta (Optional[Dict[str, Any]]): further fields.
    relations (Optional[Sequence[Relation]]): those of its relations that are wanted;
        None for all.
    RETURNS (Dict[str, Any]): `tokens`; `entities`, with `type`, `start` and exclusive
        `end` in tokens; and `relations`, with `type`, and `head` and `tail` as numbers
        of entities.
    """
    entities = list_entities(doc)
    number = {_key(span): i for i, span in enumerate(entities)}
    return {
        **(meta or {}),
        "tokens": [token.text for token in doc],
        "entities": [
            {"type": span.label_, "start": span.start, "end": span.end}
            for span in entities
        ],
        "relations": [
            {"type": label, "head": number[_key(head)], "tail": number[_key(tail)]}
            for head, label, tail, _ in _pick(doc, relations)
        ],
    }


def list_entities(doc: Doc) -> List[Span]:
    """RETURNS (List[Span]): each stretch and type once, in the order of the text: of
    `doc.ents`, of `doc.spans["entities"]`, and the ends of relations."""
    group = doc.spans["entities"] if "entities" in doc.spans else ()
    relations = get_relations(doc)
    ends = (end for relation in relations for end in (relation.head, relation.tail))
    spans: Dict[Any, Span] = {}
    for span in (*doc.ents, *group, *ends):
        spans.setdefault(_key(span), span)
    return [spans[key] for key in sorted(spans)]


def _pick(doc: Doc, relations: Optional[Sequence[Relation]]) -> Sequence[Relation]:
    return get_relations(doc) if relations is None else relations


def _key(span: Span) -> EntityKey:
    return (span.start, span.end, span.label_)


def _to_entity(span: Span, text: str) -> Dict[str, Any]:
    start, end = span.start_char, span.end_char
    return {"start": start, "end": end, "label": span.label_, "text": text[start:end]}


def read_json_task(line: str, where: str, text_field: str = "text") -> Task:
    """Read a text from a line of JSON.

    line (str): an object with a text or `tokens`, and perhaps `entities`.
    where (str): file and line, for messages.
    text_field (str): has the text.
    RETURNS (Task): other fields are its meta.
    RAISES (ValueError): naming the field, if something is not as expected.
    """
    try:
        data = srsly.json_loads(line)
    except ValueError as error:
        raise ValueError(
            f"{where}: not JSON ({error}); expected one object on each line."
        ) from error
    return read_task(data, where, text_field)


def read_task(data: Any, where: str, text_field: str = "text") -> Task:
    """Make a task of plain data.

    data (Any): an object with a text or `tokens`, and perhaps `entities`.
    where (str): its place in the input, for messages.
    text_field (str): has the text.
    RETURNS (Task): other fields are its meta.
    RAISES (ValueError): naming the field, if something is not as expected.
    """
    if not isinstance(data, dict):
        raise ValueError(
            f"{where}: found {type(data).__name__}; expected an object with "
            f"{text_field!r}."
        )
    text, tokens = data.get(text_field), data.get("tokens")
    is_tokens = isinstance(tokens, list) and all(isinstance(x, str) for x in tokens)
    if not isinstance(text, str) and not is_tokens:
        raise ValueError(
            f"{where}: found fields {sorted(data)}; expected {text_field!r}, a string, "
            f"or 'tokens', a list of strings."
        )
    entities = data.get("entities")
    if entities is not None:
        if isinstance(entities, list):
            entities = [_name_parts(entity) for entity in entities]
        check_entities(entities, where)
    meta = {
        k: v for k, v in data.items() if k not in (text_field, "tokens", "entities")
    }
    if isinstance(text, str):
        return Task(text, entities, None, meta)
    return Task("", entities, tokens, meta)


def check_entities(
    entities: Any, where: str, label: str = "label", unit: str = "characters"
) -> None:
    """RAISES (ValueError): unless these are objects with start, end and a label."""
    if not isinstance(entities, list):
        raise ValueError(f"{where} entities: found {entities!r}; expected a list.")
    expected = {"start": int, "end": int, label: str}
    form = f"An entity is an object with start, end ({unit}) and {label}"
    form += ", or a list of the three." if label == "label" else "."
    for i, entity in enumerate(entities):
        place = f"{where} entities[{i}]"
        if not isinstance(entity, dict):
            raise ValueError(f"{place}: found {entity!r}. {form}")
        for name, type_ in expected.items():
            if name not in entity:
                raise ValueError(
                    f"{place}: has no {name}; found {', '.join(entity) or 'nothing'}. "
                    f"{form}"
                )
            value = entity[name]
            if not isinstance(value, type_) or isinstance(value, bool):
                raise ValueError(
                    f"{place}.{name}: found {value!r}; expected {type_.__name__}. "
                    f"{form}"
                )


def _name_parts(entity: Any) -> Any:
    """An entity that is a list of start, end and label as an object."""
    if isinstance(entity, list) and len(entity) == 3:
        return dict(zip(("start", "end", "label"), entity))
    return entity


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

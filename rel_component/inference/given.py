"""Entities given by the caller, handled the same for all inputs.

They are expanded to whole tokens, and merged if they are repeated. All of them are
candidates, including nested and overlapping ones, which `doc.ents` can't hold: they are
stored in a span group, which the relation components use while `pipe_given` runs the
pipeline.
"""

import warnings
from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Sequence

from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.util import filter_spans, minibatch

from ..corpus.readers import copy_spans
from ..entity_scores import copy_entity_scores
from ..model.candidates import (
    BatchGenerator,
    Candidates,
    Entities,
    InstanceGenerator,
    get_entities,
    is_batch_generator,
)
from ..pipe.extractor import RelationExtractor
from ..pipe.loading import find_spans_key, list_finders_to_skip
from ..pipe.relation_pipes import (
    RelationPipes,
    get_pipe_spans_key,
    list_relation_pipes,
)
from ..wording import agree, of_all
from .tasks import Task
from .tokenization import tokenize

# key of doc.spans for all given entities
GIVEN_KEY = "entities"


class GivenEntitiesError(ValueError):
    """The pipeline can't use the given entities."""


def make_docs(nlp: Language, tasks: Iterable[Task], source: str = "") -> Iterator[Doc]:
    """Create the Docs of texts with given entities.

    nlp (Language): the pipeline, for its tokenizer.
    tasks (Iterable[Task]): the texts.
    source (str): name of the input, for messages.
    YIELDS (Doc): see `make_doc`. Warns at the end if entities start or end inside a
        token.
    RAISES (ValueError): if an entity is outside its text, covers no token, or isn't
        aligned with given tokens.
    """
    n_widened: Dict[int, int] = {}
    for number, task in enumerate(tasks, 1):
        doc = make_doc(nlp, task, f"{source} text {number}".strip())
        n = count_widened(doc, task)
        if n:
            n_widened[number] = n
        yield doc
    if n_widened:
        n = sum(n_widened.values())
        texts = of_all(len(n_widened), number, "text")
        warnings.warn(
            f"{source or 'Given entities'}: {n} {agree(n, 'entity', 'entities')} "
            f"{agree(n, 'starts or ends', 'start or end')} inside a token, in {texts} "
            f"(the first is text {min(n_widened)}); they are expanded to the whole "
            "token.",
            stacklevel=2,
        )


def make_doc(nlp: Language, task: Task, where: str) -> Doc:
    """Create the Doc of a text with given entities.

    nlp (Language): the pipeline, for its tokenizer.
    task (Task): the text.
    where (str): its location in the input, for messages.
    RETURNS (Doc): all given entities in `doc.spans["entities"]`, in their order, and
        those that don't overlap in `doc.ents`. Entities that start or end inside a
        token are expanded.
    RAISES (ValueError): if the text is too long for the pipeline, or an entity is
        outside the text, covers no token or isn't aligned with given tokens.
    """
    try:
        return _make_doc(nlp, task, where)
    except UnicodeEncodeError as error:
        raise ValueError(
            f"{where}: {error.object!r} contains an unpaired surrogate, which is not "
            "a valid character. Correct the input."
        ) from None


def _make_doc(nlp: Language, task: Task, where: str) -> Doc:
    if len(task.text) > nlp.max_length:
        raise ValueError(
            f"{where}: {len(task.text)} characters; expected at most {nlp.max_length}. "
            f"Split the text."
        )
    if task.tokens is not None:
        doc = Doc(nlp.vocab, words=task.tokens)
    else:
        doc = tokenize(nlp, task.text)
    if task.entities is None:
        return doc
    spans = [_make_span(doc, entity, where) for entity in task.entities]
    if task.tokens is not None:
        _check_tokens(task.entities, spans, where)
    set_entities(doc, spans, find_spans_key(nlp))
    return doc


def set_entities(
    doc: Doc, spans: Sequence[Span], spans_key: Optional[str] = None
) -> None:
    """Set the entities of a Doc.

    doc (Doc): the document, modified in place.
    spans (Sequence[Span]): the entities. All are stored in `doc.spans["entities"]`, and
        those that don't overlap in `doc.ents`.
    spans_key (Optional[str]): an additional key of `doc.spans` to store them in.
    """
    doc.ents = filter_spans(spans)
    for key in filter(None, (GIVEN_KEY, spans_key)):
        doc.spans[key] = list(spans)


def copy_entities(
    source: Doc,
    target: Doc,
    spans_key: Optional[str] = None,
    place: Optional[str] = None,
) -> None:
    """Copy the entities that another pipeline predicted for the same tokens.

    source (Doc): the other pipeline's Doc, with `doc.ents`, span groups and scores of
        entities.
    target (Doc): the Doc to copy them to.
    spans_key (Optional[str]): the group that is needed; None: `doc.ents`.
    place (Optional[str]): the group of the source to copy there if it is missing; None:
        `doc.ents`. Of overlapping entities, `doc.ents` gets the longest.
    """
    for key, group in source.spans.items():
        target.spans[key] = copy_spans(group, target)
        target.spans[key].attrs.update(group.attrs)
    target.ents = copy_spans(source.ents, target)
    found = source.spans.get(place) if place is not None else None
    spans = copy_spans(source.ents if found is None else found, target)
    if spans_key is None and not source.ents:
        target.ents = filter_spans(spans)
    elif spans_key is not None and spans_key not in source.spans:
        target.spans[spans_key] = spans
        target.spans[spans_key].attrs.update({} if found is None else found.attrs)
    copy_entity_scores(source, target)


def pipe_given(
    nlp: Language, docs: Iterable[Doc], batch_size: int = 64
) -> Iterator[Doc]:
    """Run a pipeline on Docs with given entities: those in the span group that its
    components use, else in `doc.spans["entities"]`, else in `doc.ents`. Components that
    only predict entities are skipped.

    nlp (Language): the pipeline, changed only while a batch is processed; must not be
        used by other threads meanwhile.
    docs (Iterable[Doc]): the documents.
    batch_size (int): the number of documents per batch.
    YIELDS (Doc): the documents in order.
    RAISES (GivenEntitiesError): if entities overlap, and the pipeline's custom pair
        generator doesn't support this.
    """
    pipes = [nlp.get_pipe(name) for name in list_relation_pipes(nlp)]
    keys = [get_pipe_spans_key(pipe) or GIVEN_KEY for pipe in pipes]
    for batch in minibatch(docs, batch_size):
        filled = [_fill_groups(doc, keys) for doc in batch]
        # as a list, since the caller may use the pipeline between two documents
        with (
            replace_generators(nlp, _read_given),
            _use_group(pipes),
            nlp.select_pipes(disable=list_finders_to_skip(nlp)),
        ):
            done = list(nlp.pipe(filled, batch_size=batch_size))
        yield from done


@contextmanager
def replace_generators(nlp: Language, replace: Callable[[Any], Any]) -> Iterator[None]:
    """Temporarily replace the pair generators of a pipeline.

    nlp (Language): the pipeline.
    replace (Callable): maps a relation extractor's generator to its replacement.
    """
    models = [pipe.model for pipe in _list_extractors(nlp)]
    own = [model.attrs["get_instances"] for model in models]
    for model, generator in zip(models, own):
        model.attrs["get_instances"] = replace(generator)
    try:
        yield
    finally:
        for model, generator in zip(models, own):
            model.attrs["get_instances"] = generator


@contextmanager
def _use_group(pipes: Iterable[Any]) -> Iterator[None]:
    """Let components without a generator, such as rulers, use the given entities."""
    changed = [x for x in pipes if getattr(x, "spans_key", GIVEN_KEY) is None]
    for pipe in changed:
        pipe.spans_key = GIVEN_KEY
    try:
        yield
    finally:
        for pipe in changed:
            pipe.spans_key = None


class GivenPairs:
    """Generate pairs of given entities.

    generator (BatchGenerator): the original generator, which reads `doc.ents`.
    """

    spans_key = GIVEN_KEY

    def __init__(self, generator: BatchGenerator) -> None:
        self.generator = generator

    def get_entities(self, docs: Sequence[Doc]) -> Entities:
        """RETURNS (Entities): the given entities of a batch."""
        return get_entities(docs, self.spans_key)

    def get_pairs(self, docs: Sequence[Doc], entities: Entities) -> Candidates:
        """RETURNS (Candidates): the generator's pairs of these entities."""
        return self.generator.get_pairs(docs, entities)


class GivenInstances:
    """Call a custom generator, and check that it uses all given entities.

    generator (Callable): maps a Doc to (head, tail) spans.
    """

    def __init__(self, generator: InstanceGenerator) -> None:
        self.generator = generator

    def __call__(self, doc: Doc) -> List[Any]:
        """RETURNS (List[Tuple[Span, Span]]): the pairs of a Doc.

        RAISES (GivenEntitiesError): if the function ignores entities that `doc.ents`
            can't hold.
        """
        pairs = self.generator(doc)
        given = {_key(span) for span in doc.spans[GIVEN_KEY]}
        hidden = given - {_key(span) for span in doc.ents}
        if hidden and hidden.isdisjoint(_key(span) for pair in pairs for span in pair):
            name = getattr(self.generator, "__qualname__", type(self.generator))
            raise GivenEntitiesError(
                f"{len(hidden)} of {len(given)} given entities overlap others, and "
                f"the model's custom pair generator ({name}) doesn't generate pairs "
                "with them: it reads doc.ents, which can't hold them. Use entities "
                "that don't overlap, or change the generator to read "
                f"doc.spans[{GIVEN_KEY!r}]."
            )
        return pairs


def _read_given(generator: Any) -> Any:
    if getattr(generator, "spans_key", None) is not None:
        return generator  # its group contains the given entities
    if is_batch_generator(generator):
        return GivenPairs(generator)
    return GivenInstances(generator)


def _list_extractors(nlp: Language) -> List[RelationExtractor]:
    return [pipe for _, pipe in nlp.pipeline if isinstance(pipe, RelationExtractor)]


def has_entities(nlp: Language, doc: Doc) -> bool:
    """RETURNS (bool): whether a Doc has the entities that `pipe_given` uses; also if
    it's known to have none."""
    keys = (GIVEN_KEY, *RelationPipes(nlp).spans_keys)
    return doc.has_annotation("ENT_IOB") or any(key in doc.spans for key in keys)


def _fill_groups(doc: Doc, keys: Iterable[str]) -> Doc:
    for key in keys:
        if key not in doc.spans:
            found = doc.spans[GIVEN_KEY] if GIVEN_KEY in doc.spans else doc.ents
            doc.spans[key] = list(found)
    return doc


def _key(span: Span) -> Any:
    return (span.start, span.end, span.label)


def _check_tokens(
    entities: List[Dict[str, Any]], spans: List[Span], where: str
) -> None:
    for entity, span in zip(entities, spans):
        start, end = entity["start"], entity["end"]
        if (start, end) != (span.start_char, span.end_char):
            raise ValueError(
                f"{where}: entity {entity['label']} at characters {start}–{end} is "
                "not aligned with the tokens; the nearest are "
                f"{span.start_char}–{span.end_char}, {span.text!r}. Offsets refer to "
                "the tokens joined by single spaces; for offsets in tokens, use "
                "SpERT's format (.json)."
            )


def count_widened(doc: Doc, task: Task) -> int:
    """RETURNS (int): number of given entities that are expanded to whole tokens.

    doc (Doc): the output of `make_doc`.
    task (Task): its task.
    """
    if not task.entities:
        return 0
    return sum(
        (span.start_char, span.end_char) != (entity["start"], entity["end"])
        for span, entity in zip(doc.spans[GIVEN_KEY], task.entities)
    )


def _plain(text: str) -> str:
    return "".join(text.split()).casefold()


def _make_span(doc: Doc, entity: Dict[str, Any], where: str) -> Span:
    start, end, label = entity["start"], entity["end"], entity["label"]
    entity_at = f"{where}: entity {label} at characters {start}–{end}"
    if not 0 <= start < end <= len(doc.text):
        raise GivenEntitiesError(
            f"{entity_at} is outside the text ({len(doc.text)} characters); expected "
            "0 ≤ start < end ≤ length."
        )
    said = entity.get("text")
    if isinstance(said, str) and _plain(said) != _plain(doc.text[start:end]):
        raise GivenEntitiesError(
            f"{entity_at} is {doc.text[start:end]!r} in the text, but its 'text' says "
            f"{said!r}. Count start and end in characters (not in bytes or UTF-16), or "
            "remove the entity's text."
        )
    span = doc.char_span(start, end, label=label, alignment_mode="expand")
    if not span:  # None or empty
        raise GivenEntitiesError(
            f"{entity_at} covers no token, only whitespace; expected at least one. "
            "Remove it."
        )
    return span

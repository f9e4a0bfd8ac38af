"""Entities given by the caller: the same in each way from texts to relations.

All of them are candidates, nested and overlapping ones too, which `doc.ents` can't
hold: they are put into a span group, and the components of the pipeline that find
relations read that group while `pipe_given` runs it.
"""

import warnings
from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Sequence

from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.util import filter_spans

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
from ..pipe.relation_pipes import get_pipe_spans_key, list_relation_pipes
from ..wording import agree, of_all
from .tasks import Task
from .tokenization import tokenize

# of doc.spans: where all given entities are
GIVEN_KEY = "entities"


class GivenEntitiesError(ValueError):
    """The pipeline can't use the given entities; the message says why."""


def make_docs(nlp: Language, tasks: Iterable[Task], source: str = "") -> Iterator[Doc]:
    """Make the Docs of texts, with the entities that were given.

    nlp (Language): its tokenizer is used.
    tasks (Iterable[Task]): the texts.
    source (str): name of the input, for messages.
    YIELDS (Doc): see `make_doc`. After the last one a warning says how many entities
        begin or end inside a token.
    RAISES (ValueError): if an entity lies outside its text, or where tokens are given
        does not begin and end with them.
    """
    n_widened: Dict[int, int] = {}
    for number, task in enumerate(tasks, 1):
        doc = make_doc(nlp, task, f"{source} text {number}".strip())
        n = _count_widened(doc, task)
        if n:
            n_widened[number] = n
        yield doc
    if n_widened:
        n = sum(n_widened.values())
        texts = of_all(len(n_widened), number, "text")
        warnings.warn(
            f"{source or 'Given entities'}: {n} {agree(n, 'entity', 'entities')} "
            f"{agree(n, 'begins or ends', 'begin or end')} inside a token, in {texts} "
            f"(the first is text {min(n_widened)}); they count for the whole token.",
            stacklevel=2,
        )


def make_doc(nlp: Language, task: Task, where: str) -> Doc:
    """Make the Doc of a text, with the entities that were given.

    nlp (Language): its tokenizer is used.
    task (Task): the text.
    where (str): its place in the input, for messages.
    RETURNS (Doc): with all given entities in `doc.spans["entities"]`, in their order,
        and those that don't overlap in `doc.ents`. One that begins or ends inside a
        token gets the whole token.
    RAISES (ValueError): if the text is too long for the pipeline, an entity lies
        outside it, or where tokens are given does not begin and end with them.
    """
    try:
        return _make_doc(nlp, task, where)
    except UnicodeEncodeError as error:
        raise ValueError(
            f"{where}: {error.object!r} has half of a surrogate pair, which is no "
            f"character. Correct what wrote the text."
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
    """Give a Doc entities.

    doc (Doc): gets them.
    spans (Sequence[Span]): of the Doc. All of them get into `doc.spans["entities"]`,
        and those that don't overlap into `doc.ents`.
    spans_key (Optional[str]): a further group that gets all of them.
    """
    doc.ents = filter_spans(spans)
    for key in filter(None, (GIVEN_KEY, spans_key)):
        doc.spans[key] = list(spans)


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


def pipe_given(
    nlp: Language, docs: Iterable[Doc], batch_size: int = 64
) -> Iterator[Doc]:
    """Run a pipeline on Docs that have their entities: those of the group in which its
    components look for them, of `doc.spans["entities"]`, or of `doc.ents`, whichever
    comes first. The components that find entities only are left out.

    nlp (Language): the pipeline; not to be used elsewhere meanwhile.
    docs (Iterable[Doc]): the documents.
    batch_size (int): documents to process at one time.
    YIELDS (Doc): in the order of the input.
    RAISES (GivenEntitiesError): if entities overlap, and the pipeline generates pairs
        with a function that does not see such ones.
    """
    pipes = [nlp.get_pipe(name) for name in list_relation_pipes(nlp)]
    keys = [get_pipe_spans_key(pipe) or GIVEN_KEY for pipe in pipes]
    with (
        replace_generators(nlp, _read_given),
        _use_group(pipes),
        nlp.select_pipes(disable=list_finders_to_skip(nlp)),
    ):
        filled = (_fill_groups(doc, keys) for doc in docs)
        yield from nlp.pipe(filled, batch_size=batch_size)


@contextmanager
def replace_generators(nlp: Language, replace: Callable[[Any], Any]) -> Iterator[None]:
    """Use other generators of pairs in a pipeline for a while.

    nlp (Language): the pipeline.
    replace (Callable): from the generator of a relation extractor to the one to use.
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
    """Let components without a generator, such as rulers, read the given entities."""
    changed = [x for x in pipes if getattr(x, "spans_key", GIVEN_KEY) is None]
    for pipe in changed:
        pipe.spans_key = GIVEN_KEY
    try:
        yield
    finally:
        for pipe in changed:
            pipe.spans_key = None


class GivenPairs:
    """The pairs of a generator, between given entities.

    generator (BatchGenerator): the generator, which reads `doc.ents`.
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
    """The pairs of a user's function, which has to see all of the given entities.

    generator (Callable): from a Doc to (head, tail) spans.
    """

    def __init__(self, generator: InstanceGenerator) -> None:
        self.generator = generator

    def __call__(self, doc: Doc) -> List[Any]:
        """RETURNS (List[Tuple[Span, Span]]): the pairs of a Doc.

        RAISES (GivenEntitiesError): if the function does not see those entities that
            `doc.ents` can't hold.
        """
        pairs = self.generator(doc)
        given = {_key(span) for span in doc.spans[GIVEN_KEY]}
        hidden = given - {_key(span) for span in doc.ents}
        if hidden and hidden.isdisjoint(_key(span) for pair in pairs for span in pair):
            name = getattr(self.generator, "__qualname__", type(self.generator))
            raise GivenEntitiesError(
                f"{len(hidden)} of {len(given)} given entities overlap others, and the "
                f"model's own generator of pairs ({name}) makes no pair with them: it "
                f"reads doc.ents, which can't hold them. Give entities that do not "
                f"overlap, or let the generator read doc.spans[{GIVEN_KEY!r}]."
            )
        return pairs


def _read_given(generator: Any) -> Any:
    if getattr(generator, "spans_key", None) is not None:
        return generator  # given entities are in its group
    if is_batch_generator(generator):
        return GivenPairs(generator)
    return GivenInstances(generator)


def _list_extractors(nlp: Language) -> List[RelationExtractor]:
    return [pipe for _, pipe in nlp.pipeline if isinstance(pipe, RelationExtractor)]


def _fill_groups(doc: Doc, keys: Iterable[str]) -> Doc:
    for key in keys:
        if key not in doc.spans:
            found = doc.spans[GIVEN_KEY] if GIVEN_KEY in doc.spans else doc.ents
            doc.spans[key] = list(found)
    return doc


def _move(spans: Iterable[Span], doc: Doc) -> List[Span]:
    return [Span(doc, span.start, span.end, label=span.label_) for span in spans]


def _key(span: Span) -> Any:
    return (span.start, span.end, span.label)


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


def _count_widened(doc: Doc, task: Task) -> int:
    if not task.entities:
        return 0
    return sum(
        (span.start_char, span.end_char) != (entity["start"], entity["end"])
        for span, entity in zip(doc.spans[GIVEN_KEY], task.entities)
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

"""Predict the relations of tasks, with given or predicted entities."""

import warnings
from itertools import groupby, tee
from operator import itemgetter
from typing import Collection, Iterable, Iterator, Optional, Sequence, Set

from spacy.language import Language
from spacy.tokens import Doc
from spacy.util import minibatch

from ..corpus.readers import copy_tokens
from ..pipe.loading import (
    choose_entity_place,
    find_relation_pipes,
    find_spans_key,
    list_entity_finders,
)
from ..pipe.relation_pipes import RelationPipes
from ..relations import get_relations
from .found import Found
from .given import copy_entities, make_docs, pipe_given
from .rows import list_entities
from .tasks import Task

ADVICE = (
    "Use a pipeline with entities (spacy project run train_joint), pass one with "
    "--entities-from, or provide the entities in a .jsonl file ('entities', [] for "
    "none)."
)


def find_relations(
    nlp: Language,
    tasks: Iterable[Task],
    *,
    labels: Collection[str] = (),
    min_score: float = 0.0,
    ner_pipeline: Optional[Language] = None,
    batch_size: int = 64,
    source: str = "",
) -> Iterator[Found]:
    """Predict the relations in texts. Given entities are kept.

    nlp (Language): the pipeline.
    tasks (Iterable[Task]): the tasks.
    labels (Collection[str]): labels to select; empty for all.
    min_score (float): minimum score of a relation.
    ner_pipeline (Optional[Language]): predicts the entities instead of the pipeline.
    batch_size (int): the number of documents per batch.
    source (str): name of the input, for messages.
    YIELDS (Found): the predictions in order. Warns at the end of entity types that the
        relation extractor doesn't know, unless the pipeline itself predicts them.
    RAISES (ValueError): if a text's entities are invalid, or no component predicts
        entities.
    """
    pipes = RelationPipes(nlp)
    spans_keys = pipes.spans_keys
    types: Set[str] = set()
    checked, copies = tee(_check_entities(nlp, tasks, ner_pipeline, source))
    for batch in minibatch(zip(make_docs(nlp, checked, source), copies), batch_size):
        docs, chosen = zip(*batch)
        done = predict(
            nlp, docs, chosen, ner_pipeline=ner_pipeline, batch_size=batch_size
        )
        for doc, task in zip(done, chosen):
            relations = [
                relation
                for relation in get_relations(doc)
                if relation.score >= min_score
                and (not labels or relation.label in labels)
            ]
            if task.entities is not None:
                types.update(entity["label"] for entity in task.entities)
            elif ner_pipeline is not None:
                spans = doc.spans[spans_keys[0]] if spans_keys else doc.ents
                types.update(span.label_ for span in spans)
            yield Found(task, doc, relations, list_entities(doc, spans_keys))
    unknown = pipes.find_unknown_types(types)
    if unknown:
        text = f"{source or 'Texts'}: {pipes.explain_unknown_types(unknown)}"
        warnings.warn(text, stacklevel=2)


def predict(
    nlp: Language,
    docs: Sequence[Doc],
    tasks: Sequence[Task],
    *,
    ner_pipeline: Optional[Language] = None,
    batch_size: int = 64,
) -> Iterator[Doc]:
    """Run a pipeline on the Docs of tasks. Given entities are kept.

    nlp (Language): the pipeline.
    docs (Sequence[Doc]): the output of `make_docs`.
    tasks (Sequence[Task]): their tasks.
    ner_pipeline (Optional[Language]): predicts the entities instead of the pipeline.
    batch_size (int): the number of documents per batch.
    YIELDS (Doc): the documents in order.
    """
    given = [task.entities is not None for task in tasks]
    if ner_pipeline is not None:
        bare = [doc for doc, is_given in zip(docs, given) if not is_given]
        copies = [copy_tokens(doc, ner_pipeline.vocab) for doc in bare]
        spans_key = find_spans_key(nlp)
        place = choose_entity_place(ner_pipeline, spans_key) if bare else None
        for doc, found in zip(bare, ner_pipeline.pipe(copies, batch_size=batch_size)):
            copy_entities(found, doc, spans_key, place)
        given = [True] * len(docs)
    for is_given, group in groupby(zip(given, docs), key=itemgetter(0)):
        batch = (doc for _, doc in group)
        yield from extract(nlp, batch, is_given, batch_size)


def extract(
    nlp: Language, docs: Iterable[Doc], is_given: bool, batch_size: int = 64
) -> Iterator[Doc]:
    """Run a pipeline.

    nlp (Language): the pipeline.
    docs (Iterable[Doc]): the documents.
    is_given (bool): whether the entities are given, see `pipe_given`.
    batch_size (int): the number of documents per batch.
    YIELDS (Doc): the documents in order.
    """
    if is_given:
        yield from pipe_given(nlp, docs, batch_size)
    else:
        yield from nlp.pipe(docs, batch_size=batch_size)


def can_find_entities(nlp: Language, ner_pipeline: Optional[Language] = None) -> bool:
    """RETURNS (bool): whether a component predicts entities."""
    return ner_pipeline is not None or bool(list_entity_finders(nlp))


def describe_lack(nlp: Language) -> str:
    """RETURNS (str): message that a pipeline doesn't predict entities."""
    return f"the pipeline ({', '.join(nlp.pipe_names)}) doesn't predict them"


def _check_entities(
    nlp: Language,
    tasks: Iterable[Task],
    ner_pipeline: Optional[Language],
    source: str,
) -> Iterator[Task]:
    can_find = can_find_entities(nlp, ner_pipeline)
    for number, task in enumerate(tasks, 1):
        if task.entities is None and not can_find:
            where = f"{source} text {number}".strip()
            lack = describe_lack(nlp)
            raise ValueError(f"{where} has no entities, and {lack}. {ADVICE}")
        yield task


def check_entities_known(
    nlp: Language, tasks: Sequence[Task], ner_pipeline: Optional[Language] = None
) -> None:
    """RAISES (ValueError): if tasks have no entities, and no component predicts
    them."""
    bare = [number for number, task in enumerate(tasks, 1) if task.entities is None]
    if bare and ner_pipeline is not None:
        choose_entity_place(ner_pipeline, find_spans_key(nlp))  # raises
    if bare and not can_find_entities(nlp, ner_pipeline):
        raise ValueError(
            f"{len(bare)} of {len(tasks)} texts have no entities (the first is text "
            f"{bare[0]}), and {describe_lack(nlp)}. {ADVICE}"
        )


def check_labels(nlp: Language, labels: Iterable[str]) -> None:
    """RAISES (ValueError): if the pipeline doesn't have one of the labels."""
    pipes = find_relation_pipes(nlp)
    known = pipes.labels
    for label in labels:
        if label not in known and pipes.knows_labels:
            raise ValueError(
                f"The pipeline has no label {label!r}; it has "
                f"{', '.join(known) or 'none'}."
            )

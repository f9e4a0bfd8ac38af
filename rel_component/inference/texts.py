"""Texts in, relations out: rows for tables and JSON lines."""

from itertools import groupby
from operator import itemgetter
from typing import Iterable, Iterator, Optional, Sequence

from spacy.language import Language
from spacy.tokens import Doc

from ..corpus.readers import copy_tokens
from ..pipe.loading import find_spans_key, list_entity_finders
from .given import copy_entities
from .tasks import Task


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
    ner_pipeline: Optional[Language] = None,
    batch_size: int = 64,
) -> Iterator[Doc]:
    """Run a pipeline on the Docs of tasks; given entities are kept.

    nlp (Language): the pipeline.
    docs (Sequence[Doc]): of `make_docs`.
    tasks (Sequence[Task]): what they were made of.
    ner_pipeline (Optional[Language]): finds the entities in place of the pipeline.
    batch_size (int): documents to process at one time.
    YIELDS (Doc): in the order of the input.
    """
    given = [task.entities is not None for task in tasks]
    if ner_pipeline is not None:
        bare = [doc for doc, is_given in zip(docs, given) if not is_given]
        copies = [copy_tokens(doc, ner_pipeline.vocab) for doc in bare]
        for doc, found in zip(bare, ner_pipeline.pipe(copies, batch_size=batch_size)):
            copy_entities(found, doc, find_spans_key(nlp))
        given = [True] * len(docs)
    for is_given, group in groupby(zip(given, docs), key=itemgetter(0)):
        batch = (doc for _, doc in group)
        yield from extract(nlp, batch, is_given, batch_size)

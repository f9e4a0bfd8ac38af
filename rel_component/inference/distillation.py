"""Annotate texts with a large pipeline, to train a small one on them."""

from collections import Counter
from dataclasses import replace
from typing import AbstractSet, Iterable, Iterator, List, Set

from spacy.language import Language
from spacy.pipeline import Sentencizer
from spacy.tokens import Doc

from ..entity_scores import get_entity_scores
from ..formats.words import squeeze
from ..pipe.loading import find_relation_pipes, list_entity_labels
from ..relations import get_relations
from .given import make_doc, set_entities
from .tasks import Task
from .texts import find_relations

KEPT, KNOWN, REPEATED = "kept", "known", "repeated"
EMPTY, UNCERTAIN, UNSCORED = "without entities", "uncertain", "unscored"
ENTITIES, RELATIONS = "entities", "relations"


def label_texts(
    nlp: Language,
    tasks: Iterable[Task],
    counts: "Counter[str]",
    *,
    min_score: float = 0.8,
    batch_size: int = 256,
    source: str = "texts",
) -> Iterator[Doc]:
    """Predict entities and relations in texts, and select confident predictions, as
    training data for another pipeline.

    nlp (Language): the teacher, a pipeline for entities and relations.
    tasks (Iterable[Task]): the texts.
    counts (Counter[str]): updated with the number of texts that were selected, had no
        entities, an uncertain one or only entities without scores, and of entities and
        relations in the selected ones.
    min_score (float): minimum score of all entities of a text. Those without a score,
        such as given ones and those of rules, count as certain.
    batch_size (int): the number of documents per batch.
    source (str): name of the input, for messages.
    YIELDS (Doc): the selected texts. All entities are in `doc.spans["entities"]`, and
        those that don't overlap in `doc.ents`, as in converted documents. The scores of
        all pairs remain, and are learned as probabilities, not as decisions.
    RAISES (ValueError): if a text is invalid, or the pipeline predicts no entities or
        no relations.

    Source: Hinton, Vinyals and Dean (2015), Distilling the knowledge in a neural
    network.
    """
    spans_keys = find_relation_pipes(nlp).spans_keys
    found = find_relations(nlp, tasks, batch_size=batch_size, source=source)
    for task, doc, relations, entities in found:
        scores = get_entity_scores(doc, spans_keys).values()
        least = min(scores, default=1.0)
        counts[UNSCORED] += bool(entities) and task.entities is None and not scores
        result = UNCERTAIN if least < min_score else KEPT if entities else EMPTY
        counts[result] += 1
        if result == KEPT:
            counts[ENTITIES] += len(entities)
            counts[RELATIONS] += len(relations)
            # where configs with and without nested entities look for them
            set_entities(doc, entities)
            yield doc


def find_new_labels(nlp: Language, golds: Iterable[Doc]) -> List[str]:
    """Find labels of a teacher that don't occur in annotated documents.

    nlp (Language): the teacher.
    golds (Iterable[Doc]): the annotated documents.
    RETURNS (List[str]): its entity types and relation labels.
    """
    known: Set[str] = set()
    for doc in golds:
        known.update(span.label_ for spans in doc.spans.values() for span in spans)
        known.update(ent.label_ for ent in doc.ents)
        known.update(relation.label for relation in get_relations(doc))
    labels = [*list_entity_labels(nlp), *find_relation_pipes(nlp).labels]
    return [label for label in labels if label not in known]


def leave_out(
    tasks: Iterable[Task], known: AbstractSet[str], counts: "Counter[str]"
) -> Iterator[Task]:
    """Leave out texts that are annotated already, are held out for evaluation, or occur
    a second time.

    tasks (Iterable[Task]): the texts.
    known (AbstractSet[str]): texts to leave out, as returned by `words.squeeze`.
    counts (Counter[str]): updated with the number of texts that are left out.
    YIELDS (Task): the others.
    """
    seen: Set[str] = set()
    for task in tasks:
        text = squeeze(task.text or " ".join(task.tokens or ()))
        if text in known:
            counts[KNOWN] += 1
        elif text in seen:
            counts[REPEATED] += 1
        else:
            seen.add(text)
            yield task


def split_sentences(nlp: Language, tasks: Iterable[Task]) -> Iterator[Task]:
    """Split texts into sentences, by punctuation.

    nlp (Language): the pipeline, for its tokenizer.
    tasks (Iterable[Task]): the texts.
    YIELDS (Task): a task per sentence; texts with given tokens or entities are not
        split.
    RAISES (ValueError): if a text is too long, or invalid.
    """
    divide = Sentencizer()
    for number, task in enumerate(tasks, 1):
        if task.tokens is not None or task.entities is not None:
            yield task
            continue
        for sentence in divide(make_doc(nlp, task, f"text {number}")).sents:
            if not sentence.text.isspace():
                yield replace(task, text=sentence.text.strip())

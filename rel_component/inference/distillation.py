"""Annotate texts with a large pipeline, to train a small one on them."""

from collections import Counter
from dataclasses import replace
from typing import Iterable, Iterator

from spacy.language import Language
from spacy.pipeline import Sentencizer
from spacy.tokens import Doc

from ..entity_scores import get_entity_scores
from .tasks import Task
from .texts import find_relations

TEXTS, KEPT, EMPTY, UNCERTAIN = "texts", "kept", "without entities", "uncertain"


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
    counts (Counter[str]): updated with the number of texts, and of those that were
        selected, had no entities, or had an uncertain one.
    min_score (float): minimum score of all entities of a text.
    batch_size (int): the number of documents per batch.
    source (str): name of the input, for messages.
    YIELDS (Doc): the selected texts. The scores of all pairs remain, and are learned
        as probabilities, not as decisions.
    RAISES (ValueError): if a text is invalid, or the pipeline predicts no entities or
        no relations.

    Source: Hinton, Vinyals and Dean (2015), Distilling the knowledge in a neural
    network.
    """
    found = find_relations(nlp, tasks, batch_size=batch_size, source=source)
    for _, doc, _, entities in found:
        least = min(get_entity_scores(doc).values(), default=1.0)
        result = UNCERTAIN if least < min_score else KEPT if entities else EMPTY
        counts.update((TEXTS, result))
        if result == KEPT:
            yield doc


def split_sentences(nlp: Language, tasks: Iterable[Task]) -> Iterator[Task]:
    """Split texts into sentences, by punctuation.

    nlp (Language): the pipeline, for its tokenizer.
    tasks (Iterable[Task]): the texts.
    YIELDS (Task): a task per sentence; texts with given tokens or entities are not
        split.
    """
    divide = Sentencizer()
    for task in tasks:
        if task.tokens is not None or task.entities is not None:
            yield task
            continue
        for sentence in divide(nlp.make_doc(task.text)).sents:
            if not sentence.text.isspace():
                yield replace(task, text=sentence.text.strip())

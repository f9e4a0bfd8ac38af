"""Predict on annotated documents for evaluation."""

from pathlib import Path
from typing import Iterable, List

from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example

from ..corpus.readers import copy_tokens, copy_without_relations, read_docs
from ..pipe.loading import find_relation_pipes, list_finders_to_skip
from ..scorer import ScoredDoc, read_example


def read_golds(path: Path, nlp: Language) -> List[Doc]:
    """RETURNS (List[Doc]): annotated documents.

    path (Path): `.spacy`.
    nlp (Language): the pipeline to evaluate.
    RAISES (ValueError): if the file can't be read, or has no documents.
    """
    golds = list(read_docs(path, nlp))
    if not golds:
        raise ValueError(f"{path} contains no documents.")
    return golds


def predict_on_gold_entities(nlp: Language, golds: Iterable[Doc]) -> List[Example]:
    """Predict relations between gold entities.

    nlp (Language): the pipeline; its entity components are skipped.
    golds (Iterable[Doc]): the annotated documents.
    RETURNS (List[Example]): the gold and predicted documents.
    """
    golds = list(golds)
    docs = [copy_without_relations(gold) for gold in golds]
    with nlp.select_pipes(disable=list_finders_to_skip(nlp)):
        predicted = list(nlp.pipe(docs))
    return [Example(doc, gold) for doc, gold in zip(predicted, golds)]


def predict_end_to_end(nlp: Language, golds: Iterable[Doc]) -> List[Example]:
    """Predict entities and relations from tokens.

    nlp (Language): a pipeline that predicts entities.
    golds (Iterable[Doc]): the annotated documents; their tokens and sentence
        boundaries are used.
    RETURNS (List[Example]): the gold and predicted documents.
    """
    golds = list(golds)
    predicted = nlp.pipe([copy_tokens(gold) for gold in golds])
    return [Example(doc, gold) for doc, gold in zip(predicted, golds)]


def read_examples(nlp: Language, examples: Iterable[Example]) -> List[ScoredDoc]:
    """RETURNS (List[ScoredDoc]): predictions to score, with symmetric relations
    once."""
    symmetric = find_relation_pipes(nlp).symmetric
    return [read_example(example, symmetric=symmetric) for example in examples]

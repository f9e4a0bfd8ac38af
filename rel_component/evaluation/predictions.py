"""Predict on annotated documents for evaluation."""

import warnings
from pathlib import Path
from typing import Iterable, List

from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example

from ..corpus.readers import copy_tokens, copy_without_relations, read_docs
from ..pipe.loading import find_relation_pipes, list_finders_to_skip
from ..relations import get_relations
from ..scorer import ScoredDoc, read_example
from ..wording import join_names


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


def read_golds_with_relations(path: Path, nlp: Language) -> List[Doc]:
    """RETURNS (List[Doc]): annotated documents. Warns of entity types that the
    relation extractor doesn't know.

    path (Path): `.spacy`.
    nlp (Language): the pipeline.
    RAISES (ValueError): as `read_golds`, or if no document has a relation with a label
        of the pipeline.
    """
    golds, pipes = read_golds(path, nlp), find_relation_pipes(nlp)
    relations = [relation for gold in golds for relation in get_relations(gold)]
    labels = {relation.label for relation in relations}
    if not labels or (pipes.knows_labels and not labels & set(pipes.labels)):
        found = f", but {join_names(sorted(labels))}" if labels else " in it"
        raise ValueError(
            f"{path}: found no relations {join_names(pipes.labels)}{found}. Use "
            "documents that are annotated with the pipeline's labels, converted by "
            "scripts/convert.py."
        )
    types = {span.label_ for x in relations for span in (x.head, x.tail)}
    unknown = pipes.find_unknown_types(types)
    if unknown:
        text = f"{path}: {pipes.explain_unknown_types(unknown)}"
        warnings.warn(text, stacklevel=2)
    return golds


def predict_on_gold_entities(nlp: Language, golds: Iterable[Doc]) -> List[Example]:
    """Predict relations between gold entities.

    nlp (Language): the pipeline; its entity components are skipped.
    golds (Iterable[Doc]): the annotated documents.
    RETURNS (List[Example]): the gold and predicted documents.
    """
    golds = list(golds)
    docs = [copy_without_relations(gold, nlp.vocab) for gold in golds]
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
    predicted = nlp.pipe([copy_tokens(gold, nlp.vocab) for gold in golds])
    return [Example(doc, gold) for doc, gold in zip(predicted, golds)]


def predict_from_text(nlp: Language, golds: Iterable[Doc]) -> List[Example]:
    """Predict entities and relations from raw text, as in practice: with the pipeline's
    own tokens and sentence boundaries.

    nlp (Language): a pipeline that predicts entities.
    golds (Iterable[Doc]): the annotated documents.
    RETURNS (List[Example]): the gold and predicted documents.
    """
    golds = list(golds)
    predicted = nlp.pipe(gold.text for gold in golds)
    return [Example(doc, gold) for doc, gold in zip(predicted, golds)]


def read_examples(nlp: Language, examples: Iterable[Example]) -> List[ScoredDoc]:
    """RETURNS (List[ScoredDoc]): predictions to score, with symmetric relations
    once."""
    symmetric = find_relation_pipes(nlp).symmetric
    return [read_example(example, symmetric=symmetric) for example in examples]

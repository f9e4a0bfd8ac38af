"""Evaluate entities: per span, as in CoNLL, and per token."""

from pathlib import Path
from typing import Any, Dict, Iterable, Optional, Sequence, Tuple

import spacy
from spacy.language import Language
from spacy.scorer import PRFScore
from spacy.tokens import Doc, Span
from spacy.training import Example

from ..about import __version__
from ..pipe.loading import list_entity_finders, list_entity_places, load_pipeline
from ..scorer import summarize
from ..wording import join_names, name_place
from .predictions import predict_end_to_end, read_golds

Entity = Tuple[int, int, str]


def evaluate_entities(
    model: Path, data: Path, *, spans_key: Optional[str] = None
) -> Dict[str, Any]:
    """Evaluate the entities of a trained pipeline.

    model (Path): folder of the pipeline.
    data (Path): annotated documents, `.spacy`.
    spans_key (Optional[str]): evaluate `doc.spans[spans_key]`; None: `doc.ents`, or
        the only group of spans if the pipeline doesn't write `doc.ents`.
    RETURNS (Dict[str, Any]): `entities` and `tokens`, see `score_entities` and
        `score_tokens`; `documents`, `spans_key`, and `windows_divided`, the number of
        windows that exceeded the transformer's maximum length.
    RAISES (ValueError): if a file can't be read, or the pipeline doesn't predict
        entities, or not there.
    """
    nlp = load_pipeline(model)
    golds = read_golds(data, nlp)
    if not list_entity_finders(nlp):
        raise ValueError(
            f"{model} ({', '.join(nlp.pipe_names) or 'empty'}) doesn't predict "
            "entities; train one with configs/ner_tok2vec.cfg."
        )
    spans_key = _choose_spans_key(nlp, spans_key, model)
    if spans_key is not None and not any(spans_key in gold.spans for gold in golds):
        if any(gold.ents for gold in golds):
            raise ValueError(
                f"{data}: no document has entities in {name_place(spans_key)}, where "
                f"{model} writes them; they are in doc.ents. Convert the annotations "
                f"with --spans-key {spans_key}."
            )
    examples = predict_end_to_end(nlp, golds)
    return {
        "model": str(model),
        "data": str(data),
        "documents": len(golds),
        "spans_key": spans_key,
        "windows_divided": _count_divided(nlp),
        "entities": score_entities(examples, spans_key),
        "tokens": score_tokens(examples, spans_key),
        "versions": {"rel_component": __version__, "spacy": spacy.__version__},
    }


def _choose_spans_key(
    nlp: Language, spans_key: Optional[str], model: Path
) -> Optional[str]:
    places = list_entity_places(nlp)
    if places is None:  # a component doesn't say
        return spans_key
    if spans_key is None and len(places) == 1:
        return places[0]
    if spans_key not in places:
        raise ValueError(
            f"{model} writes entities to {join_names([*map(name_place, places)])}: "
            "pass the key of one of these groups of doc.spans as --spans-key "
            "(doc.ents: without it)."
        )
    return spans_key


def _count_divided(nlp: Language) -> int:
    models = (getattr(pipe, "model", None) for _, pipe in nlp.pipeline)
    getters = (model.attrs.get("get_spans") for model in models if model is not None)
    return sum(getattr(getter, "n_divided", 0) for getter in getters)


def score_entities(
    examples: Sequence[Example], spans_key: Optional[str] = None
) -> Dict[str, Any]:
    """Compute precision, recall and F-score of entities by boundaries and type.

    examples (Sequence[Example]): the gold and predicted documents.
    spans_key (Optional[str]): evaluate `doc.spans[spans_key]`; None: `doc.ents`.
    RETURNS (Dict[str, Any]): scores in [0, 1], or None without entities:
        ents_micro_p/r/f, ents_macro_p/r/f (mean over gold and predicted types) and
        ents_per_type: {type: {p, r, f, support}}.

    Source: conlleval; same as seqeval if entities do not overlap.
    """
    per_type: Dict[str, PRFScore] = {}
    for example in examples:
        gold = get_entities(example.reference, spans_key)
        predicted = get_entities(example.predicted, spans_key)
        for type_ in {entity[2] for entity in gold | predicted}:
            score = per_type.setdefault(type_, PRFScore())
            score.score_set(_of_type(predicted, type_), _of_type(gold, type_))
    return summarize("ents", dict(sorted(per_type.items())), "type")


def score_tokens(
    examples: Sequence[Example], spans_key: Optional[str] = None
) -> Dict[str, Any]:
    """Compute precision, recall and F-score of the tokens in entities.

    A token counts once for each type that covers it. If the tokenization differs, the
    gold tokens are used.

    examples (Sequence[Example]): the gold and predicted documents.
    spans_key (Optional[str]): evaluate `doc.spans[spans_key]`; None: `doc.ents`.
    RETURNS (Dict[str, Any]): tokens_micro_p/r/f, tokens_macro_p/r/f,
        tokens_accuracy (share of all tokens with the correct types, if any), and
        tokens_per_type: {type: {p, r, f, support}}.
    """
    per_type: Dict[str, PRFScore] = {}
    n_right = n_tokens = 0
    for example in examples:
        reference = example.reference
        gold = _get_tokens(reference, get_entities(reference, spans_key))
        predicted = _get_tokens(reference, get_entities(example.predicted, spans_key))
        for type_ in {type_ for _, type_ in gold | predicted}:
            score = per_type.setdefault(type_, PRFScore())
            score.score_set(_of_type(predicted, type_), _of_type(gold, type_))
        wrong = {i for i, _ in gold ^ predicted}
        n_right, n_tokens = (
            n_right + len(reference) - len(wrong),
            n_tokens + len(reference),
        )
    accuracy = n_right / n_tokens if n_tokens else None
    found = summarize("tokens", dict(sorted(per_type.items())), "type")
    return {**found, "tokens_accuracy": accuracy}


def get_entities(doc: Doc, spans_key: Optional[str] = None) -> set[Entity]:
    """RETURNS (Set[Tuple[int, int, str]]): start and end characters, and type."""
    spans: Sequence[Span] = doc.ents
    if spans_key is not None:
        spans = list(doc.spans[spans_key]) if spans_key in doc.spans else []
    return {(span.start_char, span.end_char, span.label_) for span in spans}


def _get_tokens(doc: Doc, entities: Iterable[Entity]) -> set[Tuple[int, str]]:
    """Get the tokens that overlap with entities, with the entities' types."""
    tokens: set[Tuple[int, str]] = set()
    for start, end, type_ in entities:
        span = doc.char_span(start, end, alignment_mode="expand")
        if span is not None:
            tokens.update((i, type_) for i in range(span.start, span.end))
    return tokens


def _of_type(items: Iterable[tuple], type_: str) -> set[tuple]:
    return {item for item in items if item[-1] == type_}

"""Compute all scores of a report."""

import platform
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Dict, Iterable, List, Optional, Sequence

import numpy
import spacy
import thinc
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example

from ...about import __version__
from ...pipe.loading import find_relation_pipes, list_entity_finders
from ...pipe.relation_pipes import RelationPipes
from ...relations import get_relation_keys
from ...scorer import read_example, score_relations, score_tutorial_protocol
from ..confusion import (
    entity_confusion_matrix,
    relation_confusion_matrix,
    score_classes,
)
from ..entities import get_entities, score_entities, score_tokens
from ..errors import KINDS, Error, find_errors
from ..intervals import get_intervals
from ..pair_scores import PairScores, collect_pairs
from ..predictions import (
    predict_end_to_end,
    predict_from_text,
    predict_on_gold_entities,
    read_examples,
)
from ..reliability import describe_reliability
from ..thresholds import (
    Curve,
    count_at,
    draw_by_chance,
    get_curve,
    get_curves,
    make_score,
    score_thresholds,
)
from ..tuning import predict_calibrated, tune

# maximum points of a curve that can be distinguished
N_POINTS = 200


@dataclass
class Evaluation:
    """The result of an evaluation.

    data (Dict[str, Any]): all scores and errors, serializable as JSON.
    examples (Dict[str, List[Example]]): predictions by mode, to draw errors.
    errors (Dict[str, List[Error]]): errors by mode.
    """

    data: Dict[str, Any]
    examples: Dict[str, List[Example]] = field(default_factory=dict)
    errors: Dict[str, List[Error]] = field(default_factory=dict)


GOLD, END_TO_END = "gold entities", "end to end"


def evaluate_pipeline(
    nlp: Language,
    golds: Sequence[Doc],
    *,
    devs: Sequence[Doc] = (),
    trains: Iterable[Doc] = (),
    seed: int = 0,
) -> Evaluation:
    """Evaluate a trained pipeline with gold entities, and end to end if it predicts
    them.

    nlp (Language): a pipeline with a component for relations.
    golds (Sequence[Doc]): annotated test documents.
    devs (Sequence[Doc]): development documents; if the pipeline isn't tuned, thresholds
        and calibration are tuned on them, to show their effect.
    trains (Iterable[Doc]): its training documents, to report counts.
    seed (int): random seed of the baseline and the bootstrap.
    RETURNS (Evaluation): the evaluation.
    RAISES (ValueError): if the pipeline has no component for relations.
    """
    pipes = find_relation_pipes(nlp)
    examples = predict_on_gold_entities(nlp, golds)
    pipes.add_labels(example.predicted for example in examples)
    scored = read_examples(nlp, examples)
    pairs = collect_all_pairs(examples, pipes)
    groups = pipes.list_single(pairs.labels)
    best = pairs.best_only(groups)
    chance = draw_by_chance(pairs, seed).best_only(groups)
    data: Dict[str, Any] = {
        "mode": GOLD,
        "documents": len(golds),
        "threshold": pipes.threshold,
        "label_thresholds": pipes.thresholds,
        "all_gold": score_relations(scored),
        "intervals": get_intervals(scored, seed=seed),
        "tutorial_protocol": score_tutorial_protocol(scored),
        "classification": classify(best, pipes),
        "thresholds": score_thresholds(best),
        "random_baseline": score_thresholds(chance),
        "tuning": tune_and_compare(nlp, pipes, examples, devs),
        "curves": describe_curves(best),
        "end_to_end": None,
        "pipeline": describe_pipeline(nlp, pipes),
        "corpora": {
            name: describe_docs(docs, pipes.spans_key)
            for name, docs in (("train", trains), ("dev", devs), ("test", golds))
        },
        "unknown_types": "",
        "versions": {
            "rel_component": __version__,
            "spacy": spacy.__version__,
            "thinc": thinc.__version__,
            "numpy": numpy.__version__,
            "python": platform.python_version(),
            "platform": platform.platform(),
        },
    }
    unknown = pipes.find_unknown_types(data["corpora"]["test"]["entities"])
    if unknown:
        data["unknown_types"] = pipes.explain_unknown_types(unknown)
    report = Evaluation(data)
    data["errors"] = add_errors(report, GOLD, examples, pipes)
    if list_entity_finders(nlp):
        found = predict_end_to_end(nlp, golds)
        data["end_to_end"] = score_end_to_end(found, pipes, seed)
        data["end_to_end"]["raw_text"] = score_raw_text(nlp, found, pipes)
        errors = add_errors(report, END_TO_END, found, pipes)
        data["end_to_end"]["errors"] = errors
    return report


def collect_all_pairs(examples: Sequence[Example], pipes: RelationPipes) -> PairScores:
    """RETURNS (PairScores): pairs with the labels of the components and, without
    scores, those that only the gold relations have: recall is that of all of them."""
    gold = {key.label for eg in examples for key in get_relation_keys(eg.reference)}
    labels = (*pipes.labels, *sorted(gold - set(pipes.labels)))
    return collect_pairs(examples, labels, pipes.symmetric)


def classify(pairs: PairScores, pipes: RelationPipes) -> Dict[str, Any]:
    """RETURNS (Dict[str, Any]): accuracy and confusion matrix over candidate pairs, and
    the number of gold relations that were not candidates."""
    thresholds = pipes.get_thresholds(pairs.labels)
    found = score_classes(*relation_confusion_matrix(pairs, thresholds))
    n_lost = int(pairs.n_gold.sum() - (pairs.truth & pairs.counted).sum())
    return {**found, "gold_never_candidates": n_lost}


def score_end_to_end(
    examples: Sequence[Example], pipes: RelationPipes, seed: int = 0
) -> Dict[str, Any]:
    """RETURNS (Dict[str, Any]): scores of entities, per span and per token, and of
    relations."""
    spans_key = pipes.spans_key
    docs = [read_example(eg, symmetric=pipes.symmetric) for eg in examples]
    pairs = collect_all_pairs(examples, pipes)
    return {
        "thresholds": score_thresholds(
            pairs.best_only(pipes.list_single(pairs.labels))
        ),
        "entities": score_entities(examples, spans_key),
        "tokens": score_tokens(examples, spans_key),
        "relations": score_relations(docs),
        "intervals": get_intervals(docs, seed=seed),
        "entity_matrix": entity_confusion_matrix(examples, spans_key),
    }


def score_raw_text(
    nlp: Language, found: Sequence[Example], pipes: RelationPipes
) -> Dict[str, Any]:
    """Evaluate without the annotated tokens and sentence boundaries.

    nlp (Language): the pipeline.
    found (Sequence[Example]): its predictions in the annotated tokens.
    pipes (RelationPipes): its components for relations.
    RETURNS (Dict[str, Any]): scores of `entities` and `relations`; `retokenized`, the
        number of documents in which its tokens are others; or only `problem`, if it
        can't process the texts.
    """
    golds = [example.reference for example in found]
    try:
        own = [nlp.make_doc(gold.text) for gold in golds]
        n_other = sum(
            [token.idx for token in doc] != [token.idx for token in gold]
            for doc, gold in zip(own, golds)
        )
        if n_other or any(gold.has_annotation("SENT_START") for gold in golds):
            found = predict_from_text(nlp, golds)
    except ValueError as error:  # e.g. a text that is too long
        return {"problem": str(error)}
    docs = [read_example(example, symmetric=pipes.symmetric) for example in found]
    return {
        "entities": score_entities(found, pipes.spans_key),
        "relations": score_relations(docs),
        "retokenized": n_other,
    }


def tune_and_compare(
    nlp: Language,
    pipes: RelationPipes,
    examples: Sequence[Example],
    devs: Sequence[Doc],
) -> Optional[Dict[str, Any]]:
    """Compare scores with and without tuned thresholds and calibration.

    Uses the pipeline's, if it has any, else tunes them on `devs`.

    RETURNS (Optional[Dict[str, Any]]): `before` and `after`, each with P, R, F of the
        entities that the pipeline predicts (if it does, else of gold ones), and
        `reliability` between gold entities; None without both, or for pipelines
        without a trained extractor.
    """
    extractor = pipes.extractor
    if extractor is None:
        return None
    golds = [x.reference for x in examples]
    symmetric, single = pipes.symmetric, extractor.single_label
    lines, own = extractor.calibration, extractor.thresholds
    pairs = collect_pairs(examples, extractor.labels, symmetric)
    is_stored = bool(lines or own)
    if is_stored:
        raw = predict_calibrated(nlp, extractor, golds, {})
        pairs = collect_pairs(raw, extractor.labels, symmetric)
    elif devs:
        chosen = tune(nlp, devs)
        lines, own = chosen["calibration"], chosen["thresholds"]
    else:
        return None
    plain = numpy.full(len(extractor.labels), extractor.threshold)
    tuned = numpy.asarray([own.get(x, extractor.threshold) for x in extractor.labels])
    finds_entities = bool(list_entity_finders(nlp))
    parts = {}
    for name, thresholds, line in (("before", plain, {}), ("after", tuned, lines)):
        decided = pairs.calibrated(line)
        if finds_entities:
            raw = predict_calibrated(nlp, extractor, golds, line, end_to_end=True)
            decided = collect_pairs(raw, extractor.labels, symmetric)
        decided = decided.best_only() if single else decided
        parts[name] = {
            **make_score(*count_at(decided, thresholds)).to_dict(),
            "reliability": describe_reliability(pairs.calibrated(line)),
        }
    return {
        "source": "model" if is_stored else "dev",
        "thresholds": own,
        "calibration": {label: list(line) for label, line in lines.items()},
        **parts,
    }


def describe_curves(pairs: PairScores) -> Dict[str, Any]:
    """RETURNS (Dict[str, Any]): precision and recall of each label over thresholds, and
    for all labels as `""`; labels without gold relations are omitted."""
    curves = {label: x for label, x in get_curves(pairs).items() if x.n_gold}
    everything = get_curve(*pairs.flatten(), int(pairs.n_gold.sum()))
    if everything.n_gold:
        curves[""] = everything
    return {label: _thin(curve) for label, curve in curves.items()}


def _thin(curve: Curve) -> Dict[str, Any]:
    # the first row for each number of correct predictions, with the best precision
    levels = numpy.linspace(0, curve.tp.max(), N_POINTS).round().astype(int)
    rows = numpy.unique(numpy.searchsorted(curve.tp, numpy.unique(levels)))
    thresholds = numpy.minimum(curve.thresholds[rows], 1.0)
    return {
        "average_precision": curve.average_precision(),
        "n_gold": curve.n_gold,
        "thresholds": _round(thresholds),
        "precision": _round(curve.precision[rows]),
        "recall": _round(curve.recall[rows]),
    }


def _round(values: numpy.ndarray) -> List[float]:
    return [round(value, 5) for value in values.tolist()]


def describe_pipeline(nlp: Language, pipes: RelationPipes) -> Dict[str, Any]:
    """RETURNS (Dict[str, Any]): a description of the pipeline."""
    schema = pipes.schema
    return {
        "lang": nlp.lang,
        "name": nlp.meta.get("name", ""),
        "version": nlp.meta.get("version", ""),
        "components": list(nlp.pipe_names),
        "labels": list(pipes.labels),
        "symmetric": sorted(pipes.symmetric),
        "schema": None if schema is None else schema.to_dict(),
        "constraints": [] if schema is None else schema.list_constraints(),
        "single_label": pipes.single_label,
        "threshold": pipes.threshold,
        "thresholds": pipes.thresholds,
        "calibration": {x: list(y) for x, y in pipes.calibration.items()},
        "spans_key": pipes.spans_key,
        "finds_entities": bool(list_entity_finders(nlp)),
    }


def describe_docs(
    docs: Iterable[Doc], spans_key: Optional[str] = None
) -> Dict[str, Any]:
    """RETURNS (Dict[str, Any]): numbers of documents, tokens, entities by type and
    relations by label."""
    n_docs = n_tokens = 0
    types: Counter = Counter()
    labels: Counter = Counter()
    for doc in docs:
        n_docs, n_tokens = n_docs + 1, n_tokens + len(doc)
        types.update(type_ for _, _, type_ in get_entities(doc, spans_key))
        labels.update(key.label for key in get_relation_keys(doc))
    return {
        "documents": n_docs,
        "tokens": n_tokens,
        "entities": dict(types.most_common()),
        "relations": dict(labels.most_common()),
    }


def add_errors(
    report: Evaluation, mode: str, examples: List[Example], pipes: RelationPipes
) -> Dict[str, Any]:
    """Find errors, add them to the report, and return them as plain data."""
    errors = find_errors(examples, symmetric=pipes.symmetric, spans_key=pipes.spans_key)
    report.examples[mode], report.errors[mode] = examples, errors
    counts = Counter(error.kind for error in errors)
    return {
        "counts": {kind: counts[kind] for kind in KINDS},
        "items": [_to_dict(error) for error in errors],
        "texts": {
            str(i): examples[i].reference.text
            for i in sorted({error.document for error in errors})
        },
    }


def _to_dict(error: Error) -> Dict[str, Any]:
    def show(key: Any) -> Any:
        return (
            None
            if key is None
            else {"head": list(key.head), "label": key.label, "tail": list(key.tail)}
        )

    return {
        "kind": error.kind,
        "document": error.document,
        "gold": show(error.gold),
        "predicted": show(error.predicted),
        "gold_score": error.gold_score,
        "score": error.score,
        "note": error.note,
        "strict_only": error.is_strict_only,
    }

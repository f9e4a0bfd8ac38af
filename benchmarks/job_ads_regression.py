"""The baseline to beat on the job ads: a plain logistic regression over entity pairs.

    python benchmarks/job_ads_regression.py --data data/jobs --ablate --errors

Every ordered pair of gold entities of a document is classified, at any distance, by
one regression per label on the types, the order, the distance, the words and the
entities between. Features and C were chosen by cross-validation over the training
documents alone (--tune shows the C's); dev and test are only scored.
"""

import math
from pathlib import Path
from typing import (
    Annotated,
    Any,
    Callable,
    Dict,
    Iterator,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
)

import numpy
import srsly
import typer
from _figures import record
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from spacy.tokens import Doc, Span
from spacy.training import Example
from threadpoolctl import threadpool_limits
from wasabi import msg

from rel_component.corpus.readers import copy_without_relations
from rel_component.evaluation.folds import assign_folds, pool_docs
from rel_component.relations import RelationData, get_relations, set_relation_data
from rel_component.scorer import ScoredDoc, read_example, score_relations

THRESHOLD = 0.5
TUNED_C = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
HEADER = ("", "F", "P", "R", "TP", "FP", "FN")

Features = Dict[str, float]


class Pair(NamedTuple):
    """An ordered pair of entities and what stands between them.

    head (Span): where the relation would start.
    tail (Span): where it would end.
    words (List[str]): lowercased tokens between the two.
    between (List[Span]): entities between the two.
    """

    head: Span
    tail: Span
    words: List[str]
    between: List[Span]


class Settings(NamedTuple):
    """What is fitted.

    groups (Tuple[str, ...]): keys of `FEATURES`.
    c (float): inverse strength of the regularisation.
    """

    groups: Tuple[str, ...]
    c: float


class Instances(NamedTuple):
    """The pairs of one document, ready to learn from.

    doc (Doc): with gold entities and relations.
    pairs (List[Tuple[int, int]]): head and tail as indices of `doc.ents`.
    features (List[Features]): (n_pairs,).
    truth (ndarray): (n_pairs, n_labels), 0 or 1.
    """

    doc: Doc
    pairs: List[Tuple[int, int]]
    features: List[Features]
    truth: numpy.ndarray


def iterate_pairs(doc: Doc) -> Iterator[Tuple[Tuple[int, int], Pair]]:
    """YIELDS (Tuple[Tuple[int, int], Pair]): each ordered pair of `doc.ents`."""
    words = [token.lower_ for token in doc]
    for i, head in enumerate(doc.ents):
        for j, tail in enumerate(doc.ents):
            if i != j:
                first, last = min(i, j), max(i, j)
                inside = words[doc.ents[first].end : doc.ents[last].start]
                between = list(doc.ents[first + 1 : last])
                yield (i, j), Pair(head, tail, inside, between)


def type_features(pair: Pair) -> Features:
    head, tail = pair.head.label_, pair.tail.label_
    return {f"head={head}": 1, f"tail={tail}": 1, f"pair={head}>{tail}": 1}


def direction_features(pair: Pair) -> Features:
    return {"forward": float(pair.head.start < pair.tail.start)}


def distance_features(pair: Pair) -> Features:
    distance = len(pair.words)
    return {"log distance": math.log1p(distance), f"distance={_bucket(distance)}": 1}


def word_features(pair: Pair) -> Features:
    return {f"word={word}": 1 for word in pair.words}


def between_features(pair: Pair) -> Features:
    number = len(pair.between)
    features = {f"between={entity.label_}": 1.0 for entity in pair.between}
    features["log number between"] = math.log1p(number)
    features[f"number between={_bucket(number)}"] = 1
    return features


def rival_features(pair: Pair) -> Features:
    """Entities between that could take the place of the head or of the tail."""
    types = [entity.label_ for entity in pair.between]
    heads, tails = types.count(pair.head.label_), types.count(pair.tail.label_)
    others = len(types) - heads - tails
    counts = {"heads": heads, "tails": tails, "others": others}
    return {f"{name} between={min(n, 2)}": 1 for name, n in counts.items()}


FEATURES: Dict[str, Callable[[Pair], Features]] = {
    "types": type_features,
    "direction": direction_features,
    "distance": distance_features,
    "words": word_features,
    "between": between_features,
    "rivals": rival_features,
}


def pair_features(pair: Pair, groups: Sequence[str]) -> Features:
    """The features of a pair, with the product of types and direction.

    pair (Pair): the entities and what is between.
    groups (Sequence[str]): keys of `FEATURES`.
    RETURNS (Features): by name; without one of the two factors also no product.
    """
    features: Features = {}
    for group in groups:
        features.update(FEATURES[group](pair))
    if features.get("forward") and "types" in groups:
        features.update({f"forward {name}": 1 for name in type_features(pair)})
    return features


def make_instances(
    docs: Sequence[Doc], labels: Sequence[str], groups: Sequence[str]
) -> List[Instances]:
    """RETURNS (List[Instances]): the pairs of each document with these features."""
    return [_make_instances(doc, labels, groups) for doc in docs]


def fit(instances: Sequence[Instances], c: float) -> Pipeline:
    """RETURNS (Pipeline): one regression for each label."""
    regression = LogisticRegression(C=c, max_iter=2000)
    model = make_pipeline(DictVectorizer(), OneVsRestClassifier(regression))
    features = [row for doc in instances for row in doc.features]
    return model.fit(features, numpy.vstack([doc.truth for doc in instances]))


def predict(
    model: Pipeline, instances: Sequence[Instances], labels: Sequence[str]
) -> List[ScoredDoc]:
    """RETURNS (List[ScoredDoc]): gold and predicted relations of each document."""
    return [_predict(model, doc, labels) for doc in instances]


def cross_validate(
    docs: Sequence[Doc], settings: Settings, *, n_folds: int, seed: int
) -> List[ScoredDoc]:
    """Predict each document by a model that has not seen its text.

    docs (Sequence[Doc]): the whole corpus.
    settings (Settings): what to fit.
    n_folds (int): how many folds.
    seed (int): of the folds.
    RETURNS (List[ScoredDoc]): one for each document, in the order of `docs`.
    """
    labels = get_labels(docs)
    instances = make_instances(docs, labels, settings.groups)
    folds = assign_folds([doc.text for doc in docs], n_folds, seed=seed)
    scored: Dict[int, ScoredDoc] = {}
    for fold in range(n_folds):
        held_out = [i for i, number in enumerate(folds) if number == fold]
        train = [x for x, number in zip(instances, folds) if number != fold]
        predicted = predict(
            fit(train, settings.c), [instances[i] for i in held_out], labels
        )
        scored.update(zip(held_out, predicted))
    return [scored[i] for i in range(len(docs))]


def train_and_predict(
    train: Sequence[Doc], splits: Mapping[str, Sequence[Doc]], settings: Settings
) -> Dict[str, List[ScoredDoc]]:
    """RETURNS (Dict[str, List[ScoredDoc]]): each split, by a model of `train`."""
    labels = get_labels(train)
    model = fit(make_instances(train, labels, settings.groups), settings.c)
    return {
        name: predict(model, make_instances(docs, labels, settings.groups), labels)
        for name, docs in splits.items()
    }


def get_labels(docs: Sequence[Doc]) -> List[str]:
    """RETURNS (List[str]): relation labels that occur, sorted."""
    return sorted({rel.label for doc in docs for rel in get_relations(doc)})


def summarize(scored: Sequence[ScoredDoc]) -> Dict[str, Any]:
    """RETURNS (Dict[str, Any]): see `score_relations`, and tp, fp and fn as counts."""
    found = [(set(doc.predicted), doc.gold) for doc in scored]
    counts = {
        "tp": sum(len(predicted & gold) for predicted, gold in found),
        "fp": sum(len(predicted - gold) for predicted, gold in found),
        "fn": sum(len(gold - predicted) for predicted, gold in found),
    }
    return {**score_relations(scored), **counts}


def describe_errors(docs: Sequence[Doc], scored: Sequence[ScoredDoc]) -> Iterator[str]:
    """YIELDS (str): each missed or invented relation, with the text between."""
    for doc, result in zip(docs, scored):
        for key in sorted(result.gold ^ set(result.predicted)):
            kind = "missed" if key in result.gold else "invented"
            ends = sorted([key.head[:2], key.tail[:2]])
            context = " ".join(doc.text[ends[0][0] : ends[1][1]].split())
            head, tail = (doc.text[end[0] : end[1]] for end in (key.head, key.tail))
            relation = f"{head} ({key.head[2]}) {key.label} {tail} ({key.tail[2]})"
            yield f"{kind}: {relation}: {context[:90]} … {context[-90:]}"


def main(
    data: Annotated[Path, typer.Option(help="Directory with train, dev, test .spacy")],
    folds: Annotated[int, typer.Option(help="Folds of the cross-validation")] = 10,
    seed: Annotated[int, typer.Option(help="Assigns the texts to folds")] = 0,
    c: Annotated[float, typer.Option(help="Inverse regularisation strength")] = 0.3,
    tune: Annotated[bool, typer.Option(help="Cross-validate C on train alone")] = False,
    ablate: Annotated[bool, typer.Option(help="Drop each feature group")] = False,
    errors: Annotated[bool, typer.Option(help="List what is wrong")] = False,
    output: Annotated[Optional[Path], typer.Option(help="JSON for the scores")] = None,
) -> None:
    """Score the regression on dev, test and by cross-validation over all documents."""
    try:
        with threadpool_limits(1):
            scores = run(data, folds, seed, c, tune=tune, ablate=ablate, errors=errors)
    except ValueError as error:
        msg.fail("No scores", error, exits=1)
    if output:
        output.parent.mkdir(parents=True, exist_ok=True)
        srsly.write_json(output, scores)
        msg.good(f"Scores in {output}")


def run(
    data: Path,
    n_folds: int,
    seed: int,
    c: float,
    *,
    tune: bool,
    ablate: bool,
    errors: bool,
) -> Dict[str, Any]:
    """Measure and print.

    RETURNS (Dict[str, Any]): scores by the name of the row.
    RAISES (ValueError): if a file is missing, or there are fewer texts than folds.
    """
    splits = {name: pool_docs(data, [name]) for name in ("train", "dev", "test")}
    everything = [doc for docs in splits.values() for doc in docs]
    full = Settings(tuple(FEATURES), c)
    train = splits.pop("train")
    results = train_and_predict(train, splits, full)

    def validate(docs: Sequence[Doc], settings: Settings) -> List[ScoredDoc]:
        return cross_validate(docs, settings, n_folds=n_folds, seed=seed)

    results["cross-validation"] = validate(everything, full)
    scores = {name: summarize(scored) for name, scored in results.items()}
    record("regression: jobs, test", 100 * scores["test"]["rel_micro_f"], "F")
    msg.divider("Job ads, gold entities, all gold relations")
    print_scores(scores)
    if tune:
        tuned = {f"C={x:g}": validate(train, full._replace(c=x)) for x in TUNED_C}
        msg.divider(f"{n_folds}-fold cross-validation over train alone")
        scores.update(print_scores({k: summarize(v) for k, v in tuned.items()}))
    if ablate:
        msg.divider(f"{n_folds}-fold cross-validation over all, one group dropped")
        dropped = {
            f"without {group}": full._replace(
                groups=tuple(g for g in FEATURES if g != group)
            )
            for group in FEATURES
        }
        validated = {k: validate(everything, v) for k, v in dropped.items()}
        scores.update(print_scores({k: summarize(v) for k, v in validated.items()}))
    if errors:
        docs = {**splits, "cross-validation": everything}
        for name, scored in results.items():
            msg.divider(f"Errors, {name}")
            for line in describe_errors(docs[name], scored):
                print(line)
    return scores


def print_scores(scores: Dict[str, Dict[str, Any]]) -> Dict[str, Dict[str, Any]]:
    """RETURNS (Dict[str, Dict[str, Any]]): the same scores."""
    rows = [
        (
            name,
            *(f"{row[f'rel_micro_{part}']:.3f}" for part in "fpr"),
            *(row[count] for count in ("tp", "fp", "fn")),
        )
        for name, row in scores.items()
    ]
    msg.table(rows, header=HEADER, divider=True)
    return scores


def _make_instances(
    doc: Doc, labels: Sequence[str], groups: Sequence[str]
) -> Instances:
    gold = {(r.head, r.label, r.tail) for r in get_relations(doc)}
    pairs: List[Tuple[int, int]] = []
    features: List[Features] = []
    truth: List[List[int]] = []
    for ends, pair in iterate_pairs(doc):
        pairs.append(ends)
        features.append(pair_features(pair, groups))
        truth.append([int((pair.head, x, pair.tail) in gold) for x in labels])
    array = numpy.asarray(truth, dtype="int32").reshape(-1, len(labels))
    return Instances(doc, pairs, features, array)


def _predict(model: Pipeline, instances: Instances, labels: Sequence[str]) -> ScoredDoc:
    doc = copy_without_relations(instances.doc)
    scores = numpy.zeros((len(instances.pairs), len(labels)), dtype="float32")
    if instances.pairs:
        scores[:] = model.predict_proba(instances.features)
    data = RelationData(
        spans=numpy.asarray([(e.start, e.end) for e in doc.ents], "i").reshape(-1, 2),
        types=[entity.label_ for entity in doc.ents],
        pairs=numpy.asarray(instances.pairs, dtype="int32").reshape(-1, 2),
        labels=labels,
        scores=scores,
        decided=numpy.argwhere(scores >= THRESHOLD).astype("int32"),
    )
    set_relation_data(doc, data)
    return read_example(Example(doc, instances.doc))


def _bucket(number: int) -> str:
    """RETURNS (str): small numbers as they are, others by powers of two."""
    return str(number) if number < 4 else f"{2 ** (number.bit_length() - 1)}+"


if __name__ == "__main__":
    typer.run(main)

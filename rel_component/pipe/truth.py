"""Training targets: the gold labels of the candidate pairs of a batch."""

from dataclasses import dataclass, replace
from typing import AbstractSet, Dict, Iterable, List, Optional, Sequence, Tuple

import numpy
from spacy.attrs import ORTH
from spacy.tokens import Span
from spacy.training import Example

from ..model.candidates import (
    BatchGenerator,
    Candidates,
    Entities,
    InstanceGenerator,
    get_candidates,
    is_batch_generator,
)
from ..relations import RelationData, get_relation_data


@dataclass
class Truth:
    """The pairs of a batch with their gold labels.

    candidates (Candidates): the pairs, on the tokens of the predicted Docs.
    labels (Floats2d): (n_pairs, n_labels), float32, 1.0 where the pair has the label.
    known (Optional[Floats2d]): (n_pairs, n_labels), float32, 0.0 where the label is
        unknown, in incompletely annotated documents; None if all are known.
    """

    candidates: Candidates
    labels: numpy.ndarray
    known: Optional[numpy.ndarray]


def get_gold_candidates(
    generator: InstanceGenerator | BatchGenerator,
    examples: Sequence[Example],
    predicted_share: float = 0.0,
) -> Candidates:
    """Generate the pairs of the gold entities, on the tokens of the predicted Docs.

    generator (Callable): generates the pairs.
    examples (Sequence[Example]): the batch.
    predicted_share (float): share of the wrongly predicted entities to add, sampled at
        random.
    RETURNS (Candidates): without entities that don't align with the predicted tokens.
    """
    references = [example.reference for example in examples]
    if is_batch_generator(generator):
        entities, aligned = _align(examples, generator.get_entities(references))
        docs = [example.predicted for example in examples]
        entities = entities.select(aligned)
        if predicted_share:
            predicted = generator.get_entities(docs)
            entities = mix_entities(entities, predicted, predicted_share)
        return generator.get_pairs(docs, entities)
    found = get_candidates(generator, references)
    entities, aligned = _align(examples, found.entities)
    if aligned.all():
        return replace(found, entities=entities)
    found = found.select(aligned[found.pairs].all(axis=1))
    new_rows = (numpy.cumsum(aligned) - 1).astype("int32")
    return Candidates(entities.select(aligned), new_rows[found.pairs], found.offsets)


def mix_entities(gold: Entities, predicted: Entities, share: float) -> Entities:
    """Add a sample of the wrongly predicted entities to the gold ones.

    gold (Entities): gold entities, all kept.
    predicted (Entities): predicted entities of the same Docs.
    share (float): the probability of keeping each predicted entity that isn't gold.
    RETURNS (Entities): sorted by document, start and end.
    """
    known = set(_list_keys(gold))
    is_new = numpy.asarray([key not in known for key in _list_keys(predicted)], bool)
    added = predicted.select(is_new & (numpy.random.random(len(predicted)) < share))
    spans = numpy.concatenate([gold.spans, added.spans])
    types = numpy.concatenate([gold.types, added.types])
    docs = numpy.concatenate([gold.docs, added.docs])
    order = numpy.lexsort((spans[:, 1], spans[:, 0], docs))
    # added entities shift the offsets of all later Docs
    offsets = gold.offsets + added.offsets
    return Entities(spans[order], types[order], docs[order], offsets)


def _list_keys(entities: Entities) -> List[Tuple[int, int, int, int]]:
    rows = zip(entities.docs.tolist(), entities.spans.tolist(), entities.types.tolist())
    return [(doc, start, end, type_) for doc, (start, end), type_ in rows]


def get_truth(
    examples: Sequence[Example],
    candidates: Candidates,
    labels: Sequence[str],
    symmetric: AbstractSet[str] = frozenset(),
) -> Truth:
    """Get the gold labels of candidate pairs.

    Gold entities are matched with those of the candidates by span, never by position.
    An entity whose type differs from the gold one gets its relations if no entity of
    the gold type has the same span.

    examples (Sequence[Example]): the batch.
    candidates (Candidates): pairs on the tokens of the predicted Docs.
    labels (Sequence[str]): the pipe's labels.
    symmetric (AbstractSet[str]): labels without a direction: they are only learned
        from the pair whose head comes first.
    RETURNS (Truth): one row per candidate pair.
    """
    truth = numpy.zeros((len(candidates), len(labels)), dtype="float32")
    known: Optional[numpy.ndarray] = None
    mirrored = [column for column, label in enumerate(labels) if label in symmetric]
    for i, example in enumerate(examples):
        data = get_relation_data(example.reference)
        if data is None:
            continue
        _, pairs = candidates.of_doc(i)
        directed = find_rows(example, data, candidates, i)
        undirected = directed
        if mirrored:
            undirected = find_rows(example, data, candidates, i, is_canonical=True)
        if not data.complete:
            if known is None:
                known = numpy.ones_like(truth)
            known[pairs] = 0.0
        for column, label in enumerate(labels):
            if label in data.labels:
                rows = undirected if label in symmetric else directed
                found = numpy.flatnonzero(rows >= 0)
                scores = data.scores[found, data.labels.index(label)]
                is_known = ~numpy.isnan(scores)
                at = rows[found][is_known]
                # several gold rows may match one pair: use the positive one
                numpy.maximum.at(truth[:, column], at, scores[is_known])
                if known is not None and not data.complete:
                    known[at, column] = 1.0
        if known is not None and not data.complete:
            every = range(len(labels))
            for rows, columns in ((directed, every), (undirected, mirrored)):
                found = numpy.flatnonzero(rows >= 0)
                at = rows[found][_is_negative(data, found)]
                known[numpy.ix_(at, list(columns))] = 1.0
    if mirrored:
        known = numpy.ones_like(truth) if known is None else known
        backward = numpy.flatnonzero(candidates.pairs[:, 0] > candidates.pairs[:, 1])
        for column in mirrored:
            known[backward, column] = 0.0
    return Truth(candidates, truth, known)


def _is_negative(data: RelationData, rows: numpy.ndarray) -> numpy.ndarray:
    """RETURNS (Bools1d): which rows are explicitly annotated as having no relation."""
    scores = data.scores[rows]
    return (scores == 0).all(axis=1)


def find_rows(
    example: Example,
    data: RelationData,
    candidates: Candidates,
    i: int,
    is_canonical: bool = False,
) -> numpy.ndarray:
    """Find the candidate for each annotated pair of a Doc.

    example (Example): prediction and gold of the Doc.
    data (RelationData): the gold relations.
    candidates (Candidates): pairs of a batch, on the tokens of the predicted Docs.
    i (int): index of the Doc in the batch.
    is_canonical (bool): use the direction whose head comes first.
    RETURNS (Ints1d): the row in `candidates.pairs` for each of `data.pairs`; -1 for
        pairs that are not candidates.
    """
    ents, pairs = candidates.of_doc(i)
    entities = _find_entities(example, data, candidates.entities, ents)
    n_entities = max(ents.stop - ents.start, 1)
    keys = candidates.pairs[pairs].astype("int64") - ents.start
    keys = keys[:, 0] * n_entities + keys[:, 1]
    order = numpy.argsort(keys, kind="stable")
    ends = entities[data.pairs]
    if is_canonical:
        ends = numpy.sort(ends, axis=1)
    wanted = ends[:, 0] * n_entities + ends[:, 1]
    at = numpy.searchsorted(keys, wanted, sorter=order)
    at = numpy.minimum(at, max(len(keys) - 1, 0))
    rows = numpy.full(len(wanted), -1, dtype="int64")
    if len(keys):
        hit = (keys[order[at]] == wanted) & (ends >= 0).all(axis=1)
        rows[hit] = order[at[hit]] + pairs.start
    return rows


def _find_entities(
    example: Example, data: RelationData, entities: Entities, rows: slice
) -> numpy.ndarray:
    """RETURNS (Ints1d): the row of each gold entity among the Doc's; -1 if missing."""
    strings = example.predicted.vocab.strings
    typed: Dict[Tuple[int, int, int], int] = {}
    untyped: Dict[Tuple[int, int], int] = {}
    spans = entities.spans[rows].tolist()
    for row, ((start, end), type_) in enumerate(zip(spans, entities.types[rows])):
        typed[(start, end, int(type_))] = row
        untyped.setdefault((start, end), row)
    gold = data.spans
    if not has_same_tokens(example):
        gold = align_spans(example, gold)
    return numpy.asarray(
        [
            typed.get((start, end, strings[type_]), untyped.get((start, end), -1))
            for (start, end), type_ in zip(gold.tolist(), data.types)
        ],
        dtype="int64",
    )


def _align(
    examples: Sequence[Example], entities: Entities
) -> Tuple[Entities, numpy.ndarray]:
    """RETURNS (Tuple[Entities, Bools1d]): gold entities on the predicted tokens, and a
    mask of those that align."""
    spans = entities.spans
    for i, example in enumerate(examples):
        rows = slice(int(entities.offsets[i]), int(entities.offsets[i + 1]))
        if rows.stop > rows.start and not has_same_tokens(example):
            spans = spans.copy() if spans is entities.spans else spans
            spans[rows] = align_spans(example, spans[rows])
    return replace(entities, spans=spans), spans[:, 0] >= 0


def align_spans(example: Example, spans: numpy.ndarray) -> numpy.ndarray:
    """Align spans of the gold Doc with the tokens of the predicted one.

    example (Example): gold and prediction of the same text.
    spans (Ints2d): (n, 2), token start and exclusive end in the gold Doc.
    RETURNS (Ints2d): (n, 2), on the predicted tokens; (-1, -1) for misaligned spans.
    """
    aligned = numpy.full(spans.shape, -1, dtype="int32")
    # like get_aligned_spans_y2x, which realigns all tokens on each call
    alignment = example.alignment.y2x
    for row, (start, end) in enumerate(spans.tolist()):
        tokens = alignment[start:end].tolist()
        if tokens:
            found = example.predicted[tokens[0] : tokens[-1] + 1]
            if _squeeze(found) == _squeeze(example.reference[start:end]):
                aligned[row] = (found.start, found.end)
    return aligned


def _squeeze(span: Span) -> str:
    return span.text.lower().strip().replace(" ", "")


def has_same_tokens(example: Example) -> bool:
    """RETURNS (bool): whether gold and prediction have the same tokens."""
    gold, predicted = example.reference, example.predicted
    if len(gold) != len(predicted):
        return False
    return bool((gold.to_array(ORTH) == predicted.to_array(ORTH)).all())


def count_covered(
    examples: Sequence[Example], truth: Truth, symmetric: AbstractSet[str]
) -> Tuple[int, int, int]:
    """Count the gold relations that are candidates.

    examples (Sequence[Example]): the batch.
    truth (Truth): the truth of the batch.
    symmetric (AbstractSet[str]): labels without a direction.
    RETURNS (Tuple[int, int, int]): the number of gold relations, of those that are
        candidates, and the longest distance of one that isn't, in tokens between the
        starts of its entities.
    """
    n_gold = n_covered = longest = 0
    for i, example in enumerate(examples):
        data = get_relation_data(example.reference)
        if data is None or not len(data.decided):
            continue
        directed = find_rows(example, data, truth.candidates, i)
        undirected = find_rows(example, data, truth.candidates, i, is_canonical=True)
        rows, columns = data.decided.T
        is_symmetric = numpy.asarray([label in symmetric for label in data.labels])
        at = numpy.where(is_symmetric[columns], undirected[rows], directed[rows])
        starts = data.spans[:, 0][data.pairs[rows[at < 0]]]
        n_gold, n_covered = n_gold + len(at), n_covered + int((at >= 0).sum())
        longest = max(
            longest, int(numpy.abs(starts[:, 0] - starts[:, 1]).max(initial=0))
        )
    return n_gold, n_covered, longest


def find_labels(examples: Iterable[Example]) -> List[str]:
    """RETURNS (List[str]): labels of the gold relations, in order of appearance."""
    labels: Dict[str, None] = {}
    for example in examples:
        data = get_relation_data(example.reference)
        labels.update(dict.fromkeys(data.labels if data else ()))
    return list(labels)

"""What a batch of examples teaches: the true labels of its candidate pairs."""

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
    """The pairs of a batch with their true labels.

    candidates (Candidates): the pairs, on the tokens of the predicted Docs.
    labels (Floats2d): (n_pairs, n_labels), float32, 1.0 where the pair has the label.
    known (Optional[Floats2d]): (n_pairs, n_labels), float32, 0.0 where the truth is
        not known, in incompletely annotated documents; None if all is known.
    """

    candidates: Candidates
    labels: numpy.ndarray
    known: Optional[numpy.ndarray]


def get_gold_candidates(
    generator: InstanceGenerator | BatchGenerator,
    examples: Sequence[Example],
    predicted_share: float = 0.0,
) -> Candidates:
    """The pairs of the gold entities, on the tokens of the predicted Docs.

    generator (Callable): generates the pairs.
    examples (Sequence[Example]): the batch.
    predicted_share (float): of the entities that the predicted Docs have and the gold
        ones don't, so many in one are mixed in, drawn by chance.
    RETURNS (Candidates): without entities whose borders the predicted tokens lack.
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
    """Gold entities, and some of those that were predicted wrongly.

    gold (Entities): all stay.
    predicted (Entities): of the same Docs.
    share (float): the chance of each of those that are not gold.
    RETURNS (Entities): sorted by document, start and end.
    """
    known = set(_list_keys(gold))
    is_new = numpy.asarray([key not in known for key in _list_keys(predicted)], bool)
    added = predicted.select(is_new & (numpy.random.random(len(predicted)) < share))
    spans = numpy.concatenate([gold.spans, added.spans])
    types = numpy.concatenate([gold.types, added.types])
    docs = numpy.concatenate([gold.docs, added.docs])
    order = numpy.lexsort((spans[:, 1], spans[:, 0], docs))
    # the added ones raise the offsets of all Docs behind
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
    """The true labels of candidate pairs.

    Gold entities are found among the candidates' by span, never by position. An
    entity of another type than the gold one takes its relations where no entity of
    the gold type stands there.

    examples (Sequence[Example]): the batch.
    candidates (Candidates): pairs on the tokens of the predicted Docs.
    labels (Sequence[str]): the pipe's labels.
    symmetric (AbstractSet[str]): labels whose direction does not count: they are
        learned from the pair whose head stands first, and not from the other.
    RETURNS (Truth): one row for each candidate pair.
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
                # several gold rows may fall on one pair: the positive one counts
                numpy.maximum.at(truth[:, column], at, scores[is_known])
                if known is not None and not data.complete:
                    known[at, column] = 1.0
        if known is not None and not data.complete:
            for rows in (directed, undirected):
                found = numpy.flatnonzero(rows >= 0)
                known[rows[found][_is_negative(data, found)]] = 1.0
    if mirrored:
        known = numpy.ones_like(truth) if known is None else known
        backward = numpy.flatnonzero(candidates.pairs[:, 0] > candidates.pairs[:, 1])
        for column in mirrored:
            known[backward, column] = 0.0
    return Truth(candidates, truth, known)


def _is_negative(data: RelationData, rows: numpy.ndarray) -> numpy.ndarray:
    """Pairs annotated as having no relation at all, whatever the label."""
    scores = data.scores[rows]
    return (scores == 0).all(axis=1)


def find_rows(
    example: Example,
    data: RelationData,
    candidates: Candidates,
    i: int,
    is_canonical: bool = False,
) -> numpy.ndarray:
    """The candidate that each annotated pair of a Doc is.

    example (Example): prediction and gold of the Doc.
    data (RelationData): the gold relations.
    candidates (Candidates): pairs of a batch, on the tokens of the predicted Docs.
    i (int): number of the Doc in the batch.
    is_canonical (bool): take the pair with the first entity as its head.
    RETURNS (Ints1d): row of `candidates.pairs` for each of `data.pairs`; -1 where a
        pair is no candidate.
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
    """The entity of the Doc that each gold entity is; -1 where it is none."""
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
    """Move entities from the gold tokens to the predicted ones; and which could be."""
    spans = entities.spans
    for i, example in enumerate(examples):
        rows = slice(int(entities.offsets[i]), int(entities.offsets[i + 1]))
        if rows.stop > rows.start and not has_same_tokens(example):
            spans = spans.copy() if spans is entities.spans else spans
            spans[rows] = align_spans(example, spans[rows])
    return replace(entities, spans=spans), spans[:, 0] >= 0


def align_spans(example: Example, spans: numpy.ndarray) -> numpy.ndarray:
    """Spans of the gold Doc as spans of the predicted one.

    example (Example): gold and prediction of the same text.
    spans (Ints2d): (n, 2), token start and exclusive end in the gold Doc.
    RETURNS (Ints2d): (n, 2), (-1, -1) where a span's border falls inside a token.
    """
    aligned = numpy.full(spans.shape, -1, dtype="int32")
    # as get_aligned_spans_y2x, which compares all tokens anew at each call
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
    """RETURNS (bool): whether gold and prediction are tokenized alike."""
    gold, predicted = example.reference, example.predicted
    if len(gold) != len(predicted):
        return False
    return bool((gold.to_array(ORTH) == predicted.to_array(ORTH)).all())


def count_covered(
    examples: Sequence[Example], truth: Truth, symmetric: AbstractSet[str]
) -> Tuple[int, int, int]:
    """How many gold relations are candidates.

    examples (Sequence[Example]): the batch.
    truth (Truth): what it teaches.
    symmetric (AbstractSet[str]): labels whose direction does not count.
    RETURNS (Tuple[int, int, int]): gold relations, those that are candidates, and the
        most tokens between the starts of the entities of one that is none.
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

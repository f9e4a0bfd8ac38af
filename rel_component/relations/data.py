"""Relations, and the columns that store the relations of a Doc."""

from typing import (
    Any,
    Container,
    Dict,
    Iterator,
    List,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
)

import numpy
from spacy.tokens import Span

RelDict = Dict[Tuple[int, int], Dict[str, float]]
EntityKey = Tuple[int, int, str]


def get_entity_key(span: Span) -> EntityKey:
    """RETURNS (Tuple[int, int, str]): an entity as a hashable value: token start, token
    end (exclusive), type."""
    return (span.start, span.end, span.label_)


class Relation(NamedTuple):
    """A directed, labelled link between two entities of one Doc.

    head (Span): the entity that the relation starts from.
    label (str): the relation's label.
    tail (Span): the entity that the relation points to.
    score (float): confidence in [0, 1]; 1.0 for gold annotation.
    """

    head: Span
    label: str
    tail: Span
    score: float = 1.0


class RelationKey(NamedTuple):
    """A relation as a hashable value, for comparing sets of relations.

    head (Tuple[int, int, str]): token start, token end (exclusive), entity type.
    label (str): the relation's label.
    tail (Tuple[int, int, str]): like head.
    """

    head: EntityKey
    label: str
    tail: EntityKey


class RelationData(dict):
    """The columns that describe the relations of one Doc.

    spans (Ints2d): (n_entities, 2), int32, token start and exclusive end.
    types (List[str]): (n_entities,), entity types.
    pairs (Ints2d): (n_pairs, 2), int32, head and tail as rows of `spans`.
    labels (List[str]): (n_labels,).
    scores (Floats2d): (n_pairs, n_labels), float32 in [0, 1]; NaN for pairs not
        annotated with a label.
    decided (Ints2d): (n_relations, 2), int32, row of `pairs` and index of `labels` of
        the gold or predicted relations.
    complete (bool): whether other pairs have no relation.
    text (Optional[str]), chars (Optional[Ints2d]), tokens (Optional[int]): the text of
        the Doc, `spans` by its characters, and a fingerprint of its tokens, to detect
        changes of the tokens. Set by `set_relation_data`.

    A dict, so that msgpack can serialize it; it's pickled and copied as a plain dict.
    """

    def __init__(
        self,
        *,
        spans: numpy.ndarray,
        types: Sequence[str],
        pairs: numpy.ndarray,
        labels: Sequence[str],
        scores: numpy.ndarray,
        decided: numpy.ndarray,
        complete: bool = True,
        text: Optional[str] = None,
        chars: Optional[numpy.ndarray] = None,
        tokens: Optional[int] = None,
    ) -> None:
        super().__init__(
            spans=spans,
            types=list(types),
            pairs=pairs,
            labels=list(labels),
            scores=scores,
            decided=decided,
            complete=complete,
            text=text,
            chars=chars,
            tokens=tokens,
        )
        # the component that has set each label: not stored, only known in its pipeline
        self.found_by: Dict[str, str] = {}
        self._rel: Optional[RelView] = None

    def __reduce__(self) -> Tuple[Any, ...]:
        return (dict, (dict(self),))

    @property
    def spans(self) -> numpy.ndarray:
        return self["spans"]

    @property
    def types(self) -> List[str]:
        return self["types"]

    @property
    def pairs(self) -> numpy.ndarray:
        return self["pairs"]

    @property
    def labels(self) -> List[str]:
        return self["labels"]

    @property
    def scores(self) -> numpy.ndarray:
        return self["scores"]

    @property
    def decided(self) -> numpy.ndarray:
        return self["decided"]

    @property
    def complete(self) -> bool:
        return self["complete"]

    @property
    def rel(self) -> "RelView":
        """The tutorial's view of the scores, built on first reading."""
        if self._rel is None:
            rows = build_rel(self).items()
            self._rel = RelView({key: RelView(cells) for key, cells in rows})
        return self._rel

    def entity(self, row: int) -> EntityKey:
        """RETURNS (Tuple[int, int, str]): start, end and type of one entity."""
        start, end = self.spans[row].tolist()
        return (start, end, self.types[row])

    @property
    def entities(self) -> List[EntityKey]:
        """RETURNS (List[Tuple[int, int, str]]): start, end and type of each entity."""
        rows = zip(self.spans.tolist(), self.types)
        return [(start, end, type_) for (start, end), type_ in rows]

    def list_decided(self) -> Iterator[Tuple[List[int], str, float]]:
        """YIELDS (Tuple[List[int], str, float]): rows of head and tail, label and
        score."""
        rows, columns = self.decided.T
        labels = [self.labels[column] for column in columns.tolist()]
        scores = self.scores[rows, columns].tolist()
        return zip(self.pairs[rows].tolist(), labels, scores)

    def list_negatives(self) -> List[Tuple[int, int]]:
        """RETURNS (List[Tuple[int, int]]): rows of head and tail of the pairs known to
        have no relation, for incomplete annotations."""
        if self.complete:
            return []
        is_negative = (self.scores == 0).all(axis=1)  # NaN: not known
        is_negative[self.decided[:, 0]] = False
        return [(head, tail) for head, tail in self.pairs[is_negative].tolist()]

    def replace(self, **columns: Any) -> "RelationData":
        """RETURNS (RelationData): the same with other columns."""
        found = RelationData(**{**self, **columns})
        found.found_by = self.found_by
        return found

    def select(self, keep: numpy.ndarray) -> "RelationData":
        """RETURNS (RelationData): the pairs where keep, (n_pairs,) bool, is true."""
        if keep.all():
            return self
        rows = numpy.cumsum(keep) - 1
        decided = self.decided[keep[self.decided[:, 0]]].copy()
        decided[:, 0] = rows[decided[:, 0]]
        return self.replace(
            pairs=self.pairs[keep], scores=self.scores[keep], decided=decided
        )

    def drop_labels(self, labels: Container[str]) -> "RelationData":
        """RETURNS (RelationData): the data without these labels, and without pairs that
        only have scores for them."""
        columns = [i for i, label in enumerate(self.labels) if label not in labels]
        new = numpy.full(len(self.labels), -1, dtype="int32")
        new[columns] = numpy.arange(len(columns))
        decided = self.decided[new[self.decided[:, 1]] >= 0].copy()
        decided[:, 1] = new[decided[:, 1]]
        found = self.replace(
            labels=[self.labels[i] for i in columns],
            scores=self.scores[:, columns],
            decided=decided,
        )
        return found.select(~numpy.isnan(found.scores).all(axis=1))

    def keep_entities(self, keep: numpy.ndarray) -> "RelationData":
        """RETURNS (RelationData): the entities where keep, (n_entities,) bool, is true,
        and the pairs between them."""
        if keep.all():
            return self
        rows = (numpy.cumsum(keep) - 1).astype("int32")
        found = self.select(keep[self.pairs].all(axis=1))
        return found.replace(
            spans=self.spans[keep],
            types=[self.types[row] for row in numpy.flatnonzero(keep)],
            pairs=rows[found.pairs],
        )


class RelView(dict):
    """`doc._.rel` of a Doc with stored scores: a read-only dict, since changes would be
    lost.
    """

    def _read_only(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError(
            "doc._.rel shows stored scores and can't be changed in place. "
            "Assign a modified copy: rel = dict(doc._.rel); "
            "rel[(0, 4)] = {'LABEL': 1.0}; doc._.rel = rel"
        )

    __setitem__ = __delitem__ = __ior__ = _read_only
    update = setdefault = pop = popitem = clear = _read_only

    def __reduce__(self) -> Tuple[Any, ...]:
        return (dict, (dict(self),))


def build_rel(data: RelationData) -> RelDict:
    """RETURNS (RelDict): scores by the start tokens of head and tail."""
    starts = data.spans[:, 0][data.pairs].tolist()
    rel: RelDict = {}
    for (head, tail), row in zip(starts, data.scores.tolist()):
        cells = rel.setdefault((head, tail), {})
        for label, score in zip(data.labels, row):
            if score == score and score >= cells.get(label, 0.0):  # not NaN
                cells[label] = score
    return rel


def to_ints2d(rows: Sequence[Sequence[int]]) -> numpy.ndarray:
    """RETURNS (Ints2d): (n, 2), int32."""
    return numpy.asarray(rows, dtype="int32").reshape(-1, 2)

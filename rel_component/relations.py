"""Relations of a Doc: what one is, how they are stored, how they are read.

The only module that touches the storage. One Doc holds one `RelationData` in
`doc.user_data`: a dict of plain columns, so that it survives `Doc.to_bytes`,
`DocBin(store_user_data=True)`, `nlp.pipe(n_process=2)`, pickling and copying.
"""

from collections.abc import Mapping
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple

import numpy
from spacy.tokens import Doc, Span

USER_DATA_KEY = "rel_component"
COLUMNS = ("spans", "types", "pairs", "labels", "scores", "decided", "complete")
# where the tutorial's `Doc.set_extension("rel", default={})` keeps its dict
LEGACY_KEY: Any = ("._.", "rel", None, None)

RelDict = Dict[Tuple[int, int], Dict[str, float]]
EntityKey = Tuple[int, int, str]


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
    tail (Tuple[int, int, str]): as head.
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
    scores (Floats2d): (n_pairs, n_labels), float32 in [0, 1]; NaN where a pair was
        never annotated for a label.
    decided (Ints2d): (n_relations, 2), int32, row of `pairs` and index of `labels`:
        the relations decided on (gold, or predicted and accepted).
    complete (bool): whether a pair that is not listed has no relation.

    A dict, so that msgpack writes it as it is; it pickles and copies as a plain dict.
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
    ) -> None:
        super().__init__(
            spans=spans,
            types=list(types),
            pairs=pairs,
            labels=list(labels),
            scores=scores,
            decided=decided,
            complete=complete,
        )
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
            rows = _build_rel(self).items()
            self._rel = RelView({key: RelView(cells) for key, cells in rows})
        return self._rel

    def entity(self, row: int) -> EntityKey:
        """RETURNS (Tuple[int, int, str]): start, end and type of one entity."""
        start, end = self.spans[row].tolist()
        return (start, end, self.types[row])


class RelView(dict):
    """`doc._.rel` of a Doc with stored scores: a dict to read, not to write into.

    Writing into it could not reach the storage and would be lost in silence.
    """

    def _read_only(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError(
            "doc._.rel shows stored scores and can't be changed in place. "
            "Change a copy and assign it whole: rel = dict(doc._.rel); "
            "rel[(0, 4)] = {'LABEL': 1.0}; doc._.rel = rel"
        )

    __setitem__ = __delitem__ = __ior__ = _read_only
    update = setdefault = pop = popitem = clear = _read_only

    def __reduce__(self) -> Tuple[Any, ...]:
        return (dict, (dict(self),))


def get_relation_data(doc: Doc) -> Optional[RelationData]:
    """The stored columns of a Doc.

    A dict in the tutorial's form (start offsets of `doc.ents`) is read as it is.

    doc (Doc): the document.
    RETURNS (Optional[RelationData]): None if the Doc has no relations annotated.
    RAISES (ValueError): if a tutorial dict names a token where no entity starts.
    """
    data = doc.user_data.get(USER_DATA_KEY)
    if data is None:
        legacy = doc.user_data.get(LEGACY_KEY)
        if not legacy:
            return None
        # as columns from now on: only they survive to_bytes and n_process
        data = _from_rel_dict(doc, legacy)
        set_relation_data(doc, data)
        return data
    if not isinstance(data, RelationData):
        # columns of a later version are passed over
        data = RelationData(**{key: data[key] for key in COLUMNS})
        doc.user_data[USER_DATA_KEY] = data
    return data


def set_relation_data(doc: Doc, data: RelationData) -> None:
    """Store columns in a Doc, in place of whatever relations it had."""
    doc.user_data.pop(LEGACY_KEY, None)
    doc.user_data[USER_DATA_KEY] = data


def set_relations(
    doc: Doc,
    relations: Iterable[Relation],
    *,
    complete: bool = True,
    negatives: Iterable[Tuple[Span, Span]] = (),
) -> None:
    """Annotate a Doc with relations, in place of those that it had.

    doc (Doc): the document.
    relations (Iterable[Relation]): may repeat a pair with several labels.
    complete (bool): whether every pair without a relation is known to have none.
        In incomplete documents unlisted pairs are neither learned from nor scored.
    negatives (Iterable[Tuple[Span, Span]]): pairs known to have no relation, for
        incomplete documents.
    """
    entities: Dict[EntityKey, int] = {}
    pairs: Dict[Tuple[int, int], int] = {}
    labels: Dict[str, int] = {}
    cells: Dict[Tuple[int, int], float] = {}
    for head, label, tail, score in relations:
        ends = tuple(entities.setdefault(_key(x), len(entities)) for x in (head, tail))
        pair = pairs.setdefault((ends[0], ends[1]), len(pairs))
        cells[(pair, labels.setdefault(label, len(labels)))] = score
    n_related = len(pairs)
    for head, tail in negatives:
        ends = tuple(entities.setdefault(_key(x), len(entities)) for x in (head, tail))
        pairs.setdefault((ends[0], ends[1]), len(pairs))
    scores = numpy.zeros((len(pairs), len(labels)), dtype="float32")
    if not complete:
        # of a related pair only the labels given are known, of a negative one all
        scores[:n_related] = numpy.nan
    for (row, column), score in cells.items():
        scores[row, column] = score
    data = RelationData(
        spans=_ints2d([key[:2] for key in entities]),
        types=[key[2] for key in entities],
        pairs=_ints2d(list(pairs)),
        labels=list(labels),
        scores=scores,
        decided=_ints2d(list(cells)),
        complete=complete,
    )
    set_relation_data(doc, data)


def get_relations(doc: Doc) -> List[Relation]:
    """The relations decided on: gold, or predicted and accepted.

    doc (Doc): the document.
    RETURNS (List[Relation]): in the order in which they are stored.
    """
    data = get_relation_data(doc)
    if data is None or not len(data.decided):
        return []
    spans = [
        Span(doc, start, end, label=type_)
        for (start, end), type_ in zip(data.spans.tolist(), data.types)
    ]
    rows, columns = data.decided.T
    ends = data.pairs[rows].tolist()
    scores = data.scores[rows, columns].tolist()
    return [
        Relation(spans[head], data.labels[column], spans[tail], score)
        for (head, tail), column, score in zip(ends, columns.tolist(), scores)
    ]


def get_relation_keys(doc: Doc) -> Dict[RelationKey, float]:
    """The relations decided on as values to compare, with their scores.

    doc (Doc): the document.
    RETURNS (Dict[RelationKey, float]): no Span is built, so it is cheap.
    """
    data = get_relation_data(doc)
    if data is None:
        return {}
    keys = [data.entity(row) for row in range(len(data.spans))]
    return {
        RelationKey(
            keys[data.pairs[row, 0]], data.labels[column], keys[data.pairs[row, 1]]
        ): float(data.scores[row, column])
        for row, column in data.decided.tolist()
    }


def get_rel(doc: Doc) -> RelDict:
    """The tutorial's view: `{(head.start, tail.start): {label: probability}}`.

    doc (Doc): the document.
    RETURNS (Dict[Tuple[int, int], Dict[str, float]]): every stored pair. Where two
        entities start at the same token, the higher score is shown. A Doc without
        annotation has an empty dict, to be filled as in the tutorial.
    """
    data = doc.user_data.get(USER_DATA_KEY)
    if data is None:
        return doc.user_data.setdefault(LEGACY_KEY, {})
    return get_relation_data(doc).rel  # type: ignore[union-attr]


def set_rel(doc: Doc, rel: Mapping) -> None:
    """Annotate a Doc from the tutorial's view, in place of the relations it had.

    doc (Doc): the document, with `doc.ents` set.
    rel (Dict[Tuple[int, int], Dict[str, float]]): scores by token starts.
    """
    plain = {key: dict(scores) for key, scores in rel.items()}
    doc.user_data.pop(USER_DATA_KEY, None)
    doc.user_data.pop(LEGACY_KEY, None)
    if not plain:  # nothing annotated yet: it may be filled in place
        return
    starts = {ent.start for ent in doc.ents}
    if all(start in starts for key in plain for start in key):
        set_relation_data(doc, _from_rel_dict(doc, plain))
    else:  # entities may be set later: keep what was given until it is read
        doc.user_data[LEGACY_KEY] = plain


def _set_relations(doc: Doc, relations: Iterable[Relation]) -> None:
    set_relations(doc, relations)


def _key(span: Span) -> EntityKey:
    return (span.start, span.end, span.label_)


def _ints2d(rows: Sequence[Sequence[int]]) -> numpy.ndarray:
    return numpy.asarray(rows, dtype="int32").reshape(-1, 2)


def _build_rel(data: RelationData) -> RelDict:
    starts = data.spans[:, 0][data.pairs].tolist()
    rel: RelDict = {}
    for (head, tail), row in zip(starts, data.scores.tolist()):
        cells = rel.setdefault((head, tail), {})
        for label, score in zip(data.labels, row):
            if score == score and score >= cells.get(label, 0.0):  # not NaN
                cells[label] = score
    return rel


def _from_rel_dict(doc: Doc, rel: RelDict) -> RelationData:
    entities = {ent.start: i for i, ent in enumerate(doc.ents)}
    missing = sorted({start for key in rel for start in key} - set(entities))
    if missing:
        raise ValueError(
            f"doc._.rel of the document beginning {doc.text[:40]!r} names token(s) "
            f"{missing[:5]}, but no entity of doc.ents starts there (entities start "
            f"at {sorted(entities)[:10]}). Set doc.ents before doc._.rel, or write "
            f"the relations as doc._.relations, which holds whole spans."
        )
    labels: Dict[str, int] = {}
    for cells in rel.values():
        for label in cells:
            labels.setdefault(label, len(labels))
    scores = numpy.full((len(rel), len(labels)), numpy.nan, dtype="float32")
    for row, cells in enumerate(rel.values()):
        for label, score in cells.items():
            scores[row, labels[label]] = score
    with numpy.errstate(invalid="ignore"):
        decided = numpy.argwhere(scores >= 0.5).astype("int32")
    return RelationData(
        spans=_ints2d([(ent.start, ent.end) for ent in doc.ents]),
        types=[ent.label_ for ent in doc.ents],
        pairs=_ints2d([(entities[head], entities[tail]) for head, tail in rel]),
        labels=list(labels),
        scores=scores,
        decided=decided,
    )


def keep_best(scores: numpy.ndarray) -> numpy.ndarray:
    """Scores of which each pair keeps only its best.

    scores (Floats2d): (n_pairs, n_labels).
    RETURNS (Floats2d): the others are -1, below any threshold.
    """
    best = numpy.full_like(scores, -1.0)
    if scores.size:
        rows = numpy.arange(len(scores))
        columns = numpy.nan_to_num(scores, nan=-1.0).argmax(axis=1)
        best[rows, columns] = scores[rows, columns]
    return best


def find_decided(
    scores: numpy.ndarray, thresholds: numpy.ndarray, single_label: bool = False
) -> numpy.ndarray:
    """The relations that reach their label's threshold.

    scores (Floats2d): (n_pairs, n_labels); NaN is never reached.
    thresholds (Floats1d): (n_labels,).
    single_label (bool): only the best label of each pair.
    RETURNS (Ints2d): (n_relations, 2), int32, pair and label, sorted.
    """
    if single_label:
        scores = keep_best(scores)
    # flat, since numpy finds the cells of a matrix many times slower
    cells = numpy.flatnonzero((scores >= thresholds.astype(scores.dtype)).ravel())
    return numpy.stack(divmod(cells, max(scores.shape[1], 1)), axis=1).astype("int32")


def decide_again(
    doc: Doc, thresholds: numpy.ndarray, single_label: bool = False
) -> None:
    """Decide anew on the relations of a Doc, from its stored scores: no model runs.

    doc (Doc): with the scores of all pairs.
    thresholds (Floats1d): (n_labels,), in the order of the stored labels.
    single_label (bool): only the best label of each pair.
    """
    data = get_relation_data(doc)
    if data is not None:
        decided = find_decided(data.scores, thresholds, single_label)
        set_relation_data(doc, RelationData(**{**data, "decided": decided}))


def register_extensions() -> None:
    """Register `doc._.relations` and `doc._.rel`; done on importing the package."""
    Doc.set_extension("rel", getter=get_rel, setter=set_rel, force=True)
    Doc.set_extension(
        "relations", getter=get_relations, setter=_set_relations, force=True
    )


# key in doc.user_data: a dict of file, line, index, id, group
SOURCE_KEY = "rel_component_source"

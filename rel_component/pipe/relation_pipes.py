"""All components of a pipeline that predict relations, as one.

Relation extractors, rulers, zero-shot models and custom components: evaluation,
service and pre-annotation support any pipe that has `doc._.relations` in its `assigns`.
"""

from typing import (
    Any,
    Collection,
    Dict,
    FrozenSet,
    Iterable,
    List,
    Optional,
    Sequence,
    Tuple,
)

import numpy
from spacy.language import Language
from spacy.tokens import Doc

from ..pattern_ids import find_ruled, get_key
from ..relations import (
    RelationData,
    find_decided,
    get_relation_data,
    get_relations,
    keep_best,
)
from ..schema import Schema
from ..wording import agree, list_some
from .calibration import Line
from .extractor import RelationExtractor

ASSIGNS = "doc._.relations"


class RelationPipes:
    """The components that predict relations, in pipeline order.

    nlp (Language): a pipeline with at least one of them.
    """

    def __init__(self, nlp: Language) -> None:
        self.names = list_relation_pipes(nlp)
        self.pipes: List[Any] = [nlp.get_pipe(name) for name in self.names]
        # labels of components without a list of labels
        self.seen_labels: Tuple[str, ...] = ()

    @property
    def extractor(self) -> Optional[RelationExtractor]:
        """RETURNS (Optional[RelationExtractor]): the trained component."""
        for pipe in self.pipes:
            if isinstance(pipe, RelationExtractor):
                return pipe
        return None

    @property
    def labels(self) -> Tuple[str, ...]:
        """RETURNS (Tuple[str, ...]): the distinct labels of all components."""
        known = [getattr(pipe, "labels", ()) for pipe in self.pipes]
        return _unite([*known, self.seen_labels])

    @property
    def knows_labels(self) -> bool:
        """RETURNS (bool): whether all components list their labels."""
        return all(hasattr(pipe, "labels") for pipe in self.pipes)

    def add_labels(self, docs: Iterable[Doc]) -> None:
        """Add the labels of predictions to those that the components list.

        docs (Iterable[Doc]): predicted documents.
        """
        found = {relation.label for doc in docs for relation in get_relations(doc)}
        self.seen_labels = _unite([self.seen_labels, sorted(found)])

    @property
    def entity_types(self) -> Tuple[str, ...]:
        """RETURNS (Tuple[str, ...]): the entity types that the components know."""
        return _unite(_get_entity_types(pipe) for pipe in self.pipes)

    def find_unknown_types(self, types: Iterable[str]) -> List[str]:
        """RETURNS (List[str]): the entity types that the relation extractor doesn't
        know; empty if it doesn't use types.

        types (Iterable[str]): entity types.
        """
        known = self._known_types
        return sorted(set(types) - set(known)) if known else []

    def explain_unknown_types(self, types: Collection[str]) -> str:
        """RETURNS (str): message about entity types that it doesn't know.

        types (Collection[str]): see `find_unknown_types`.
        """
        return (
            f"The relation extractor doesn't know the entity "
            f"{agree(len(types), 'type', 'types')} {list_some(types)}, so it misses "
            f"relations or gives them other scores. It knows "
            f"{list_some(self._known_types)}."
        )

    @property
    def _known_types(self) -> List[str]:
        return [] if self.extractor is None else list_known_types(self.extractor)

    @property
    def symmetric(self) -> FrozenSet[str]:
        """RETURNS (FrozenSet[str]): labels without a direction."""
        return frozenset(_unite(getattr(x, "symmetric", ()) for x in self.pipes))

    @property
    def schema(self) -> Optional[Schema]:
        """RETURNS (Optional[Schema]): the allowed relations; None: any."""
        schemas = [(x, getattr(x, "schema", None)) for x in self.pipes]
        if all(schema is None for _, schema in schemas):
            return None
        pairs: Dict[str, Any] = {}
        for pipe, schema in schemas:
            for label in getattr(pipe, "labels", ()):
                found = None if schema is None else schema.pairs.get(label)
                known = pairs.setdefault(label, found)
                if known is not None:
                    pairs[label] = None if found is None else known | found
        own = self.extractor.schema if self.extractor else None
        return Schema(
            pairs,
            symmetric=self.symmetric & set(pairs),
            constraints=own.constraints if own else None,
        )

    @property
    def spans_key(self) -> Optional[str]:
        """RETURNS (Optional[str]): the key of `doc.spans` that holds the entities; None
        for `doc.ents`."""
        return next(iter(self.spans_keys), None)

    @property
    def spans_keys(self) -> Tuple[str, ...]:
        """RETURNS (Tuple[str, ...]): the distinct keys of `doc.spans` from which the
        components take entities."""
        keys = (get_pipe_spans_key(pipe) for pipe in self.pipes)
        return tuple(dict.fromkeys(key for key in keys if key is not None))

    @property
    def single_label(self) -> bool:
        """RETURNS (bool): whether only the best label of each pair is predicted."""
        return all(getattr(pipe, "single_label", False) for pipe in self.pipes)

    def list_single(self, labels: Sequence[str]) -> List[List[int]]:
        """List the labels of which a pair has only the best one, see `keep_best`.

        labels (Sequence[str]): the labels of columns of scores.
        RETURNS (List[List[int]]): for each component with `single_label`, the columns
            of its labels.
        """
        # the last one replaces relations of others with the same labels
        owners = {
            label: pipe
            for pipe in self.pipes
            for label in getattr(pipe, "labels", ())
            if hasattr(pipe, "single_label")
        }
        return [
            [i for i, label in enumerate(labels) if owners.get(label) is pipe]
            for pipe in self.pipes
            if getattr(pipe, "single_label", False)
        ]

    def decide(self, doc: Doc, threshold: float) -> numpy.ndarray:
        """Decide on the relations of a predicted Doc, as with `use_threshold`.

        doc (Doc): a Doc with the scores of all pairs.
        threshold (float): the threshold of all labels.
        RETURNS (Ints2d): (n_relations, 2), int32, pair and label.
        """
        data = get_relation_data(doc)
        if data is None:
            return numpy.zeros((0, 2), dtype="int32")
        # a ruler's relations are kept beside the best label of a pair
        ruled, scores = find_ruled(doc), data.scores.copy()
        is_ruled = [get_key(relation) in ruled for relation in get_relations(doc)]
        cells = tuple(data.decided[numpy.asarray(is_ruled, dtype=bool)].T)
        scores[cells] = numpy.nan
        scores = keep_best(scores, self.list_single(data.labels))
        scores[cells] = data.scores[cells]
        return find_decided(scores, numpy.full(len(data.labels), threshold))

    def constrain(self, data: RelationData, threshold: float) -> RelationData:
        """Apply the constraints of the extractor's schema, see `decide`.

        data (RelationData): relations and scores.
        threshold (float): the threshold of all labels.
        RETURNS (RelationData): with the relations that satisfy them.
        """
        if self.extractor is None:
            return data
        return self.extractor.constrain(data, dict.fromkeys(data.labels, threshold))

    @property
    def threshold(self) -> float:
        """RETURNS (float): the extractor's threshold, else the first component's."""
        return _get_threshold(self.extractor or self.pipes[0])

    @property
    def thresholds(self) -> Dict[str, float]:
        """RETURNS (Dict[str, float]): thresholds of labels that differ from
        `threshold`."""
        found: Dict[str, float] = {}
        for pipe in sorted(self.pipes, key=lambda x: x is not self.extractor):
            own = getattr(pipe, "thresholds", {})
            for label in getattr(pipe, "labels", ()):
                found.setdefault(label, own.get(label, _get_threshold(pipe)))
        return {label: x for label, x in found.items() if x != self.threshold}

    @property
    def calibration(self) -> Dict[str, Line]:
        """RETURNS (Dict[str, Tuple[float, float]]): the extractor's calibration."""
        return self.extractor.calibration if self.extractor else {}

    def get_thresholds(self, labels: Sequence[str]) -> numpy.ndarray:
        """RETURNS (Floats1d): (n_labels,), the threshold of each label.

        labels (Sequence[str]): the labels; those that no component has get `threshold`.
        """
        own = self.thresholds
        return numpy.asarray([own.get(x, self.threshold) for x in labels])

    def use_threshold(self, value: float) -> None:
        """Use one threshold for all components and labels.

        value (float): the threshold.
        RAISES (ValueError): if it's not a probability, or a component has no threshold.
        """
        for name, pipe in zip(self.names, self.pipes):
            if isinstance(pipe, RelationExtractor):
                pipe.use_threshold(value)
            elif hasattr(pipe, "threshold"):
                pipe.threshold = value
            else:
                raise ValueError(f"The component {name} has no threshold to change.")


def list_known_types(extractor: RelationExtractor) -> List[str]:
    """RETURNS (List[str]): entity types that the model uses; empty if it uses none."""
    attrs = extractor.model.attrs
    is_typed = any(attrs.get(x) for x in ("use_types", "typed", "type_width"))
    return list(attrs["entity_types"]) if is_typed else []


def list_relation_pipes(nlp: Language) -> List[str]:
    """RETURNS (List[str]): the components of a pipeline that predict relations."""
    return [
        name
        for name, pipe in nlp.pipeline
        if ASSIGNS in nlp.get_pipe_meta(name).assigns
        or isinstance(pipe, RelationExtractor)
    ]


def get_pipe_spans_key(pipe: Any) -> Optional[str]:
    """RETURNS (Optional[str]): the key of `doc.spans` from which a component takes
    entities; None for `doc.ents`."""
    if isinstance(pipe, RelationExtractor):
        return getattr(pipe.model.attrs["get_instances"], "spans_key", None)
    return getattr(pipe, "spans_key", None)


def _get_entity_types(pipe: Any) -> Iterable[str]:
    if isinstance(pipe, RelationExtractor):
        return pipe.model.attrs.get("entity_types", ())
    return getattr(pipe, "entity_types", ())


def _get_threshold(pipe: Any) -> float:
    return getattr(pipe, "threshold", 0.5)


def _unite(groups: Iterable[Iterable[str]]) -> Tuple[str, ...]:
    return tuple(dict.fromkeys(name for group in groups for name in group))

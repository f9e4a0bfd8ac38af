"""The relation ruler: a rule-based pipe for relations, like spaCy's span ruler."""

import warnings
from itertools import compress
from pathlib import Path
from typing import (
    Any,
    Callable,
    Dict,
    Iterable,
    Iterator,
    List,
    Optional,
    Sequence,
    Set,
    Tuple,
    Union,
)

import numpy
import srsly
from spacy import util
from spacy.attrs import IDX, LENGTH
from spacy.errors import Errors, Warnings
from spacy.language import Language
from spacy.matcher.levenshtein import levenshtein_compare
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import SimpleFrozenList

from ..checks import check_probability
from ..model.candidates import Entities, get_entities
from ..pattern_ids import read_ids, write_ids
from ..relations import RelationData, get_relation_data, set_relation_data
from ..schema import Schema
from ..scorer import SCORE_WEIGHTS, relation_scorer
from .merging import merge_relations
from .pattern_matcher import PatternMatcher, PatternMatches
from .patterns import RelationPatternType, read_pattern
from .untrained import UntrainedPipe

PATTERNS_FILE = "patterns.jsonl"
# other attributes are set by the pipeline and unknown when patterns are added
PHRASE_ATTRS = ("ORTH", "LOWER", "NORM", "SHAPE")

Matches = Tuple[Entities, PatternMatches]


@Language.factory(
    "relation_ruler",
    assigns=["doc._.rel", "doc._.relations"],
    default_config={
        "spans_key": None,
        "symmetric": [],
        "threshold": 0.0,
        "phrase_matcher_attr": "LOWER",
        "matcher_fuzzy_compare": {"@misc": "spacy.levenshtein_compare.v1"},
        "overwrite": False,
        "scorer": {"@scorers": "rel_component.relation_scorer.v1"},
    },
    default_score_weights=SCORE_WEIGHTS,
)
def make_relation_ruler(
    nlp: Language,
    name: str,
    *,
    spans_key: Optional[str],
    symmetric: List[str],
    threshold: float,
    phrase_matcher_attr: str,
    matcher_fuzzy_compare: Callable,
    overwrite: bool,
    scorer: Optional[Callable],
) -> "RelationRuler":
    """Construct a relation ruler.

    spans_key (Optional[str]): take entities from `doc.spans[spans_key]`; None takes
        `doc.ents`.
    symmetric (List[str]): labels without a direction: their relations are set in both
        directions.
    threshold (float): minimum score of the patterns to use.
    phrase_matcher_attr (str): token attribute to match phrases on.
    matcher_fuzzy_compare (Callable): comparison for FUZZY operators in token patterns.
    overwrite (bool): replace existing relations of a pair that a pattern matches; if
        False, keep both.
    scorer (Optional[Callable]): scores examples.
    """
    return RelationRuler(
        nlp,
        name,
        spans_key=spans_key,
        symmetric=symmetric,
        threshold=threshold,
        phrase_matcher_attr=phrase_matcher_attr,
        matcher_fuzzy_compare=matcher_fuzzy_compare,
        overwrite=overwrite,
        scorer=scorer,
    )


class RelationRuler(UntrainedPipe):
    """Set relations between the entities of a Doc based on patterns."""

    def __init__(
        self,
        nlp: Language,
        name: str = "relation_ruler",
        *,
        spans_key: Optional[str] = None,
        symmetric: Iterable[str] = (),
        threshold: float = 0.0,
        phrase_matcher_attr: str = "LOWER",
        matcher_fuzzy_compare: Callable = levenshtein_compare,
        overwrite: bool = False,
        scorer: Optional[Callable] = relation_scorer,
    ) -> None:
        """Initialize a relation ruler: see `make_relation_ruler`."""
        if phrase_matcher_attr not in PHRASE_ATTRS:
            raise ValueError(
                f"phrase_matcher_attr is {phrase_matcher_attr!r}; expected one of "
                f"{', '.join(PHRASE_ATTRS)}. To match other attributes, use token "
                "patterns, such as [{'LEMMA': 'work'}]."
            )
        self.nlp = nlp
        self.vocab = nlp.vocab
        self.name = name
        self.spans_key = spans_key
        self.phrase_matcher_attr = phrase_matcher_attr
        self.matcher_fuzzy_compare = matcher_fuzzy_compare
        self.overwrite = overwrite
        self.scorer = scorer
        self.cfg: Dict[str, Any] = {
            "symmetric": sorted(symmetric),
            "threshold": check_probability(threshold, "threshold"),
        }
        self.clear()

    def __len__(self) -> int:
        """RETURNS (int): the number of patterns."""
        return len(self._patterns)

    def __contains__(self, label: str) -> bool:
        """RETURNS (bool): whether a pattern has this label."""
        return label in self.labels

    @property
    def labels(self) -> Tuple[str, ...]:
        """RETURNS (Tuple[str, ...]): the labels of the patterns, sorted."""
        return tuple(sorted({pattern["label"] for pattern in self._patterns}))

    @property
    def ids(self) -> Tuple[str, ...]:
        """RETURNS (Tuple[str, ...]): the ids of the patterns, sorted."""
        return tuple(sorted({x["id"] for x in self._patterns if x.get("id")}))

    @property
    def patterns(self) -> List[RelationPatternType]:
        """RETURNS (List[Dict[str, Any]]): the patterns as they were added."""
        return list(self._patterns)

    @property
    def threshold(self) -> float:
        """RETURNS (float): minimum score of the patterns to use."""
        return self.cfg["threshold"]

    @threshold.setter
    def threshold(self, value: float) -> None:
        self.cfg["threshold"] = check_probability(value, "threshold")

    @property
    def schema(self) -> Schema:
        """RETURNS (Schema): the entity types that patterns link."""
        pairs: Dict[str, Optional[Set[Tuple[str, str]]]] = {}
        for pattern in self._matcher.patterns:
            allowed = pairs.setdefault(pattern.label, set())
            if allowed is None or not pattern.head or not pattern.tail:
                pairs[pattern.label] = None  # the pattern allows any types
            else:
                allowed |= {(h, t) for h in pattern.head for t in pattern.tail}
        return Schema(pairs, symmetric=self.symmetric & set(pairs))

    @property
    def entity_types(self) -> Tuple[str, ...]:
        """RETURNS (Tuple[str, ...]): the entity types in the patterns, sorted."""
        patterns = self._matcher.patterns
        return tuple(sorted({x for p in patterns for x in (*p.head, *p.tail)}))

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Optional[Language] = None,
        patterns: Optional[Iterable[RelationPatternType]] = None,
    ) -> None:
        """Initialize the pipe and replace its patterns.

        get_examples (Callable[[], Iterable[Example]]): the training data; not used.
        nlp (Optional[Language]): the pipeline.
        patterns (Optional[Iterable[Dict[str, Any]]]): the patterns, such as those that
            `srsly.read_jsonl.v1` reads.
        RAISES (ValueError): if a pattern is wrong.
        """
        self.clear()
        if patterns:
            self.add_patterns(patterns)

    def add_patterns(self, patterns: Iterable[RelationPatternType]) -> None:
        """Add patterns. If one is invalid, none is added.

        patterns (Iterable[Dict[str, Any]]): see `patterns.RelationPattern` for their
            fields; only `label` is required.
        RAISES (ValueError): if a pattern is invalid.
        """
        self._add_patterns(patterns, lambda i: f"patterns[{i}]")

    def _add_patterns(
        self, patterns: Iterable[RelationPatternType], name: Callable[[int], str]
    ) -> None:
        if isinstance(patterns, (dict, str, bytes)):
            raise ValueError(
                f"patterns is a {type(patterns).__name__}; expected a list of objects."
            )
        added = list(patterns)
        read = [read_pattern(pattern, name(i)) for i, pattern in enumerate(added)]
        try:
            for i, pattern in enumerate(read):
                self._matcher.add(pattern, name(i))
        except Exception:
            self._build_matcher()  # without the patterns before the invalid one
            raise
        self._patterns.extend(added)

    def clear(self) -> None:
        """Remove all patterns."""
        self._patterns: List[RelationPatternType] = []
        self._build_matcher()

    def _build_matcher(self) -> None:
        self._matcher = PatternMatcher(
            self.nlp,
            phrase_attr=self.phrase_matcher_attr,
            fuzzy_compare=self.matcher_fuzzy_compare,
        )
        for i, pattern in enumerate(self._patterns):
            where = f"patterns[{i}]"
            self._matcher.add(read_pattern(pattern, where), where)

    def remove(self, label: str) -> None:
        """Remove the patterns of a label.

        label (str): the label.
        RAISES (ValueError): if no pattern has this label.
        """
        self._remove("label", label)

    def remove_by_id(self, pattern_id: str) -> None:
        """Remove the patterns with an id.

        pattern_id (str): the id.
        RAISES (ValueError): if no pattern has this id.
        """
        self._remove("id", pattern_id)

    def _remove(self, field: str, value: str) -> None:
        kept = [x for x in self._patterns if x.get(field) != value]
        if len(kept) == len(self._patterns):
            kind = "ID" if field == "id" else field
            raise ValueError(
                Errors.E1024.format(attr_type=kind, label=value, component=self.name)
            )
        self._patterns = kept
        self._build_matcher()

    def _annotate(self, docs: Sequence[Doc]) -> None:
        self.set_annotations(docs, self.predict(docs))

    def predict(self, docs: Iterable[Doc]) -> Matches:
        """Match the patterns in a batch, without modifying the Docs.

        docs (Iterable[Doc]): the batch.
        RETURNS (Tuple[Entities, PatternMatches]): the entities, and the pairs that
            match.
        """
        docs = list(docs)
        if not self._patterns:
            warnings.warn(Warnings.W036.format(name=self.name), stacklevel=2)
        entities = get_entities(docs, self.spans_key)
        return entities, self._matcher(docs, entities, self.symmetric)

    def set_annotations(self, docs: Iterable[Doc], matches: Matches) -> None:
        """Add relations to the Docs' existing ones.

        docs (Iterable[Doc]): the batch.
        matches (Tuple[Entities, PatternMatches]): what `predict` returned for it.
        """
        docs = list(docs)
        for doc, data in zip(docs, self._build_data(docs, *matches)):
            before = get_relation_data(doc)
            if before is not None:
                data = merge_relations(before, data, replace=self.overwrite)
            set_relation_data(doc, data)

    def _build_data(
        self, docs: Sequence[Doc], entities: Entities, found: PatternMatches
    ) -> Iterator[RelationData]:
        """YIELDS (RelationData): the matches of each Doc; the patterns' ids are stored
        in the Doc."""
        names = self.labels
        types = [self.vocab.strings[type_] for type_ in entities.types.tolist()]
        owners = entities.docs[found.pairs[:, 0]]
        # one row per pair, which may have several labels
        is_new = numpy.ones(len(owners), dtype=bool)
        is_new[1:] = (found.pairs[1:] != found.pairs[:-1]).any(axis=1)
        columns = numpy.asarray([names.index(label) for label in found.labels], int)
        cells = numpy.stack([numpy.cumsum(is_new) - 1, columns], axis=1).astype("int32")
        scores = numpy.full((int(is_new.sum()), len(names)), numpy.nan, "float32")
        scores[cells[:, 0], columns] = found.scores
        is_decided = found.scores >= numpy.float32(self.threshold)
        pairs = found.pairs[is_new]
        numbers = numpy.arange(len(docs) + 1)
        borders = numpy.searchsorted(owners, numbers).tolist()
        row_borders = numpy.searchsorted(owners[is_new], numbers).tolist()
        ent_borders = entities.offsets.tolist()
        for i, doc in enumerate(docs):
            ents = slice(ent_borders[i], ent_borders[i + 1])
            rows = slice(row_borders[i], row_borders[i + 1])
            at = slice(borders[i], borders[i + 1])
            own_cells = cells[at] - numpy.asarray([rows.start, 0], dtype="int32")
            data = RelationData(
                spans=entities.spans[ents],
                types=types[ents],
                pairs=pairs[rows] - numpy.int32(ents.start),
                labels=names,
                # a copy, since a view would keep the whole batch in memory
                scores=scores[rows].copy(),
                decided=own_cells[is_decided[at]],
            )
            if len(own_cells):
                ids = compress(found.ids[at], is_decided[at])
                _store_ids(doc, data, data.decided, ids)
            yield data

    def to_bytes(self, *, exclude: Iterable[str] = SimpleFrozenList()) -> bytes:
        """RETURNS (bytes): the patterns."""
        serializers = {"patterns": lambda: srsly.json_dumps(self._patterns)}
        return util.to_bytes(serializers, exclude)

    def from_bytes(
        self, bytes_data: bytes, *, exclude: Iterable[str] = SimpleFrozenList()
    ) -> "RelationRuler":
        """Load patterns, replacing existing ones.

        bytes_data (bytes): the output of `to_bytes`.
        RETURNS (RelationRuler): the ruler.
        """
        self.clear()
        read = {"patterns": lambda data: self.add_patterns(srsly.json_loads(data))}
        util.from_bytes(bytes_data, read, exclude)
        return self

    def to_disk(
        self, path: Union[str, Path], *, exclude: Iterable[str] = SimpleFrozenList()
    ) -> None:
        """Save the patterns.

        path (Union[str, Path]): a `.jsonl` file, or a folder.
        """
        path = Path(path)
        if path.suffix == ".jsonl":
            srsly.write_jsonl(path, self._patterns)
            return
        write = {PATTERNS_FILE: lambda file: srsly.write_jsonl(file, self._patterns)}
        util.to_disk(path, write, exclude)

    def from_disk(
        self, path: Union[str, Path], *, exclude: Iterable[str] = SimpleFrozenList()
    ) -> "RelationRuler":
        """Load patterns, replacing existing ones.

        path (Union[str, Path]): a `.jsonl` file, or a folder written by `to_disk`.
        RETURNS (RelationRuler): the ruler.
        RAISES (ValueError): if the file can't be read, or a pattern is invalid.
        """
        self.clear()
        path = Path(path)
        if path.suffix == ".jsonl":
            self._read_file(path)
            return self
        util.from_disk(path, {PATTERNS_FILE: self._read_file}, exclude)
        return self

    def _read_file(self, path: Path) -> None:
        lines, patterns = read_patterns(path)
        self._add_patterns(patterns, lambda i: f"{path}, line {lines[i]}")


def read_patterns(path: Path) -> Tuple[List[int], List[RelationPatternType]]:
    """Read a file of patterns.

    path (Path): JSON lines.
    RETURNS (Tuple[List[int], List[Dict[str, Any]]]): line numbers, and patterns.
    RAISES (ValueError): if the file can't be read.
    """
    if not path.is_file():
        raise ValueError(
            f"{path}: file not found; expected patterns, one JSON object per line."
        )
    lines: List[int] = []
    patterns: List[RelationPatternType] = []
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path}: byte {error.start} is not valid UTF-8. Save the file as UTF-8."
        ) from error
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            patterns.append(srsly.json_loads(line))
        except ValueError as error:
            raise ValueError(
                f"{path}, line {number}: invalid JSON ({error}); expected one pattern "
                "per line."
            ) from error
        lines.append(number)
    return lines, patterns


def _store_ids(
    doc: Doc, data: RelationData, cells: numpy.ndarray, ids: Iterable[str]
) -> None:
    """Store the relations' pattern ids, in addition to those of previous rulers."""
    known = read_ids(doc)
    places = doc.to_array([IDX, LENGTH]).astype("int64")
    starts = places[data.spans[:, 0], 0].tolist()
    ends = places[data.spans[:, 1] - 1].sum(axis=1).tolist()
    pairs = data.pairs[cells[:, 0]].tolist()
    for (head, tail), column, id_ in zip(pairs, cells[:, 1].tolist(), ids):
        label = data.labels[column]
        known[(starts[head], ends[head], label, starts[tail], ends[tail])] = id_
    write_ids(doc, known)

"""Measure the pairs and gold relations that candidate settings keep."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Counter as CounterType
from typing import Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple

import numpy
from spacy.tokens import Doc
from spacy.training import Example

from ..model.candidates import Candidates, PairGenerator
from ..pipe.truth import find_rows
from ..relations import get_relation_data
from ..schema import TypePair
from .counts import has_sentences

MAX_LENGTHS = (None, 100, 50, 20, 10)
MAX_SENTENCES = (2, 1, 0)


class Setting(NamedTuple):
    """Arguments of `rel_component.PairGenerator.v1`."""

    spans_key: Optional[str] = None
    max_length: Optional[int] = None
    max_sentences: Optional[int] = None


def list_settings(spans_key: Optional[str]) -> List[Setting]:
    """List the settings to compare: distances, and windows of sentences.

    spans_key (Optional[str]): key of `doc.spans` to compare with `doc.ents`.
    RETURNS (List[Setting]): grouped by the source of entities.
    """
    keys = [None] if spans_key is None else [None, spans_key]
    limits: List[Tuple[Optional[int], Optional[int]]] = [
        *((n, None) for n in MAX_LENGTHS),
        *((None, n) for n in MAX_SENTENCES),
    ]
    return [Setting(key, *limit) for key in keys for limit in limits]


@dataclass
class Coverage:
    """The effect of one setting on some documents.

    documents (int): number of documents.
    candidates (int): pairs to score.
    unknown (int): candidates without annotation, in incompletely annotated documents.
    positive (int): candidates with a relation.
    relations (Counter): gold relations by label.
    lost (Counter): gold relations that are not candidates, by label.
    types (Counter): candidates by (head type, tail type), for settings without limits.
    """

    documents: int = 0
    candidates: int = 0
    unknown: int = 0
    positive: int = 0
    relations: CounterType[str] = field(default_factory=Counter)
    lost: CounterType[str] = field(default_factory=Counter)
    types: CounterType[TypePair] = field(default_factory=Counter)

    def __iadd__(self, other: "Coverage") -> "Coverage":
        self.documents += other.documents
        self.candidates += other.candidates
        self.unknown += other.unknown
        self.positive += other.positive
        self.relations.update(other.relations)
        self.lost.update(other.lost)
        self.types.update(other.types)
        return self


def measure_coverage(
    docs: Sequence[Doc], settings: Iterable[Setting]
) -> Dict[Setting, Coverage]:
    """Measure the effect of each setting on documents, with the generator used in
    training.

    docs (Sequence[Doc]): a batch of annotated documents. Those without sentence
        boundaries are ignored for windows of sentences.
    settings (Iterable[Setting]): the settings.
    RETURNS (Dict[Setting, Coverage]): the effect of each setting.
    """
    examples = [Example(doc, doc) for doc in docs]
    divided = [example for example in examples if has_sentences(example.reference)]
    entities = {}
    found = {}
    for setting in settings:
        is_window = setting.max_sentences is not None
        some = divided if is_window else examples
        batch = [example.reference for example in some]
        generator = PairGenerator(**setting._asdict())
        source = (setting.spans_key, is_window)
        if source not in entities:
            entities[source] = generator.get_entities(batch)
        candidates = generator.get_pairs(batch, entities[source])
        found[setting] = _measure(some, candidates)
        if setting == Setting(setting.spans_key):
            found[setting].types = _count_types(batch, candidates)
    return found


def _measure(examples: Sequence[Example], candidates: Candidates) -> Coverage:
    coverage = Coverage(documents=len(examples), candidates=len(candidates))
    for i, example in enumerate(examples):
        _, pairs = candidates.of_doc(i)
        data = get_relation_data(example.reference)
        # without annotations, training uses all pairs as negatives
        if data is None or (data.complete and not len(data.decided)):
            continue
        rows = find_rows(example, data, candidates, i)
        if not data.complete:
            n_known = len(numpy.unique(rows[rows >= 0]))
            coverage.unknown += pairs.stop - pairs.start - n_known
        at, columns = data.decided.T
        is_lost = rows[at] < 0
        coverage.positive += len(numpy.unique(rows[at[~is_lost]]))
        coverage.relations.update(data.labels[c] for c in columns.tolist())
        coverage.lost.update(data.labels[c] for c in columns[is_lost].tolist())
    return coverage


def _count_types(docs: Sequence[Doc], candidates: Candidates) -> CounterType[TypePair]:
    if not len(candidates):
        return Counter()
    hashes, number = numpy.unique(candidates.entities.types, return_inverse=True)
    heads, tails = number[candidates.pairs].T
    counts = numpy.bincount(heads * len(hashes) + tails)
    types = [docs[0].vocab.strings[hash_] for hash_ in hashes.tolist()]
    codes = numpy.flatnonzero(counts).tolist()
    return Counter(
        {
            (types[code // len(types)], types[code % len(types)]): int(counts[code])
            for code in codes
        }
    )

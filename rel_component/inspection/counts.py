"""Count the content of annotated documents in one pass."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Counter as CounterType
from typing import Dict, Iterable, List, Optional, Tuple

import numpy
from spacy.attrs import SENT_START
from spacy.tokens import Doc

from ..relations import (
    SOURCE_KEY,
    EntityKey,
    LabelConstraints,
    RelationKey,
    count_support,
    get_entity_key,
    get_relation_data,
    get_relation_keys,
)
from .overlaps import count_overlaps, find_crossing

# each is counted for each label
EVERY = LabelConstraints(max_tails=1, max_heads=1, acyclic=True, transitive=True)
N_PLACES = 3
N_LONGEST = 5
SENTENCE_ENDS = frozenset(".!?…。！？।؟")

Kind = Tuple[str, ...]
Numbers = CounterType[Tuple[str, int]]


@dataclass
class Counts:
    """The counts of one split; `merge` adds up several.

    documents (Counter): documents by properties, such as missing annotations.
    span_keys (Counter): documents by keys of `doc.spans`.
    lengths (Counter): documents by number of tokens.
    longest (List[Tuple[int, str]]): tokens and location of the longest documents.
    entities (Counter): entities by kind of overlap.
    entity_types (Counter): entities by type.
    entity_lengths (Counter): entities by number of tokens.
    relations (Counter): relations and pairs, by unusual properties.
    labels (Counter): relations by label.
    type_pairs (Counter): relations by (head type, label, tail type).
    both_ways (Counter): relations whose reverse exists, by label.
    forward (Counter): relations whose head comes first, by label.
    label_sets (Counter): pairs with multiple labels, by their labels.
    distances (Counter): relations by label and number of tokens between the starts, as
        limited by `max_length`.
    gaps (Counter): relations by label and number of tokens between the entities; 0 if
        they overlap.
    sentences (Counter): relations by label and number of sentence boundaries between
        the starts, in documents with sentence boundaries.
    constraints (Counter): cases in which constraints hold, see `count_support`, in
        completely annotated documents.
    places (Dict[Kind, List[str]]): locations of some unusual ones.
    """

    documents: CounterType[str] = field(default_factory=Counter)
    span_keys: CounterType[str] = field(default_factory=Counter)
    lengths: CounterType[int] = field(default_factory=Counter)
    longest: List[Tuple[int, str]] = field(default_factory=list)
    entities: CounterType[str] = field(default_factory=Counter)
    entity_types: CounterType[str] = field(default_factory=Counter)
    entity_lengths: CounterType[int] = field(default_factory=Counter)
    relations: CounterType[str] = field(default_factory=Counter)
    labels: CounterType[str] = field(default_factory=Counter)
    type_pairs: CounterType[Tuple[str, str, str]] = field(default_factory=Counter)
    both_ways: CounterType[str] = field(default_factory=Counter)
    forward: CounterType[str] = field(default_factory=Counter)
    label_sets: CounterType[Kind] = field(default_factory=Counter)
    distances: Numbers = field(default_factory=Counter)
    gaps: Numbers = field(default_factory=Counter)
    sentences: Numbers = field(default_factory=Counter)
    constraints: CounterType[Kind] = field(default_factory=Counter)
    places: Dict[Kind, List[str]] = field(default_factory=dict)

    def add(self, doc: Doc, spans_key: Optional[str]) -> None:
        """Count one document.

        doc (Doc): the document.
        spans_key (Optional[str]): key of `doc.spans` for all entities; None:
            `doc.ents`.
        """
        place = get_place(doc)
        self.lengths[len(doc)] += 1
        self.longest = sorted([*self.longest, (len(doc), place)], key=_by_length)
        del self.longest[N_LONGEST:]
        relations = list(get_relation_keys(doc))
        entities = self._add_entities(doc, spans_key, place)
        self._add_document(doc, spans_key, relations, entities)
        self._add_relations(relations, set(entities), place)
        self._add_distances(doc, relations)
        data = get_relation_data(doc)
        if data is not None and data.complete:
            found = count_support(relations, entities, lambda label: EVERY)
            self.constraints.update(found)

    def _add_document(
        self,
        doc: Doc,
        spans_key: Optional[str],
        relations: List[RelationKey],
        entities: List[EntityKey],
    ) -> None:
        data = get_relation_data(doc)
        facts = {
            "all": True,
            "without annotation": data is None,
            "without entities": not entities,
            "without relations": not relations,
            "incomplete": data is not None and not data.complete,
            "without sentence boundaries": not has_sentences(doc),
            "of one sentence": _is_one_sentence(doc),
            "with the span group": spans_key in doc.spans,
        }
        self.documents.update(name for name, is_true in facts.items() if is_true)
        self.span_keys.update(list(doc.spans))

    def _add_entities(
        self, doc: Doc, spans_key: Optional[str], place: str
    ) -> List[EntityKey]:
        ents = [get_entity_key(ent) for ent in doc.ents]
        group = []
        if spans_key in doc.spans:
            group = [get_entity_key(span) for span in doc.spans[spans_key]]
        entities = sorted({*ents, *group})
        self.entity_types.update(type_ for _, _, type_ in entities)
        self.entity_lengths.update(end - start for start, end, _ in entities)
        self.entities["all"] += len(entities)
        self.entities["not in doc.ents"] += len(entities) - len(ents)
        self.entities["repeated"] += len(group) - len(set(group))
        if len(ents) < len(entities):  # doc.ents can't overlap
            self.entities.update(count_overlaps(entities))
            for first, second in find_crossing(entities):
                texts = [doc[start:end].text for start, end, _ in (first, second)]
                self._note(("crossing",), f"{place}: {texts[0]!r} and {texts[1]!r}")
        return entities

    def _add_relations(
        self, relations: List[RelationKey], entities: set, place: str
    ) -> None:
        pairs: Dict[Tuple[EntityKey, EntityKey], List[str]] = {}
        known = set(relations)
        for key in relations:
            head, label, tail = key
            kind = (head[2], label, tail[2])
            self.relations["all"] += 1
            self.labels[label] += 1
            self.type_pairs[kind] += 1
            self._note(("type pair", *kind), place)
            if head == tail:
                self.relations["self"] += 1
                self._note(("self",), place)
            elif RelationKey(tail, label, head) in known:
                self.both_ways[label] += 1
            self.forward[label] += head < tail
            if not (head in entities and tail in entities):
                self.relations["end is no entity"] += 1
                self._note(("end is no entity",), place)
            pairs.setdefault((head, tail), []).append(label)
        self.relations["pairs"] += len(pairs)
        self.label_sets.update(tuple(sorted(x)) for x in pairs.values() if len(x) > 1)

    def _add_distances(self, doc: Doc, relations: List[RelationKey]) -> None:
        numbers = None
        if relations and has_sentences(doc):
            begins = doc.to_array(SENT_START).astype("int64") == 1
            numbers = numpy.cumsum(begins).tolist()
        for head, label, tail in relations:
            gap = max(head[0], tail[0]) - min(head[1], tail[1])
            self.distances[(label, abs(head[0] - tail[0]))] += 1
            self.gaps[(label, max(gap, 0))] += 1
            if numbers is not None:
                crossed = abs(numbers[head[0]] - numbers[tail[0]])
                self.sentences[(label, crossed)] += 1

    def _note(self, kind: Kind, place: str) -> None:
        places = self.places.setdefault(kind, [])
        if len(places) < N_PLACES and place not in places:
            places.append(place)


def merge(parts: Iterable[Counts]) -> Counts:
    """RETURNS (Counts): the sum of the parts, which are not modified."""
    total = Counts()
    for part in parts:
        for name, value in vars(part).items():
            if isinstance(value, Counter):
                getattr(total, name).update(value)
        total.longest = sorted(total.longest + part.longest, key=_by_length)
        del total.longest[N_LONGEST:]
        for kind, places in part.places.items():
            for place in places:
                total._note(kind, place)
    return total


def has_sentences(doc: Doc) -> bool:
    """RETURNS (bool): whether its sentence boundaries are known."""
    return len(doc) < 2 or doc.has_annotation("SENT_START")


def get_place(doc: Doc) -> str:
    """RETURNS (str): a document's source, or its beginning."""
    source = doc.user_data.get(SOURCE_KEY)
    if not isinstance(source, dict) or not source.get("file"):
        return repr(" ".join(doc[:12].text.split())[:40])
    file = str(source["file"])
    for name, form in (("line", ":{}"), ("index", " [{}]"), ("id", " ({})")):
        value = source.get(name)
        if value is not None and str(value) not in file:
            return file + form.format(value)
    return file


def _by_length(item: Tuple[int, str]) -> Tuple[int, str]:
    return -item[0], item[1]


def _is_one_sentence(doc: Doc) -> bool:
    """Whether no sentence starts or seems to end before the end of a Doc."""
    return not any(
        token.is_sent_start or token.text in SENTENCE_ENDS
        for token in doc[1 : max(len(doc) - 2, 1)]  # a quote may follow its end
    )

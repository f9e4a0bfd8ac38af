"""Nodes and edges, with counts, scores and examples."""

from dataclasses import dataclass, field
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Tuple

from ..wording import replace_unwritable
from .names import Normalizer, clean

# maximum surface forms to store per entity
MAX_FORMS = 20
ANY_TYPE = ""


class NodeKey(NamedTuple):
    """An entity: its type (empty if types are ignored) and its normal form."""

    label: str
    name: str


EdgeKey = Tuple[NodeKey, str, NodeKey]


class Example(NamedTuple):
    """An example of a relation.

    score (float): its score in [0, 1].
    id (str): the document's id.
    start, end (int): characters of the sentence in the document.
    text (Optional[str]): text of the sentence, if rows have texts.
    """

    score: float
    id: str
    start: int
    end: int
    text: Optional[str] = None


@dataclass
class Node:
    """An entity.

    label (str): its type; the first one of several.
    count (int): number of occurrences.
    forms (Dict[str, int]): its surface forms with their counts.
    """

    label: str
    count: int = 0
    forms: Dict[str, int] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """RETURNS (str): the most frequent form; the alphabetically first in case of a
        tie."""
        return min(self.forms, key=lambda form: (-self.forms[form], form))


@dataclass
class Edge:
    """A relation between two entities.

    count (int): number of occurrences.
    total (float): sum of its scores.
    max_score (float): highest score.
    examples (List[Example]): the examples with the highest scores.
    """

    count: int = 0
    total: float = 0.0
    max_score: float = 0.0
    examples: List[Example] = field(default_factory=list)

    @property
    def mean_score(self) -> float:
        """RETURNS (float): mean of the scores."""
        return self.total / self.count


class KnowledgeGraph:
    """The entities and relations of a corpus, in memory proportional to distinct
    ones."""

    def __init__(
        self,
        normalizer: Optional[Normalizer] = None,
        *,
        max_examples: int = 3,
        min_score: float = 0.0,
        only_related: bool = True,
    ) -> None:
        """Start with an empty graph.

        normalizer (Optional[Normalizer]): normalizes surface forms.
        max_examples (int): examples to keep per relation.
        min_score (float): minimum score of a relation.
        only_related (bool): skip entities without relations.
        """
        self.normalizer = normalizer or Normalizer()
        self.max_examples, self.min_score = max_examples, min_score
        self.only_related = only_related
        self.nodes: Dict[NodeKey, Node] = {}
        self.edges: Dict[EdgeKey, Edge] = {}
        self.n_rows = self.n_relations = 0
        # skipped relations with an empty name or label
        self.n_nameless = 0

    def add(self, rows: Iterable[Dict[str, Any]]) -> None:
        """Count the entities and relations of rows.

        rows (Iterable[Dict[str, Any]]): the output of `read_rows`.
        """
        for row in rows:
            self.n_rows += 1
            related = set()
            for relation in row["relations"]:
                if not _has_names(relation):
                    self.n_nameless += 1
                elif relation["score"] >= self.min_score:
                    related |= self._add_relation(relation, row)
            for entity in row["entities"]:
                is_related = (entity["start"], entity["end"]) in related
                if (is_related or not self.only_related) and clean(entity["text"]):
                    self._add_entity(entity)

    def prune(self, min_count: int) -> None:
        """Remove relations with a lower count, and entities without remaining
        relations."""
        self.edges = {k: v for k, v in self.edges.items() if v.count >= min_count}
        if self.only_related:
            linked = {key for head, _, tail in self.edges for key in (head, tail)}
            self.nodes = {k: v for k, v in self.nodes.items() if k in linked}

    def find(self, name: str, label: Optional[str] = None) -> List[NodeKey]:
        """RETURNS (List[NodeKey]): entities with this name, the most frequent first."""
        normal = self.normalizer(name)
        found = [
            key
            for key, node in self.nodes.items()
            if key.name == normal and label in (None, node.label)
        ]
        return sorted(found, key=lambda key: -self.nodes[key].count)

    def key(self, entity: Dict[str, Any]) -> NodeKey:
        """RETURNS (NodeKey): the node of an entity of a row."""
        label = clean(entity["label"]) if self.normalizer.by_type else ANY_TYPE
        return NodeKey(label, self.normalizer(clean(entity["text"])))

    def _add_entity(self, entity: Dict[str, Any]) -> None:
        node = self.nodes.setdefault(self.key(entity), Node(clean(entity["label"])))
        node.count += 1
        form = clean(entity["text"])
        if form in node.forms or len(node.forms) < MAX_FORMS:
            node.forms[form] = node.forms.get(form, 0) + 1

    def _add_relation(self, relation: Dict[str, Any], row: Dict[str, Any]) -> set:
        """RETURNS (Set[Tuple[int, int]]): start and end of both entities."""
        head, tail, score = relation["head"], relation["tail"], relation["score"]
        edge = self.edges.setdefault(
            (self.key(head), clean(relation["label"]), self.key(tail)), Edge()
        )
        self.n_relations += 1
        edge.count += 1
        edge.total += score
        edge.max_score = max(edge.max_score, score)
        examples = edge.examples
        has_room = len(examples) < self.max_examples
        if has_room or (examples and score > examples[-1].score):
            examples.append(_make_example(relation, row))
            examples.sort(key=lambda example: -example.score)
            del examples[self.max_examples :]
        return {(end["start"], end["end"]) for end in (head, tail)}


def _has_names(relation: Dict[str, Any]) -> bool:
    names = (relation["label"], relation["head"]["text"], relation["tail"]["text"])
    return all(map(clean, names))


def _make_example(relation: Dict[str, Any], row: Dict[str, Any]) -> Example:
    head, tail = relation["head"], relation["tail"]
    ends = {
        "start": min(head["start"], tail["start"]),
        "end": max(head["end"], tail["end"]),
    }
    sentence = relation.get("sentence") or ends
    start, end = sentence["start"], sentence["end"]
    text = row.get("text")
    words = None if text is None else clean(text[start:end])
    id_ = replace_unwritable(str(row["id"]))
    return Example(relation["score"], id_, start, end, words)

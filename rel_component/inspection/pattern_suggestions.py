"""Suggest patterns for a relation ruler based on annotated documents.

For each label and pair of entity types, patterns are selected greedily: the one that
matches most remaining relations, among those that are precise enough. Candidates
combine a distance, an order and the nearest entity with an optional frequent phrase
between, before or after the entities; words that occur between entities of false
positives are then excluded.
"""

from collections import Counter
from dataclasses import dataclass
from itertools import chain, product
from typing import (
    AbstractSet,
    Any,
    Dict,
    Iterable,
    Iterator,
    List,
    Optional,
    Sequence,
    Tuple,
)

import numpy
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example

from ..corpus.readers import copy_without_relations
from ..model.candidates import Entities, get_entities
from ..pipe.pattern_matcher import PatternMatcher
from ..pipe.patterns import RelationPatternType, read_pattern
from ..pipe.relation_ruler import RelationRuler
from ..relations import EntityKey, get_relation_data

DISTANCES = (0, 1, 2, 3, 5, 8, 12, 20)
NEAREST = (None, "head", "tail", "both")
ORDERS = ("head_first", "tail_first")
# phrases to try per label and pair of types
N_PHRASES = 25
LONGEST_PHRASE = 3
MOST_FORBIDDEN = 5
# maximum distance of the entities to learn patterns from
FARTHEST = 40

DISTANCES_OF_PHRASES = (3, 8, 20)
# candidates to refine per pattern
N_TRIES = 5
# weight of true positives relative to false positives
COST = 2
# marks entity types among words
TYPE = "\x00"

Triple = Tuple[str, str, str]
# the matches of a pattern as indices of pairs, and a mask of correct ones
Result = Tuple[numpy.ndarray, numpy.ndarray]


@dataclass
class Suggestion:
    """A pattern and its matches in the documents it was learned from.

    pattern (Dict[str, Any]): the pattern; its score is the expected precision (with one
        hit and one miss added), and `meta` has the counts.
    support (int): number of correct matches.
    matches (int): number of matches.
    new (int): number of correct matches not found by previous patterns.
    """

    pattern: RelationPatternType
    support: int
    matches: int
    new: int

    @property
    def precision(self) -> float:
        """RETURNS (float): share of correct matches."""
        return self.support / self.matches


def suggest_patterns(
    nlp: Language,
    docs: Sequence[Doc],
    *,
    spans_key: Optional[str] = None,
    symmetric: AbstractSet[str] = frozenset(),
    min_precision: float = 0.8,
    min_support: int = 3,
    max_patterns: int = 5,
) -> List[Suggestion]:
    """Learn patterns from annotations.

    nlp (Language): the pipeline whose tokenizer is used for phrases.
    docs (Sequence[Doc]): documents with gold entities and relations.
    spans_key (Optional[str]): key of `doc.spans` for entities; None for `doc.ents`.
    symmetric (AbstractSet[str]): labels without a direction.
    min_precision (float): minimum precision of a pattern.
    min_support (int): minimum number of relations that a pattern adds.
    max_patterns (int): maximum patterns per label and pair of types.
    RETURNS (List[Suggestion]): by label and types, the most useful first.
    """
    corpus = _Corpus.read(nlp, docs, spans_key, symmetric)
    found: List[Suggestion] = []
    for triple, count in sorted(corpus.count_triples().items()):
        if count >= min_support:
            found += _cover(corpus, triple, min_precision, min_support, max_patterns)
    return found


@dataclass
class _Corpus:
    """Documents as arrays, with an index per pair of entities.

    known (Dict[str, Ints1d]): annotated pairs of each label.
    unrelated (Ints2d): (n_pairs, 2), pairs annotated as having no relation.
    """

    nlp: Language
    docs: Sequence[Doc]
    entities: Entities
    types: List[str]
    gold: Dict[str, numpy.ndarray]
    symmetric: AbstractSet[str]
    is_incomplete: numpy.ndarray
    known: Dict[str, numpy.ndarray]
    unrelated: numpy.ndarray

    @classmethod
    def read(
        cls,
        nlp: Language,
        docs: Sequence[Doc],
        spans_key: Optional[str],
        symmetric: AbstractSet[str],
    ) -> "_Corpus":
        entities = get_entities(docs, spans_key)
        types = [nlp.vocab.strings[type_] for type_ in entities.types.tolist()]
        gold: Dict[str, List[int]] = {}
        known: Dict[str, List[int]] = {}
        unrelated: List[Tuple[int, int]] = []
        incomplete = numpy.zeros(len(docs), dtype=bool)
        for i, doc in enumerate(docs):
            data = get_relation_data(doc)
            if data is None:
                incomplete[i] = True
                continue
            incomplete[i] = not data.complete
            rows = _number_entities(entities, types, i)
            ends = [rows.get(data.entity(row)) for row in range(len(data.spans))]
            decided = set(map(tuple, data.decided.tolist()))
            pairs = zip(data.pairs.tolist(), data.scores.tolist())
            for row, ((head, tail), scores) in enumerate(pairs):
                if ends[head] is None or ends[tail] is None:
                    continue
                pair = (ends[head], ends[tail])
                if not any(scores):
                    unrelated.append(pair)
                for column, (label, score) in enumerate(zip(data.labels, scores)):
                    first, second = sorted(pair) if label in symmetric else pair
                    key = first * len(entities) + second
                    if score == score:  # not NaN
                        known.setdefault(label, []).append(key)
                    if (row, column) in decided:
                        gold.setdefault(label, []).append(key)
        return cls(
            nlp=nlp,
            docs=docs,
            entities=entities,
            types=types,
            gold={x: numpy.unique(keys) for x, keys in gold.items()},
            symmetric=symmetric,
            is_incomplete=incomplete,
            known={x: numpy.unique(keys) for x, keys in known.items()},
            unrelated=numpy.asarray(unrelated, dtype="int64").reshape(-1, 2),
        )

    def count_triples(self) -> Counter:
        """RETURNS (Counter): gold relations by label, head type and tail type."""
        counts: Counter = Counter()
        for label in self.gold:
            for head, tail in self.list_pairs(label):
                counts[(label, self.types[head], self.types[tail])] += 1
        return counts

    def list_pairs(self, label: str) -> List[Tuple[int, int]]:
        keys = self.gold[label]
        return [divmod(key, len(self.entities)) for key in keys.tolist()]

    def list_between(self, triple: Triple) -> List[Tuple[Doc, int, int, int, int]]:
        """Get the gold relations of a triple: the Doc, and the start and end tokens of
        the first and second entity."""
        label, head_type, tail_type = triple
        found = []
        for pair in self.list_pairs(label):
            if (self.types[pair[0]], self.types[pair[1]]) == (head_type, tail_type):
                first, second = sorted(pair)
                doc = self.docs[self.entities.docs[first]]
                spans = self.entities.spans[[first, second]].ravel().tolist()
                if spans[2] - spans[1] <= FARTHEST:
                    found.append((doc, *spans))
        return found

    def match(
        self, label: str, patterns: Sequence[RelationPatternType]
    ) -> Iterator[Tuple[int, numpy.ndarray, numpy.ndarray]]:
        """YIELDS (Tuple[int, Ints1d, Bools1d]): index of a pattern, its matches, and a
        mask of correct ones; without pairs that were not annotated."""
        matcher = PatternMatcher(self.nlp)
        for i, pattern in enumerate(patterns):
            matcher.add(read_pattern(pattern, f"patterns[{i}]"), f"patterns[{i}]")
        gold = self.gold[label]
        for i, heads, tails in matcher.match_each(self.docs, self.entities):
            unrelated = self.unrelated
            if label in self.symmetric:
                heads, tails = numpy.minimum(heads, tails), numpy.maximum(heads, tails)
                unrelated = numpy.sort(unrelated, axis=1)
            keys = numpy.unique(heads * len(self.entities) + tails)
            negative = unrelated[:, 0] * len(self.entities) + unrelated[:, 1]
            unknown = self.is_incomplete[self.entities.docs[keys // len(self.entities)]]
            is_known = numpy.isin(keys, self.known[label]) | numpy.isin(keys, negative)
            keys = keys[~unknown | is_known]
            yield i, keys, numpy.isin(keys, gold)


def _number_entities(
    entities: Entities, types: Sequence[str], i: int
) -> Dict[EntityKey, int]:
    rows = range(int(entities.offsets[i]), int(entities.offsets[i + 1]))
    spans = entities.spans[rows.start : rows.stop].tolist()
    return {(s, e, types[row]): row for row, (s, e) in zip(rows, spans)}


def _cover(
    corpus: _Corpus,
    triple: Triple,
    min_precision: float,
    min_support: int,
    max_patterns: int,
) -> List[Suggestion]:
    """Suggest the patterns of one label and pair of types."""
    label = triple[0]
    candidates = list(_list_candidates(corpus, triple, min_support))
    results = {
        i: (keys, is_right) for i, keys, is_right in corpus.match(label, candidates)
    }
    chosen: List[Suggestion] = []
    covered = numpy.zeros(0, dtype="int64")
    for _ in range(N_TRIES * max_patterns):
        best = _choose(candidates, results, covered, min_precision, min_support)
        if best is None or len(chosen) == max_patterns:
            break
        pattern, (keys, is_right) = _forbid(
            corpus, label, candidates[best], results.pop(best)
        )
        support = int(is_right.sum())
        n_new = len(numpy.setdiff1d(keys[is_right], covered))
        if support < min_precision * len(keys) or n_new < min_support:
            continue
        name = f"{label}:{triple[1]}-{triple[2]}:{len(chosen) + 1}"
        score = round((support + 1) / (len(keys) + 2), 3)
        meta = {"support": support, "matches": len(keys)}
        pattern = {"id": name, **pattern, "score": score, "meta": meta}
        chosen.append(Suggestion(pattern, support, len(keys), n_new))
        covered = numpy.union1d(covered, keys[is_right])
    return chosen


def _list_candidates(
    corpus: _Corpus, triple: Triple, min_support: int
) -> Iterator[RelationPatternType]:
    """YIELDS (Dict[str, Any]): candidate patterns, the simple ones first."""
    label, head, tail = triple
    base = {"label": label, "head": head, "tail": tail}
    orders = ORDERS[:1] if label in corpus.symmetric and head == tail else ORDERS
    for order, distance, nearest in product(orders, DISTANCES, NEAREST):
        yield _build(base, order, distance, nearest)
    for name, phrases in _find_phrases(corpus, triple, min_support).items():
        for phrase, order, distance, nearest in product(
            phrases, orders, DISTANCES_OF_PHRASES, (None, "both")
        ):
            yield {**_build(base, order, distance, nearest), name: phrase}


def _build(
    base: RelationPatternType, order: str, distance: int, nearest: Optional[str]
) -> RelationPatternType:
    pattern = {**base, "order": order, "max_tokens": distance}
    return {**pattern, "nearest": nearest} if nearest else pattern


def _find_phrases(
    corpus: _Corpus, triple: Triple, min_support: int
) -> Dict[str, List[str]]:
    """Find the most frequent phrases between, before and after the entities."""
    counts: Dict[str, Counter] = {x: Counter() for x in ("between", "before", "after")}
    for doc, start, end, next_start, next_end in corpus.list_between(triple):
        counts["between"].update(_list_phrases(doc, end, next_start))
        counts["before"].update(_list_phrases(doc, max(start - 1, 0), start))
        counts["after"].update(
            _list_phrases(doc, next_end, min(next_end + 1, len(doc)))
        )
    most = {"between": N_PHRASES, "before": N_PHRASES // 3, "after": N_PHRASES // 3}
    return {
        name: [x for x, n in found.most_common(most[name]) if n >= min_support]
        for name, found in counts.items()
    }


def _list_phrases(doc: Doc, start: int, end: int) -> List[str]:
    """RETURNS (List[str]): distinct phrases of a span that don't touch an entity."""
    found: Dict[str, None] = {}
    for length in range(1, LONGEST_PHRASE + 1):
        for at in range(start, end - length + 1):
            tokens = doc[at : at + length]
            if not any(token.ent_type or token.is_space for token in tokens):
                found[tokens.text.lower()] = None
    return list(found)


def _forbid(
    corpus: _Corpus,
    label: str,
    pattern: RelationPatternType,
    result: Result,
) -> Tuple[RelationPatternType, Result]:
    """Exclude words that occur between entities of false positives, and rarely between
    those of true positives."""
    keys, is_right = result
    between = [_describe_between(corpus, key) for key in keys.tolist()]
    right = [words for words, good in zip(between, is_right) if good]
    wrong = [words for words, good in zip(between, is_right) if not good]
    forbidden: List[str] = []
    while wrong and len(forbidden) < MOST_FORBIDDEN:
        gains = Counter(word for words in wrong for word in words)
        gains.subtract({x: COST * n for x, n in Counter(chain(*right)).items()})
        word, gain = max(gains.items(), key=lambda row: (row[1], row[0]))
        if gain <= 0:
            break
        forbidden.append(word)
        right = [words for words in right if word not in words]
        wrong = [words for words in wrong if word not in words]
    if not forbidden:
        return pattern, result
    without = [_to_text_pattern(word) for word in forbidden]
    pattern = {**pattern, "without": without}
    for _, keys, is_right in corpus.match(label, [pattern]):
        return pattern, (keys, is_right)
    return pattern, (keys[:0], is_right[:0])


def _describe_between(corpus: _Corpus, key: int) -> AbstractSet[str]:
    """RETURNS (AbstractSet[str]): words and types of entities between two entities."""
    entities = corpus.entities
    first, second = sorted(divmod(key, len(entities)))
    doc = corpus.docs[entities.docs[first]]
    tokens = doc[
        entities.spans[first, 1] : max(
            entities.spans[second, 0], entities.spans[first, 1]
        )
    ]
    return {
        f"{TYPE}{token.ent_type_}" if token.ent_type else token.lower_
        for token in tokens
        if not token.is_space
    }


def _to_text_pattern(word: str) -> Any:
    if word.startswith(TYPE):
        return [{"ENT_TYPE": word.removeprefix(TYPE)}]
    return word


def _choose(
    candidates: Sequence[RelationPatternType],
    results: Dict[int, Tuple[numpy.ndarray, numpy.ndarray]],
    covered: numpy.ndarray,
    min_precision: float,
    min_support: int,
) -> Optional[int]:
    """Choose the candidate with the highest gain: new true positives minus false
    positives, some of which may still be excluded."""
    best: Tuple[float, int] = (0.0, 0)
    chosen = None
    for i, (keys, is_right) in results.items():
        n_right = int(is_right.sum())
        if n_right < min_support or n_right < min_precision * len(keys) / COST:
            continue
        n_new = len(numpy.setdiff1d(keys[is_right], covered))
        gain = (n_new - COST * (len(keys) - n_right), -len(candidates[i]))
        if n_new >= min_support and (chosen is None or gain > best):
            best, chosen = gain, i
    return chosen


def describe_conditions(pattern: RelationPatternType) -> str:
    """RETURNS (str): the conditions of a pattern in a few words, for a table."""
    shown = []
    for name, value in pattern.items():
        if name in ("id", "label", "head", "tail", "score", "meta"):
            continue
        values = value if isinstance(value, list) else [value]
        texts = (
            " ".join(map(str, chain(*(token.values() for token in x))))
            if isinstance(x, list)
            else str(x)
            for x in values
        )
        shown.append(f"{name} {', '.join(texts)}")
    return "; ".join(shown)


def score_patterns(
    nlp: Language,
    golds: Sequence[Doc],
    patterns: Sequence[RelationPatternType],
    spans_key: Optional[str] = None,
    symmetric: Iterable[str] = (),
) -> Dict[str, Any]:
    """Evaluate patterns on documents with gold entities.

    nlp (Language): the pipeline whose tokenizer is used for phrases.
    golds (Sequence[Doc]): annotated documents.
    patterns (Sequence[Dict[str, Any]]): the patterns.
    spans_key (Optional[str]): key of `doc.spans` for entities.
    symmetric (Iterable[str]): labels without a direction.
    RETURNS (Dict[str, Any]): see `score_relations`.
    """
    ruler = RelationRuler(nlp, spans_key=spans_key, symmetric=symmetric)
    ruler.add_patterns(patterns)
    docs = list(ruler.pipe(copy_without_relations(gold) for gold in golds))
    return ruler.score([Example(doc, gold) for doc, gold in zip(docs, golds)])

"""Find duplicates and near duplicates within and across splits.

Near duplicates are found by MinHash and locality-sensitive hashing (Broder, 1997;
Leskovec, Rajaraman and Ullman, Mining of Massive Datasets, chapter 3), and verified by
their exact similarity.
"""

from collections import defaultdict
from typing import (
    Any,
    DefaultDict,
    Dict,
    FrozenSet,
    Iterator,
    List,
    NamedTuple,
    Optional,
    Sequence,
    Set,
    Tuple,
)

import numpy
from spacy.attrs import IS_SPACE, LOWER
from spacy.tokens import Doc

from ..corpus.splits import SplitItem
from .counts import get_place

# tokens per shingle
SHINGLE = 3
# 32 bands of 4 values: texts with a similarity of 50 % are found in 7 of 8 cases, those
# with 70 % in all but 1 of 5000
N_BANDS, BAND = 32, 4
# shingles to hash at once
BLOCK = 8192
# the texts of larger buckets are only compared along a chain
N_IN_BUCKET = 32
N_EXAMPLES = 5

Matches = Dict[Tuple[int, int], float]
# locations of a text per split
Places = Dict[str, List[str]]
# similarity of other texts to a text
Neighbours = DefaultDict[int, Dict[int, float]]


class Fingerprint(NamedTuple):
    """A fingerprint to compare texts.

    text (str): hash of the text, ignoring whitespace.
    group (Optional[str]): the document's group.
    place (str): the document's source.
    shingles (ndarray): sorted hashes of lower-case token trigrams.
    signature (ndarray): (n_hashes,), uint32, MinHash of the shingles.
    """

    text: str
    group: Optional[str]
    place: str
    shingles: numpy.ndarray
    signature: numpy.ndarray


def fingerprint(doc: Doc) -> Fingerprint:
    """RETURNS (Fingerprint): the fingerprint of a document."""
    item = SplitItem.from_doc(doc)
    shingles = _make_shingles(doc)
    return Fingerprint(item.text, item.group, get_place(doc), shingles, _sign(shingles))


def find_repeats(
    splits: Dict[str, Sequence[Fingerprint]], similarity: float = 0.7
) -> Dict[str, Any]:
    """Find duplicates and near duplicates.

    splits (Dict[str, Sequence[Fingerprint]]): the documents of each split.
    similarity (float): minimum Jaccard similarity of the shingles of near duplicates,
        at least 0.5.
    RETURNS (Dict[str, Any]): `splits`, a row per pair of splits with the number of
        documents of `split` that are duplicates of documents in `other` (`same`), near
        duplicates (`nearly`, without the former), or whose group is also there
        (`same_group`), and examples.
    """
    texts, prints = _join_same_texts(splits)
    neighbours: Neighbours = defaultdict(dict)
    for (a, b), alike in find_similar(prints, similarity).items():
        neighbours[a][b] = neighbours[b][a] = alike
    names = list(splits)
    rows = []
    for i, other in enumerate(names):
        for split in names[i:]:
            row: Dict[str, Any] = {"split": split, "other": other}
            row["documents"] = len(splits[split])
            row.update(_compare_splits(texts, neighbours, split, other))
            if split != other:
                groups = {p.group for p in splits[other]} - {None}
                row["same_group"] = sum(p.group in groups for p in splits[split])
            rows.append(row)
    return {"similarity": similarity, "splits": rows}


def find_similar(prints: Sequence[Fingerprint], similarity: float) -> Matches:
    """Find pairs of similar texts.

    prints (Sequence[Fingerprint]): the texts.
    similarity (float): minimum Jaccard similarity of the shingles, at least 0.5.
    RETURNS (Dict[Tuple[int, int], float]): indices and similarity. In large groups of
        similar texts, each text is listed, but not each pair.
    """
    found: Matches = {}
    seen: Set[Tuple[int, int]] = set()
    if not prints:
        return found
    signatures = numpy.stack([p.signature for p in prints])
    for pair in _list_likely(signatures):
        if pair not in seen:
            seen.add(pair)
            alike = _compare(prints[pair[0]].shingles, prints[pair[1]].shingles)
            if alike >= similarity:
                found[pair] = alike
    return found


def _join_same_texts(
    splits: Dict[str, Sequence[Fingerprint]],
) -> Tuple[List[Places], List[Fingerprint]]:
    """Group identical texts: their locations per split, and one fingerprint of each."""
    number: Dict[str, int] = {}
    texts: List[Places] = []
    prints: List[Fingerprint] = []
    for name, part in splits.items():
        for print_ in part:
            k = number.setdefault(print_.text, len(number))
            if k == len(prints):
                prints.append(print_)
                texts.append({})
            texts[k].setdefault(name, []).append(print_.place)
    return texts, prints


def _compare_splits(
    texts: Sequence[Places], neighbours: Neighbours, split: str, other: str
) -> Dict[str, Any]:
    n_same = n_nearly = 0
    same: List[Tuple[str, str]] = []
    nearly: Dict[FrozenSet[int], Tuple[float, str, str]] = {}
    for k, places in enumerate(texts):
        here, there = places.get(split, []), places.get(other, [])
        if split == other:
            here = here[1:]  # the first is not a duplicate
        if here and there:
            n_same += len(here)
            same.append((here[0], there[0]))
            continue
        alike = {n: x for n, x in neighbours.get(k, {}).items() if other in texts[n]}
        if split in places and alike:
            n_nearly += len(places[split])
            best = max(alike, key=lambda n: alike[n])
            found = (alike[best], places[split][0], texts[best][other][0])
            nearly.setdefault(frozenset((k, best)), found)
    most = sorted(nearly.values(), key=lambda found: -found[0])[:N_EXAMPLES]
    return {
        "same": n_same,
        "nearly": n_nearly,
        "same_examples": [{"places": list(found)} for found in same[:N_EXAMPLES]],
        "nearly_examples": [
            {"similarity": round(alike, 3), "places": list(found)}
            for alike, *found in most
        ],
    }


def _make_shingles(doc: Doc) -> numpy.ndarray:
    lower, is_space = doc.to_array([LOWER, IS_SPACE]).reshape(-1, 2).T
    words = _mix(lower[is_space == 0])
    n = max(len(words) - SHINGLE + 1, min(len(words), 1))
    shingles = numpy.zeros(n, dtype="uint64")
    for k in range(min(SHINGLE, len(words))):
        # the position matters: "a b c" is not "c b a"
        shingles = _mix(shingles + words[k : k + n])
    return numpy.unique(shingles)


def _mix(values: numpy.ndarray) -> numpy.ndarray:
    """The finalizer of SplitMix64 (Steele, Lea and Flood, 2014)."""
    values = values + numpy.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
    return values ^ (values >> numpy.uint64(31))


def _draw_factors() -> Tuple[numpy.ndarray, numpy.ndarray]:
    rng = numpy.random.default_rng(0)
    factors, terms = rng.integers(1, 2**63, (2, N_BANDS * BAND), dtype="uint64")
    return factors | numpy.uint64(1), terms


FACTORS, TERMS = _draw_factors()


def _sign(shingles: numpy.ndarray) -> numpy.ndarray:
    signature = numpy.full(N_BANDS * BAND, 2**32 - 1, dtype="uint32")
    for start in range(0, len(shingles), BLOCK):
        block = shingles[start : start + BLOCK, None]
        hashes = (block * FACTORS + TERMS) >> numpy.uint64(32)
        signature = numpy.minimum(signature, hashes.min(axis=0).astype("uint32"))
    return signature


def _list_likely(signatures: numpy.ndarray) -> Iterator[Tuple[int, int]]:
    """Find texts whose signatures agree in a whole band; pairs may be repeated."""
    for start in range(0, signatures.shape[1], BAND):
        band = signatures[:, start : start + BAND]
        _, bucket = numpy.unique(band, axis=0, return_inverse=True)
        order = numpy.argsort(bucket.ravel(), kind="stable")
        sizes = numpy.bincount(bucket.ravel())
        ends = numpy.cumsum(sizes)
        for i in numpy.flatnonzero(sizes > 1).tolist():
            members = order[ends[i] - sizes[i] : ends[i]].tolist()
            yield from _pair_up(members)


def _pair_up(members: List[int]) -> Iterator[Tuple[int, int]]:
    if len(members) <= N_IN_BUCKET:
        for i, a in enumerate(members):
            for b in members[i + 1 :]:
                yield a, b
    else:
        # each with the first and the previous one, to avoid quadratic time
        for a, b in zip(members, members[1:]):
            yield members[0], b
            yield a, b


def _compare(a: numpy.ndarray, b: numpy.ndarray) -> float:
    """RETURNS (float): the Jaccard similarity of two sets."""
    n_shared = len(numpy.intersect1d(a, b, assume_unique=True))
    n_all = len(a) + len(b) - n_shared
    return n_shared / n_all if n_all else 1.0

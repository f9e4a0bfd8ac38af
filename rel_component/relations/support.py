"""How often constraints hold in annotated documents."""

from collections import Counter
from typing import Callable, Collection, Dict, Iterator, Set, Tuple
from typing import Counter as CounterType

from .constraints import LabelConstraints
from .data import EntityKey, RelationKey
from .matching import Reach

# label, name of the constraint, "all", "kept" or "open"
Support = CounterType[Tuple[str, str, str]]
Links = Set[Tuple[EntityKey, EntityKey]]
# whether the constraint holds, and whether it could have been violated
Cases = Iterator[Tuple[bool, bool]]


def count_support(
    relations: Collection[RelationKey],
    entities: Collection[EntityKey],
    constraints: Callable[[str], LabelConstraints],
) -> Support:
    """Count the cases of constraints in a document: heads for `max_tails`, tails for
    `max_heads`, relations for `acyclic`, and chains of two for `transitive`.

    relations (Collection[RelationKey]): the document's relations.
    entities (Collection[EntityKey]): its entities.
    constraints (Callable[[str], LabelConstraints]): the constraints of a label.
    RETURNS (Counter): by label and constraint, "all" cases, those where it's "kept",
        and "open" ones, where the document's entities could violate it.
    """
    links: Dict[str, Links] = {}
    for head, label, tail in relations:
        links.setdefault(label, set()).add((head, tail))
    types = Counter(type_ for _, _, type_ in entities)
    counts: Support = Counter()
    for label, pairs in links.items():
        wanted = constraints(label)
        cases: Dict[str, Cases] = {}
        if wanted.max_tails is not None:
            cases["max_tails"] = _list_ends(pairs, types, wanted.max_tails)
        if wanted.max_heads is not None:
            mirrored = {(tail, head) for head, tail in pairs}
            cases["max_heads"] = _list_ends(mirrored, types, wanted.max_heads)
        if wanted.acyclic:
            cases["acyclic"] = _list_in_cycles(pairs)
        if wanted.transitive:
            cases["transitive"] = _list_implied(pairs)
        for name, found in cases.items():
            for is_kept, is_open in found:
                counts[label, name, "all"] += 1
                counts[label, name, "kept"] += is_kept
                counts[label, name, "open"] += is_open
    return counts


def _list_ends(pairs: Links, types: CounterType[str], limit: int) -> Cases:
    others: Dict[EntityKey, Set[EntityKey]] = {}
    for end, other in pairs:
        others.setdefault(end, set()).add(other)
    for end, found in others.items():
        of_types = {other[2] for other in found}
        n_possible = sum(types[type_] for type_ in of_types) - (end[2] in of_types)
        yield len(found) <= limit, n_possible > limit


def _list_in_cycles(pairs: Links) -> Cases:
    number = {key: i for i, key in enumerate({key for pair in pairs for key in pair})}
    reach = Reach(len(number))
    for head, tail in pairs:
        reach.add(number[head], number[tail])
    for head, tail in pairs:
        yield not reach.has(number[tail], number[head]), head[2] == tail[2]


def _list_implied(pairs: Links) -> Cases:
    tails_of: Dict[EntityKey, Set[EntityKey]] = {}
    for head, tail in pairs:
        tails_of.setdefault(head, set()).add(tail)
    for head, middle in pairs:
        for tail in tails_of.get(middle, set()) - {head}:
            yield (head, tail) in pairs, True

"""Constraints that hold in the training data, and a schema with them."""

from typing import Any, Dict, List, Mapping, Tuple

from ..relations import LabelConstraints
from ..schema import Schema
from .counts import Counts
from .found import Result

# minimum of cases that could violate a suggested constraint: if it holds in all 20, it
# holds in at least 86 % of cases, with 95 % confidence
MIN_OPEN = 20
CASES = {
    "max_tails": "heads",
    "max_heads": "tails",
    "acyclic": "relations",
    "transitive": "chains",
}


def describe_constraints(
    counts: Mapping[str, Counts], train: str, min_share: float = 1.0
) -> List[Dict[str, Any]]:
    """Describe how often each constraint on a label holds.

    counts (Mapping[str, Counts]): counts by split.
    train (str): the split to learn from.
    min_share (float): share of cases in which a suggested constraint holds.
    RETURNS (List[Dict[str, Any]]): for each label and constraint that the training data
        could violate: `all` cases and those where it's `kept`, by split; the number of
        `open` cases, which could violate it; and whether it is `suggested`.
    """
    rows = []
    found = counts[train].constraints
    for label, _ in counts[train].labels.most_common():
        for name in CASES:
            n_all, n_kept, n_open = _get(found, label, name)
            if not n_open:
                continue
            splits = {
                split: dict(zip(("all", "kept"), _get(part.constraints, label, name)))
                for split, part in counts.items()
            }
            is_suggested = n_open >= MIN_OPEN and n_kept >= min_share * n_all
            row = {"label": label, "constraint": name, "splits": splits}
            rows.append({**row, "open": n_open, "suggested": is_suggested})
    return rows


def _get(found: Mapping[Any, int], label: str, name: str) -> Tuple[int, int, int]:
    n_all, n_kept, n_open = (found[label, name, x] for x in ("all", "kept", "open"))
    return n_all, n_kept, n_open


def suggest_schema(result: Result) -> Schema:
    """Create a schema from what holds in the training data.

    result (Dict[str, Any]): the output of `inspect_splits`.
    RETURNS (Schema): the type pairs, with their support; labels as symmetric whose
        relations all exist in both directions; and the suggested constraints.
    """
    type_pairs = result["splits"][result["train"]]["type_pairs"]
    support = {(head, label, tail): n for head, label, tail, n in type_pairs}
    pairs: Dict[str, List[Tuple[str, str]]] = {}
    for head, label, tail in support:
        pairs.setdefault(label, []).append((head, tail))
    found: Dict[str, Dict[str, Any]] = {}
    for row in result["constraints"]:
        if row["suggested"]:
            value = 1 if row["constraint"].startswith("max") else True
            found.setdefault(row["label"], {})[row["constraint"]] = value
    for own in found.values():
        if "max_tails" in own or "max_heads" in own:
            own.pop("transitive", None)  # a schema can't have both
    labels = result["labels"]
    both = {x for x in pairs if labels[x]["both_ways"] == labels[x]["relations"]}
    return Schema(
        pairs,
        symmetric=sorted(both),
        support=support,
        constraints={x: LabelConstraints(**own) for x, own in found.items()},
    )

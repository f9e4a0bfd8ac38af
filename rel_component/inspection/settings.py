"""The effect of candidate settings and a learned schema."""

from collections import Counter
from typing import Any, Dict, List, Mapping, Optional, Tuple
from typing import Counter as CounterType

from ..schema import Schema
from .counts import Counts
from .coverage import Coverage, Setting, list_settings
from .histograms import divide


def describe_coverage(
    coverage: Mapping[str, Mapping[Setting, Coverage]], spans_key: Optional[str]
) -> List[Dict[str, Any]]:
    """Describe what each candidate setting keeps and loses.

    coverage (Mapping[str, Mapping[Setting, Coverage]]): coverage by split.
    spans_key (Optional[str]): key of `doc.spans` to list in addition to `doc.ents`.
    RETURNS (List[Dict[str, Any]]): a row per setting, over all splits, and per split in
        its field `splits`. Windows of sentences are only measured in documents with
        sentence boundaries.
    """
    rows = []
    for setting in list_settings(spans_key):
        total = Coverage()
        for part in coverage.values():
            total += part[setting]
        if setting.max_sentences is not None and not total.documents:
            continue
        row = {**setting._asdict(), **_describe(total)}
        row["splits"] = {name: _describe(x[setting]) for name, x in coverage.items()}
        rows.append(row)
    return rows


def _describe(found: Coverage) -> Dict[str, Any]:
    n_relations, n_lost = sum(found.relations.values()), sum(found.lost.values())
    n_known = found.candidates - found.unknown
    return {
        "documents": found.documents,
        "candidates": found.candidates,
        "unknown": found.unknown,
        "positive": found.positive,
        "positive_share": divide(found.positive, n_known),
        "relations": n_relations,
        "lost": n_lost,
        "lost_share": divide(n_lost, n_relations),
        "lost_labels": dict(found.lost.most_common()),
    }


def describe_schema(
    counts: Mapping[str, Counts],
    train: str,
    coverage: Mapping[str, Mapping[Setting, Coverage]],
    spans_key: Optional[str],
) -> Dict[str, Any]:
    """Describe the effect of `learn_schema = true`, which only allows type pairs of the
    training data.

    counts, coverage (Mapping): counts and coverage by split.
    train (str): the split to learn from.
    RETURNS (Dict[str, Any]): the number of candidates and of `allowed` ones, and the
        lost relations of each other split.
    """
    pairs: Dict[str, List[Tuple[str, str]]] = {}
    for head, label, tail in counts[train].type_pairs:
        pairs.setdefault(label, []).append((head, tail))
    schema = Schema(pairs)
    allowed = {pair for some in pairs.values() for pair in some}
    types: CounterType[Tuple[str, str]] = Counter()
    for found in coverage.values():
        types.update(found[Setting(spans_key)].types)
    splits = {}
    for name, part in counts.items():
        if name != train:
            lost = {k: n for k, n in part.type_pairs.items() if not schema.allows(*k)}
            ordered = sorted(lost.items(), key=lambda item: (-item[1], item[0]))
            n_lost, n_relations = sum(lost.values()), part.relations["all"]
            splits[name] = {
                "relations": n_relations,
                "lost": n_lost,
                "lost_share": divide(n_lost, n_relations),
                "type_pairs": [[*key, n] for key, n in ordered],
            }
    n_allowed = sum(n for pair, n in types.items() if pair in allowed)
    n_all = sum(types.values())
    return {
        "candidates": n_all,
        "allowed": n_allowed,
        "allowed_share": divide(n_allowed, n_all),
        "splits": splits,
    }

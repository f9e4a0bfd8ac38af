"""Inspect the splits of a corpus."""

from collections import Counter
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple
from typing import Counter as CounterType

from spacy.tokens import Doc
from spacy.util import minibatch

from ..checks import check_probability
from .advice import advise
from .constraints import describe_constraints
from .counts import Counts, merge
from .coverage import Coverage, Setting, list_settings, measure_coverage
from .histograms import describe_numbers, fill_bins, name_bins
from .repeats import Fingerprint, find_repeats, fingerprint
from .settings import describe_coverage, describe_schema

# documents whose candidate pairs are held in memory at once
BATCH_SIZE = 16
# a rare type pair occurs at most twice, in at most 2 % of its label's relations
N_RARE, RARE_SHARE = 2, 0.02
# upper ends of the bins of distances
BINS = (2, 5, 10, 20, 50, 100, None)
# sentence boundaries crossed; the last means more
SENTENCE_BINS = (0, 1, 2, None)


def inspect_splits(
    splits: Mapping[str, Iterable[Doc]],
    *,
    spans_key: Optional[str] = "entities",
    similarity: float = 0.7,
    min_share: float = 1.0,
) -> Dict[str, Any]:
    """Inspect annotated documents before training.

    splits (Mapping[str, Iterable[Doc]]): the documents by name of the split; `train`,
        else the first, is the training data. They are read once, in batches.
    spans_key (Optional[str]): key of `doc.spans` for all entities; ignored if no
        document has it.
    similarity (float): minimum Jaccard similarity of token trigrams for near
        duplicates, from 0.5 to 1.
    min_share (float): share of cases in which a suggested constraint holds.
    RETURNS (Dict[str, Any]): plain data: `splits`, `labels`, `type_pairs`,
        `distances`, `candidates`, `schema`, `constraints`, `repeats` and `advice`.
    RAISES (ValueError): if no split is given, or the similarity is out of range.
    """
    if not splits:
        raise ValueError("No data to inspect: expected at least one split.")
    if not 0.5 <= similarity <= 1:
        raise ValueError(
            f"The similarity is {similarity}; expected a number from 0.5 to 1."
        )
    check_probability(min_share, "The share of a constraint")
    settings = list_settings(spans_key)
    counts: Dict[str, Counts] = {}
    coverage: Dict[str, Dict[Setting, Coverage]] = {}
    prints: Dict[str, Sequence[Fingerprint]] = {}
    for name, docs in splits.items():
        counts[name], coverage[name], prints[name] = _read(docs, spans_key, settings)
    total = merge(counts.values())
    if not total.documents["with the span group"]:
        spans_key = None
    train = "train" if "train" in counts else next(iter(counts))
    result: Dict[str, Any] = {
        "train": train,
        "spans_key": spans_key,
        "other_spans_keys": _list_other_keys(total, spans_key),
        "splits": {name: describe_split(part) for name, part in counts.items()},
        "labels": describe_labels(counts),
        "type_pairs": describe_type_pairs(total),
        "distances": describe_distances(total),
        "candidates": describe_coverage(coverage, spans_key),
        "schema": describe_schema(counts, train, coverage, spans_key),
        "constraints": describe_constraints(counts, train, min_share),
        "repeats": find_repeats(prints, similarity),
    }
    result["advice"] = advise(result)
    return result


def _read(
    docs: Iterable[Doc], spans_key: Optional[str], settings: List[Setting]
) -> Tuple[Counts, Dict[Setting, Coverage], List[Fingerprint]]:
    counts, prints = Counts(), []
    coverage = {setting: Coverage() for setting in settings}
    for batch in minibatch(docs, BATCH_SIZE):
        for doc in batch:
            counts.add(doc, spans_key)
            prints.append(fingerprint(doc))
        for setting, found in measure_coverage(batch, settings).items():
            coverage[setting] += found
    return counts, coverage, prints


def describe_split(counts: Counts) -> Dict[str, Any]:
    """RETURNS (Dict[str, Any]): the content of one split."""
    documents, entities, relations = counts.documents, counts.entities, counts.relations
    several = [[list(x), n] for x, n in counts.label_sets.most_common()]
    return {
        "documents": documents["all"],
        "documents_without_annotation": documents["without annotation"],
        "documents_without_entities": documents["without entities"],
        "documents_without_relations": documents["without relations"],
        "incomplete_documents": documents["incomplete"],
        "documents_without_sentences": documents["without sentence boundaries"],
        "documents_of_one_sentence": documents["of one sentence"],
        "tokens": sum(length * n for length, n in counts.lengths.items()),
        "tokens_per_document": describe_numbers(counts.lengths),
        "longest_documents": [{"tokens": n, "place": x} for n, x in counts.longest],
        "entities": entities["all"],
        "entities_not_in_doc_ents": entities["not in doc.ents"],
        "nested_entities": entities["nested"],
        "crossing_entities": entities["crossing"],
        "same_span_entities": entities["same span"],
        "repeated_entities": entities["repeated"],
        "entity_types": dict(counts.entity_types.most_common()),
        "entities_by_tokens": [[*x] for x in sorted(counts.entity_lengths.items())],
        "relations": relations["all"],
        "self_relations": relations["self"],
        "relations_without_entities": relations["end is no entity"],
        "relation_labels": dict(counts.labels.most_common()),
        "related_pairs": relations["pairs"],
        "pairs_with_several_labels": sum(counts.label_sets.values()),
        "label_sets": several,
        "type_pairs": [[*key, n] for key, n in counts.type_pairs.most_common()],
        "places": {
            kind: counts.places.get((kind,), [])
            for kind in ("crossing", "self", "end is no entity")
        },
    }


def describe_labels(counts: Mapping[str, Counts]) -> Dict[str, Dict[str, Any]]:
    """RETURNS (Dict[str, Dict[str, Any]]): by label, the most frequent first."""
    total = merge(counts.values())
    n_relations = sum(total.labels.values())
    distances = _group(total.distances)
    n_type_pairs = Counter(label for _, label, _ in total.type_pairs)
    return {
        label: {
            "relations": n,
            "share": n / n_relations,
            "splits": {name: part.labels[label] for name, part in counts.items()},
            "type_pairs": n_type_pairs[label],
            "both_ways": total.both_ways[label],
            "forward": total.forward[label],
            "distance": describe_numbers(distances[label]),
        }
        for label, n in total.labels.most_common()
    }


def describe_type_pairs(counts: Counts) -> List[Dict[str, Any]]:
    """RETURNS (List[Dict[str, Any]]): head type, label and tail type with their
    number, by label and frequency, with locations of rare ones."""
    rows = []
    order = {label: i for i, (label, _) in enumerate(counts.labels.most_common())}
    for (head, label, tail), n in counts.type_pairs.items():
        share = n / counts.labels[label]
        is_rare = n <= N_RARE and share <= RARE_SHARE
        row = {"head": head, "label": label, "tail": tail, "relations": n}
        row.update(share=share, rare=is_rare)
        if is_rare:
            row["places"] = counts.places[("type pair", head, label, tail)]
        rows.append(row)
    return sorted(
        rows,
        key=lambda r: (order[r["label"]], -r["relations"], r["head"], r["tail"]),
    )


def describe_distances(counts: Counts) -> Dict[str, Any]:
    """Compute histograms of the distances between the entities of relations.

    counts (Counts): the counts.
    RETURNS (Dict[str, Any]): names of `bins` and `sentence_bins`; `all` and by label
        in `labels`: numbers of relations by tokens between the starts (`starts`), by
        tokens between the entities (`between`), and by sentence boundaries crossed
        (`sentences`, None without sentence boundaries); and `max`.
    """
    starts, gaps = _group(counts.distances), _group(counts.gaps)
    crossed = _group(counts.sentences)

    def describe(names: Iterable[str]) -> Dict[str, Any]:
        parts = list(names)
        sums = [_sum(group, parts) for group in (starts, gaps, crossed)]
        sentences = fill_bins(sums[2], SENTENCE_BINS) if sums[2] else None
        return {
            "starts": fill_bins(sums[0], BINS),
            "between": fill_bins(sums[1], BINS),
            "sentences": sentences,
            "max": max(sums[0], default=0),
        }

    labels = [label for label, _ in counts.labels.most_common()]
    return {
        "bins": name_bins(BINS),
        "sentence_bins": name_bins(SENTENCE_BINS),
        "all": describe(labels),
        "labels": {label: describe([label]) for label in labels},
    }


def _list_other_keys(counts: Counts, spans_key: Optional[str]) -> List[str]:
    return sorted(set(counts.span_keys) - {spans_key})


def _group(numbers: Mapping[Tuple[str, int], int]) -> Dict[str, CounterType[int]]:
    groups: Dict[str, CounterType[int]] = {}
    for (label, number), n in numbers.items():
        groups.setdefault(label, Counter())[number] += n
    return groups


def _sum(
    groups: Mapping[str, CounterType[int]], labels: Iterable[str]
) -> CounterType[int]:
    total: CounterType[int] = Counter()
    for label in labels:
        total.update(groups.get(label, {}))
    return total

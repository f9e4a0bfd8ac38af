"""Advice on what to correct in the data."""

from typing import Iterator, Sequence

from ..wording import agree, join_names, list_some, of_all, percent, plural
from .found import N_EXAMPLES, Advice, Result

# a score over fewer relations is noise
N_TO_SCORE = 50


def _check_repeats(result: Result) -> Iterator[Advice]:
    for row in result["repeats"]["splits"]:
        if row["split"] == row["other"]:
            yield from _check_own_repeats(row)
        else:
            yield from _check_leaks(row, result["train"])


def _check_own_repeats(row: Result) -> Iterator[Advice]:
    n = row["same"]
    if n:
        yield Advice(
            "info",
            "repeats",
            f"{of_all(n, row['documents'], 'text')} of {row['split']} "
            f"{agree(n, 'repeats', 'repeat')} another one of it, and "
            f"{agree(n, 'counts', 'count')} twice{_like(row['same_examples'])}.",
        )


def _check_leaks(row: Result, train: str) -> Iterator[Advice]:
    split, other, n_documents = row["split"], row["other"], row["documents"]
    n = row["same"]
    if n:
        texts = f"{of_all(n, n_documents, 'text')} of {split}"
        yield Advice(
            "warn",
            "repeats",
            f"{texts} {agree(n, 'stands', 'stand')} in {other} too"
            f"{_like(row['same_examples'])}: scores are too good. Split again with "
            f"scripts/convert.py, all files as inputs: it keeps the same texts "
            f"together.",
        )
    n = row["nearly"]
    if n:
        texts = f"{of_all(n, n_documents, 'text')} of {split}"
        yield Advice(
            "warn" if other == train else "info",
            "repeats",
            f"{texts} {agree(n, 'is', 'are')} nearly the same as one of {other}"
            f"{_like(row['nearly_examples'])}: scores may be too good. Leave them out, "
            f"or keep such texts together with --group-by of scripts/convert.py.",
        )
    n = row["same_group"]
    if n:
        yield Advice(
            "warn",
            "repeats",
            f"{of_all(n, n_documents, 'document')} of {split} "
            f"{agree(n, 'belongs', 'belong')} to a group of which {other} has "
            f"documents too: split again with --group-by of scripts/convert.py.",
        )


def _check_documents(result: Result) -> Iterator[Advice]:
    for name, split in result["splits"].items():
        n = split["documents_without_annotation"]
        if n:
            yield Advice(
                "warn",
                "annotation",
                f"{name}: {of_all(n, split['documents'], 'document')} "
                f"{agree(n, 'holds', 'hold')} no relation data; all their pairs count "
                f"as negatives. Leave out what nobody has annotated; if the relations "
                f"were lost on saving, DocBin(store_user_data=True) keeps them.",
            )
        n = split["incomplete_documents"]
        if n:
            yield Advice(
                "info",
                "incomplete",
                f"{name}: {of_all(n, split['documents'], 'document')} "
                f"{agree(n, 'is', 'are')} annotated incompletely: pairs that are not "
                f"listed are neither learned from nor scored.",
            )
        yield from _check_size(name, split["relations"], name == result["train"])


def _check_size(name: str, n: int, is_train: bool) -> Iterator[Advice]:
    if not n:
        use = "learned" if is_train else "scored"
        text = f"{name} has no relations: nothing can be {use}."
        yield Advice("warn", "size", text)
    elif not is_train and n < N_TO_SCORE:
        yield Advice(
            "info",
            "size",
            f"{name} has only {plural(n, 'relation')}: one of them is {percent(1 / n)} "
            f"of the recall. Give it more documents (--split of scripts/convert.py), "
            f"or compare settings by cross-validation.",
        )


def _check_entities(result: Result) -> Iterator[Advice]:
    for name, split in result["splits"].items():
        places = split["places"]
        n = split["crossing_entities"]
        if n:
            yield Advice(
                "info",
                "crossing",
                f"{name}: {n} entities cross others, which is often a slip: "
                f"{list_some(places['crossing'], 1)}.",
            )
        n = split["repeated_entities"]
        if n:
            yield Advice(
                "info",
                "repeated",
                f"{name}: {n} times an entity is listed twice with one type in "
                f"doc.spans; it counts once.",
            )
        n = split["self_relations"]
        if n:
            yield Advice(
                "warn",
                "self",
                f"{name}: {plural(n, 'relation')} {agree(n, 'joins', 'join')} an "
                f"entity with itself, which is never a candidate "
                f"({list_some(places['self'])}). Correct them, or leave them out with "
                f"--drop-self of scripts/convert.py.",
            )
        n = split["relations_without_entities"]
        if n:
            yield Advice(
                "warn",
                "entities",
                f"{name}: {plural(n, 'relation')} {agree(n, 'has', 'have')} an end "
                f"that is no entity of the document with this span and type "
                f"({list_some(places['end is no entity'])}). Add it to doc.ents, or to "
                f"a group of doc.spans that --spans-key names.",
            )


def _check_labels(result: Result) -> Iterator[Advice]:
    train, labels = result["train"], result["labels"]
    others = [name for name in result["splits"] if name != train]
    unseen = [x for x, row in labels.items() if not row["splits"][train]]
    if unseen:
        yield Advice(
            "warn",
            "labels",
            f"{train} has no relation {list_some(unseen)}: what stands in "
            f"{join_names(others)} only can't be learned. Split again with "
            f"scripts/convert.py, which spreads the labels, or rename with its "
            f"--map-label {unseen[0]}=OTHER.",
        )
    rare = [
        f"{label} ({row['splits'][train]})"
        for label, row in labels.items()
        if 0 < row["splits"][train] < N_EXAMPLES
    ]
    if rare:
        name = rare[0].split(" (")[0]
        yield Advice(
            "warn",
            "labels",
            f"{train} has fewer than {N_EXAMPLES} examples of {list_some(rare)}: "
            f"annotate more, or merge with another label (--map-label {name}=OTHER of "
            f"scripts/convert.py).",
        )
    for other in others:
        counts = {label: row["splits"] for label, row in labels.items()}
        absent = [x for x, n in counts.items() if n[train] and not n[other]]
        if absent and result["splits"][other]["relations"]:
            yield Advice(
                "info",
                "labels",
                f"{other} has no relation {list_some(absent)}: what the model makes of "
                f"{agree(len(absent), 'it', 'them')} is not measured there.",
            )
    first = next(iter(labels), None)
    if first is not None and len(labels) > 1 and labels[first]["share"] >= 0.8:
        yield Advice(
            "info",
            "imbalance",
            f"{first} is {percent(labels[first]['share'])} of all relations: look at "
            f"the score of each label, not only at rel_micro_f.",
        )


def _check_type_pairs(result: Result) -> Iterator[Advice]:
    rare = [row for row in result["type_pairs"] if row["rare"]]
    if rare:
        # one that stands alone among many is the likeliest slip
        rare.sort(key=lambda row: row["share"])
        some = [
            f"{row['head']} {row['label']} {row['tail']} in {row['places'][0]}"
            for row in rare
        ]
        are_rare = agree(
            len(rare),
            "is rare for its label, perhaps a slip",
            "are rare for their labels, perhaps slips",
        )
        yield Advice(
            "info",
            "type pairs",
            f"{plural(len(rare), 'combination')} of types {are_rare}: "
            f"{list_some(some, 3)}.",
        )


def _like(examples: Sequence[Result]) -> str:
    return f" (such as {' and '.join(examples[0]['places'])})" if examples else ""


RULES = (
    _check_repeats,
    _check_documents,
    _check_entities,
    _check_labels,
    _check_type_pairs,
)

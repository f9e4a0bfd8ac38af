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
            f"{agree(n, 'repeats', 'repeat')} another text of {row['split']}, and "
            f"{agree(n, 'counts', 'count')} again{_like(row['same_examples'])}.",
        )


def _check_leaks(row: Result, train: str) -> Iterator[Advice]:
    split, other, n_documents = row["split"], row["other"], row["documents"]
    n = row["same"]
    if n:
        texts = f"{of_all(n, n_documents, 'text')} of {split}"
        yield Advice(
            "warn",
            "repeats",
            f"{texts} {agree(n, 'is', 'are')} also in {other}"
            f"{_like(row['same_examples'])}: scores will be too good. Split again with "
            f"scripts/convert.py and all files as inputs: it keeps equal texts "
            f"together.",
        )
    n = row["nearly"]
    if n:
        texts = f"{of_all(n, n_documents, 'text')} of {split}"
        yield Advice(
            "warn" if other == train else "info",
            "repeats",
            f"{texts} {agree(n, 'is', 'are')} nearly the same as a text of {other}"
            f"{_like(row['nearly_examples'])}: scores may be too good. Leave them out, "
            f"or keep such texts together with --group-by of scripts/convert.py.",
        )
    n = row["same_group"]
    if n:
        yield Advice(
            "warn",
            "repeats",
            f"{of_all(n, n_documents, 'document')} of {split} "
            f"{agree(n, 'belongs', 'belong')} to a group that {other} has documents of "
            f"as well: split again with --group-by of scripts/convert.py.",
        )


def _check_documents(result: Result) -> Iterator[Advice]:
    for name, split in result["splits"].items():
        n = split["documents_without_annotation"]
        if n:
            yield Advice(
                "warn",
                "annotation",
                f"{name}: {of_all(n, split['documents'], 'document')} "
                f"{agree(n, 'has', 'have')} no relation data: all pairs count as "
                f"negatives. Leave out documents that nobody has annotated; if the "
                f"relations were lost on saving, DocBin(store_user_data=True) keeps "
                f"them.",
            )
        n = split["incomplete_documents"]
        if n:
            yield Advice(
                "info",
                "incomplete",
                f"{name}: {of_all(n, split['documents'], 'document')} "
                f"{agree(n, 'is', 'are')} annotated incompletely: pairs without "
                f"annotation are neither learned from nor scored.",
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
            f"{name} has only {plural(n, 'relation')}: each is worth {percent(1 / n)} "
            f"of recall. Give it more documents (--split of scripts/convert.py), or "
            f"compare settings by cross-validation.",
        )


def _check_entities(result: Result) -> Iterator[Advice]:
    for name, split in result["splits"].items():
        places = split["places"]
        n = split["crossing_entities"]
        if n:
            yield Advice(
                "info",
                "crossing",
                f"{name}: {n} entities cross others, which is often a mistake, such as "
                f"{places['crossing'][0]}.",
            )
        n = split["repeated_entities"]
        if n:
            yield Advice(
                "info",
                "repeated",
                f"{name}: doc.spans lists {plural(n, 'entity', 'entities')} twice with "
                f"the same type, which {agree(n, 'counts', 'count')} once.",
            )
        n = split["self_relations"]
        if n:
            yield Advice(
                "warn",
                "self",
                f"{name}: {plural(n, 'relation')} {agree(n, 'goes', 'go')} from an "
                f"entity to itself, which is never a candidate pair "
                f"({list_some(places['self'])}). Correct them, or leave them out with "
                f"--drop-self of scripts/convert.py.",
            )
        n = split["relations_without_entities"]
        if n:
            yield Advice(
                "warn",
                "entities",
                f"{name}: the head or the tail of {plural(n, 'relation')} is not among "
                f"the document's entities, with its span and type "
                f"({list_some(places['end is no entity'])}). Add it to doc.ents, or to "
                f"the group of doc.spans that --spans-key names.",
            )


def _check_labels(result: Result) -> Iterator[Advice]:
    train, labels = result["train"], result["labels"]
    others = [name for name in result["splits"] if name != train]
    unseen = [x for x, row in labels.items() if not row["splits"][train]]
    if unseen:
        yield Advice(
            "warn",
            "labels",
            f"{train} has no relation {list_some(unseen)}: a label that is only in "
            f"{join_names(others)} can't be learned. Split again with "
            f"scripts/convert.py, which spreads the labels, or rename it with "
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
                f"{other} has no relation {list_some(absent)}, and so does not measure "
                f"how well the model finds {agree(len(absent), 'it', 'them')}.",
            )
    first = next(iter(labels), None)
    if first is not None and len(labels) > 1 and labels[first]["share"] >= 0.8:
        yield Advice(
            "info",
            "imbalance",
            f"{percent(labels[first]['share'])} of all relations are {first}: look at "
            f"the score of each label, not only at rel_micro_f.",
        )


def _check_type_pairs(result: Result) -> Iterator[Advice]:
    rare = [row for row in result["type_pairs"] if row["rare"]]
    if rare:
        # a single one among many is most likely to be a mistake
        rare.sort(key=lambda row: row["share"])
        some = [
            f"{row['head']} {row['label']} {row['tail']} in {row['places'][0]}"
            for row in rare
        ]
        are_rare = agree(
            len(rare),
            "is rare for its label, and perhaps a mistake",
            "are rare for their labels, and perhaps mistakes",
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

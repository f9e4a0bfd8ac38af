"""Advice on problems in the data."""

from typing import Iterator, Sequence

from ..wording import agree, join_names, list_some, of_all, percent, plural
from .found import N_EXAMPLES, Advice, Result

# a score over fewer relations is noise
N_TO_SCORE = 50
# minimum share of documents that are single sentences, for a model of sentences
SINGLE = 0.95


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
            f"{agree(n, 'is a duplicate', 'are duplicates')} of another text in "
            f"{row['split']}{_like(row['same_examples'])}.",
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
            f"{_like(row['same_examples'])}: scores will be too optimistic. Split "
            "again with scripts/convert.py and all files as inputs: it keeps "
            "identical texts together.",
        )
    n = row["nearly"]
    if n:
        texts = f"{of_all(n, n_documents, 'text')} of {split}"
        yield Advice(
            "warn" if other == train else "info",
            "repeats",
            f"{texts} {agree(n, 'is a near duplicate', 'are near duplicates')} of a "
            f"text in {other}{_like(row['nearly_examples'])}: scores may be too "
            "optimistic. Remove them, or keep such texts together with --group-by of "
            "scripts/convert.py.",
        )
    n = row["same_group"]
    if n:
        yield Advice(
            "warn",
            "repeats",
            f"{of_all(n, n_documents, 'document')} of {split} "
            f"{agree(n, 'belongs', 'belong')} to a group that is also in {other}: "
            "split again with --group-by of scripts/convert.py.",
        )


def _check_documents(result: Result) -> Iterator[Advice]:
    for name, split in result["splits"].items():
        n = split["documents_without_annotation"]
        if n:
            yield Advice(
                "warn",
                "annotation",
                f"{name}: {of_all(n, split['documents'], 'document')} "
                f"{agree(n, 'has', 'have')} no relation data: all pairs are used as "
                "negatives. Remove documents that were not annotated; if the "
                "relations were not saved, DocBin(store_user_data=True) keeps them.",
            )
        n = split["incomplete_documents"]
        if n:
            yield Advice(
                "info",
                "incomplete",
                f"{name}: {of_all(n, split['documents'], 'document')} "
                f"{agree(n, 'is', 'are')} annotated incompletely: pairs without "
                "annotation are ignored in training and evaluation.",
            )
        yield from _check_size(name, split["relations"], name == result["train"])


def _check_size(name: str, n: int, is_train: bool) -> Iterator[Advice]:
    if not n:
        use = "learned" if is_train else "scored"
        text = f"{name} contains no relations: nothing can be {use}."
        yield Advice("warn", "size", text)
    elif not is_train and n < N_TO_SCORE:
        yield Advice(
            "info",
            "size",
            f"{name} has only {plural(n, 'relation')}: each accounts for "
            f"{percent(1 / n)} of recall. Add documents to it (--split of "
            "scripts/convert.py), or compare settings by cross-validation.",
        )


def _check_entities(result: Result) -> Iterator[Advice]:
    for name, split in result["splits"].items():
        places = split["places"]
        n = split["crossing_entities"]
        if n:
            yield Advice(
                "info",
                "crossing",
                f"{name}: {n} entities partially overlap others, often by mistake, "
                f"such as {places['crossing'][0]}.",
            )
        n = split["repeated_entities"]
        if n:
            yield Advice(
                "info",
                "repeated",
                f"{name}: doc.spans contains {plural(n, 'entity', 'entities')} twice "
                "with the same type; duplicates are ignored.",
            )
        n = split["self_relations"]
        if n:
            yield Advice(
                "warn",
                "self",
                f"{name}: {plural(n, 'relation')} {agree(n, 'goes', 'go')} from an "
                f"entity to itself, which is never a candidate "
                f"({list_some(places['self'])}). Correct them, or remove them with "
                "--drop-self of scripts/convert.py.",
            )
        n = split["relations_without_entities"]
        if n:
            yield Advice(
                "warn",
                "entities",
                f"{name}: the head or the tail of {plural(n, 'relation')} isn't one "
                "of the document's entities with this span and type "
                f"({list_some(places['end is no entity'])}). Add it to doc.ents, or "
                "to the group of doc.spans set by --spans-key.",
            )


def _check_labels(result: Result) -> Iterator[Advice]:
    train, labels = result["train"], result["labels"]
    others = [name for name in result["splits"] if name != train]
    unseen = [x for x, row in labels.items() if not row["splits"][train]]
    if unseen:
        yield Advice(
            "warn",
            "labels",
            f"{train} has no relation {list_some(unseen)}: a label that only occurs "
            f"in {join_names(others)} can't be learned. Split again with "
            "scripts/convert.py, which stratifies labels, or rename it with "
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
            f"annotate more, or merge it with another label (--map-label {name}=OTHER "
            "of scripts/convert.py).",
        )
    for other in others:
        counts = {label: row["splits"] for label, row in labels.items()}
        absent = [x for x, n in counts.items() if n[train] and not n[other]]
        if absent and result["splits"][other]["relations"]:
            yield Advice(
                "info",
                "labels",
                f"{other} has no relation {list_some(absent)}, so it can't be used to "
                f"evaluate {agree(len(absent), 'it', 'them')}.",
            )
    first = next(iter(labels), None)
    if first is not None and len(labels) > 1 and labels[first]["share"] >= 0.8:
        yield Advice(
            "info",
            "imbalance",
            f"{percent(labels[first]['share'])} of all relations are {first}: check "
            "the score of each label, not only rel_micro_f.",
        )


def _check_type_pairs(result: Result) -> Iterator[Advice]:
    rare = [row for row in result["type_pairs"] if row["rare"]]
    if rare:
        # a single one among many is probably a mistake
        rare.sort(key=lambda row: row["share"])
        some = [
            f"{row['head']} {row['label']} {row['tail']} in {row['places'][0]}"
            for row in rare
        ]
        are_rare = agree(
            len(rare),
            "is rare for its label, and may be a mistake",
            "are rare for their labels, and may be mistakes",
        )
        yield Advice(
            "info",
            "type pairs",
            f"{plural(len(rare), 'combination')} of types {are_rare}: "
            f"{list_some(some, 3)}.",
        )


def _like(examples: Sequence[Result]) -> str:
    return f" (such as {' and '.join(examples[0]['places'])})" if examples else ""


def _check_sentences(result: Result) -> Iterator[Advice]:
    """Models of sentences find wrong relations across sentences of longer texts."""
    split = result["splits"][result["train"]]
    n, n_all = split["documents_of_one_sentence"], split["documents"]
    if n_all and n / n_all >= SINGLE:
        yield Advice(
            "info",
            "documents",
            f"{of_all(n, n_all, 'document')} of {result['train']} "
            f"{agree(n, 'is a single sentence', 'are single sentences')}. A model of "
            "them finds wrong relations between entities of different sentences: give "
            'it one sentence at a time, see "Texts of several sentences" in '
            "docs/prediction.md.",
        )


RULES = (
    _check_sentences,
    _check_repeats,
    _check_documents,
    _check_entities,
    _check_labels,
    _check_type_pairs,
)

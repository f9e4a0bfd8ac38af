"""The tables of an inspection, for a terminal or a page."""

from typing import Dict, List, Optional

from ..wording import Table, list_some, percent
from .found import Result

FACTS = {
    "documents": "documents",
    "documents_without_annotation": "  without annotation",
    "documents_without_entities": "  without entities",
    "documents_without_relations": "  without relations",
    "incomplete_documents": "  annotated incompletely",
    "tokens": "tokens",
    "entities": "entities",
    "entities_not_in_doc_ents": "  not in doc.ents",
    "nested_entities": "  nested in another",
    "crossing_entities": "  crossing another",
    "same_span_entities": "  on the span of another",
    "repeated_entities": "  listed twice",
    "relations": "relations",
    "self_relations": "  of an entity to itself",
    "relations_without_entities": "  with an end that is no entity",
    "related_pairs": "related pairs",
    "pairs_with_several_labels": "  with several labels",
}
LENGTHS = {"50%": "  per document, median", "max": "  at most"}
MAIN_FACTS = ("documents", "tokens", "entities", "relations")


def list_tables(result: Result, n_rows: Optional[int] = None) -> List[Table]:
    """The tables of an inspection.

    result (Dict[str, Any]): what `inspect_splits` has found.
    n_rows (Optional[int]): most rows of a table, the first; None: all.
    RETURNS (List[Table]): without those that would be empty.
    """
    tables = [
        _describe_splits(result),
        _describe_labels(result),
        _describe_entities(result),
        _describe_type_pairs(result),
        _describe_distances(result),
        _describe_candidates(result),
        _describe_repeats(result),
        _describe_longest(result),
    ]
    return [_cut(table, n_rows) for table in tables if table.rows]


def _describe_splits(result: Result) -> Table:
    splits = result["splits"]
    rows = []
    for name, words in FACTS.items():
        numbers = [split[name] for split in splits.values()]
        if any(numbers) or name in MAIN_FACTS:
            rows.append([words, *map(_number, numbers)])
        if name == "tokens":
            for part, words in (
                ("50%", "  per document, median"),
                ("max", "  at most"),
            ):
                found = [x["tokens_per_document"].get(part) for x in splits.values()]
                rows.append([words, *map(_number, found)])
    return Table("What there is", ["", *splits], rows, "l" + "r" * len(splits))


def _describe_labels(result: Result) -> Table:
    rows = []
    for label, row in result["labels"].items():
        distance = row["distance"]
        rows.append(
            [
                label,
                *map(_number, row["splits"].values()),
                percent(row["share"]),
                _number(row["type_pairs"]),
                percent(row["both_ways"] / row["relations"]),
                *(_number(distance[x]) for x in ("50%", "95%", "max")),
            ]
        )
    header = ["label", *result["splits"], "share", "type pairs", "both ways"]
    header += ["distance", "95 %", "max"]
    return Table(
        "Relations",
        header,
        rows,
        "l" + "r" * (len(header) - 1),
        "distance: tokens between the two starts, median; both ways: also stand in the "
        "other direction",
    )


def count_types(result: Result) -> Dict[str, Dict[str, int]]:
    """RETURNS (Dict[str, Dict[str, int]]): entities of each split by type, the most
    frequent first."""
    counts: Dict[str, Dict[str, int]] = {}
    for name, split in result["splits"].items():
        for type_, n in split["entity_types"].items():
            row = counts.setdefault(type_, dict.fromkeys(result["splits"], 0))
            row[name] = n
    return dict(sorted(counts.items(), key=lambda item: -sum(item[1].values())))


def _describe_entities(result: Result) -> Table:
    counts = count_types(result)
    n_all = sum(sum(row.values()) for row in counts.values())
    rows = [
        [type_, *map(_number, row.values()), percent(sum(row.values()) / n_all)]
        for type_, row in counts.items()
    ]
    header = ["type", *result["splits"], "share"]
    return Table("Entities", header, rows, "l" + "r" * (len(header) - 1))


def _describe_type_pairs(result: Result) -> Table:
    rows = [
        [
            row["head"],
            row["label"],
            row["tail"],
            _number(row["relations"]),
            percent(row["share"]),
            f"rare: {row['places'][0]}" if row["rare"] else "",
        ]
        for row in sorted(result["type_pairs"], key=lambda row: -row["relations"])
    ]
    header = ["head", "label", "tail", "relations", "of the label", ""]
    return Table("Type pairs", header, rows, "lllrrl")


def _describe_distances(result: Result) -> Table:
    distances = result["distances"]
    rows = []
    kinds = {
        "starts": (distances["bins"], "tokens between the starts"),
        "between": (distances["bins"], "tokens between the entities"),
        "sentences": (distances["sentence_bins"], "sentence boundaries between"),
    }
    for kind, (bins, words) in kinds.items():
        numbers = distances["all"][kind]
        total = sum(numbers or ())
        for name, n in zip(bins, numbers or ()):
            bar = "█" * round(30 * n / total) if total else ""
            share = percent(n / total) if total else ""
            rows.append([words, name, _number(n), share, bar])
            words = ""
    header = ["", "", "relations", "share", ""]
    return Table("How far apart", header, rows if result["labels"] else [], "lrrrl")


def _describe_candidates(result: Result) -> Table:
    rows = []
    splits = result["splits"].values()
    is_same = not any(split["entities_not_in_doc_ents"] for split in splits)
    for row in result["candidates"]:
        if is_same and row["spans_key"] is not None:
            continue  # the same entities as in doc.ents
        key, share = row["spans_key"], row["positive_share"]
        limits = [
            f"{name} = {row[name]}"
            for name in ("max_length", "max_sentences")
            if row[name] is not None
        ]
        lost = [f"{label} {_number(n)}" for label, n in row["lost_labels"].items()]
        rows.append(
            [
                "doc.ents" if key is None else f"doc.spans[{key!r}]",
                limits[0] if limits else "no limit",
                _number(row["candidates"]),
                "" if share is None else percent(share),
                _number(row["lost"]),
                "" if row["lost_share"] is None else percent(row["lost_share"]),
                list_some(lost, 2),
            ]
        )
    header = ["entities", "limit", "pairs", "related", "lost", "share", "most of all"]
    note = ""
    if not any(row["max_sentences"] is not None for row in result["candidates"]):
        note = "No document has sentence boundaries: max_sentences is not compared."
    return Table("Candidate settings", header, rows, "llrrrrl", note)


def _describe_repeats(result: Result) -> Table:
    rows = []
    for row in result["repeats"]["splits"]:
        is_own = row["split"] == row["other"]
        numbers = (row["same"], row["nearly"], row.get("same_group", 0))
        if any(numbers):
            where = f"again in {row['other']}" if is_own else f"in {row['other']} too"
            shown = map(_number, (row["documents"], *numbers))
            rows.append([f"{row['split']}, {where}", *shown])
    header = ["texts of", "documents", "same", "nearly", "same group"]
    alike = percent(result["repeats"]["similarity"])
    note = f"nearly: {alike} or more of all sequences of three tokens in common"
    return Table("Repeated texts", header, rows, "lrrrr", note)


def _describe_longest(result: Result) -> Table:
    rows = [
        [name, _number(document["tokens"]), document["place"]]
        for name, split in result["splits"].items()
        for document in split["longest_documents"][:2]
    ]
    return Table("Longest documents", ["", "tokens", "document"], rows, "lrl")


def _cut(table: Table, n_rows: Optional[int]) -> Table:
    more = 0 if n_rows is None else len(table.rows) - n_rows
    if more <= 0:
        return table
    note = f"... and {more} more" + (f"; {table.note}" if table.note else "")
    return table._replace(rows=table.rows[:n_rows], note=note)


def _number(n: Optional[int]) -> str:
    return "" if n is None else f"{n:,}"

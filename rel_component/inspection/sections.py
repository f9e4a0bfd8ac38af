"""The sections of an inspection: advice, tables and plots."""

from typing import Any, Callable, Dict, List

from ..pages import Figure, Matrix, Notice, Section, draw_plot
from ..pages.sections import merge_rare
from ..wording import Table, list_some, name_place, number, percent
from .constraints import CASES
from .found import Result, count_types, list_end_types
from .plots import PLOTS

FACTS = {
    "documents": "documents",
    "documents_without_annotation": "  without annotation",
    "documents_without_entities": "  without entities",
    "documents_without_relations": "  without relations",
    "incomplete_documents": "  with incomplete annotation",
    "tokens": "tokens",
    "entities": "entities",
    "entities_not_in_doc_ents": "  not in doc.ents",
    "nested_entities": "  nested in another",
    "crossing_entities": "  crossing another",
    "same_span_entities": "  with the same span as another",
    "repeated_entities": "  listed twice",
    "relations": "relations",
    "self_relations": "  from an entity to itself",
    "relations_without_entities": "  with a head or tail that is not an entity",
    "related_pairs": "related pairs",
    "pairs_with_several_labels": "  with several labels",
}
LENGTHS = {"50%": "  per document, median", "max": "  per document, at most"}
MAIN_FACTS = ("documents", "tokens", "entities", "relations")
# share of cases from which a constraint is shown
SHOWN_SHARE = 0.9
# maximum width of a bar, in characters
N_BAR = 16


def list_sections(result: Result, *, has_drawings: bool = True) -> List[Section]:
    """Create the sections of an inspection, without empty ones.

    result (Dict[str, Any]): the output of `inspect_splits`.
    has_drawings (bool): whether to include plots.
    RETURNS (List[Section]): the sections in order.
    """
    made = [describe(result) for describe in SECTIONS]
    sections = [section for section in made if section.tables or section.notices]
    for section in sections if has_drawings else ():
        section.figures = _draw_plots(section.id, result)
    return sections


def list_tables(result: Result) -> List[Table]:
    """RETURNS (List[Table]): the tables of all sections."""
    sections = list_sections(result, has_drawings=False)
    return [table for section in sections for table in section.tables]


def _draw_plots(section: str, result: Result) -> List[Figure]:
    figures = []
    for i, (draw, get_size) in enumerate(PLOTS.get(section, ())):
        svg = draw_plot(f"{section}-{i}", draw, result, get_size(result))
        figures += [] if svg is None else [Figure(svg)]
    return figures


def _describe_advice(result: Result) -> Section:
    notices = [Notice(advice["level"], advice["text"]) for advice in result["advice"]]
    return Section("advice", "Advice", notices=notices)


def _describe_splits(result: Result) -> Section:
    splits = result["splits"]
    rows = []
    for name, words in FACTS.items():
        numbers = [split[name] for split in splits.values()]
        if any(numbers) or name in MAIN_FACTS:
            rows.append([words, *map(number, numbers)])
        if name == "tokens":
            for part, words in LENGTHS.items():
                found = [x["tokens_per_document"].get(part) for x in splits.values()]
                rows.append([words, *map(number, found)])
    aligns = "l" + "r" * len(splits)
    overview = Table("Overview", ["number of", *splits], rows, aligns)
    tables = [overview, _tabulate_longest(result)]
    return Section("splits", "Splits", tables=_drop_empty(tables))


def _tabulate_longest(result: Result) -> Table:
    rows = [
        [name, number(document["tokens"]), document["place"]]
        for name, split in result["splits"].items()
        for document in split["longest_documents"][:2]
    ]
    return Table("Longest documents", ["split", "tokens", "document"], rows, "lrl")


def _describe_labels(result: Result) -> Section:
    rows = [
        [
            label,
            *map(number, row["splits"].values()),
            percent(row["share"]),
            number(row["type_pairs"]),
            percent(row["both_ways"] / row["relations"]),
            *(number(row["distance"][x]) for x in ("50%", "95%", "max")),
        ]
        for label, row in result["labels"].items()
    ]
    header = ["label", *result["splits"], "share", "type pairs", "both ways"]
    header += ["distance", "95 %", "max"]
    note = (
        "distance: tokens between the two starts, median, 95 % and maximum; both ways: "
        "the same relation exists in the other direction"
    )
    table = Table("Relations", header, rows, "l" + "r" * (len(header) - 1), note)
    return Section("labels", "Relations by label", tables=_drop_empty([table]))


def _describe_entities(result: Result) -> Section:
    counts = count_types(result)
    n_all = sum(sum(row.values()) for row in counts.values())
    rows = [
        [type_, *map(number, row.values()), percent(sum(row.values()) / n_all)]
        for type_, row in counts.items()
    ]
    header = ["type", *result["splits"], "share"]
    table = Table("Entities", header, rows, "l" + "r" * (len(header) - 1))
    return Section("entities", "Entities by type", tables=_drop_empty([table]))


def _describe_type_pairs(result: Result) -> Section:
    rows = [
        [
            row["head"],
            row["label"],
            row["tail"],
            number(row["relations"]),
            percent(row["share"]),
            f"rare: {row['places'][0]}" if row["rare"] else "",
        ]
        for row in sorted(result["type_pairs"], key=lambda row: -row["relations"])
    ]
    header = ["head", "label", "tail", "relations", "of the label", "remark"]
    table = Table("Type pairs", header, rows, "lllrrl")
    matrices = [_count_pairs(result)] if rows else []
    return Section(
        "types", "Type pairs", tables=_drop_empty([table]), matrices=matrices
    )


def _count_pairs(result: Result) -> Matrix:
    types = list_end_types(result)
    index = {type_: i for i, type_ in enumerate(types)}
    counts = [[0] * len(types) for _ in types]
    for row in result["type_pairs"]:
        counts[index[row["head"]]][index[row["tail"]]] += row["relations"]
    labels, counts = merge_rare(types, counts)
    title, corner = "Relations by the types of head and tail", "head ↓  tail →"
    return Matrix(title, corner, labels, counts, is_confusion=False)


def _describe_constraints(result: Result) -> Section:
    rows = []
    for row in result["constraints"]:
        own = row["splits"][result["train"]]
        name, share = row["constraint"], own["kept"] / own["all"]
        if share >= SHOWN_SHARE:
            shown = f"{name} = 1" if name.startswith("max") else name
            cells = [f"{x['kept']:,} of {x['all']:,}" for x in row["splits"].values()]
            mark = "suggested" if row["suggested"] else ""
            rows.append([row["label"], shown, CASES[name], *cells, mark])
    rows.sort(key=lambda row: row[-1] == "")
    header = ["label", "constraint", "cases", *result["splits"], "remark"]
    note = (
        "number of cases that satisfy it; suggested: enough of them, in documents with "
        "entities that could violate it; chains: a → b → c, which imply a → c"
    )
    aligns = "lll" + "r" * len(result["splits"]) + "l"
    table = Table("Constraints", header, rows, aligns, note)
    return Section("constraints", "Constraints", tables=_drop_empty([table]))


def _describe_distances(result: Result) -> Section:
    distances = result["distances"]
    kinds = {
        "starts": ("bins", "tokens between the starts"),
        "between": ("bins", "tokens between the entities"),
        "sentences": ("sentence_bins", "sentence boundaries between"),
    }
    tables = []
    for kind, (bins, words) in kinds.items():
        numbers = distances["all"][kind] or []
        total = sum(numbers)
        rows = [
            [name, number(n), percent(n / total), "█" * round(N_BAR * n / total)]
            for name, n in zip(distances[bins], numbers)
            if total
        ]
        title = words[0].upper() + words[1:]
        header = [words.split(" between")[0], "relations", "share", "histogram"]
        tables.append(Table(title, header, rows, "lrrl"))
    return Section("distances", "Distances", tables=_drop_empty(tables))


def _describe_candidates(result: Result) -> Section:
    splits = result["splits"].values()
    is_same = not any(split["entities_not_in_doc_ents"] for split in splits)
    rows = [
        _list_setting(row)
        for row in result["candidates"]
        # don't list the same entities as in doc.ents again
        if not (is_same and row["spans_key"] is not None)
    ]
    header = ["entities", "limit", "pairs", "related", "lost", "share lost"]
    header.append("labels with the most losses")
    note = "pairs: candidates to score; lost: gold relations that are not candidates"
    if not any(row["max_sentences"] is not None for row in result["candidates"]):
        note += "; max_sentences requires sentence boundaries, which no document has"
    table = Table("Candidate settings", header, rows, "llrrrrl", note)
    return Section("candidates", "Candidate settings", tables=_drop_empty([table]))


def _list_setting(row: Dict[str, Any]) -> List[str]:
    key, share = row["spans_key"], row["positive_share"]
    limits = [
        f"{name} = {row[name]}"
        for name in ("max_length", "max_sentences")
        if row[name] is not None
    ]
    lost = [f"{label} {number(n)}" for label, n in row["lost_labels"].items()]
    return [
        name_place(key),
        limits[0] if limits else "no limit",
        number(row["candidates"]),
        "" if share is None else percent(share),
        number(row["lost"]),
        "" if row["lost_share"] is None else percent(row["lost_share"]),
        list_some(lost, 2),
    ]


def _describe_repeats(result: Result) -> Section:
    rows = []
    for row in result["repeats"]["splits"]:
        is_own = row["split"] == row["other"]
        numbers = (row["same"], row["nearly"], row.get("same_group", 0))
        if any(numbers):
            where = "repeated there" if is_own else f"also in {row['other']}"
            shown = map(number, (row["documents"], *numbers))
            rows.append([f"{row['split']}, {where}", *shown])
    header = ["texts of", "documents", "same", "near duplicates", "same group"]
    alike = percent(result["repeats"]["similarity"])
    note = f"near duplicates: {alike} or more of the token trigrams in common"
    table = Table("Repeated texts", header, rows, "lrrrr", note)
    return Section("repeats", "Repeated texts", tables=_drop_empty([table]))


def _drop_empty(tables: List[Table]) -> List[Table]:
    return [table for table in tables if table.rows]


SECTIONS: List[Callable[[Result], Section]] = [
    _describe_advice,
    _describe_splits,
    _describe_labels,
    _describe_entities,
    _describe_type_pairs,
    _describe_constraints,
    _describe_distances,
    _describe_candidates,
    _describe_repeats,
]

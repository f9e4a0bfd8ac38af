"""The sections of a report: scores, tables, plots and text."""

from typing import Any, Callable, Dict, List, Optional

from ...pages import Matrix, Notice, Section, Tile
from ...pages.sections import merge_rare
from ...wording import (
    Table,
    agree,
    interval,
    join_names,
    name_place,
    number,
    plural,
    points,
)
from ..errors import KINDS
from ..tables import (
    LABEL_SCORES,
    PRF,
    format_label,
    format_prf,
    sort_by_support,
    tabulate_curve,
    tabulate_end_to_end,
    tabulate_labels,
    tabulate_runs,
    tabulate_settings,
    tabulate_thresholds,
)
from .build import END_TO_END, GOLD, Evaluation
from .cards import group_errors
from .plots import draw_plots

LEGEND = {"gold": "missed", "wrong": "wrong prediction"}
# spaCy's default name of a pipeline
NAMELESS = ("", "pipeline")

Data = Dict[str, Any]


def list_sections(report: Evaluation, *, has_drawings: bool = True) -> List[Section]:
    """Create the sections of a report, without empty ones.

    report (Evaluation): the evaluation.
    has_drawings (bool): whether to include plots and drawings of errors.
    RETURNS (List[Section]): the sections in order.
    """
    made = [describe(report.data) for describe in SECTIONS]
    sections = [section for section in made if section is not None]
    for section in sections:
        mode = MODES.get(section.id)
        if mode is not None:
            section.groups = group_errors(report, mode, has_drawings=has_drawings)
            section.legend = LEGEND
        if has_drawings:
            section.figures = draw_plots(section.id, report.data)
    return sections


def name_pipeline(data: Data) -> str:
    """RETURNS (str): the pipeline's name, or else its path."""
    name, path = data["pipeline"]["name"], data.get("model", "")
    if name not in NAMELESS:
        return f"{data['pipeline']['lang']}_{name}"
    return path or "a pipeline"


def describe_source(data: Data) -> str:
    """RETURNS (str): the evaluated pipeline and data, in one line."""
    n_own = len(data["label_thresholds"])
    threshold = f"threshold {data['threshold']:g}"
    if n_own:
        threshold += f", except for {plural(n_own, 'label')}"
    parts = [
        ", ".join(data["pipeline"]["components"]),
        f"evaluated on {data['data']}" if data.get("data") else "",
        plural(len(data["pipeline"]["labels"]), "label"),
        threshold,
    ]
    return " · ".join(part for part in parts if part)


def _summarize(data: Data) -> Section:
    found = data["end_to_end"]
    gold = _list_tiles(data["all_gold"], data["intervals"], data["mode"])
    # end-to-end scores come first, since they are what users get
    tiles = [*_list_end_to_end_tiles(found), *gold] if found else gold
    return Section(
        "summary",
        "Summary",
        _describe_summary(data),
        tiles,
        notices=_warn(data),
        tables=[_compare(data)],
    )


def _list_tiles(scores: Data, intervals: Data, mode: str) -> List[Tile]:
    return [
        Tile(f"{name}, {mode}", points(scores[f"rel_{key}"]), interval(intervals[key]))
        for name, key in (
            ("F of relations", "micro_f"),
            ("precision", "micro_p"),
            ("recall", "micro_r"),
            ("macro F", "macro_f"),
        )
    ]


def _list_end_to_end_tiles(found: Data) -> List[Tile]:
    strict = found["relations"]["rel_strict_f"]
    entities = found["entities"]["ents_micro_f"]
    first, *more = _list_tiles(found["relations"], found["intervals"], END_TO_END)
    low_high = found["intervals"]["strict_f"]
    return [
        first,
        Tile("strict F, end to end", points(strict), interval(low_high)),
        *more[:2],
        Tile("F of entities", points(entities), "boundaries and type"),
    ]


def _describe_summary(data: Data) -> List[str]:
    scores = data["all_gold"]
    n_gold = sum(row["support"] for row in scores["rel_per_label"].values())
    size = plural(data["documents"], "document")
    words = [
        f"{size} with {plural(n_gold, 'gold relation')}. A relation is correct if the "
        "boundaries of both entities and the label are; recall is over all gold "
        "relations, including those that were not candidates."
    ]
    if data["documents"] < 2:
        words.append("Confidence intervals require more than one document.")
    else:
        words.append(
            "Below each score: its 95 % interval, from 1,000 bootstrap samples of the "
            "documents."
        )
    if data["end_to_end"]:
        words.append(
            "End to end, the pipeline predicts the entities, as in practice, but in "
            "the annotated tokens; with gold entities, it uses the annotated ones."
        )
    elif not data["pipeline"]["finds_entities"]:
        words.append(
            "Gold entities were used: this pipeline doesn't predict entities itself."
        )
    recall = scores["rel_candidate_recall"]
    if recall is not None and recall < 1:
        words.append(
            f"{points(1 - recall)} % of the gold relations were not candidates, so "
            "they could not be predicted."
        )
    return words


def _warn(data: Data) -> List[Notice]:
    """RETURNS (List[Notice]): warnings about unreliable or missing scores."""
    texts = []
    gold = data["corpora"]["test"]
    known = data["pipeline"]["labels"]
    unknown = sorted(set(gold["relations"]) - set(known))
    if unknown:
        predicted = f"it predicts {join_names(known)}" if known else "it has none"
        texts.append(
            f"The documents contain the {agree(len(unknown), 'label', 'labels')} "
            f"{join_names(unknown)}, unknown to the model; {predicted}."
        )
    if data.get("unknown_types"):
        texts.append(data["unknown_types"])
    if not gold["relations"]:
        texts.append(
            "The documents contain no gold relations. If they were annotated, the "
            "relations were not saved: convert the annotations again, or save with "
            "DocBin(store_user_data=True)."
        )
    elif known and not data["classification"]["n"]:
        where = name_place(data["pipeline"]["spans_key"])
        texts.append(
            "There were no candidate pairs: the documents have fewer than two "
            f"entities each in {where}, or the candidate generator's limits exclude "
            "all pairs."
        )
    return [Notice("warn", text) for text in texts]


def _compare(data: Data) -> Table:
    rows = [
        ["all gold relations", *format_prf(data["all_gold"], "rel_micro_")],
        [
            "generated pairs (tutorial)",
            *format_prf(data["tutorial_protocol"], "rel_micro_"),
        ],
    ]
    title = f"Relations, {data['mode']}, at threshold {data['threshold']:g}"
    note = "The spaCy tutorial's recall ignores relations that were not candidates."
    return Table(title, ["recall over", *PRF], rows, "lrrr", note)


def _describe_labels(data: Data) -> Section:
    scores, intervals = (
        data["all_gold"]["rel_per_label"],
        data["intervals"]["per_label"],
    )
    own, curves = data["label_thresholds"], data["curves"]
    rows = [
        [
            label,
            number(row["support"]),
            *format_label(row),
            interval(intervals[label]["f"]),
            points(curves[label]["average_precision"] if label in curves else None),
            f"{own.get(label, data['threshold']):g}",
        ]
        for label, row in sort_by_support(scores)
    ]
    header = ["label", "gold", *LABEL_SCORES, "95 % of F", "AP", "threshold"]
    note = "AP: average precision, the area under the curve of precision and recall"
    title = f"Relations by label, {data['mode']}"
    aligns = "l" + "r" * (len(header) - 1)
    tables = [Table(title, header, rows, aligns, note)] if rows else []
    silent = sorted(set(data["pipeline"]["labels"]) - set(scores))
    words = []
    if silent:
        words.append(
            "Labels without gold or predicted relations in the documents: "
            f"{', '.join(silent)}."
        )
    return Section("labels", "Relations by label", words, tables=tables)


def _describe_end_to_end(data: Data) -> Optional[Section]:
    found = data["end_to_end"]
    if not found:
        return None
    entities, relations = found["entities"], found["relations"]
    tables = [
        tabulate_end_to_end(found),
        tabulate_labels("Entities by type", "type", entities["ents_per_type"]),
        tabulate_labels(
            "Tokens of entities by type", "type", found["tokens"]["tokens_per_type"]
        ),
        tabulate_labels(
            "Relations by label, end to end", "label", relations["rel_per_label"]
        ),
    ]
    matrix = _make_matrix(
        "Types of entities",
        found["entity_matrix"],
        "–: no entity with these boundaries",
    )
    tables = [table for table in tables if table.rows]
    return Section("end-to-end", "End to end", tables=tables, matrices=[matrix])


def _describe_thresholds(data: Data) -> Section:
    words, tables = [], []
    tuning, found = data["tuning"], data["end_to_end"]
    place = "from the text alone" if found else "with gold entities"
    if tuning:
        is_stored = tuning["source"] == "model"
        default = f"{data['threshold']:g}"
        words.append(
            "Tuned: the model's thresholds and calibration. Plain: a threshold of "
            f"{default} for all labels, without calibration."
            if is_stored
            else "Tuned: thresholds and calibration tuned on the development "
            "documents; use the command tune to save them. Plain: the model as it is, "
            f"with a threshold of {default} for all labels."
        )
        rows = [
            [name, *format_prf(tuning[part])]
            for name, part in (("plain", "before"), ("tuned", "after"))
        ]
        tables += [
            Table(f"Effect of tuning, {place}", ["model", *PRF], rows, "lrrr"),
            tabulate_settings(
                data["pipeline"]["labels"],
                data["threshold"],
                tuning["thresholds"],
                tuning["calibration"],
            ),
        ]
    title = "One threshold for all labels"
    if found and "thresholds" in found:
        named = f"{title}, from the text alone"
        tables.append(tabulate_thresholds(named, found["thresholds"]))
        title += ", with gold entities"
    by_chance = data["random_baseline"]
    tables.append(tabulate_thresholds(title, data["thresholds"], by_chance))
    return Section("thresholds", "Thresholds", words, tables=tables)


def _describe_calibration(data: Data) -> Optional[Section]:
    tuning = data["tuning"]
    if not tuning or not tuning["before"]["reliability"]["all"]["n"]:
        return None
    rows = []
    names = {"all": "all candidate pairs", "claims": "scores of 0.5 or more"}
    for kind, words in names.items():
        for name in ("before", "after"):
            found = tuning[name]["reliability"][kind]
            brier = "–" if found["brier"] is None else f"{found['brier']:.4f}"
            cells = [number(found["n"]), points(found["ece"]), brier]
            rows.append([f"{words}, {name}", *cells])
    header = ["scores, before or after calibration", "n", "ECE %", "Brier"]
    return Section(
        "calibration",
        "Calibration",
        [
            "If scores are calibrated, nine in ten predictions with a score near 0.9 "
            "are correct. The expected calibration error (ECE) is the mean "
            "difference between score and accuracy over ten bins; the Brier score is "
            "the mean squared error."
        ],
        tables=[Table("Calibration error", header, rows, "lrrr")],
    )


def _describe_confusion(data: Data) -> Section:
    found = data["classification"]
    rows = [
        ["candidate pairs", number(found["n"])],
        ["accuracy, NO_REL included", points(found["accuracy"])],
        ["micro F, without NO_REL", points(found["micro_f"])],
        ["macro F, without NO_REL", points(found["macro_f"])],
        ["macro F, with NO_REL", points(found["macro_f_with_no_rel"])],
        [
            "gold relations that were not candidates",
            number(found["gold_never_candidates"]),
        ],
    ]
    note = "NO_REL: no relation"
    matrix = _make_matrix("Labels of candidate pairs", found["matrix"], note)
    return Section(
        "confusion",
        "Confusion",
        [
            "Many papers treat relation extraction as classification: each candidate "
            "pair has one label or NO_REL. Most pairs have NO_REL, so the accuracy "
            "is high."
        ],
        tables=[Table("As classification", ["measure", "value"], rows, "lr")],
        matrices=[matrix] if found["n"] else [],
    )


def _describe_errors(data: Data, mode: str) -> Optional[Section]:
    source = data if mode == data["mode"] else data["end_to_end"]
    if not source:
        return None
    id_, title = f"errors-{mode.replace(' ', '-')}", f"Errors, {mode}"
    counts = source["errors"]["counts"]
    n = sum(counts.values())
    if not n:
        return Section(id_, title, ["There are no errors."])
    rows = [
        [kind, number(counts[kind]), why] for kind, why in KINDS.items() if counts[kind]
    ]
    words = [
        "Each missed gold relation is counted once, for the first step that lost it. "
        "A wrong prediction instead of it is shown with it, and not counted as "
        "spurious. Documents are numbered from 1, in the order of the file."
    ]
    table = Table(plural(n, "error"), ["kind", "n", "what happened"], rows, "lrl")
    return Section(id_, title, words, tables=[table])


def _describe_training(data: Data) -> Optional[Section]:
    words, tables = [], []
    rows = data.get("training")
    if rows:
        best = max(rows, key=lambda row: row["score"])
        words.append(
            f"{plural(len(rows), 'evaluation')} in {number(rows[-1]['step'])} steps; "
            f"the best score on the development documents was {points(best['score'])}, "
            f"after {number(best['step'])} steps."
        )
    found = data.get("learning_curve")
    if found:
        words.append(found["advice"])
        tables.append(tabulate_curve(found))
    if not words:
        return None
    return Section("training", "Training", words, tables=tables)


def _describe_cross_validation(data: Data) -> Optional[Section]:
    found = data.get("cross_validation")
    if not found:
        return None
    words = [
        f"{found.get('config', 'The config')}, {found['folds']} folds of "
        f"{plural(found['documents'], 'document')}: each document is predicted by a "
        "model that was not trained on its text."
    ]
    tables = tabulate_runs(found["runs"], found["summary"])
    return Section("cross-validation", "Cross-validation", words, tables=tables)


def _describe_data(data: Data) -> Section:
    corpora = {x: c for x, c in data["corpora"].items() if c["documents"]}
    aligns = "l" + "r" * len(corpora)
    rows = [
        [name, *(number(corpus[name]) for corpus in corpora.values())]
        for name in ("documents", "tokens")
    ]
    for kind in ("entities", "relations"):
        totals = [sum(corpus[kind].values()) for corpus in corpora.values()]
        rows.append([kind, *map(number, totals)])
    tables = [Table("Documents", ["number of", *corpora], rows, aligns)]
    for kind, name in (("relations", "label"), ("entities", "type")):
        names = dict.fromkeys(x for corpus in corpora.values() for x in corpus[kind])
        rows = [
            [x, *(number(corpus[kind].get(x, 0)) for corpus in corpora.values())]
            for x in names
        ]
        if rows:
            tables.append(Table(kind.capitalize(), [name, *corpora], rows, aligns))
    pipeline = data["pipeline"]
    facts = {
        "model": str(data.get("model", "")),
        "scored on": str(data.get("data", "")),
        "pipeline": ", ".join(pipeline["components"]),
        "language": pipeline["lang"],
        "symmetric labels": ", ".join(pipeline["symmetric"]) or "none",
        "only the best label of a pair": "yes" if pipeline["single_label"] else "no",
        "constraints": ", ".join(pipeline.get("constraints", ())),
        **data["versions"],
    }
    rows = [[name, value] for name, value in facts.items() if value]
    tables.append(Table("Model and environment", ["what", "value"], rows, "ll"))
    return Section("data", "Data and environment", tables=tables)


def _make_matrix(title: str, matrix: Data, note: str) -> Matrix:
    # the last class stands for none of the others
    labels, counts = merge_rare(matrix["labels"], matrix["counts"], n_last=1)
    return Matrix(title, "gold ↓  predicted →", labels, counts, note)


SECTIONS: List[Callable[[Data], Optional[Section]]] = [
    _summarize,
    _describe_end_to_end,
    _describe_labels,
    lambda data: _describe_errors(data, END_TO_END),
    lambda data: _describe_errors(data, GOLD),
    _describe_thresholds,
    _describe_calibration,
    _describe_confusion,
    _describe_training,
    _describe_cross_validation,
    _describe_data,
]
# ids of the sections that show errors
MODES = {"errors-end-to-end": END_TO_END, "errors-gold-entities": GOLD}

"""A report in sections: words and tables, for a page or Markdown."""

from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional, Sequence

from ...wording import Table, plural
from ..errors import KINDS
from .wording import number, percent

# rows of a confusion matrix that still can be read
N_CLASSES = 15


@dataclass
class Tile:
    """A headline figure.

    name (str): what it is.
    value (str): the figure.
    detail (str): its interval or a word on it.
    """

    name: str
    value: str
    detail: str = ""


@dataclass
class Matrix:
    """A confusion matrix: gold in rows, predicted in columns.

    styles (List[List[str]]): CSS of each cell: the larger its share of the row, the
        darker, blue where both agree and red elsewhere.
    """

    title: str
    labels: List[str]
    counts: List[List[int]]
    styles: List[List[str]]
    note: str = ""


@dataclass
class Section:
    """A part of a report.

    id (str): of the anchor.
    title (str): its heading.
    words (List[str]): paragraphs before everything else.
    tiles (List[Tile]), tables (List[Table]), matrices (List[Matrix]): what it shows.
    plots (List[str]): names of plots, see `plots.PLOTS`.
    errors (str): mode of which the errors are shown; may be empty.
    """

    id: str
    title: str
    words: List[str] = field(default_factory=list)
    tiles: List[Tile] = field(default_factory=list)
    tables: List[Table] = field(default_factory=list)
    matrices: List[Matrix] = field(default_factory=list)
    plots: List[str] = field(default_factory=list)
    errors: str = ""


def list_sections(data: Dict[str, Any]) -> List[Section]:
    """The sections of a report, without those that would be empty.

    data (Dict[str, Any]): of a `Evaluation`.
    RETURNS (List[Section]): in the order in which they are read.
    """
    made = [
        _summarize(data),
        _describe_labels(data),
        _describe_end_to_end(data),
        _describe_thresholds(data),
        _describe_calibration(data),
        _describe_confusion(data),
        _describe_errors(data, "gold entities"),
        _describe_errors(data, "end to end"),
        _describe_training(data),
        _describe_cross_validation(data),
        _describe_data(data),
    ]
    return [section for section in made if section is not None]


def _summarize(data: Dict[str, Any]) -> Section:
    scores, intervals = data["all_gold"], data["intervals"]
    n_gold = sum(row["support"] for row in scores["rel_per_label"].values())
    tiles = [
        Tile(
            f"F of relations, {data['mode']}",
            percent(scores["rel_micro_f"]),
            _say_interval(intervals["micro_f"]),
        ),
        Tile(
            "precision",
            percent(scores["rel_micro_p"]),
            _say_interval(intervals["micro_p"]),
        ),
        Tile(
            "recall",
            percent(scores["rel_micro_r"]),
            _say_interval(intervals["micro_r"]),
        ),
        Tile(
            "macro F",
            percent(scores["rel_macro_f"]),
            _say_interval(intervals["macro_f"]),
        ),
    ]
    found = data["end_to_end"]
    if found:
        spans = found["intervals"]
        relations, entities = found["relations"], found["entities"]
        tiles += [
            Tile(
                "F of relations, end to end",
                percent(relations["rel_micro_f"]),
                _say_interval(spans["micro_f"]),
            ),
            Tile(
                "strict F, end to end",
                percent(relations["rel_strict_f"]),
                _say_interval(spans["strict_f"]),
            ),
            Tile(
                "F of entities", percent(entities["ents_micro_f"]), "borders and type"
            ),
        ]
    size = plural(data["documents"], "document")
    words = [
        f"{size} with {plural(n_gold, 'gold relation')}. A relation counts if the "
        "borders of both entities and the label agree; recall is over all gold "
        "relations, candidates or not. Intervals: 95 %, by drawing documents again "
        "1,000 times."
    ]
    if data["documents"] < 2:
        words.append("One document gives no interval.")
    recall = scores["rel_candidate_recall"]
    if recall is not None and recall < 1:
        words.append(
            f"{percent(1 - recall)} % of the gold relations were never candidates, so "
            f"that they could not be found."
        )
    if not found:
        words.append(
            "Entities were given: this pipeline does not find them itself."
            if not data["pipeline"]["finds_entities"]
            else ""
        )
    unknown = sorted(
        set(data["corpora"]["test"]["relations"]) - set(data["pipeline"]["labels"])
    )
    if unknown:
        words.append(
            f"The model does not know the label(s) {', '.join(unknown)} of this data."
        )
    return Section("summary", "Summary", [w for w in words if w], tiles)


def _describe_labels(data: Dict[str, Any]) -> Section:
    scores, intervals = (
        data["all_gold"]["rel_per_label"],
        data["intervals"]["per_label"],
    )
    own = data["label_thresholds"]
    silent = sorted(set(data["pipeline"]["labels"]) - set(scores))
    rows = []
    for label, row in sorted(scores.items(), key=lambda x: (-x[1]["support"], x[0])):
        curve = data["curves"].get(label)
        rows.append(
            [
                label,
                number(row["support"]),
                *(percent(row[x]) for x in "pr"),
                percent(row["f"]),
                _say_interval(intervals[label]["f"]),
                percent(curve["average_precision"]) if curve else "–",
                f"{own.get(label, data['threshold']):g}",
            ]
        )
    header = ["label", "gold", "P", "R", "F", "95 %", "AP", "threshold"]
    note = "AP: average precision, the area under precision and recall"
    words = []
    if silent:
        words.append(
            f"Neither gold nor predicted here, so nothing is known of: "
            f"{', '.join(silent)}."
        )
    table = [Table("By label", header, rows, "lrrrrrrr", note)] if rows else []
    return Section(
        "labels", "Relations by label", words, tables=table, plots=["curves"]
    )


def _describe_end_to_end(data: Dict[str, Any]) -> Optional[Section]:
    found = data["end_to_end"]
    if not found:
        return None
    entities, tokens, relations = (
        found[x] for x in ("entities", "tokens", "relations")
    )
    rows = [
        ["entities", *_prf(entities, "ents_micro"), percent(entities["ents_macro_f"])],
        [
            "their tokens",
            *_prf(tokens, "tokens_micro"),
            percent(tokens["tokens_macro_f"]),
        ],
        ["relations", *_prf(relations, "rel_micro"), percent(relations["rel_macro_f"])],
        ["relations, strict", *_prf(relations, "rel_strict"), ""],
    ]
    tables = [
        Table(
            "From the text alone",
            ["", "P", "R", "F", "macro F"],
            rows,
            "lrrrr",
            "strict: the types of both entities are right too",
        ),
        _list_per_type("Entities by type", "type", entities["ents_per_type"]),
        _list_per_type("Relations by label", "label", relations["rel_per_label"]),
    ]
    matrix = found["entity_matrix"]
    matrices = [
        _make_matrix(
            "Entities: gold type (row), predicted (column)",
            matrix,
            "–: no entity with these borders",
        )
    ]
    return Section(
        "end-to-end",
        "End to end",
        [],
        tables=[t for t in tables if t.rows],
        matrices=matrices,
    )


def _describe_thresholds(data: Dict[str, Any]) -> Section:
    words, tables = [], []
    tuning = data["tuning"]
    if tuning:
        is_stored = tuning["source"] == "model"
        settings = (
            "The thresholds and the calibration that are stored in the model"
            if is_stored
            else "Thresholds and calibration that the development documents give"
        )
        words.append(
            f"{settings}, beside the plain model with one threshold of "
            f"{data['threshold']:g}"
            + ("." if is_stored else "; the command tune stores them in a model.")
        )
        before, after = tuning["before"], tuning["after"]
        rows = [
            [name, *(percent(part[x]) for x in "prf")]
            for name, part in (("plain", before), ("tuned", after))
        ]
        tables.append(Table("On these documents", ["", "P", "R", "F"], rows, "lrrr"))
        rows = [
            [
                label,
                f"{tuning['thresholds'].get(label, data['threshold']):g}",
                *(
                    [
                        f"{tuning['calibration'][label][0]:.2f}",
                        f"{tuning['calibration'][label][1]:+.2f}",
                    ]
                    if label in tuning["calibration"]
                    else ["–", "–"]
                ),
            ]
            for label in data["pipeline"]["labels"]
        ]
        header = ["label", "threshold", "slope", "intercept"]
        tables.append(
            Table(
                "Tuned settings",
                header,
                rows,
                "lrrr",
                "threshold: of the calibrated score; slope and intercept: of the "
                "calibration, on the log odds",
            )
        )
    rows = [
        [
            f"{row['threshold']:g}",
            *_prf(row["all_gold"], "rel_micro"),
            percent(chance["all_gold"]["rel_micro_f"]),
        ]
        for row, chance in zip(data["thresholds"], data["random_baseline"])
    ]
    tables.append(
        Table(
            "One threshold for all labels",
            ["threshold", "P", "R", "F", "F by chance"],
            rows,
            "rrrrr",
        )
    )
    return Section(
        "thresholds", "Thresholds", words, tables=tables, plots=["thresholds"]
    )


def _describe_calibration(data: Dict[str, Any]) -> Optional[Section]:
    tuning = data["tuning"]
    if not tuning or not tuning["before"]["reliability"]["all"]["n"]:
        return None
    rows = []
    names = {"all": "all candidate pairs", "claims": "scores of 0.5 and more"}
    for kind, words in names.items():
        for name in ("before", "after"):
            found = tuning[name]["reliability"][kind]
            rows.append(
                [
                    words,
                    name,
                    number(found["n"]),
                    percent(found["ece"]),
                    _decimals(found["brier"]),
                ]
            )
            words = ""
    header = ["", "", "n", "ECE %", "Brier"]
    words_ = [
        "A calibrated confidence of 0.9 is right nine times in ten. ECE, the expected "
        "calibration error, is the mean distance between confidence and the share that "
        "is right, over ten bins."
    ]
    return Section(
        "calibration",
        "Calibration",
        words_,
        tables=[Table("Calibration error", header, rows, "llrrr")],
        plots=["reliability"],
    )


def _describe_confusion(data: Dict[str, Any]) -> Section:
    found = data["classification"]
    rows = [
        ["candidate pairs", number(found["n"])],
        ["accuracy, NO_REL included", percent(found["accuracy"])],
        ["micro F, without NO_REL", percent(found["micro_f"])],
        ["macro F, without NO_REL", percent(found["macro_f"])],
        ["macro F, with NO_REL", percent(found["macro_f_with_no_rel"])],
        [
            "gold relations that were no candidates",
            number(found["gold_never_candidates"]),
        ],
    ]
    words = [
        "Relation extraction seen as classification of candidate pairs, one label to a "
        "pair, as much of the literature counts it. Accuracy is flattered by the many "
        "pairs that have no relation."
    ]
    matrices = []
    if found["n"]:
        matrices.append(
            _make_matrix(
                "Relations: gold label (row), predicted (column)",
                found["matrix"],
                "NO_REL: no relation",
            )
        )
    return Section(
        "confusion",
        "Confusion",
        words,
        tables=[Table("As classification", ["", ""], rows, "lr")],
        matrices=matrices,
    )


def _describe_errors(data: Dict[str, Any], mode: str) -> Optional[Section]:
    is_gold = mode == data["mode"]
    source = data if is_gold else data["end_to_end"]
    if not source:
        return None
    counts = source["errors"]["counts"]
    n = sum(counts.values())
    name = f"Errors, {mode}"
    id_ = "errors-" + mode.replace(" ", "-")
    if not n:
        return Section(id_, name, ["No errors."])
    rows = [
        [kind, number(counts[kind]), why] for kind, why in KINDS.items() if counts[kind]
    ]
    words = [
        "Each gold relation that was not found counts under the first step that lost "
        "it; a wrong prediction that stands for it is shown with it."
    ]
    table = Table(plural(n, "error"), ["kind", "n", "what happened"], rows, "lrl")
    return Section(id_, name, words, tables=[table], errors=mode)


def _describe_training(data: Dict[str, Any]) -> Optional[Section]:
    words, tables, plots = [], [], []
    rows = data.get("training")
    if rows:
        best = max(rows, key=lambda row: row["score"])
        n_steps = number(rows[-1]["step"])
        words.append(
            f"{plural(len(rows), 'evaluation')} in {n_steps} steps; the best score on "
            f"the development documents, {percent(best['score'])}, came after "
            f"{number(best['step'])}."
        )
        plots.append("training")
    found = data.get("learning_curve")
    if found:
        words.append(found["advice"])
        table = [
            [
                number(point["documents"]),
                percent(point["mean"]),
                *(percent(score) for score in point["scores"]),
            ]
            for point in found["points"]
        ]
        seeds = [f"seed {seed}" for seed in found["seeds"]]
        tables.append(
            Table(
                "Learning curve: F by training documents",
                ["documents", "mean", *seeds],
                table,
                "r" * (2 + len(seeds)),
            )
        )
        plots.append("learning")
    if not words:
        return None
    return Section("training", "Training", words, tables=tables, plots=plots)


def _describe_cross_validation(data: Dict[str, Any]) -> Optional[Section]:
    found = data.get("cross_validation")
    if not found:
        return None
    names = ("micro_p", "micro_r", "micro_f", "macro_f")
    rows = []
    for run in found["runs"]:
        interval = _say_interval(run["intervals"]["micro_f"])
        rows.append([str(run["seed"]), *(percent(run[x]) for x in names), interval])
    summary = found["summary"]
    if len(found["runs"]) > 1:
        for name, key in (("mean", "mean"), ("± seeds", "sd")):
            rows.append([name, *(percent(summary[x][key]) for x in names), ""])
    rows.append(["± folds", *(percent(summary[x]["sd_folds"]) for x in names), ""])
    words = [
        f"{found['folds']} folds over {plural(found['documents'], 'document')}: each "
        f"is predicted by a model that has not seen its text."
    ]
    header = ["seed", "P", "R", "F", "macro F", "95 % of F"]
    table = Table("By seed", header, rows, "lrrrrr")
    return Section("cross-validation", "Cross-validation", words, tables=[table])


def _describe_data(data: Dict[str, Any]) -> Section:
    corpora = {x: c for x, c in data["corpora"].items() if c["documents"]}
    tables = []
    rows = [
        [name, *(number(corpus[name]) for corpus in corpora.values())]
        for name in ("documents", "tokens")
    ]
    for kind in ("entities", "relations"):
        totals = [sum(corpus[kind].values()) for corpus in corpora.values()]
        rows.append([kind, *map(number, totals)])
    aligns = "l" + "r" * len(corpora)
    tables.append(Table("Documents", ["", *corpora], rows, aligns))
    for kind, title in (("relations", "Relations"), ("entities", "Entities")):
        names = list(
            dict.fromkeys(x for corpus in corpora.values() for x in corpus[kind])
        )
        rows = [
            [name, *(number(corpus[kind].get(name, 0)) for corpus in corpora.values())]
            for name in names
        ]
        if rows:
            tables.append(Table(title, ["", *corpora], rows, aligns))
    pipeline = data["pipeline"]
    facts = [
        ["model", str(data.get("model", ""))],
        ["scored on", str(data.get("data", ""))],
        ["pipeline", ", ".join(pipeline["components"])],
        ["language", pipeline["lang"]],
        ["symmetric labels", ", ".join(pipeline["symmetric"]) or "none"],
        ["best label of a pair only", "yes" if pipeline["single_label"] else "no"],
        *([name, version] for name, version in data["versions"].items()),
    ]
    tables.append(
        Table("Model and environment", ["", ""], [x for x in facts if x[1]], "ll")
    )
    return Section("data", "Data and environment", tables=tables)


def _make_matrix(title: str, matrix: Dict[str, Any], note: str) -> Matrix:
    labels, counts = list(matrix["labels"]), [list(row) for row in matrix["counts"]]
    more = len(labels) - N_CLASSES
    if more > 0:  # merge the rarest, but keep the class for none, the last
        first = N_CLASSES - 2
        merged = [[*row[:first], sum(row[first:-1]), row[-1]] for row in counts]
        between = [sum(column) for column in zip(*merged[first:-1])]
        counts = [*merged[:first], between, merged[-1]]
        n = len(labels) - 1 - first
        labels = [*labels[:first], f"{n} others", labels[-1]]
    styles = [
        [_style(n / (sum(row) or 1), i == j) for j, n in enumerate(row)]
        for i, row in enumerate(counts)
    ]
    return Matrix(title, labels, counts, styles, note)


def _style(share: float, is_right: bool) -> str:
    color = "0, 114, 178" if is_right else "198, 40, 40"
    ink = "; color: #fff" if share > 0.7 else ""
    return f"background: rgba({color}, {0.8 * share:.2f}){ink}"


def _list_per_type(title: str, name: str, scores: Dict[str, Any]) -> Table:
    rows = [
        [label, number(row["support"]), *(percent(row[x]) for x in "prf")]
        for label, row in sorted(scores.items(), key=lambda x: (-x[1]["support"], x[0]))
    ]
    return Table(title, [name, "gold", "P", "R", "F"], rows, "lrrrr")


def _prf(scores: Dict[str, Any], name: str) -> List[str]:
    return [percent(scores[f"{name}_{x}"]) for x in "prf"]


def _say_interval(interval: Optional[Sequence[float]]) -> str:
    return "" if interval is None else f"{percent(interval[0])}–{percent(interval[1])}"


def _decimals(value: Optional[float]) -> str:
    return "–" if value is None else f"{value:.4f}"

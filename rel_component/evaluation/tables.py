"""Tables of scores, for reports, model cards and terminals."""

from typing import Any, Dict, Iterable, List, Sequence, Tuple

from ..wording import Table, interval, number, plural, points

PRF = ["P", "R", "F"]
# scores per label or type: column and key
LABEL_SCORES = {"P": "p", "R": "r", "F": "f"}
# scores of a cross-validation: with gold entities, and from the text alone
METRICS = ("micro_p", "micro_r", "micro_f", "macro_f")
TEXT_METRICS = ("entities_f", "strict_f")


def format_prf(scores: Dict[str, Any], prefix: str = "") -> List[str]:
    """RETURNS (List[str]): precision, recall and F.

    scores (Dict[str, Any]): scores with keys p, r and f after a prefix.
    prefix (str): such as `rel_micro_`.
    """
    return [points(scores[prefix + x]) for x in "prf"]


def format_label(scores: Dict[str, Any]) -> List[str]:
    """RETURNS (List[str]): the cells of `LABEL_SCORES`; `–` for missing scores, since
    entity types don't have all scores of relation labels.

    scores (Dict[str, Any]): scores of a label or type.
    """
    return [points(scores.get(key)) for key in LABEL_SCORES.values()]


def sort_by_support(per_label: Dict[str, Dict[str, Any]]) -> List[Tuple[str, Any]]:
    """RETURNS (List): labels or types with their scores, the most frequent first."""
    return sorted(per_label.items(), key=lambda row: (-row[1]["support"], row[0]))


def tabulate_labels(
    title: str,
    name: str,
    per_label: Dict[str, Dict[str, Any]],
    totals: Iterable[Sequence[str]] = (),
) -> Table:
    """RETURNS (Table): a row per label or type, followed by totals.

    title (str): title of the table.
    name (str): name of the first column.
    per_label (Dict[str, Dict[str, Any]]): p, r, f and support by label.
    totals (Iterable[Sequence[str]]): more rows.
    """
    rows = [
        [label, number(row["support"]), *format_label(row)]
        for label, row in sort_by_support(per_label)
    ]
    header = [name, "gold", *LABEL_SCORES]
    rows += [[*total, *[""] * (len(header) - len(total))] for total in totals]
    return Table(title, header, rows, "l" + "r" * (len(header) - 1))


def tabulate_entities(found: Dict[str, Any]) -> List[Table]:
    """RETURNS (List[Table]): scores per span and per token, with their means.

    found (Dict[str, Any]): see `entities.evaluate_entities`.
    """
    tables = []
    for title, prefix in (("entities", "ents"), ("tokens", "tokens")):
        scores = found[title]
        totals = [
            [kind, "", *format_prf(scores, f"{prefix}_{kind}_")]
            for kind in ("micro", "macro")
        ]
        per_type = scores[f"{prefix}_per_type"]
        tables.append(
            tabulate_labels(f"{title.capitalize()} by type", "type", per_type, totals)
        )
    return tables


def tabulate_end_to_end(found: Dict[str, Any]) -> Table:
    """RETURNS (Table): end-to-end scores of entities and relations.

    found (Dict[str, Any]): the field `end_to_end` of an evaluation.
    """
    rows = [
        [name, *format_prf(found[part], f"{key}_micro_"), points(found[part][macro])]
        for name, part, key, macro in (
            ("entities", "entities", "ents", "ents_macro_f"),
            ("tokens of entities", "tokens", "tokens", "tokens_macro_f"),
            ("relations", "relations", "rel", "rel_macro_f"),
        )
    ]
    strict = format_prf(found["relations"], "rel_strict_")
    rows.append(["relations, strict", *strict, ""])
    note = (
        "An entity is correct if its boundaries and type are, a relation if the "
        "boundaries of both entities and the label are; strict: also their types."
    )
    raw = found.get("raw_text") or {}
    if "problem" in raw:
        note += f" In its own tokens, the pipeline can't be evaluated: {raw['problem']}"
    elif raw.get("relations") == found["relations"] and not raw["retokenized"]:
        note += " From raw text, they are the same."
    elif raw:
        entities = format_prf(raw["entities"], "ents_micro_")
        strict = format_prf(raw["relations"], "rel_strict_")
        rows.append(["entities, own tokens", *entities, ""])
        rows.append(["relations, strict, own tokens", *strict, ""])
        note += (
            " Own tokens: the pipeline splits the text itself, in "
            f"{plural(raw['retokenized'], 'document')} differently, and isn't given "
            "sentence boundaries."
        )
    return Table(
        "From the text alone", ["scores of", *PRF, "macro F"], rows, "lrrrr", note
    )


def tabulate_thresholds(
    title: str,
    found: Sequence[Dict[str, Any]],
    by_chance: Sequence[Dict[str, Any]] = (),
) -> Table:
    """RETURNS (Table): scores at each threshold.

    title (str): the table's title.
    found (Sequence[Dict]), by_chance (Sequence[Dict]): see
        `thresholds.score_thresholds`.
    """
    rows = [
        [f"{row['threshold']:g}", *format_prf(row["all_gold"], "rel_micro_")]
        for row in found
    ]
    for row, chance in zip(rows, by_chance):
        row.append(points(chance["all_gold"]["rel_micro_f"]))
    header = ["threshold", *PRF, *(["F by chance"] if by_chance else [])]
    return Table(title, header, rows, "r" * len(header))


def tabulate_settings(
    labels: Iterable[str],
    default: float,
    thresholds: Dict[str, float],
    calibration: Dict[str, Sequence[float]],
) -> Table:
    """RETURNS (Table): the threshold and the calibration of each label.

    labels (Iterable[str]): all labels.
    default (float): threshold of labels without an individual one.
    thresholds (Dict[str, float]), calibration (Dict[str, Sequence[float]]): by label.
    """
    rows = []
    for label in labels:
        own, line = thresholds.get(label), calibration.get(label)
        threshold = f"{default:g} (default)" if own is None else f"{own:g}"
        fitted = ["–", "–"] if line is None else [f"{line[0]:.3f}", f"{line[1]:+.3f}"]
        rows.append([label, threshold, *fitted])
    header = ["label", "threshold", "slope", "intercept"]
    note = (
        "Thresholds apply to calibrated scores; slope and intercept calibrate the "
        "log odds of a score."
    )
    return Table("Thresholds and calibration", header, rows, "lrrr", note)


def tabulate_curve(found: Dict[str, Any]) -> Table:
    """RETURNS (Table): a learning curve, see `training.get_learning_curve`."""
    rows = [
        [
            number(point["documents"]),
            points(point["mean"]),
            *map(points, point["scores"]),
        ]
        for point in found["points"]
    ]
    header = ["documents", "mean F", *(f"seed {seed}" for seed in found["seeds"])]
    # curves of earlier versions don't say
    score = found.get("score", "F with gold entities")
    return Table("Learning curve", header, rows, "r" * len(header), score)


def tabulate_runs(
    runs: Sequence[Dict[str, Any]], summary: Dict[str, Dict[str, Any]]
) -> List[Table]:
    """RETURNS (List[Table]): a cross-validation, see `training.summarize_runs`: with
    gold entities, and from the text alone if the pipeline predicts entities."""
    note = "±: standard deviation, over seeds and over folds"
    header = ["seed", *PRF, "macro F", "95 % of F"]
    tables = [
        Table(
            "Cross-validation, with gold entities",
            header,
            _tabulate_runs(runs, summary, METRICS, ("intervals", "micro_f")),
            "lrrrrr",
            note,
        )
    ]
    if TEXT_METRICS[0] in summary:
        header = ["seed", "entities F", "strict F", "95 % of strict F"]
        rows = _tabulate_runs(
            runs, summary, TEXT_METRICS, ("text_intervals", "strict_f")
        )
        title = "Cross-validation, from the text alone"
        tables.insert(0, Table(title, header, rows, "lrrr", note))
    return tables


def _tabulate_runs(
    runs: Sequence[Dict[str, Any]],
    summary: Dict[str, Dict[str, Any]],
    names: Sequence[str],
    at: Tuple[str, str],
) -> List[List[str]]:
    rows = [
        [
            str(run["seed"]),
            *(points(run[name]) for name in names),
            interval(run[at[0]][at[1]]),
        ]
        for run in runs
    ]
    totals = {"± folds": "sd_folds"}
    if len(runs) > 1:
        totals = {"mean": "mean", "± seeds": "sd", **totals}
    for name, key in totals.items():
        rows.append([name, *(points(summary[x][key]) for x in names), ""])
    return rows


def tabulate_comparison(found: Dict[str, Any]) -> Table:
    """RETURNS (Table): a comparison of two pipelines, see `comparison.compare`."""
    rows = []
    for name, words in (("micro_f", "micro F"), ("macro_f", "macro F")):
        row = found[name]
        low_high = row["interval"]
        rows.append(
            [
                words,
                points(row["first"]),
                points(row["second"]),
                f"{100 * row['difference']:+.1f}",
                "–"
                if low_high is None
                else " to ".join(f"{100 * x:+.1f}" for x in low_high),
                f"{row['p']:.4f}",
            ]
        )
    header = ["score", "first", "second", "difference", "95 %", "p"]
    title = f"{plural(found['documents'], 'document')}, {found['mode']}"
    return Table(title, header, rows, "lrrrrr")

"""The model card of a trained pipeline, as Markdown.

It has no metadata header, since `spacy-huggingface-hub` adds one based on `meta.json`.
"""

from typing import Any, Dict, List, Optional

from ..pages.markdown import escape, format_table
from ..wording import interval, number, plural, points
from .tables import format_prf, tabulate_labels

# maximum pairs of types to list per label
N_PAIRS = 6


def make_card(
    meta: Dict[str, Any],
    pipeline: Dict[str, Any],
    report: Optional[Dict[str, Any]] = None,
    *,
    name: str,
    version: str,
) -> str:
    """Write a model card.

    meta (Dict[str, Any]): the pipeline's meta data.
    pipeline (Dict[str, Any]): see `report.build.describe_pipeline`.
    report (Optional[Dict[str, Any]]): the evaluation of this pipeline.
    name (str): the package's name with the language, such as `en_rel_job_ads`.
    version (str): the package's version.
    RETURNS (str): Markdown.
    """
    parts = [
        f"# {name}",
        _describe(meta, pipeline),
        "## Usage",
        _show_usage(name, pipeline),
        "## Labels",
        *_list_labels(pipeline, report),
        "## Figures",
        *_show_figures(report),
        "## Data",
        *_describe_data(report),
        "## Limits",
        _list_limits(pipeline, report),
        "## About",
        _tabulate_meta(meta, pipeline, name, version),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _describe(meta: Dict[str, Any], pipeline: Dict[str, Any]) -> str:
    given = meta.get("description") or ""
    finds = (
        "It predicts entities and the relations between them."
        if pipeline["finds_entities"]
        else "It predicts relations between given entities."
    )
    labels = ", ".join(f"`{label}`" for label in pipeline["labels"])
    return f"{given} spaCy pipeline for relation extraction: {labels}. {finds}".strip()


def _show_usage(name: str, pipeline: Dict[str, Any]) -> str:
    give = (
        "" if pipeline["finds_entities"] else "doc.ents = [...]  # set the entities\n"
    )
    if pipeline["spans_key"] and give:
        give = f'doc.spans["{pipeline["spans_key"]}"] = [...]  # the entities\n'
    make = 'nlp("...")' if not give else 'nlp.make_doc("...")'
    run = "doc._.relations" if not give else "nlp(doc)._.relations"
    where = ""
    if pipeline["finds_entities"] and pipeline["spans_key"]:
        where = (
            f'for ent in doc.spans["{pipeline["spans_key"]}"]:  # not in doc.ents\n'
            "    print(ent.text, ent.label_)\n"
        )
    return (
        "The package depends on `rel-component`, which provides the component: install "
        "its wheel, too.\n\n"
        "```python\n"
        "import spacy\n\n"
        f'nlp = spacy.load("{name}")\n'
        f"doc = {make}\n"
        f"{give}{where}"
        f"for head, label, tail, score in {run}:\n"
        "    print(head.text, label, tail.text, score)\n"
        "```"
    )


def _list_labels(
    pipeline: Dict[str, Any], report: Optional[Dict[str, Any]]
) -> List[str]:
    pairs = (pipeline["schema"] or {}).get("relations", {})
    rows = []
    for label in pipeline["labels"]:
        own = pipeline["thresholds"].get(label, pipeline["threshold"])
        allowed = (pairs.get(label) or {}).get("pairs")
        shown = "any"
        if allowed is not None:
            more = len(allowed) - N_PAIRS
            shown = ", ".join(f"{head} → {tail}" for head, tail in allowed[:N_PAIRS])
            shown += f" and {more} more" if more > 0 else ""
        direction = "none" if label in pipeline["symmetric"] else "head to tail"
        rows.append([label, direction, shown, f"{own:g}"])
    header = ["label", "direction", "entity types", "threshold"]
    calibrated = sorted(pipeline["calibration"])
    note = (
        "Scores are calibrated on development documents."
        if calibrated
        else "Scores are not calibrated."
    )
    found = ", ".join(pipeline["constraints"])
    notes = [note, f"Constraints: {found}."] if found else [note]
    return [format_table(header, rows, "lllr"), *notes]


def _show_figures(report: Optional[Dict[str, Any]]) -> List[str]:
    if report is None:
        return ["Not available: the package was created without an evaluation."]
    scores, intervals = report["all_gold"], report["intervals"]
    rows = [_show_row(f"relations, {report['mode']}", scores, intervals)]
    found = report["end_to_end"]
    if found:
        end_to_end = _show_row(
            "relations, end to end", found["relations"], found["intervals"]
        )
        entities = found["entities"]
        scored = format_prf(entities, "ents_micro_")
        last = ["entities", *scored, points(entities["ents_macro_f"])]
        rows = [end_to_end, *rows, last]
    header = ["scores of", "P", "R", "F (95 %)", "macro F"]
    labels = tabulate_labels("", "label", scores["rel_per_label"])
    parts = [
        f"Test set of {plural(report['documents'], 'document')}; recall is over all "
        f"gold relations.",
        format_table(header, rows, "lrrrr"),
        format_table(labels.header, labels.rows, labels.aligns),
    ]
    tuning = report["tuning"]
    if tuning and tuning["source"] == "model":
        before, after = (
            points(tuning[x]["reliability"]["claims"]["ece"])
            for x in ("before", "after")
        )
        parts.append(
            f"Expected calibration error of scores from 0.5 on: {after} % ({before} % "
            f"before calibration)."
        )
    return parts


def _show_row(
    name: str, scores: Dict[str, Any], intervals: Dict[str, Any]
) -> List[str]:
    p, r, f = format_prf(scores, "rel_micro_")
    low_high = intervals["micro_f"]
    f = f if low_high is None else f"{f} ({interval(low_high)})"
    return [name, p, r, f, points(scores["rel_macro_f"])]


def _describe_data(report: Optional[Dict[str, Any]]) -> List[str]:
    if report is None:
        return ["Not available: the package was created without an evaluation."]
    corpora = {x: c for x, c in report["corpora"].items() if c["documents"]}
    rows = [
        [
            name,
            number(corpus["documents"]),
            number(corpus["tokens"]),
            number(sum(corpus["entities"].values())),
            number(sum(corpus["relations"].values())),
        ]
        for name, corpus in corpora.items()
    ]
    header = ["split", "documents", "tokens", "entities", "relations"]
    types = dict.fromkeys(x for c in corpora.values() for x in c["entities"])
    return [
        format_table(header, rows, "lrrrr"),
        f"Entity types: {', '.join(map(escape, types)) or 'none'}.",
    ]


def _list_limits(pipeline: Dict[str, Any], report: Optional[Dict[str, Any]]) -> str:
    limits = [
        "The scores are for texts like those above. Evaluate the pipeline before "
        "using it on other kinds of text.",
        "Relations are between two entities of one document.",
    ]
    if not pipeline["finds_entities"]:
        limits.append(
            "The scores are for gold entities; with predicted entities, they are lower."
        )
    if report is not None:
        recall = report["all_gold"]["rel_candidate_recall"]
        if recall is not None and recall < 1:
            limits.append(
                f"{points(1 - recall)} % of the gold relations are excluded by the "
                "candidate generator or the schema and never scored."
            )
        errors = report["errors"]["counts"]
        often = sorted((x for x in errors if errors[x]), key=lambda x: -errors[x])
        if often:
            said = ", ".join(f"{kind} ({errors[kind]})" for kind in often[:3])
            limits.append(f"Most frequent errors with gold entities: {said}.")
        unsure = [
            label
            for label in pipeline["labels"]
            if report["corpora"]["test"]["relations"].get(label, 0) < 10
        ]
        if unsure:
            names = ", ".join(f"`{label}`" for label in unsure)
            limits.append(f"Evaluated on fewer than 10 relations: {names}.")
    return "\n".join(f"- {limit}" for limit in limits)


def _tabulate_meta(
    meta: Dict[str, Any], pipeline: Dict[str, Any], name: str, version: str
) -> str:
    rows = [
        ["name", name],
        ["version", version],
        ["spaCy", meta.get("spacy_version", "")],
        ["pipeline", ", ".join(pipeline["components"])],
        ["language", pipeline["lang"]],
        ["author", meta.get("author") or "n/a"],
        ["licence", meta.get("license") or "n/a"],
    ]
    return format_table(["what", "value"], rows, "ll")

"""The model card: what a user of a trained pipeline has to know, as Markdown.

It has no metadata header: `spacy-huggingface-hub` puts one before it, of `meta.json`.
"""

from typing import Any, Dict, List, Optional

from .report.markdown import escape, format_table
from .report.wording import number, percent, with_interval

# pairs of types to name for a label
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

    meta (Dict[str, Any]): of the pipeline.
    pipeline (Dict[str, Any]): see `report.build.describe_pipeline`.
    report (Optional[Dict[str, Any]]): what an evaluation of this pipeline has found.
    name (str): of the package, with the language, such as `en_rel_job_ads`.
    version (str): of the package.
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
        "It finds the entities and the relations between them."
        if pipeline["finds_entities"]
        else "It finds relations between entities that are given in the Doc."
    )
    labels = ", ".join(f"`{label}`" for label in pipeline["labels"])
    return f"{given} spaCy pipeline for relation extraction: {labels}. {finds}".strip()


def _show_usage(name: str, pipeline: Dict[str, Any]) -> str:
    give = (
        ""
        if pipeline["finds_entities"]
        else "doc.ents = [...]  # entities have to be given\n"
    )
    if pipeline["spans_key"] and give:
        give = f'doc.spans["{pipeline["spans_key"]}"] = [...]  # the entities\n'
    make = 'nlp("...")' if not give else 'nlp.make_doc("...")'
    run = "doc._.relations" if not give else "nlp(doc)._.relations"
    return (
        "The package needs `rel-component`, which brings the component.\n\n"
        "```python\n"
        "import spacy\n\n"
        f'nlp = spacy.load("{name}")\n'
        f"doc = {make}\n"
        f"{give}"
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
        else "Scores are those of the model: no calibration is stored."
    )
    return [format_table(header, rows, "lllr"), note]


def _show_figures(report: Optional[Dict[str, Any]]) -> List[str]:
    if report is None:
        return ["None were measured: the package was made without an evaluation."]
    scores, intervals = report["all_gold"], report["intervals"]
    rows = [
        [
            f"relations, {report['mode']}",
            percent(scores["rel_micro_p"]),
            percent(scores["rel_micro_r"]),
            with_interval(scores["rel_micro_f"], intervals["micro_f"]),
            percent(scores["rel_macro_f"]),
        ]
    ]
    found = report["end_to_end"]
    if found:
        relations, entities = found["relations"], found["entities"]
        rows.append(
            [
                "relations, end to end",
                percent(relations["rel_micro_p"]),
                percent(relations["rel_micro_r"]),
                with_interval(relations["rel_micro_f"], found["intervals"]["micro_f"]),
                percent(relations["rel_macro_f"]),
            ]
        )
        rows.append(
            [
                "entities",
                *(percent(entities[f"ents_micro_{x}"]) for x in "prf"),
                percent(entities["ents_macro_f"]),
            ]
        )
    header = ["", "P", "R", "F (95 %)", "macro F"]
    parts = [
        f"On {number(report['documents'])} documents that nothing was chosen on, over "
        f"all gold relations.",
        format_table(header, rows, "lrrrr"),
    ]
    rows = [
        [label, number(row["support"]), *(percent(row[x]) for x in "prf")]
        for label, row in sorted(
            scores["rel_per_label"].items(), key=lambda x: (-x[1]["support"], x[0])
        )
    ]
    parts.append(format_table(["label", "gold", "P", "R", "F"], rows, "lrrrr"))
    tuning = report["tuning"]
    if tuning and tuning["source"] == "model":
        before, after = (
            percent(tuning[x]["reliability"]["claims"]["ece"])
            for x in ("before", "after")
        )
        parts.append(
            f"Expected calibration error of scores from 0.5 on: {after} % ({before} % "
            f"before calibration)."
        )
    return parts


def _describe_data(report: Optional[Dict[str, Any]]) -> List[str]:
    if report is None:
        return ["Not described: the package was made without an evaluation."]
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
    header = ["", "documents", "tokens", "entities", "relations"]
    types = dict.fromkeys(x for c in corpora.values() for x in c["entities"])
    return [
        format_table(header, rows, "lrrrr"),
        f"Entity types: {', '.join(map(escape, types)) or 'none'}.",
    ]


def _list_limits(pipeline: Dict[str, Any], report: Optional[Dict[str, Any]]) -> str:
    limits = [
        "Figures hold for texts like those above; other kinds of text have to be "
        "measured anew.",
        "A relation joins two entities of one document.",
    ]
    if not pipeline["finds_entities"]:
        limits.append(
            "Figures are between gold entities. With entities that another pipeline "
            "predicts they are lower."
        )
    if report is not None:
        recall = report["all_gold"]["rel_candidate_recall"]
        if recall is not None and recall < 1:
            limits.append(
                f"{percent(1 - recall)} % of the gold relations are never scored, by "
                f"the limits of the candidate generator or the schema."
            )
        errors = report["errors"]["counts"]
        often = sorted((x for x in errors if errors[x]), key=lambda x: -errors[x])
        if often:
            said = ", ".join(f"{kind} ({errors[kind]})" for kind in often[:3])
            limits.append(f"Most frequent errors between gold entities: {said}.")
        unsure = [
            label
            for label in pipeline["labels"]
            if report["corpora"]["test"]["relations"].get(label, 0) < 10
        ]
        if unsure:
            names = ", ".join(f"`{label}`" for label in unsure)
            limits.append(f"Fewer than 10 relations were there to measure: {names}.")
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
    return format_table(["", ""], rows, "ll")

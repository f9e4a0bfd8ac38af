"""Score a trained pipeline: relations between gold entities, and end to end."""

from pathlib import Path
from typing import AbstractSet, Any, Dict, List, Optional

import srsly
import typer
from command import run_command
from spacy.training import Example
from wasabi import msg

from rel_component.corpus.readers import read_docs
from rel_component.evaluation.report import evaluate_pipeline, write_reports
from rel_component.evaluation.report.attachments import read_result, read_training_log
from rel_component.evaluation.report.page import check_suffix
from rel_component.evaluation.report.plots import has_matplotlib
from rel_component.pipe.extractor import RelationExtractor
from rel_component.pipe.loading import find_extractor, load_pipeline
from rel_component.relations import get_rel, get_relations
from rel_component.wording import get_command

# labels of a confusion matrix that a screen has room for
WIDEST_MATRIX = 10


def main(
    model: Path = typer.Argument(..., help="Trained pipeline"),
    data: Path = typer.Argument(..., help="Annotated documents, .spacy"),
    output: Optional[Path] = typer.Option(
        None, help="Write all figures and errors as JSON"
    ),
    report: List[Path] = typer.Option(
        [], help="Write a report: .html for a page, .md for Markdown; may be repeated"
    ),
    dev: Optional[Path] = typer.Option(
        None,
        help="Development documents: show what thresholds and calibration chosen on "
        "them would give",
    ),
    train: Optional[Path] = typer.Option(
        None, help="Training documents, to be counted in the report"
    ),
    log: Optional[Path] = typer.Option(
        None, help="Log of the training, for its curve; skipped if there is none"
    ),
    cross_validation: Optional[Path] = typer.Option(
        None, help="What cross_validate.py has written; skipped if there is none"
    ),
    learning_curve: Optional[Path] = typer.Option(
        None, help="What learning_curve.py has written; skipped if there is none"
    ),
    threshold: Optional[float] = typer.Option(
        None, help="Use this threshold in place of the model's, for all labels"
    ),
    details: bool = typer.Option(False, help="Print gold and prediction of each text"),
    seed: int = typer.Option(0, help="Seed of the random baseline and the intervals"),
) -> None:
    """Score a trained pipeline: relations between gold entities, and end to end.

    End to end, from the tokens alone, where the pipeline finds entities itself.
    """
    try:
        for path in report:
            check_suffix(path)
        nlp = load_pipeline(model)
        extractor = find_extractor(nlp)
        golds, devs, trains = (
            [] if path is None else list(read_docs(path, nlp))
            for path in (data, dev, train)
        )
        attached = {
            "training": read_training_log(log) if log and log.is_file() else None,
            "cross_validation": read_result(cross_validation, "runs"),
            "learning_curve": read_result(learning_curve, "points"),
        }
        if not golds:
            raise ValueError(f"{data} holds no documents: nothing to score.")
    except ValueError as error:
        msg.fail(str(error), exits=1)
    set_threshold(extractor, threshold)
    found = evaluate_pipeline(nlp, golds, devs=devs, trains=trains, seed=seed)
    found.data.update({"model": str(model), "data": str(data), **attached})
    result, examples = found.data, found.examples["gold entities"]
    if details:
        for example in examples:
            print_details(example, extractor.symmetric)
    print_result(result)
    print_classification(result["classification"])
    if result["end_to_end"]:
        print_end_to_end(result["end_to_end"], len(golds))
    warn_of_labels(extractor, examples)
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        srsly.write_json(output, result)
        msg.good(f"Figures written to {output}")
    if report:
        write_reports(found, report)
        msg.good(f"Evaluation: {', '.join(map(str, report))}")
        if not has_matplotlib():
            msg.info(
                f"The report has no plots: matplotlib is not installed "
                f"({get_command('plots')})."
            )


def set_threshold(extractor: RelationExtractor, threshold: Optional[float]) -> None:
    """Use another threshold, or say why not."""
    if threshold is None:
        return
    try:
        extractor.use_threshold(threshold)
    except ValueError as error:
        msg.fail(f"--{error}", exits=1)


def warn_of_labels(extractor: RelationExtractor, examples: List[Example]) -> None:
    """Say so if the data has labels that the model does not know."""
    golds = (relation for eg in examples for relation in get_relations(eg.reference))
    unknown = sorted({relation.label for relation in golds} - set(extractor.labels))
    if unknown:
        msg.warn(
            f"The model does not know the label(s) {', '.join(unknown)} of this data; "
            f"it predicts {', '.join(extractor.labels)}."
        )


def print_details(example: Example, symmetric: AbstractSet[str]) -> None:
    """Print the gold relations of a document beside what was predicted for them."""
    gold, scores = example.reference, get_rel(example.predicted)
    predicted = {
        (r.head.start, r.tail.start, r.label) for r in get_relations(example.predicted)
    }
    msg.divider(gold.text[:60].replace("\n", " "))
    print(gold.text.strip(), "\n")
    for head, label, tail, _ in get_relations(gold):
        ends = (head.start, tail.start)
        score = scores.get(ends, {}).get(label)
        found = (*ends, label) in predicted
        predicted.discard((*ends, label))
        if label in symmetric:
            predicted.discard((*ends[::-1], label))
        mark = "found" if found else "missed"
        shown = "never a candidate" if score is None else f"{score:.3f}"
        print(f"  {mark:8} {head.text!r} —{label}→ {tail.text!r}  ({shown})")
    for head, label, tail, score in get_relations(example.predicted):
        if (head.start, tail.start, label) in predicted:
            print(f"  spurious {head.text!r} —{label}→ {tail.text!r}  ({score:.3f})")


def print_result(result: Dict[str, Any]) -> None:
    """Print the tables."""
    all_gold, protocol = result["all_gold"], result["tutorial_protocol"]
    msg.divider(f"{result['documents']} documents, {result['mode']}")
    rows: List[List[str]] = [
        ["all gold relations", *prf(all_gold)],
        ["generated pairs (tutorial)", *prf(protocol)],
    ]
    msg.table(
        rows,
        header=["recall over", "P", "R", "F"],
        divider=True,
        aligns=tuple("lrrr"),
    )
    low_high = result["intervals"]["micro_f"]
    interval = (
        ""
        if low_high is None
        else (
            f" F is between {percent(low_high[0])} and {percent(low_high[1])} (95 %)."
        )
    )
    own = result["label_thresholds"]
    n_own = f" ({len(own)} labels have their own)" if own else ""
    print(
        f"Threshold {result['threshold']}{n_own}. Gold relations that were candidates: "
        f"{percent(all_gold['rel_candidate_recall'])} %. "
        f"Macro F {percent(all_gold['rel_macro_f'])}.{interval}"
    )
    print_labels("label", all_gold["rel_per_label"])
    rows = [
        [f"{row['threshold']:g}", *prf(row["all_gold"]), *prf(chance["all_gold"])]
        for row, chance in zip(result["thresholds"], result["random_baseline"])
    ]
    chances = [f"chance {x}" for x in "PRF"]
    header = ["threshold", "P", "R", "F", *chances]
    msg.table(rows, header=header, divider=True, aligns=tuple("rrrrrrr"))


def print_classification(found: Dict[str, Any]) -> None:
    """Print what the candidate pairs look like as a classification with NO_REL."""
    if not found["n"]:
        return
    accuracy = percent(found["accuracy"])
    print(
        f"As classification of {found['n']} candidate pairs: accuracy {accuracy} (also "
        f"micro F with NO_REL); without NO_REL micro F {percent(found['micro_f'])}, "
        f"macro F {percent(found['macro_f'])}; macro F with NO_REL "
        f"{percent(found['macro_f_with_no_rel'])}."
    )
    labels, counts = found["matrix"]["labels"], found["matrix"]["counts"]
    if len(labels) > WIDEST_MATRIX:
        print(f"The confusion matrix of {len(labels)} labels is in the report.")
        return
    rows = [[label, *map(str, row)] for label, row in zip(labels, counts)]
    aligns = ("l", *"r" * len(labels))
    msg.table(rows, header=["gold, predicted", *labels], divider=True, aligns=aligns)


def print_end_to_end(result: Dict[str, Any], n_docs: int) -> None:
    """Print the tables of entities and relations found from the tokens alone."""
    entities, tokens, found = (result[x] for x in ("entities", "tokens", "relations"))
    msg.divider(f"{n_docs} documents, end to end")
    rows = [
        ["entities", *prf(entities, "ents_micro"), percent(entities["ents_macro_f"])],
        [
            "their tokens",
            *prf(tokens, "tokens_micro"),
            percent(tokens["tokens_macro_f"]),
        ],
        ["relations", *prf(found), percent(found["rel_macro_f"])],
        ["relations, strict", *prf(found, "rel_strict"), ""],
    ]
    header = ["", "P", "R", "F", "macro F"]
    msg.table(rows, header=header, divider=True, aligns=tuple("lrrrr"))
    print(
        "An entity counts if its borders and type agree, a relation if both entities' "
        "borders and the label do; strict: and both types."
    )
    for title, per_type in (
        ("entity", entities["ents_per_type"]),
        ("tokens of", tokens["tokens_per_type"]),
        ("relation", found["rel_per_label"]),
    ):
        print_labels(title, per_type)


def print_labels(title: str, per_label: Dict[str, Dict[str, Any]]) -> None:
    """Print a line for each type or label, the most frequent first."""
    rows = [
        [label, str(score["support"]), *(percent(score[x]) for x in "prf")]
        for label, score in sorted(
            per_label.items(), key=lambda row: (-row[1]["support"], row[0])
        )
    ]
    header = [title, "gold", "P", "R", "F"]
    msg.table(rows, header=header, divider=True, aligns=tuple("lrrrr"))


def prf(scores: Dict[str, Any], name: str = "rel_micro") -> List[str]:
    """Format precision, recall and F."""
    return [percent(scores[f"{name}_{x}"]) for x in "prf"]


def percent(score: Optional[float]) -> str:
    """Format a score."""
    return "–" if score is None else f"{100 * score:.2f}"


if __name__ == "__main__":
    run_command(main)

"""Score a trained pipeline: relations between gold entities, and end to end."""

import sys
from pathlib import Path
from typing import AbstractSet, Any, Dict, List, Optional

import spacy
import srsly
import typer
from spacy.tokens import Doc
from spacy.training import Example
from wasabi import msg

from rel_component.about import __version__
from rel_component.evaluation import (
    DEFAULT_THRESHOLDS,
    find_extractor,
    get_random_baseline,
    list_entity_finders,
    load_pipeline,
    predict_end_to_end,
    predict_on_gold_entities,
    score_entities,
    score_thresholds,
    score_tokens,
)
from rel_component.pipe import RelationExtractor
from rel_component.readers import read_docs
from rel_component.relations import get_rel, get_relations
from rel_component.scorer import read_example, score_relations, score_tutorial_protocol


def main(
    model: Path = typer.Argument(..., help="Trained pipeline"),
    data: Path = typer.Argument(..., help="Annotated documents, .spacy"),
    output: Optional[Path] = typer.Option(None, help="Write the figures as JSON"),
    threshold: Optional[float] = typer.Option(
        None, help="Use this threshold in place of the model's"
    ),
    details: bool = typer.Option(False, help="Print gold and prediction of each text"),
    seed: int = typer.Option(0, help="Seed of the random baseline"),
) -> None:
    """Score a trained pipeline: relations between gold entities, and end to end.

    End to end, from the tokens alone, where the pipeline finds entities itself.
    """
    try:
        nlp = load_pipeline(model)
        extractor = find_extractor(nlp)
        golds = list(read_docs(data, nlp))
    except ValueError as error:
        msg.fail(str(error), exits=1)
    if not golds:
        msg.fail(f"{data} holds no documents: nothing to score.", exits=1)
    set_threshold(extractor, threshold)
    examples = predict_on_gold_entities(nlp, golds)
    if details:
        for example in examples:
            print_details(example, extractor.symmetric)
    symmetric = extractor.symmetric
    docs = [read_example(example, symmetric=symmetric) for example in examples]
    result = {
        "mode": "gold entities",
        "model": str(model),
        "data": str(data),
        "documents": len(golds),
        "threshold": extractor.threshold,
        "honest": score_relations(docs),
        "tutorial_protocol": score_tutorial_protocol(docs),
        "thresholds": score_thresholds(
            examples, DEFAULT_THRESHOLDS, symmetric, extractor.single_label
        ),
        "random_baseline": score_thresholds(
            get_random_baseline(examples, seed),
            DEFAULT_THRESHOLDS,
            symmetric,
            extractor.single_label,
        ),
        "end_to_end": None,
        "versions": {"rel_component": __version__, "spacy": spacy.__version__},
    }
    if list_entity_finders(nlp):
        result["end_to_end"] = score_end_to_end(nlp, extractor, golds)
    print_result(result)
    if result["end_to_end"]:
        print_end_to_end(result["end_to_end"], len(golds))
    warn_of_labels(extractor, examples)
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        srsly.write_json(output, result)
        msg.good(f"Figures written to {output}")


def score_end_to_end(
    nlp: spacy.Language, extractor: RelationExtractor, golds: List[Doc]
) -> Dict[str, Any]:
    """Scores of entities, by span and by token, and of relations."""
    examples = predict_end_to_end(nlp, golds)
    spans_key = getattr(extractor.model.attrs["get_instances"], "spans_key", None)
    docs = [read_example(eg, symmetric=extractor.symmetric) for eg in examples]
    return {
        "entities": score_entities(examples, spans_key),
        "tokens": score_tokens(examples, spans_key),
        "relations": score_relations(docs),
    }


def set_threshold(extractor: RelationExtractor, threshold: Optional[float]) -> None:
    """Use another threshold, or say why not."""
    try:
        extractor.threshold = extractor.threshold if threshold is None else threshold
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
    honest, protocol = result["honest"], result["tutorial_protocol"]
    msg.divider(f"{result['documents']} documents, {result['mode']}")
    rows: List[List[str]] = [
        ["all gold relations", *prf(honest)],
        ["generated pairs (tutorial)", *prf(protocol)],
    ]
    msg.table(
        rows,
        header=["recall over", "P", "R", "F"],
        divider=True,
        aligns=tuple("lrrr"),
    )
    print(
        f"Threshold {result['threshold']}. Gold relations that were candidates: "
        f"{percent(honest['rel_candidate_recall'])} %. "
        f"Macro F {percent(honest['rel_macro_f'])}."
    )
    print_labels("label", honest["rel_per_label"])
    rows = [
        [f"{row['threshold']:g}", *prf(row["honest"]), *prf(chance["honest"])]
        for row, chance in zip(result["thresholds"], result["random_baseline"])
    ]
    chances = [f"chance {x}" for x in "PRF"]
    header = ["threshold", "P", "R", "F", *chances]
    msg.table(rows, header=header, divider=True, aligns=tuple("rrrrrrr"))


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
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    typer.run(main)

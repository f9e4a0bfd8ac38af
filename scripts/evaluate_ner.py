"""Score the entities that a trained pipeline finds: by span and by token."""

from pathlib import Path
from typing import Any, Dict, Optional

import spacy
import srsly
import typer
from command import run_command
from wasabi import msg

from rel_component.about import __version__
from rel_component.corpus.readers import read_docs
from rel_component.evaluation import predict_end_to_end, score_entities, score_tokens
from rel_component.pipe.loading import list_entity_finders, load_pipeline


def main(
    model: Path = typer.Argument(..., help="Trained pipeline that finds entities"),
    data: Path = typer.Argument(..., help="Annotated documents, .spacy"),
    output: Optional[Path] = typer.Option(None, help="Write the figures as JSON"),
    spans_key: Optional[str] = typer.Option(
        None, help="Compare this group of doc.spans, where entities nest; else doc.ents"
    ),
) -> None:
    """Score the entities that a trained pipeline finds: by span and by token."""
    try:
        nlp = load_pipeline(model)
        golds = list(read_docs(data, nlp))
        if not list_entity_finders(nlp):
            raise ValueError(
                f"{model} ({', '.join(nlp.pipe_names) or 'empty'}) finds no entities; "
                f"train one with configs/ner_tok2vec.cfg."
            )
        if not golds:
            raise ValueError(f"{data} holds no documents: nothing to score.")
    except ValueError as error:
        msg.fail(str(error), exits=1)
    examples = predict_end_to_end(nlp, golds)
    result = {
        "model": str(model),
        "data": str(data),
        "documents": len(golds),
        "windows_divided": count_divided(nlp),
        "entities": score_entities(examples, spans_key),
        "tokens": score_tokens(examples, spans_key),
        "versions": {"rel_component": __version__, "spacy": spacy.__version__},
    }
    print_result(result)
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        srsly.write_json(output, result)
        msg.good(f"Figures written to {output}")


def count_divided(nlp: spacy.Language) -> int:
    """RETURNS (int): windows with more word pieces than the transformer takes."""
    limits = (getattr(pipe, "model", None) for _, pipe in nlp.pipeline)
    getters = (model.attrs.get("get_spans") for model in limits if model is not None)
    return sum(getattr(getter, "n_divided", 0) for getter in getters)


def print_result(result: Dict[str, Any]) -> None:
    """Print a table by span, as conlleval counts, and one by token."""
    for name, prefix in (("entities", "ents"), ("tokens", "tokens")):
        msg.divider(f"{result['documents']} documents, {name}")
        scores = result[name]
        rows = [
            [type_, str(score["support"]), *(percent(score[x]) for x in "prf")]
            for type_, score in sorted(scores[f"{prefix}_per_type"].items())
        ]
        rows += [
            [kind, "", *(percent(scores[f"{prefix}_{kind}_{x}"]) for x in "prf")]
            for kind in ("micro", "macro")
        ]
        header = ["type", "gold", "P", "R", "F"]
        msg.table(rows, header=header, divider=True, aligns=tuple("lrrrr"))
    print(
        "An entity counts if its borders and its type agree; a token for each type "
        "that covers it."
    )
    if result["windows_divided"]:
        msg.info(
            f"{result['windows_divided']} windows had more word pieces than the "
            f"transformer takes and were divided; nothing was truncated."
        )


def percent(score: Optional[float]) -> str:
    """Format a score."""
    return "–" if score is None else f"{100 * score:.2f}"


if __name__ == "__main__":
    run_command(main)

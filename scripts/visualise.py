"""Draw texts with their entities and relations, as a page or a picture.

    python scripts/visualise.py data/test.spacy --output gold.html
    python scripts/visualise.py "5+ years of Go" --model training/joint/model-best \
        --output found.svg
"""

from pathlib import Path
from typing import List, Optional, Tuple

import spacy
import typer
from command import run_command
from predict import as_path, check_entities, read_source, set_threshold
from spacy.tokens import Doc
from wasabi import msg

from rel_component.corpus.readers import read_docs
from rel_component.drawing import draw_svg
from rel_component.evaluation import predict_end_to_end, predict_on_gold_entities
from rel_component.inference.given import make_docs
from rel_component.inference.texts import predict
from rel_component.pipe.loading import (
    find_extractor,
    get_spans_key,
    list_entity_finders,
    load_pipeline,
)
from rel_component.visualise import WIDE, make_drawing, make_page

SUFFIXES = (".html", ".svg")


def main(
    source: str = typer.Argument(
        ..., help="A text; or a file: .txt, .jsonl with text and entities, .spacy"
    ),
    output: Path = typer.Option(..., "--output", "-o", help=".html, or .svg for one"),
    model: Optional[Path] = typer.Option(
        None, help="Trained pipeline; without one, a .spacy file shows its annotations"
    ),
    lines: bool = typer.Option(False, help="Each line of a .txt file is a text"),
    label: List[str] = typer.Option([], help="Only relations with this label"),
    threshold: Optional[float] = typer.Option(
        None, help="Predict from this score on, in place of the model's threshold"
    ),
    min_score: float = typer.Option(0.0, help="Only relations with this score or more"),
    spans_key: Optional[str] = typer.Option(
        None, help="Entities of doc.spans with this key; by default those of the model"
    ),
    limit: int = typer.Option(50, min=1, help="Most texts to draw"),
    width: float = typer.Option(WIDE, min=200, help="Of the lines, in pixels"),
) -> None:
    """Draw texts with their entities and relations, as a page or a picture."""
    try:
        if output.suffix not in SUFFIXES:
            raise ValueError(
                f"--output {output}: found {output.suffix!r}, expected one of "
                f"{', '.join(SUFFIXES)}."
            )
        nlp = None if model is None else load_pipeline(model)
        if nlp is not None:
            set_threshold(nlp, threshold)
            spans_key = spans_key or get_spans_key(find_extractor(nlp))
        docs, n_all = get_docs(source, nlp, model, lines, limit)
        if not docs:
            raise ValueError(f"{source} holds no texts: nothing to draw.")
        if output.suffix == ".svg" and len(docs) > 1:
            raise ValueError(
                f"--output {output}: an .svg holds one text, and {source} has "
                f"{n_all}; write .html, or give --limit 1."
            )
        drawings = [
            make_drawing(doc, spans_key, set(label) or None, min_score) for doc in docs
        ]
        titles = [f"{i} of {n_all}" for i in range(1, len(docs) + 1)] * (n_all > 1)
        output.parent.mkdir(parents=True, exist_ok=True)
        if output.suffix == ".svg":
            text = draw_svg(drawings[0], width=width)
        else:
            text = make_page(drawings, titles, width=width)
        output.write_text(text, encoding="utf8")
    except (ValueError, OSError) as error:
        msg.fail(str(error), exits=1)
    n_arcs = sum(len(drawing.arcs) for drawing in drawings)
    msg.good(f"{n_arcs} relations of {len(docs)} texts drawn: {output}")
    if n_all > len(docs):
        msg.info(f"{n_all - len(docs)} more texts were left out; --limit draws more.")


def get_docs(
    source: str,
    nlp: Optional[spacy.Language],
    model: Optional[Path],
    lines: bool,
    limit: int,
) -> Tuple[List[Doc], int]:
    """The first texts, with relations, and how many there are."""
    path = as_path(source)
    if source.endswith(".spacy"):
        golds = list(read_docs(Path(source), nlp or spacy.blank("xx")))
        shown = golds[:limit]
        if nlp is not None:
            can_find = bool(list_entity_finders(nlp))
            run = predict_end_to_end if can_find else predict_on_gold_entities
            shown = [example.predicted for example in run(nlp, shown)]
        return shown, len(golds)
    if nlp is None or model is None:
        raise ValueError(
            "A text needs a trained pipeline: give --model. Without one, only the "
            "annotations of a .spacy file can be drawn."
        )
    tasks = list(read_source(source, lines))
    check_entities(nlp, None, tasks[:limit], model)
    docs = list(make_docs(nlp, tasks[:limit], str(path or "")))
    return list(predict(nlp, docs, tasks[:limit])), len(tasks)


if __name__ == "__main__":
    run_command(main)

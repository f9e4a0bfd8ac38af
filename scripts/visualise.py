"""Draw texts with entities and relations, as HTML or SVG.

    python scripts/visualise.py data/test.spacy --output gold.html
    python scripts/visualise.py "5+ years of Go" --model training/joint/model-best \
        --output found.svg
"""

from pathlib import Path
from typing import List, Optional, Tuple

import spacy
import typer
from command import command, run_command, show_path
from spacy.tokens import Doc
from wasabi import msg
from writing import load_extractor

from rel_component.corpus.readers import read_docs
from rel_component.drawing import draw_svg
from rel_component.evaluation import predict_end_to_end, predict_on_gold_entities
from rel_component.files import write_text
from rel_component.inference.inputs import as_path, read_source
from rel_component.inference.texts import check_entities_known, find_relations
from rel_component.pipe.loading import find_relation_pipes, list_entity_finders
from rel_component.visualise import WIDE, check_options, make_drawing, make_page
from rel_component.wording import agree, plural

SUFFIXES = (".html", ".svg")


@command
def main(
    source: str = typer.Argument(
        ..., help="A text; or a file: .txt, .jsonl with text and entities, .spacy"
    ),
    output: Path = typer.Option(
        ..., "--output", "-o", help="Output file: .html, or .svg for a single text"
    ),
    model: Optional[Path] = typer.Option(
        None,
        help="Trained pipeline; without it, the annotations of a .spacy file are drawn",
    ),
    lines: bool = typer.Option(False, help="Read each line of a .txt file as a text"),
    label: List[str] = typer.Option([], help="Only relations with this label"),
    threshold: Optional[float] = typer.Option(
        None, help="Score threshold, instead of the model's"
    ),
    min_score: float = typer.Option(0.0, help="Minimum score of a relation"),
    spans_key: Optional[str] = typer.Option(
        None, help="Key of doc.spans that holds the entities; by default the model's"
    ),
    limit: int = typer.Option(50, min=1, help="Maximum number of texts"),
    width: float = typer.Option(WIDE, min=200, help="Width of the drawing, in pixels"),
) -> None:
    """Draw texts with entities and relations, as HTML or SVG."""
    if output.suffix not in SUFFIXES:
        raise ValueError(
            f"--output {output}: found {output.suffix!r}, expected one of "
            f"{', '.join(SUFFIXES)}."
        )
    own_key = None
    nlp = None if model is None else load_extractor(model, threshold)
    if nlp is not None:
        own_key = find_relation_pipes(nlp).spans_key
    docs, n_all = get_docs(source, nlp, model, lines, limit)
    if not docs:
        raise ValueError(f"{source} contains no texts to draw.")
    if output.suffix == ".svg" and len(docs) > 1:
        raise ValueError(
            f"--output {output}: an .svg can show only one text, and {source} "
            f"contains {n_all}; use .html or --limit 1."
        )
    check_options(docs, width, spans_key, label, min_score)
    drawings = [
        make_drawing(doc, spans_key or own_key, set(label) or None, min_score)
        for doc in docs
    ]
    if output.suffix == ".svg":
        text = draw_svg(drawings[0], width=width)
    else:
        where = f" in {source}" if as_path(source) else ""
        text = make_page(
            drawings,
            [f"{i} of {n_all}" for i in range(1, len(docs) + 1)] if n_all > 1 else [],
            title=f"Entities and relations{where}",
            width=width,
        )
    write_text(output, text)
    n_arcs = sum(len(drawing.arcs) for drawing in drawings)
    drawn = f"{plural(n_arcs, 'relation')} of {plural(len(docs), 'text')}"
    msg.good(f"{drawn} drawn: {show_path(output)}")
    n_more = n_all - len(docs)
    if n_more:
        left_out = f"{plural(n_more, 'more text')} {agree(n_more, 'was', 'were')} not"
        msg.info(f"{left_out} drawn; increase --limit.")


def get_docs(
    source: str,
    nlp: Optional[spacy.Language],
    model: Optional[Path],
    lines: bool,
    limit: int,
) -> Tuple[List[Doc], int]:
    """Get the first texts, with relations, and the total number."""
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
            "--model is missing. Without a trained pipeline, only the annotations of "
            "a .spacy file can be drawn."
        )
    tasks = list(read_source(source, lines))
    check_entities_known(nlp, tasks[:limit])
    found = find_relations(nlp, tasks[:limit], source=str(path or ""))
    return [x.doc for x in found], len(tasks)


if __name__ == "__main__":
    run_command(main)

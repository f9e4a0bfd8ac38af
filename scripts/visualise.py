"""Draw texts with entities and relations, as HTML or SVG.

    python scripts/visualise.py data/test.spacy --output gold.html
    python scripts/visualise.py "5+ years of Go" --model training/joint/model-best \
        --output found.svg
"""

from pathlib import Path
from typing import List, Optional

import typer
from command import command, run_command, show_path
from wasabi import msg
from writing import load_extractor


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
    min_score: float = typer.Option(
        0.0, min=0, max=1, help="Minimum score of a relation"
    ),
    spans_key: Optional[str] = typer.Option(
        None, help="Key of doc.spans that holds the entities; by default all are drawn"
    ),
    limit: int = typer.Option(50, min=1, help="Maximum number of texts"),
    width: float = typer.Option(860, min=200, help="Width of the drawing, in pixels"),
) -> None:
    """Draw texts with entities and relations, as HTML or SVG."""
    from rel_component.inference.drawings import draw_texts
    from rel_component.wording import agree, plural

    nlp = None if model is None else load_extractor(model, threshold)
    drawn = draw_texts(
        source,
        output,
        nlp,
        lines=lines,
        labels=label,
        min_score=min_score,
        spans_key=spans_key,
        limit=limit,
        width=width,
    )
    n = f"{plural(drawn.relations, 'relation')} of {plural(drawn.texts, 'text')}"
    msg.good(f"{n} drawn: {show_path(output)}")
    if drawn.left_out:
        n = plural(drawn.left_out, "more text")
        were = agree(drawn.left_out, "was", "were")
        msg.info(f"{n} {were} not drawn; increase --limit.")


if __name__ == "__main__":
    run_command(main)

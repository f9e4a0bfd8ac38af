"""Inspect converted annotations before training: counts, distances, advice."""

from pathlib import Path
from typing import List, Optional

import typer
from command import command, run_command, show_path, show_sections, write_figures
from tqdm import tqdm
from wasabi import msg


@command
def main(
    inputs: List[Path] = typer.Argument(
        ..., help=".spacy files, or folders of them; train.spacy is the training data"
    ),
    output: Optional[Path] = typer.Option(
        None, "--output", "-o", help="Write all figures as JSON"
    ),
    picture: Optional[Path] = typer.Option(
        None,
        help="Write a report as .html, or plot labels, distances and types as .png or "
        ".svg",
    ),
    schema: Optional[Path] = typer.Option(
        None,
        help="Write a schema of what holds in the training data as JSON: types, "
        "symmetric labels and constraints",
    ),
    min_share: float = typer.Option(
        1.0, help="Minimum share of cases that satisfy a suggested constraint"
    ),
    spans_key: str = typer.Option(
        "entities",
        help="Key of doc.spans that holds the entities; empty for doc.ents only",
    ),
    sentencizer: bool = typer.Option(
        False, help="Set missing sentence boundaries by punctuation"
    ),
    similarity: float = typer.Option(
        0.7,
        help="Similarity from which texts are near duplicates, from 0.5 to 1",
    ),
    rows: int = typer.Option(20, min=0, help="Maximum rows per table; 0 for all"),
) -> None:
    """Inspect converted annotations before training.

    Prints counts, the recall of candidate settings, and advice. Pass all splits of a
    corpus at once, to find texts that occur in several.
    """
    import srsly

    from rel_component.files import write_text
    from rel_component.inspection import inspect_files, list_sections, suggest_schema
    from rel_component.inspection.picture import check_picture, draw_picture

    if picture is not None:
        check_picture(picture)
    result = inspect_files(
        inputs,
        spans_key=spans_key or None,
        similarity=similarity,
        min_share=min_share,
        sentencizer=sentencizer,
        progress=lambda docs, path: tqdm(
            docs, desc=str(path), unit=" docs", delay=2, disable=None
        ),
    )
    advice, *sections = list_sections(result, has_drawings=False)
    show_sections([*sections, advice], rows or None)
    if sentencizer:
        msg.info(
            "The sentencizer set the sentence boundaries. To use max_sentences, add "
            "it as the first component and to training.annotating_components."
        )
    write_figures(output, result)
    if schema is not None:
        write_text(schema, srsly.json_dumps(suggest_schema(result).to_dict(), 2))
        msg.good(f"Schema: {show_path(schema)}")
    if picture is not None:
        picture.parent.mkdir(parents=True, exist_ok=True)
        for problem in draw_picture(result, picture):
            msg.warn(problem)
        msg.good(f"Picture: {picture}")


if __name__ == "__main__":
    run_command(main)

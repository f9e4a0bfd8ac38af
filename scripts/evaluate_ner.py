"""Evaluate the entities of a trained pipeline, per span and per token."""

from pathlib import Path
from typing import Optional

import typer
from command import command, run_command, show_table, write_figures
from wasabi import msg


@command
def main(
    model: Path = typer.Argument(..., help="Trained pipeline that predicts entities"),
    data: Path = typer.Argument(..., help="Annotated documents, .spacy"),
    output: Optional[Path] = typer.Option(None, help="Write the scores as JSON"),
    spans_key: Optional[str] = typer.Option(
        None,
        help="Key of doc.spans to evaluate, for nested entities; by default where the "
        "pipeline writes entities",
    ),
) -> None:
    """Evaluate the entities of a trained pipeline, per span and per token."""
    from rel_component.evaluation.entities import evaluate_entities
    from rel_component.evaluation.tables import tabulate_entities
    from rel_component.wording import name_place, plural

    result = evaluate_entities(model, data, spans_key=spans_key)
    for table in tabulate_entities(result):
        show_table(table)
    print(
        f"{plural(result['documents'], 'document')}, entities in "
        f"{name_place(result['spans_key'])}. An entity is correct if its boundaries "
        "and type are; a token counts for each type that covers it."
    )
    n = result["windows_divided"]
    if n:
        msg.info(
            f"{plural(n, 'window')} exceeded the transformer's maximum length and "
            "were split, without truncation."
        )
    write_figures(output, result)


if __name__ == "__main__":
    run_command(main)

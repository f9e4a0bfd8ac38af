"""Score the entities that a trained pipeline finds: by span and by token."""

from pathlib import Path
from typing import Optional

import typer
from command import command, run_command, show_table, write_figures
from wasabi import msg

from rel_component.evaluation.entities import evaluate_entities
from rel_component.evaluation.tables import tabulate_entities
from rel_component.wording import plural


@command
def main(
    model: Path = typer.Argument(..., help="Trained pipeline that finds entities"),
    data: Path = typer.Argument(..., help="Annotated documents, .spacy"),
    output: Optional[Path] = typer.Option(None, help="Write the figures as JSON"),
    spans_key: Optional[str] = typer.Option(
        None,
        help="Compare this group of doc.spans, for entities that nest; by default "
        "doc.ents",
    ),
) -> None:
    """Score the entities that a trained pipeline finds: by span and by token."""
    result = evaluate_entities(model, data, spans_key=spans_key)
    for table in tabulate_entities(result):
        show_table(table)
    print(
        f"{plural(result['documents'], 'document')}. An entity counts if its borders "
        f"and its type are right; a token counts for each type that covers it."
    )
    n = result["windows_divided"]
    if n:
        msg.info(
            f"{plural(n, 'window')} had more word pieces than the transformer takes: "
            f"divided, with nothing truncated."
        )
    write_figures(output, result)


if __name__ == "__main__":
    run_command(main)

"""Create a pipeline of patterns, or add patterns to a trained one."""

from pathlib import Path
from typing import TYPE_CHECKING, Optional

import typer
from command import command, run_command
from wasabi import msg

if TYPE_CHECKING:
    from spacy.language import Language


@command
def main(
    output: Path = typer.Argument(..., help="Folder for the pipeline"),
    relations: Path = typer.Option(
        ..., "--relations", "-r", help="Relation patterns, .jsonl; see docs/rules.md"
    ),
    entities: Optional[Path] = typer.Option(
        None, "--entities", "-e", help="Patterns for spaCy's entity ruler, .jsonl"
    ),
    model: Optional[Path] = typer.Option(
        None, "--model", "-m", help="Trained pipeline to add the patterns to"
    ),
    lang: str = typer.Option("en", help="Language of the texts; not with --model"),
) -> None:
    """Create a pipeline of patterns, or add patterns to a trained one.

    The predictions of a trained pipeline are kept; patterns add to them.
    """
    from rel_component.inference.rules import add_rules, make_blank
    from rel_component.pipe.loading import load_pipeline, save_pipeline

    nlp = make_blank(lang) if model is None else load_pipeline(model)
    add_rules(nlp, relations, entities)
    warn_of_types(nlp)
    save_pipeline(nlp, output)
    msg.good(f"{', '.join(nlp.pipe_names)} written to {output}")


def warn_of_types(nlp: "Language") -> None:
    """Warn of entity types in patterns that the pipeline doesn't predict."""
    from rel_component.pipe.loading import list_entity_labels

    found = list_entity_labels(nlp)
    for name in sorted(set(nlp.get_pipe("relation_ruler").entity_types) - {*found}):
        if found:
            msg.warn(
                f"Patterns of relations have the entity type {name!r}, which the "
                f"pipeline doesn't predict; it predicts {', '.join(found)}."
            )


if __name__ == "__main__":
    run_command(main)

"""Join two trained pipelines: entities from one, relations from the other."""

from pathlib import Path

import spacy
import typer
from wasabi import msg

from rel_component.inference.assembly import assemble


def main(
    finder: Path = typer.Argument(..., help="Trained pipeline that finds entities"),
    extractor: Path = typer.Argument(..., help="Trained pipeline that relates them"),
    output: Path = typer.Argument(..., help="Folder for the joined pipeline"),
) -> None:
    """Join two trained pipelines: entities from one, relations from the other."""
    try:
        nlp = assemble(load(finder), load(extractor))
    except ValueError as error:
        msg.fail(str(error), exits=1)
    nlp.to_disk(output)
    msg.good(f"{', '.join(nlp.pipe_names)} written to {output}")


def load(path: Path) -> spacy.Language:
    """Load a pipeline, or say why not."""
    try:
        return spacy.load(path)
    except (OSError, ValueError) as error:
        msg.fail(f"Can't load a pipeline from {path}: {error}", exits=1)
        raise SystemExit(1) from error


if __name__ == "__main__":
    typer.run(main)

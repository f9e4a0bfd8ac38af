"""Combine two trained pipelines: entities from one, relations from the other."""

from pathlib import Path

import typer
from command import command, run_command
from wasabi import msg


@command
def main(
    ner_pipeline: Path = typer.Argument(
        ..., help="Trained pipeline that predicts entities"
    ),
    extractor: Path = typer.Argument(
        ..., help="Trained pipeline that predicts relations"
    ),
    output: Path = typer.Argument(..., help="Output folder for the combined pipeline"),
) -> None:
    """Combine two trained pipelines: entities from one, relations from the other."""
    from rel_component.inference.assembly import assemble
    from rel_component.pipe.loading import load_pipeline, save_pipeline

    nlp = assemble(load_pipeline(ner_pipeline), load_pipeline(extractor))
    save_pipeline(nlp, output)
    msg.good(f"{', '.join(nlp.pipe_names)} written to {output}")


if __name__ == "__main__":
    run_command(main)

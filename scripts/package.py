"""Package a trained pipeline, with a model card.

    python scripts/package.py training/model-best packages --name rel_job_ads \
        --version 0.0.1 --metrics training/metrics.json

Like `spacy package`, with the card as README.md; `spacy huggingface-hub push` shows it
on the model's page.
"""

from pathlib import Path
from typing import Optional

import typer
from command import command, run_command
from wasabi import msg


@command
def main(
    model: Path = typer.Argument(..., help="Trained pipeline"),
    output: Path = typer.Argument(..., help="Output folder"),
    name: str = typer.Option(..., help="Name of the package, without the language"),
    version: str = typer.Option("0.0.1", help="Version of the package"),
    metrics: Optional[Path] = typer.Option(
        None, help="Output of evaluate.py, for the scores in the card"
    ),
    build: bool = typer.Option(True, help="Build a wheel"),
) -> None:
    """Package a trained pipeline, with a model card."""
    from rel_component.evaluation.packaging import package_pipeline

    made = package_pipeline(
        model, output, name=name, version=version, metrics=metrics, build=build
    )
    if made.warning:
        msg.warn(made.warning)
    msg.good(f"Model card: {made.card}")


if __name__ == "__main__":
    run_command(main)

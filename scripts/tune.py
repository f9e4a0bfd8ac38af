"""Tune thresholds and calibration on development documents.

    python scripts/tune.py training/model-best data/dev.spacy training/model-tuned

`evaluate.py --dev` shows their effect on other documents.
"""

from pathlib import Path
from typing import Optional

import typer
from command import command, run_command, show_table
from wasabi import msg


@command
def main(
    model: Path = typer.Argument(..., help="Trained pipeline"),
    dev: Path = typer.Argument(..., help="Annotated documents not used for training"),
    output: Path = typer.Argument(..., help="Output folder for the tuned pipeline"),
    objective: str = typer.Option(
        "micro_f", help="Metric to optimise: micro_f, macro_f or precision"
    ),
    min_precision: float = typer.Option(
        0.9,
        min=0,
        max=1,
        help="With --objective precision: minimum precision of each label",
    ),
    min_support: int = typer.Option(
        5, min=1, help="Labels with fewer relations keep the model's threshold"
    ),
    calibration: str = typer.Option(
        "auto", help="platt, temperature or none; auto for the best of them on dev"
    ),
    max_distances: Optional[Path] = typer.Option(
        None,
        help="Training documents: learn from them and dev which pairs are too far "
        "apart to have a relation, by their types, and skip these pairs",
    ),
) -> None:
    """Tune thresholds and calibration on development documents."""
    from rel_component.evaluation.tuning import tune_pipeline

    table = tune_pipeline(
        model,
        dev,
        output,
        objective=objective,
        method=None if calibration == "none" else calibration,
        min_precision=min_precision,
        min_support=min_support,
        train=max_distances,
    )
    show_table(table)
    msg.good(f"Tuned pipeline: {output}")


if __name__ == "__main__":
    run_command(main)

"""Evaluate a trained pipeline, end to end and with gold entities."""

from pathlib import Path
from typing import List, Optional

import typer
from command import command, run_command, show_path, show_sections, write_figures
from wasabi import msg

# sections of the report to print
SHOWN = ("summary", "end-to-end", "labels", "thresholds", "confusion")


@command
def main(
    model: Path = typer.Argument(..., help="Trained pipeline"),
    data: Path = typer.Argument(..., help="Annotated documents, .spacy"),
    output: Optional[Path] = typer.Option(
        None, help="Write all scores and errors as JSON"
    ),
    report: List[Path] = typer.Option(
        [], help="Write a report as .html or .md; can be repeated"
    ),
    dev: Optional[Path] = typer.Option(
        None,
        help="Development documents: also evaluate with thresholds and calibration "
        "tuned on them",
    ),
    train: Optional[Path] = typer.Option(
        None, help="Training documents, to report their counts"
    ),
    log: Optional[Path] = typer.Option(
        None, help="Training log, for the training curve; ignored if it doesn't exist"
    ),
    cross_validation: Optional[Path] = typer.Option(
        None, help="Output of cross_validate.py; ignored if it doesn't exist"
    ),
    learning_curve: Optional[Path] = typer.Option(
        None, help="Output of learning_curve.py; ignored if it doesn't exist"
    ),
    threshold: Optional[float] = typer.Option(
        None, help="Threshold for all labels, instead of the model's"
    ),
    schema: Optional[Path] = typer.Option(
        None, help="Schema with types and constraints, instead of the model's"
    ),
    details: bool = typer.Option(
        False, help="Print the gold and predicted relations of each text"
    ),
    seed: int = typer.Option(
        0, min=0, help="Random seed of the baseline and the confidence intervals"
    ),
) -> None:
    """Evaluate a trained pipeline, end to end and with gold entities.

    End-to-end evaluation starts from the tokens and needs a pipeline that predicts
    entities.
    """
    from rel_component.evaluation.report import (
        evaluate_files,
        list_sections,
        write_reports,
    )
    from rel_component.evaluation.report.details import describe_documents
    from rel_component.evaluation.report.files import check_suffix

    for path in report:
        check_suffix(path)
    found = evaluate_files(
        model,
        data,
        dev=dev,
        train=train,
        log=log,
        cross_validation=cross_validation,
        learning_curve=learning_curve,
        threshold=threshold,
        schema=schema,
        seed=seed,
    )
    if details:
        for title, text, lines in describe_documents(found):
            msg.divider(title)
            print(text, "\n", *lines, sep="\n")
    sections = list_sections(found, has_drawings=False)
    show_sections(section for section in sections if section.id in SHOWN)
    write_figures(output, found.data)
    write_reports(found, report)
    if report:
        msg.good(f"Report: {', '.join(map(show_path, report))}")


if __name__ == "__main__":
    run_command(main)

"""Raw texts for correction in an annotation tool, the most uncertain ones first."""

from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Optional

import typer
from command import run_command
from tqdm import tqdm
from wasabi import Printer
from writing import (
    find_output,
    load_extractor,
    save_report,
    show_failure,
    show_report,
    show_warnings,
)

from rel_component.formats import WRITERS, Report, write_records
from rel_component.formats.report import DOCUMENTS
from rel_component.formats.writers import find_writer
from rel_component.inference.inputs import read_path
from rel_component.inference.preannotation import (
    RANKINGS,
    describe_model,
    preannotate,
    rank,
)
from rel_component.pipe.loading import load_pipeline
from rel_component.wording import plural

NO_RANKING = "none"


def main(
    model: Path = typer.Argument(..., help="Trained pipeline"),
    texts: Path = typer.Argument(
        ...,
        help="Folder of .txt files; or one, or .jsonl with text and optional entities",
    ),
    output: Path = typer.Option(
        Path("data/to_annotate"),
        "--output",
        "-o",
        help="Folder; or a file, for formats that have files",
    ),
    format_: str = typer.Option(
        "prodigy", "--format", "-f", help=f"One of {', '.join(WRITERS)}"
    ),
    entities_from: Optional[Path] = typer.Option(
        None, help="Another trained pipeline that finds the entities"
    ),
    lines: bool = typer.Option(False, help="Each line of a .txt file is a text"),
    rank_by: str = typer.Option(
        "max",
        help="Most uncertain first, by the most uncertain pair of a text (max) or by "
        "all its pairs (mean); or none, in the order of the texts",
    ),
    limit: Optional[int] = typer.Option(
        None, "--limit", "-n", min=1, help="Only so many texts, the first ones"
    ),
    threshold: Optional[float] = typer.Option(
        None, help="Predict from this score on, in place of the model's threshold"
    ),
    batch_size: int = typer.Option(64, min=1, help="Texts to process at one time"),
    force: bool = typer.Option(False, help="Write into a brat folder that has files"),
    report_path: Optional[Path] = typer.Option(
        None, "--report", help="Write the report as JSON"
    ),
) -> None:
    """Find entities and relations in texts, to be corrected in an annotation tool.

    A score at the threshold is wholly uncertain, one of 0 or 1 not at all; a text is as
    uncertain as its most uncertain pair of entities. Corrected and exported from the
    tool, the annotations are read by scripts/convert.py.
    """
    msg, report = Printer(), Report()
    try:
        check_ranking(rank_by)
        name = texts.resolve().name if texts.is_dir() else texts.stem
        path = find_output(output, find_writer(format_), name, force=force)
        nlp = load_extractor(model, threshold)
        ner_pipeline = None if entities_from is None else load_pipeline(entities_from)
        options = replace(describe_model(nlp), numbered=rank_by != NO_RANKING)
        with show_warnings():
            tasks = tqdm(
                read_path(texts, lines), desc="Predicting", unit=" texts", disable=None
            )
            by = rank_by if rank_by in RANKINGS else RANKINGS[0]
            records = preannotate(
                nlp,
                tasks,
                ner_pipeline=ner_pipeline,
                by=by,
                batch_size=batch_size,
                source=str(texts),
            )
            is_ranked = rank_by != NO_RANKING
            chosen = rank(records, limit) if is_ranked else islice(records, limit)
            write_records(chosen, path, format_, options, report)
    except (ValueError, OSError) as error:
        show_failure(msg, error, ())
        raise typer.Exit(1) from None
    save_report(msg, report, report_path)
    show_report(msg, report)
    n = plural(report.n_written[DOCUMENTS], "text")
    msg.good(f"{n} written to {path}, to be corrected")


def check_ranking(name: str) -> None:
    if name not in (*RANKINGS, NO_RANKING):
        expected = ", ".join((*RANKINGS, NO_RANKING))
        raise ValueError(f"--rank-by: found {name!r}, expected one of {expected}.")


if __name__ == "__main__":
    run_command(main)

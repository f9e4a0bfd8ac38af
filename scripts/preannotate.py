"""Pre-annotate texts for correction in an annotation tool, most uncertain first."""

from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Optional

import typer
from command import run_command
from tqdm import tqdm
from wasabi import Printer
from writing import (
    check_not_input,
    check_report,
    find_output,
    load_extractor,
    save_report,
    show_failure,
    show_report,
    show_warnings,
)

NO_RANKING = "none"


def main(
    model: Path = typer.Argument(..., help="Trained pipeline"),
    texts: Path = typer.Argument(
        ...,
        help="Folder of .txt files, a .txt file, or .jsonl with text and optional "
        "entities",
    ),
    output: Path = typer.Option(
        Path("data/to_annotate"),
        "--output",
        "-o",
        help="Folder; or a file, if the format isn't brat",
    ),
    format_: str = typer.Option(
        "prodigy",
        "--format",
        "-f",
        help="One of prodigy, label_studio, brat, doccano, ubiai, spert, "
        "gliner, glirel, huggingface, jsonl",
    ),
    entities_from: Optional[Path] = typer.Option(
        None, help="Separate trained pipeline that predicts the entities"
    ),
    lines: bool = typer.Option(False, help="Read each line of a .txt file as a text"),
    rank_by: str = typer.Option(
        "max",
        help="Rank texts by their most uncertain pair (max) or by all pairs (mean); "
        "or none, to keep their order",
    ),
    limit: Optional[int] = typer.Option(
        None, "--limit", "-n", min=1, help="Maximum number of texts"
    ),
    threshold: Optional[float] = typer.Option(
        None, help="Score threshold, instead of the model's"
    ),
    batch_size: int = typer.Option(64, min=1, help="Texts per batch"),
    force: bool = typer.Option(False, help="Write to a brat folder that isn't empty"),
    report_path: Optional[Path] = typer.Option(
        None, "--report", help="Write the report as JSON"
    ),
) -> None:
    """Pre-annotate entities and relations for correction in an annotation tool.

    Scores at the threshold are the most uncertain, scores of 0 and 1 the least. Convert
    the corrected annotations with scripts/convert.py.
    """
    from rel_component.formats import Report, write_records
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

    msg, report = Printer(), Report()
    try:
        check_ranking(rank_by)
        name = texts.resolve().name if texts.is_dir() else texts.stem
        path = find_output(output, find_writer(format_), name, force=force)
        check_not_input(path, texts)
        check_report(report_path, [texts], [path])
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
    msg.good(f"{n} written to {path} for correction")


def check_ranking(name: str) -> None:
    from rel_component.inference.preannotation import RANKINGS

    if name not in (*RANKINGS, NO_RANKING):
        expected = ", ".join((*RANKINGS, NO_RANKING))
        raise ValueError(f"--rank-by: found {name!r}, expected one of {expected}.")


if __name__ == "__main__":
    run_command(main)

"""Export .spacy files to the format of an annotation tool."""

from dataclasses import replace
from pathlib import Path
from typing import Dict, List, Optional

import typer
from command import run_command
from tqdm import tqdm
from wasabi import Printer
from writing import (
    check_report,
    find_output,
    load_extractor,
    save_report,
    show_failure,
    show_problems,
    show_report,
)

ON_ERROR = ("stop", "skip")


def main(
    inputs: List[Path] = typer.Argument(..., help="Annotated documents, .spacy"),
    output: Path = typer.Option(
        ...,
        "--output",
        "-o",
        help="Folder; or a file, if there's one input and the format isn't brat",
    ),
    format_: str = typer.Option(
        ...,
        "--format",
        "-f",
        help="One of prodigy, label_studio, brat, doccano, ubiai, spert, "
        "gliner, glirel, huggingface, jsonl",
    ),
    model: Optional[Path] = typer.Option(
        None,
        help="Trained pipeline: write its predictions for the entities of the "
        "documents, instead of their gold relations",
    ),
    threshold: Optional[float] = typer.Option(
        None, help="Score threshold, instead of the model's"
    ),
    to_correct: bool = typer.Option(
        False,
        help="Prodigy: tasks without an answer; Label Studio: predictions instead of "
        "annotations",
    ),
    schema: Optional[Path] = typer.Option(
        None,
        help="Schema with additional labels, entity types and symmetric labels for "
        "the tool's configuration: JSON, YAML or brat's annotation.conf",
    ),
    symmetric: Optional[List[str]] = typer.Option(
        None, help="Symmetric relation label"
    ),
    spans_key: str = typer.Option(
        "entities",
        help="Key of doc.spans that holds the entities; empty for doc.ents only",
    ),
    on_error: str = typer.Option(
        "stop",
        help="What to do if the format can't represent an entity or relation: stop "
        "(write nothing) or skip",
    ),
    force: bool = typer.Option(False, help="Write to a brat folder that isn't empty"),
    report_path: Optional[Path] = typer.Option(
        None, "--report", help="Write the report as JSON"
    ),
) -> None:
    """Export .spacy files to the format of an annotation tool.

    Data that the format can't represent is counted, and lost entities and relations are
    listed. scripts/convert.py reads all of these formats.
    """
    from rel_component.formats import Report, WriteOptions, write_records
    from rel_component.formats.report import DOCUMENTS
    from rel_component.inference.export import read_records
    from rel_component.inference.preannotation import describe_model
    from rel_component.schema import Schema
    from rel_component.wording import plural

    msg, report = Printer(), Report()
    done: List[Path] = []
    try:
        if on_error not in ON_ERROR:
            expected = " or ".join(ON_ERROR)
            raise ValueError(f"--on-error: found {on_error!r}, expected {expected}.")
        paths = find_outputs(inputs, output, format_, force)
        check_report(report_path, inputs, paths.values())
        nlp = None if model is None else load_extractor(model, threshold)
        options = WriteOptions() if nlp is None else describe_model(nlp)
        known = options.schema
        if schema is not None:
            given = Schema.from_path(schema)
            known = given if known is None else known.add(given)
        options = replace(
            options,
            predictions=to_correct or model is not None,
            symmetric=tuple(symmetric or ()),
            schema=known,
        )
        for path in inputs:
            records = read_records(path, nlp, spans_key or None)
            shown = tqdm(records, desc=path.name, unit=" docs", delay=2, disable=None)
            strict = on_error == "stop"
            write_records(shown, paths[path], format_, options, report, strict=strict)
            done.append(paths[path])
    except (ValueError, OSError) as error:
        show_problems(msg, report)
        show_failure(msg, error, done)
        if report.n_read.total():
            save_report(msg, report, report_path)
        raise typer.Exit(1) from None
    save_report(msg, report, report_path)
    show_report(msg, report)
    n = plural(report.n_written[DOCUMENTS], "document")
    msg.good(f"{n} written to {', '.join(map(str, done))}")


def find_outputs(
    inputs: List[Path], output: Path, format_name: str, force: bool
) -> Dict[Path, Path]:
    """RETURNS (Dict[Path, Path]): the output file or folder of each input."""
    from rel_component.formats.writers import find_writer

    writer = find_writer(format_name)
    if len(inputs) == 1:
        (path,) = inputs
        return {path: find_output(output, writer, path.stem, force=force)}
    paths = {}
    for path in inputs:
        folder = output if writer.suffix else output / path.stem
        paths[path] = find_output(folder, writer, path.stem, force=force)
    if len(set(paths.values())) < len(inputs):
        raise ValueError(
            f"{len(inputs)} inputs would be written to "
            f"{', '.join(map(str, sorted(set(paths.values()))))}. Use inputs with "
            "different names and a folder as --output, or export them one by one."
        )
    return paths


if __name__ == "__main__":
    run_command(main)

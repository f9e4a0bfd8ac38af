"""Read the inputs of a report, and write it to files."""

from pathlib import Path
from typing import Any, Dict, Iterable, List, Optional

import srsly

from ...corpus.readers import read_docs
from ...files import write_text
from ...pages import has_matplotlib, make_markdown, make_page
from ...pipe.loading import find_extractor, find_relation_pipes, load_pipeline
from ...schema import Schema
from ...wording import get_command
from ..predictions import read_golds
from .build import Evaluation, evaluate_pipeline
from .sections import describe_source, list_sections, name_pipeline

SUFFIXES = (".html", ".md")


def evaluate_files(
    model: Path,
    data: Path,
    *,
    dev: Optional[Path] = None,
    train: Optional[Path] = None,
    log: Optional[Path] = None,
    cross_validation: Optional[Path] = None,
    learning_curve: Optional[Path] = None,
    threshold: Optional[float] = None,
    schema: Optional[Path] = None,
    seed: int = 0,
) -> Evaluation:
    """Evaluate a trained pipeline on annotated documents.

    model (Path): folder of the pipeline.
    data (Path): the test documents, `.spacy`.
    dev (Optional[Path]), train (Optional[Path]), seed (int): see `evaluate_pipeline`.
    log (Optional[Path]): training log; ignored if it doesn't exist.
    cross_validation (Optional[Path]): output of the command; ignored if it doesn't
        exist.
    learning_curve (Optional[Path]): output of the command; ignored if it doesn't exist.
    threshold (Optional[float]): threshold for all labels, instead of the model's.
    schema (Optional[Path]): schema of the extractor, instead of the model's.
    RETURNS (Evaluation): the evaluation.
    RAISES (ValueError): if a file can't be read, or has no documents.
    """
    nlp = load_pipeline(model)
    pipes = find_relation_pipes(nlp)
    golds = read_golds(data, nlp)
    devs, trains = (
        [] if path is None else list(read_docs(path, nlp)) for path in (dev, train)
    )
    attached = {
        "training": read_training_log(log) if log and log.is_file() else None,
        "cross_validation": read_result(cross_validation, "runs"),
        "learning_curve": read_result(learning_curve, "points"),
    }
    if threshold is not None:
        pipes.use_threshold(threshold)
    if schema is not None:
        find_extractor(nlp).schema = Schema.from_path(schema)
    found = evaluate_pipeline(nlp, golds, devs=devs, trains=trains, seed=seed)
    found.data.update({"model": str(model), "data": str(data), **attached})
    return found


def write_reports(report: Evaluation, paths: Iterable[Path]) -> None:
    """Write a report.

    report (Evaluation): the evaluation.
    paths (Iterable[Path]): `.html` or `.md` files.
    RAISES (ValueError): if a suffix is not supported.
    """
    paths = list(paths)
    for path in paths:
        check_suffix(path)
    for path in paths:
        write_text(path, format_report(report, path.suffix))


def check_suffix(path: Path) -> None:
    """RAISES (ValueError): if the suffix is not supported."""
    if path.suffix not in SUFFIXES:
        raise ValueError(
            f"--report {path}: found {path.suffix!r}, expected one of "
            f"{', '.join(SUFFIXES)}."
        )


def format_report(report: Evaluation, suffix: str) -> str:
    """RETURNS (str): a report as a page, or as Markdown."""
    title = f"Evaluation of {name_pipeline(report.data)}"
    if suffix == ".md":
        return make_markdown(title, list_sections(report, has_drawings=False))
    note = ""
    if not has_matplotlib():
        note = (
            f"Plots are missing: matplotlib is not installed ({get_command('plots')})."
        )
    sections = list_sections(report)
    return make_page(title, sections, subtitle=describe_source(report.data), note=note)


def read_training_log(path: Path) -> List[Dict[str, Any]]:
    """Read the `output_file` of spaCy's console logger.

    path (Path): JSON lines.
    RETURNS (List[Dict[str, Any]]): `step`, `epoch`, `losses`, `scores` and `score` of
        each evaluation.
    RAISES (ValueError): if the file has another format.
    """
    try:
        rows = list(srsly.read_jsonl(path))
        return [
            {x: row[x] for x in ("step", "epoch", "losses", "scores", "score")}
            for row in rows
        ]
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise ValueError(
            f"{path} is not a training log ({error!r}); expected the output_file of "
            "spaCy's ConsoleLogger.v3."
        ) from error


# required field → the command that writes it
WRITTEN_BY = {
    "all_gold": "scripts/evaluate.py",
    "runs": "scripts/cross_validate.py",
    "points": "scripts/learning_curve.py",
}


def read_result(path: Optional[Path], field: str) -> Optional[Dict[str, Any]]:
    """Read the output of another command.

    path (Optional[Path]): the file, ignored if it doesn't exist.
    field (str): a required field, see `WRITTEN_BY`.
    RETURNS (Optional[Dict[str, Any]]): its content.
    RAISES (ValueError): if the file has another format.
    """
    if path is None or not path.is_file():
        return None
    try:
        found = srsly.read_json(path)
    except ValueError as error:
        raise ValueError(f"{path} is not valid JSON: {error}") from error
    if isinstance(found, dict) and "honest" in found:  # its name in 0.1
        found["all_gold"] = found.pop("honest")
    if not isinstance(found, dict) or field not in found:
        raise ValueError(
            f"{path} has no field {field!r}: expected the --output of "
            f"{WRITTEN_BY[field]}."
        )
    return found

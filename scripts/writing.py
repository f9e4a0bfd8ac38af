"""Helpers for the commands that write annotations."""

import sys
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Iterable, Iterator, Optional

import typer
from wasabi import Printer

if TYPE_CHECKING:
    from spacy.language import Language

    from rel_component.formats import Report, Writer


FILE_SUFFIXES = (".json", ".jsonl", ".parquet", ".txt")
N_SHOWN = 10


def load_extractor(path: Path, threshold: Optional[float]) -> "Language":
    """Load a pipeline with a relation extractor, and optionally change its
    threshold."""
    from rel_component.pipe.loading import find_relation_pipes, load_pipeline

    nlp = load_pipeline(path)
    pipes = find_relation_pipes(nlp)
    if threshold is not None:
        pipes.use_threshold(threshold)
    return nlp


def find_output(output: Path, writer: "Writer", name: str, *, force: bool) -> Path:
    """Find the output path: the given folder or file, or a file in the folder.

    output (Path): the value of `--output`.
    writer (Writer): the format's writer.
    name (str): the file name, without suffix.
    force (bool): write to a brat folder that isn't empty.
    RETURNS (Path): a folder for brat, else a file.
    RAISES (ValueError): if the path is a file, or the folder isn't empty.
    """
    is_file = output.suffix in FILE_SUFFIXES and not output.is_dir()
    if writer.suffix:
        return output if is_file else output / f"{name}{writer.suffix}"
    if is_file or output.is_file():
        raise ValueError(f"--output {output}: expected a folder for {writer.name}.")
    if output.is_dir() and any(output.iterdir()) and not force:
        raise ValueError(
            f"--output {output}: this folder isn't empty, and annotations in it would "
            "be overwritten. Use another folder, or --force."
        )
    return output


@contextmanager
def show_warnings() -> Iterator[None]:
    """Print warnings to stderr, so that JSON on stdout stays valid."""
    from rel_component.wording import plural

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    lines = [str(warning.message) for warning in caught[:N_SHOWN]]
    if len(caught) > N_SHOWN:
        lines.append(f"... and {plural(len(caught) - N_SHOWN, 'more warning')}.")
    for line in lines:
        print(Printer(no_print=True).warn(line), file=sys.stderr)


def show_failure(msg: Printer, error: Exception, written: Iterable[Path]) -> None:
    """Print why writing failed, and which files were written."""
    from rel_component.corpus.convert import explain

    for line in explain(error).splitlines():
        msg.fail(line)
    names = ", ".join(map(str, written))
    msg.text(f"Written: {names}." if names else "Nothing was written.")


def check_not_input(output: Optional[Path], source: Path) -> None:
    """RAISES (ValueError): if the output would overwrite the input, or a file of it."""
    full = None if output is None else output.resolve()
    if full is None or not full.is_file() or not source.exists():
        return
    if full == source.resolve() or source.resolve() in full.parents:
        raise ValueError(
            f"{output}: this is an input, which the output would overwrite. Use "
            "another name or folder."
        )


def check_report(
    path: Optional[Path], inputs: Iterable[Path], outputs: Iterable[Path]
) -> None:
    """Check that the report overwrites neither an input nor an output.

    path (Optional[Path]): the value of `--report`.
    inputs (Iterable[Path]): files, or folders that contain them.
    outputs (Iterable[Path]): files.
    RAISES (ConversionError): if it would.
    """
    from rel_component.corpus.convert import ConversionError

    if path is None:
        return
    full, sources = path.resolve(), [other.resolve() for other in inputs]
    is_source = full in sources or (full.exists() and {*full.parents} & {*sources})
    if is_source or full in [other.resolve() for other in outputs]:
        raise ConversionError(
            f"--report {path}: this is an input or the output, which the report would "
            "overwrite. Use another name."
        )


def save_report(msg: Printer, report: "Report", path: Optional[Path]) -> None:
    """Write the report, even if the conversion failed."""
    from rel_component.corpus.convert import explain
    from rel_component.files import write_json

    if path is None:
        return
    try:
        write_json(path, report.to_json())
    except OSError as error:
        msg.fail(f"--report {explain(error)}")
        raise typer.Exit(1) from None


def show_report(msg: Printer, report: "Report") -> None:
    """Print the report's counts."""
    for line in report.summary():
        msg.text(line.replace("not converted:", "not written:"))
    for advice in list(report.hints)[:N_SHOWN]:
        msg.warn(f"{advice}.")
    show_problems(msg, report)


def show_problems(msg: Printer, report: "Report") -> None:
    """Print the problems, with the documents they occur in."""
    shown = report.list_problems(N_SHOWN)
    for problem in shown:
        msg.warn(problem)
    if shown != report.problems:
        msg.text("--report FILE lists all of them.")

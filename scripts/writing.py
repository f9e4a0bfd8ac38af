"""What the commands that write annotations have in common."""

import sys
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import Iterable, Iterator, Optional

import typer
from spacy.language import Language
from wasabi import Printer

from rel_component.corpus.convert import explain
from rel_component.files import write_json
from rel_component.formats import Report, Writer
from rel_component.pipe.loading import find_relation_pipes, load_pipeline
from rel_component.wording import plural

FILE_SUFFIXES = (".json", ".jsonl", ".parquet", ".txt")
N_SHOWN = 10


def load_extractor(path: Path, threshold: Optional[float]) -> Language:
    """Load a pipeline that finds relations, and perhaps change its threshold."""
    nlp = load_pipeline(path)
    pipes = find_relation_pipes(nlp)
    if threshold is not None:
        pipes.use_threshold(threshold)
    return nlp


def find_output(output: Path, writer: Writer, name: str, *, force: bool) -> Path:
    """Where documents go: the folder or file itself, or a file in the folder.

    output (Path): as the user gives it.
    writer (Writer): of the format.
    name (str): of the file, without suffix.
    force (bool): write into a brat folder that has files.
    RETURNS (Path): a folder for brat, else a file.
    RAISES (ValueError): if something is in the way.
    """
    is_file = output.suffix in FILE_SUFFIXES and not output.is_dir()
    if writer.suffix:
        return output if is_file else output / f"{name}{writer.suffix}"
    if is_file or output.is_file():
        raise ValueError(f"--output {output}: expected a folder for {writer.name}.")
    if output.is_dir() and any(output.iterdir()) and not force:
        raise ValueError(
            f"--output {output}: this folder has files already, and annotations made "
            f"in it would be written over. Give another folder, or --force."
        )
    return output


@contextmanager
def show_warnings() -> Iterator[None]:
    """Print the warnings that are raised meanwhile, where they don't disturb JSON."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    lines = [str(warning.message) for warning in caught[:N_SHOWN]]
    if len(caught) > N_SHOWN:
        lines.append(f"... and {plural(len(caught) - N_SHOWN, 'more warning')}.")
    for line in lines:
        print(Printer(no_print=True).warn(line), file=sys.stderr)


def show_failure(msg: Printer, error: Exception, written: Iterable[Path]) -> None:
    """Print why not everything is written, and what is."""
    for line in explain(error).splitlines():
        msg.fail(line)
    names = ", ".join(map(str, written))
    msg.text(f"Written: {names}." if names else "Nothing was written.")


def save_report(msg: Printer, report: Report, path: Optional[Path]) -> None:
    """Write the report, whatever became of the rest."""
    if path is None:
        return
    try:
        write_json(path, report.to_json())
    except OSError as error:
        msg.fail(f"--report {explain(error)}")
        raise typer.Exit(1) from None


def show_report(msg: Printer, report: Report) -> None:
    """Print what became of everything."""
    for line in report.summary():
        msg.text(line.replace("not converted:", "not in the files:"))
    for advice in list(report.hints)[:N_SHOWN]:
        msg.warn(f"{advice}.")
    show_problems(msg, report)


def show_problems(msg: Printer, report: Report) -> None:
    """Print what was lost."""
    shown = report.list_problems(N_SHOWN)
    for problem in shown:
        msg.warn(problem)
    if shown != report.problems:
        msg.text("--report FILE lists all of them.")

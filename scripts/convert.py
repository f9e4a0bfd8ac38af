"""Convert annotations from any supported tool to `.spacy` files for training."""

import inspect
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, List, Optional

import typer
from command import run_command
from spacy.tokens import Doc
from tqdm import tqdm
from wasabi import Printer
from writing import check_report, save_report, show_failure

from rel_component.corpus.convert import (
    N_SHOWN,
    ON_ERROR,
    ConversionError,
    convert,
)
from rel_component.corpus.docbin import NAMES, list_corpus
from rel_component.formats import FORMATS, SHARED, Option, Options, Report
from rel_component.formats.report import DOCUMENTS
from rel_component.wording import plural

TABLE = ("documents", "entities", "relations")


def add_options(command: Callable[..., None]) -> Callable[..., None]:
    """Replace a command's `**values` by the shared options and those of each format."""
    signature = inspect.signature(command)
    parameters = [
        parameter
        for parameter in signature.parameters.values()
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD
    ]
    parameters += [make_parameter(o, help) for o, help in collect_options().items()]
    command.__signature__ = signature.replace(parameters=parameters)
    return command


def collect_options() -> Dict[Option, str]:
    """RETURNS (Dict[Option, str]): each option and its help. If formats share a name,
    the help lists its meaning for each of them."""
    helps: Dict[str, Dict[str, List[str]]] = {}
    first = {option.name: option for option in SHARED}
    for format_ in FORMATS.values():
        for option in format_.options:
            first.setdefault(option.name, option)
            texts = helps.setdefault(option.name, {})
            texts.setdefault(option.help, []).append(format_.name)
    return {
        option: option.help
        if name not in helps
        else "; ".join(f"{', '.join(n)}: {text}" for text, n in helps[name].items())
        for name, option in first.items()
    }


def make_parameter(option: Option, help: str) -> inspect.Parameter:
    """RETURNS (Parameter): an option as Typer reads it from a signature."""
    default, annotation = option.default, option.kind
    name = option.on_command_line
    if option.choices:
        help = f"{help} ({', '.join(option.choices)})"
    if isinstance(default, bool):
        default, annotation = False, bool
        name += f"/--no-{name.removeprefix('--')}"
    elif isinstance(default, (tuple, dict)):
        default, annotation = None, Optional[List[option.kind]]
    elif default is None:
        annotation = Optional[option.kind]
    flag = typer.Option(default, name, help=help)
    kind = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(option.name, kind, default=flag, annotation=annotation)


def read_values(given: Dict[str, Any]) -> Dict[str, Any]:
    """RETURNS (Dict[str, Any]): the values as keyword arguments of `Options`."""
    values: Dict[str, Any] = {}
    for option in collect_options():
        value = given[option.name]
        if option.default is True:
            value = not value
        elif isinstance(option.default, dict):
            value = parse_pairs(option, value or ())
        elif isinstance(option.default, tuple):
            value = tuple(value or ())
        values[option.name] = value
    return values


def parse_pairs(option: Option, given: Iterable[str]) -> Dict[str, str]:
    name, pairs = option.on_command_line, {}  # type: str, Dict[str, str]
    for value in given:
        old, equals, new = value.partition("=")
        if not (old and equals and new):
            raise ConversionError(f"{name}: found {value!r}, expected OLD=NEW.")
        if pairs.setdefault(old, new) != new:
            raise ConversionError(
                f"{name}: found {old}={pairs[old]} and {old}={new}, expected only one "
                "of them."
            )
    return pairs


@add_options
def main(
    inputs: Optional[List[Path]] = typer.Argument(
        None, help="Files with annotations, or folders of brat or i2b2 files"
    ),
    output: Path = typer.Option(
        Path("data"),
        "--output",
        "-o",
        help="Folder for train.spacy, dev.spacy and test.spacy, or one .spacy file",
    ),
    format_: str = typer.Option(
        "auto", "--format", "-f", help=f"auto or one of {', '.join(FORMATS)}"
    ),
    split: str = typer.Option(
        "0.7,0.15,0.15", help="Proportions of train, dev and optionally test"
    ),
    seed: int = typer.Option(0, help="Random seed of the split"),
    dev_groups: Optional[str] = typer.Option(
        None,
        help="Use the groups that match this regular expression as dev set, instead "
        "of --split",
    ),
    test_groups: Optional[str] = typer.Option(None, help="As above, for the test set"),
    train: Optional[List[Path]] = typer.Option(
        None, help="Training files of a corpus that is already split, instead of inputs"
    ),
    dev: Optional[List[Path]] = typer.Option(
        None, help="Development files of such a corpus"
    ),
    test: Optional[List[Path]] = typer.Option(None, help="As above, for the test set"),
    on_error: str = typer.Option(
        "stop",
        help="What to do if something can't be converted: stop (write nothing) or "
        f"skip (leave it out) ({', '.join(ON_ERROR)})",
    ),
    report_path: Optional[Path] = typer.Option(
        None, "--report", help="Write the report as JSON"
    ),
    **values: Any,
) -> None:
    """Convert annotations to .spacy files.

    Everything is read to the end. If something can't be converted, the problems are
    listed, nothing is written and the exit code is 1, unless --on-error skip.
    """
    msg, report = Printer(), Report()
    given = [*(inputs or ()), *(train or ()), *(dev or ()), *(test or ())]
    try:
        outputs = [output, *(output / f"{name}.spacy" for name in NAMES)]
        check_report(report_path, given, outputs)
        made = convert(
            inputs or (),
            output,
            train=train or (),
            dev=dev or (),
            test=test or (),
            format_name=format_,
            options=Options(**read_values(values)),
            split=split,
            seed=seed,
            dev_groups=dev_groups,
            test_groups=test_groups,
            on_error=on_error,
            report=report,
            progress=show_progress,
        )
    except ConversionError as error:
        show_report(msg, report)
        show_failure(msg, error, error.written)
        if report.n_read.total():
            save_report(msg, report, report_path)
        raise typer.Exit(1) from None
    show_report(msg, report)
    for path, n in made.written.items():
        n_files = len(list_corpus(path))
        files = f" in {n_files} files" if n_files > 1 else ""
        msg.good(f"{path}: {plural(n, 'document')}{files}")
    save_report(msg, report, report_path)
    for path in made.removed:
        msg.warn(f"{path}: removed (left by an earlier conversion).")
    for path in made.left:
        msg.warn(f"{path}: kept, but left by an earlier conversion.")


def show_progress(docs: Iterable[Doc]) -> Iterable[Doc]:
    return tqdm(docs, desc="Converting", unit=" docs", delay=2, disable=None)


def show_report(msg: Printer, report: Report) -> None:
    """Print the counts, if all input was read, and the problems."""
    if not report.n_read[DOCUMENTS]:
        return
    if not report.unaccounted():
        show_counts(msg, report)
    shown = report.list_problems(N_SHOWN)
    for problem in shown:
        msg.fail(problem)
    if shown != report.problems:
        msg.text("--report FILE lists all of them.")


def show_counts(msg: Printer, report: Report) -> None:
    rows = []
    for kind in TABLE:
        n_lost = report.n_lost[kind]
        n_skipped = report.n_skipped[kind].total() - n_lost
        n_merged = report.n_merged[kind].total()
        numbers = (report.n_read[kind], report.n_written[kind], n_merged)
        rows.append((kind, *numbers, n_skipped, n_lost))
    header = ("", "read", "written", "merged", "left out", "lost")
    msg.table(rows, header=header, divider=True, aligns=("l", *"r" * 5))
    for line in report.summary():
        msg.text(line)
    for advice, n in report.hints.items():
        msg.warn(f"{advice}." if n == 1 else f"{n} times: {advice}.")


if __name__ == "__main__":
    run_command(main)

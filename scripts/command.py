"""Helpers for all commands: error messages, tables, JSON output."""

import functools
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Iterable, Optional

import typer
from wasabi import msg

if TYPE_CHECKING:
    from rel_component.pages import Section
    from rel_component.wording import Table


# columns of a table that fit into a terminal
N_COLUMNS = 12
# maximum width of a column, in characters
N_CHARS = 50


def command(main: Callable[..., None]) -> Callable[..., None]:
    """RETURNS (Callable): a command that prints errors as one sentence and exits with
    code 1."""

    @functools.wraps(main)
    def run(*args: Any, **kwargs: Any) -> None:
        try:
            main(*args, **kwargs)
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            msg.fail(f"{where}{error.strerror or error}", exits=1)
        except ValueError as error:
            msg.fail(str(error), exits=1)

    return run


def run_command(main: Callable[..., None]) -> None:
    """Run a command that prints UTF-8 regardless of the locale."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    typer.run(main)


def show_table(table: "Table", n_rows: Optional[int] = None) -> None:
    """Print a table, or its first rows."""
    table = table.cut(n_rows)
    msg.divider(table.title)
    if len(table.header) > N_COLUMNS:
        print(
            f"{len(table.header)} columns: too wide for the terminal, see the report."
        )
        return
    msg.table(
        table.rows,
        header=table.header,
        divider=True,
        aligns=tuple(table.aligns),
        max_col=N_CHARS,
    )
    if table.note:
        print(table.note)


def show_sections(sections: "Iterable[Section]", n_rows: Optional[int] = None) -> None:
    """Print the figures and tables of a report, followed by its advice."""
    sections = list(sections)
    for section in sections:
        for table in section.list_tables():
            show_table(table, n_rows)
        if section.tiles:
            print(*section.words, sep="\n")
    for section in sections:
        if section.notices:
            msg.divider(section.title)
        for notice in section.notices:
            (msg.warn if notice.level == "warn" else msg.info)(notice.text)


def show_path(path: Path) -> str:
    """RETURNS (str): the path relative to the working directory, if it's inside."""
    path, here = path.resolve(), Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def write_figures(path: Optional[Path], figures: Any) -> None:
    """Write figures as JSON if a path is given."""
    import srsly

    from rel_component.files import write_text

    if path is not None:
        write_text(path, srsly.json_dumps(figures, indent=2))
        msg.good(f"Figures: {show_path(path)}")

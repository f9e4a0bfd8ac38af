"""Writers: records into the formats of annotation tools, one small module per tool.

To add a writer, write a module with a `WRITER` (see `doccano`), and name it in
`MODULES`.
"""

from pathlib import Path
from typing import Dict, Iterable

from ..base import FormatError
from ..record import Record
from ..report import Report
from . import (
    brat,
    doccano,
    gliner,
    glirel,
    huggingface,
    jsonl,
    label_studio,
    prodigy,
    spert,
    ubiai,
)
from .base import WriteOptions, Writer
from .details import UNCERTAINTY
from .prepare import prepare

MODULES = (
    prodigy,
    label_studio,
    brat,
    doccano,
    ubiai,
    spert,
    gliner,
    glirel,
    huggingface,
    jsonl,
)

WRITERS: Dict[str, Writer] = {module.WRITER.name: module.WRITER for module in MODULES}

__all__ = [
    "UNCERTAINTY",
    "WRITERS",
    "WriteOptions",
    "Writer",
    "find_writer",
    "write_records",
]


def find_writer(name: str) -> Writer:
    """The writer of a format.

    name (str): as in `WRITERS`.
    RETURNS (Writer): the writer.
    RAISES (FormatError): if the format is unknown.
    """
    if name not in WRITERS:
        raise FormatError(
            f"--format {name}: unknown output format, expected one of "
            f"{', '.join(WRITERS)}."
        )
    return WRITERS[name]


def write_records(
    records: Iterable[Record],
    path: Path,
    format_name: str,
    options: WriteOptions,
    report: Report,
    *,
    strict: bool = False,
) -> None:
    """Write records, one after the other.

    records (Iterable[Record]): e.g. of `from_doc`; with offsets in characters.
    path (Path): file, or folder for brat. What was there is replaced when the last
        record is written.
    format_name (str): as in `WRITERS`.
    options (WriteOptions): for the writer.
    report (Report): says in the end what became of everything.
    strict (bool): write nothing if something can't be written.
    RAISES (FormatError): if there is no such writer, or it is strict and something
        can't be written.
    """
    writer = find_writer(format_name)
    fitting = prepare(records, writer, options, report, strict=strict)
    writer.write(fitting, path, options, report)

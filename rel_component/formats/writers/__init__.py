"""Writers, which convert records to the formats of annotation tools.

To add a writer, create a module with a `WRITER` (see `doccano`), and add it to
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
    """Get the writer of a format.

    name (str): its name in `WRITERS`.
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
    """Write records.

    records (Iterable[Record]): the records, e.g. from `from_doc`, with offsets in
        characters.
    path (Path): file, or folder for brat. An existing one is replaced after writing the
        last record.
    format_name (str): name in `WRITERS`.
    options (WriteOptions): options of the writer.
    report (Report): counts items and problems.
    strict (bool): write nothing if any item can't be written.
    RAISES (FormatError): if the format is unknown, or any item can't be written and
        `strict` is set.
    """
    writer = find_writer(format_name)
    fitting = prepare(records, writer, options, report, strict=strict)
    writer.write(fitting, path, options, report)

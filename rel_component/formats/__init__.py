"""Annotation formats: one small module per tool, one neutral record, one way to Docs.

To add a format, write a module with a `FORMAT` (see `ubiai`), and name it in `MODULES`.
"""

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, Optional

from spacy.language import Language
from spacy.tokens import Doc

from .base import Format, FormatError, Head, Options
from .record import EntityRecord, Record, RelationRecord, Source
from .report import FILES, Report
from .sniff import name_other_tool, read_head
from .to_doc import load_tokenizer, to_doc, to_docs

MODULES = ("ubiai", "prodigy", "brat", "spert")

FORMATS: Dict[str, Format] = {
    name: import_module(f"{__name__}.{name}").FORMAT
    for name in MODULES
    if find_spec(f"{__name__}.{name}")
}

__all__ = [
    "FORMATS",
    "EntityRecord",
    "Format",
    "FormatError",
    "Options",
    "Record",
    "RelationRecord",
    "Report",
    "Source",
    "convert",
    "find_format",
    "load_tokenizer",
    "read_records",
    "to_doc",
    "to_docs",
]


def find_format(path: Path, name: str = "auto", encoding: str = "utf-8-sig") -> Format:
    """The format to read an input with.

    path (Path): file or folder.
    name (str): as in `FORMATS`, or `auto` to recognise it.
    encoding (str): of the file.
    RETURNS (Format): the format.
    RAISES (FormatError): if there is no such format, or none is recognised, or the
        input is recognised as another format than the one named.
    """
    if name != "auto" and name not in FORMATS:
        raise FormatError(
            f"--format {name}: unknown, expected auto or one of {', '.join(FORMATS)}."
        )
    head = read_head(path, encoding)
    found = next((f for f in FORMATS.values() if f.sniff(head)), None)
    if name == "auto":
        return found or _fail(path, head)
    if found is not None and found.name != name:
        raise FormatError(
            f"{path}: this looks like {found.description}, not like "
            f"{FORMATS[name].description}; use --format {found.name}."
        )
    if found is None and name_other_tool(head):
        _fail(path, head)
    return FORMATS[name]


def _fail(path: Path, head: Head) -> Any:
    names = ", ".join(FORMATS)
    tool = name_other_tool(head)
    if tool:
        raise FormatError(f"{path}: this looks like {tool}; expected one of {names}.")
    if path.is_dir():
        raise FormatError(
            f"{path}: found a folder, expected a file of one of the formats {names}. "
            f"Give the files in it."
        )
    keys = ""
    if isinstance(head.value, dict):
        fields = ", ".join(list(head.value)[:8])
        keys = f" (its first document has the fields {fields})"
    raise FormatError(
        f"{path}: the format is not recognised{keys}; expected one of {names}. If it "
        f"is one of them, name it with --format."
    )


def read_records(
    path: Path, options: Options, report: Report, *, format_name: str = "auto"
) -> Iterator[Record]:
    """Read one input; a file that can't be read is reported as lost.

    path (Path): file or folder.
    options (Options): for the reader.
    report (Report): counts what is read and what is wrong.
    format_name (str): as in `FORMATS`, or `auto`.
    YIELDS (Record): documents.
    """
    report.read(FILES)
    try:
        format_ = find_format(path, format_name, options.encoding)
        report.note(f"files read as {format_.name}")
        yield from format_.read(path, options, report)
    except FormatError as error:
        report.error(FILES, "not readable", str(error))
    else:
        report.written(FILES)


def convert(
    paths: Iterable[Path],
    options: Options,
    report: Report,
    *,
    format_name: str = "auto",
    nlp: Optional[Language] = None,
) -> Iterator[Doc]:
    """Read inputs as annotated Docs.

    paths (Iterable[Path]): files or folders.
    options (Options): for the readers and for the Docs.
    report (Report): says in the end what became of everything.
    format_name (str): as in `FORMATS`, or `auto` to recognise each.
    nlp (Optional[Language]): for its tokenizer and vocabulary, else `options.lang`.
    YIELDS (Doc): see `to_docs`.
    """
    nlp = nlp or load_tokenizer(options.lang)
    for path in paths:
        records = read_records(path, options, report, format_name=format_name)
        yield from to_docs(records, options, report, nlp=nlp)

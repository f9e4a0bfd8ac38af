"""Read annotation formats, with a module per tool, and convert them to Docs.

To add a format, create a module with a `FORMAT` (see `ubiai`), and add it to `MODULES`.
For writing formats, see `writers`.
"""

import os
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, Optional, Set

from spacy.tokenizer import Tokenizer
from spacy.tokens import Doc

from ..wording import hint_at
from .base import SHARED, Format, FormatError, Option, Options, Preview
from .from_doc import from_doc
from .io import cannot_read, check_binary, list_files
from .record import EntityRecord, Record, RelationRecord, Source
from .report import FILES, Report
from .sniff import name_other_tool, read_preview
from .to_doc import to_doc, to_docs
from .tokens import load_tokenizer
from .tools import (
    annotto,
    bioc,
    brat,
    columns,
    conll04,
    crossre,
    doccano,
    docred,
    dygie,
    gliner,
    huggingface,
    i2b2,
    inception,
    inception_zip,
    jsonl,
    label_studio,
    opennre,
    prodigy,
    pubtator,
    semeval,
    spert,
    tacred,
    tag_spans,
    triples,
    ubiai,
    webanno_tsv,
)
from .versions import Versions
from .writers import WRITERS, WriteOptions, Writer, write_records

MODULES = (
    jsonl,  # first, since its documents may have fields from other tools
    ubiai,
    prodigy,
    i2b2,  # before brat, which has files with the same suffixes
    brat,
    huggingface,
    spert,
    label_studio,
    doccano,
    annotto,
    tag_spans,
    bioc,
    columns,
    pubtator,
    conll04,
    dygie,
    docred,
    webanno_tsv,
    tacred,
    semeval,
    inception,
    inception_zip,
    gliner,
    crossre,
    opennre,
    triples,
)

FORMATS: Dict[str, Format] = {module.FORMAT.name: module.FORMAT for module in MODULES}
# names of formats that are read by folder
BY_FOLDER = [name for name, format_ in FORMATS.items() if format_.find_base]

__all__ = [
    "BY_FOLDER",
    "FORMATS",
    "SHARED",
    "WRITERS",
    "EntityRecord",
    "Format",
    "FormatError",
    "Option",
    "Options",
    "Record",
    "RelationRecord",
    "Report",
    "Source",
    "WriteOptions",
    "Writer",
    "find_format",
    "from_doc",
    "iter_docs",
    "load_tokenizer",
    "read_records",
    "to_doc",
    "to_docs",
    "write_records",
]


def find_format(path: Path, name: str = "auto", encoding: str = "utf-8-sig") -> Format:
    """Find the format of an input.

    path (Path): file or folder.
    name (str): name in `FORMATS`, or `auto` to detect it.
    encoding (str): the file's encoding.
    RETURNS (Format): the format.
    RAISES (FormatError): if the format is unknown, can't be detected, or a different
        one is detected.
    """
    if name != "auto" and name not in FORMATS:
        raise FormatError(
            f"--format {name}: unknown, expected auto or one of {', '.join(FORMATS)}."
            f"{hint_at(name, FORMATS)}"
        )
    preview = read_preview(path, encoding)
    found = _detect(preview)
    if found is None and path.is_file():
        with path.open("rb") as file:
            check_binary(file.read(16), path)  # an archive in an unknown format
    if name == "auto":
        if found is None and path.is_file() and brat.is_bare_text(path):
            found = brat.FORMAT
        return found or _fail(path, preview)
    given = FORMATS[name]
    if found is given or given.sniff(preview) or given.accepts(preview):
        return given
    if found is not None:
        raise FormatError(
            f"{path}: this looks like {found.description}, not like "
            f"{given.description}; use --format {found.name}."
        )
    if name_other_tool(preview):
        _fail(path, preview)
    return given


def _detect(preview: Preview) -> Optional[Format]:
    return next((f for f in FORMATS.values() if f.sniff(preview)), None)


def _fail(path: Path, preview: Preview) -> Any:
    names = ", ".join(FORMATS)
    tool = name_other_tool(preview)
    if tool:
        raise FormatError(f"{path} can't be read: this looks like {tool}.")
    if path.is_dir():
        raise FormatError(
            f"{path}: found a folder without files of {' or '.join(BY_FOLDER)}, the "
            f"only formats that are read by folder. Pass the files in it instead; "
            f"they can have one of the formats {names}."
        )
    if preview.problem:
        raise FormatError(f"{path}: {preview.problem}.")
    if "".join(preview.text.split()) in ("[]", "{}"):
        raise FormatError(
            f"{path}: contains no documents, only {preview.text.strip()}."
        )
    keys = ""
    if isinstance(preview.value, dict):
        fields = ", ".join(list(preview.value)[:8])
        keys = f" (its first document has the fields {fields})"
    raise FormatError(
        f"{path}: unknown format{keys}; expected one of {names}. If it is one of "
        "them, set it with --format."
    )


def read_records(
    path: Path, options: Options, report: Report, *, format_name: str = "auto"
) -> Iterator[Record]:
    """Read an input; a file that can't be read is reported as lost.

    path (Path): file or folder.
    options (Options): options of the reader.
    report (Report): counts items and problems.
    format_name (str): name in `FORMATS`, or `auto`.
    YIELDS (Record): the documents.
    """
    report.read(FILES)
    try:
        format_ = find_format(path, format_name, options.encoding)
        if path.is_dir():
            _check_folder(path, format_, options.encoding, report)
        report.note(f"files read as {format_.name}")
        report.take_losses()
        for record in format_.read(path, options, report):
            record.losses |= report.take_losses()
            yield record
    except FormatError as error:
        report.error(FILES, "not readable", str(error))
    except OSError as error:
        report.error(FILES, "not readable", str(cannot_read(path, error)))
    else:
        report.written(FILES)


def _check_folder(folder: Path, format_: Format, encoding: str, report: Report) -> None:
    """Reject a folder with texts or JSON that the format would skip, and tell of other
    annotations."""
    for path in sorted(list_files(folder)):
        if _find_base(path):
            continue
        try:
            preview = read_preview(path, encoding)
        except FormatError:
            continue  # not annotations in another format; texts are read later
        found = _detect(preview) or format_
        tool = found.description if found is not format_ else ""
        if not tool and preview.value is not None:
            tool = name_other_tool(preview)
        if tool and path.suffix not in (".txt", ".json", ".jsonl", ".jsonlines"):
            report.hint(f"{path} looks like {tool} and was not read")
        elif tool:
            raise FormatError(
                f"{folder}: found {path.name}, which looks like {tool}, next to files "
                f"of {format_.description}; expected one format in a folder. Give "
                f"the files, or a folder that has only those of {format_.name}."
            )


def _find_base(path: Path) -> Optional[Path]:
    """Get the document that a file belongs to, for formats with several files per
    document."""
    finds = (format_.find_base for format_ in FORMATS.values() if format_.find_base)
    return next(filter(None, (find(path) for find in finds)), None)


def _skip_repeated(paths: Iterable[Path], report: Report) -> Iterator[Path]:
    """Skip repeated inputs: documents may be given as several files or folders."""
    paths = list(paths)
    # Path.resolve raises an error for circular links
    folders = {Path(os.path.realpath(path)) for path in paths if path.is_dir()}
    seen: Set[Path] = set()
    for path in paths:
        full = Path(os.path.realpath(path))
        base = _find_base(full) or full
        is_part = base is not full or full.suffix == ".txt" or full in folders
        if base in seen or (is_part and not folders.isdisjoint(full.parents)):
            report.read(FILES)
            reason = "part of an input read already" if is_part else "given again"
            report.merged(FILES, reason)
            continue
        seen.add(base)
        yield path


def iter_docs(
    paths: Iterable[Path],
    options: Options,
    report: Report,
    *,
    format_name: str = "auto",
    tokenizer: Optional[Tokenizer] = None,
    once: bool = False,
) -> Iterator[Doc]:
    """Read annotated Docs.

    paths (Iterable[Path]): files or folders.
    options (Options): options of the readers and for conversion.
    report (Report): counts items and problems.
    format_name (str): name in `FORMATS`, or `auto` to detect the format of each input.
    tokenizer (Optional[Tokenizer]): the tokenizer; None for that of `options.lang`.
    once (bool): read files that may contain several annotations of a text only once,
        instead of twice.
    YIELDS (Doc): see `to_docs`.
    RAISES (RepeatedText): if files are read only once, and a text turns out to have
        several annotations to choose from: start again.
    """
    versions = Versions(options, report, once=once)
    paths = list(_skip_repeated(paths, report))
    for path in paths:
        with suppress(FormatError):  # reported when the path is read
            brat.learn_roles(path, options.roles)
    if versions.needs_survey:
        for path in paths:
            versions.survey(_read_versions(path, options, format_name))
    records = chain.from_iterable(
        read_records(path, options, report, format_name=format_name) for path in paths
    )
    yield from to_docs(versions.choose(records), options, report, tokenizer=tokenizer)


def _read_versions(path: Path, options: Options, format_name: str) -> Iterator[Record]:
    """Read a file that may contain several annotations of a text, without reporting.

    It's read again later, and problems are reported then.
    """
    try:
        format_ = find_format(path, format_name, options.encoding)
    except (FormatError, OSError):
        return
    if format_.has_versions:
        yield from read_records(path, options, Report(), format_name=format_.name)

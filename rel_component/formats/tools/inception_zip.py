"""Zip archives of INCEpTION: a document with its type system, or a whole project.

A project contains `annotation/DOCUMENT/USER.*` and, if curated,
`curation/DOCUMENT/CURATION_USER.*`, each a file or a nested archive. Curated
annotations are preferred; `versions` chooses between several annotators.
Source: projects_export.adoc in github.com/inception-project/inception.
"""

import re
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Iterator, Optional, Tuple

from ..archive import Archive
from ..base import Format, FormatError, Options, Preview
from ..io import decode, read_bytes
from ..record import Record, Source, Version
from ..report import DOCUMENTS, Report
from . import inception, webanno_tsv

PROJECT = re.compile(r"(?:^|/)(annotation|curation)/([^/]+)/([^/]+)\.(\w+)$")
INTERNAL = re.compile(r"(?:^|/)(?:annotation|curation)_ser/")
SUFFIXES = (".xmi", ".json", ".tsv")
TYPE_SYSTEM = "typesystem.xml"
CURATOR = "CURATION_USER"
# a document without annotations
INITIAL = "INITIAL_CAS"


def read(path: Path, options: Options, report: Report) -> Iterator[Record]:
    """Read all documents of an archive.

    path (Path): the archive.
    options (Options): see `inception` and `webanno_tsv`; `annotation` to choose between
        several annotations of a text.
    report (Report): counts items and problems.
    YIELDS (Record): one per annotation of a document.
    RAISES (FormatError): if it contains no documents.
    """
    with path.open("rb") as file:
        yield from _read_documents(Archive(file, str(path)), options, report)


def _read_documents(
    archive: Archive, options: Options, report: Report
) -> Iterator[Record]:
    names = [name for name in archive.names if _is_document(name)]
    if not names:
        found = ", ".join(sorted(archive.names)[:5]) or "nothing"
        hint = ""
        if any(map(INTERNAL.search, archive.names)):
            hint = (
                " It has INCEpTION's own .ser files only: choose UIMA CAS JSON as the "
                "secondary format when you export the project."
            )
        raise FormatError(
            f"{archive.place}: found no .xmi, .json or .tsv documents in this archive "
            f"(it has {found}), expected those that INCEpTION exports.{hint}"
        )
    for name in names:
        project = PROJECT.search(name)
        if project and project.group(3).startswith(INITIAL):
            report.note(f"{INITIAL} left out: documents before annotation")
            continue
        try:
            record = _read_member(archive, name, options, report)
        except FormatError as error:
            report.read(DOCUMENTS)
            report.error(DOCUMENTS, "not readable", str(error))
            continue
        if project:
            _, document, user, _ = project.groups()
            record.source = replace(record.source, id=document)
            of = f"{archive.place}/{document}"
            is_truth = user == CURATOR
            record.version = Version(of, by=(user,), is_truth=is_truth)
        yield record


def _find_typesystem(archive: Archive, name: str) -> Optional[str]:
    """Find the type system in the folder of a file."""
    folder = name.rpartition("/")[0]
    for other in archive.names:
        parent, _, last = other.rpartition("/")
        if parent == folder and last.lower() == TYPE_SYSTEM:
            return other
    return None


def _is_document(name: str) -> bool:
    """Whether a file is a document; not settings, texts and INCEpTION's own files."""
    if PROJECT.search(name):
        return name.endswith((*SUFFIXES, ".zip"))
    is_single = "/" not in name and not name.startswith(".")
    return is_single and name.endswith(SUFFIXES) and "exportedproject" not in name


def _read_member(
    archive: Archive, name: str, options: Options, report: Report
) -> Record:
    data = archive.read(name)
    if name.endswith(".zip"):
        archive = Archive(BytesIO(data), f"{archive.place}/{name}")
        inner = [n for n in archive.names if n.endswith(SUFFIXES)]
        if len(inner) != 1:
            raise FormatError(
                f"{archive.place}: found {len(inner)} documents, expected one."
            )
        name = inner[0]
        data = archive.read(name)
    source = Source(f"{archive.place}/{name}")
    if name.endswith(".xmi"):
        types, types_place = _find_types(archive, name, options)
        return inception.read_xmi(data, types, types_place, source, options, report)
    text = decode(data, Path(source.file), options.encoding)
    if name.endswith(".tsv"):
        source = replace(source, id=name.rpartition("/")[2])
        return webanno_tsv.read_document(text, source, options, report)
    given = options[inception.TYPESYSTEM]
    types_data = read_bytes(given) if given else None
    return inception.read_json(text, types_data, source, options, report)


def _find_types(archive: Archive, name: str, options: Options) -> Tuple[bytes, str]:
    given = options[inception.TYPESYSTEM]
    if given:
        return read_bytes(given), str(given)
    types = _find_typesystem(archive, name)
    if types is None:
        raise FormatError(
            f"{archive.place}/{name}: found no TypeSystem.xml next to it, expected "
            f"one, since it defines the layers. Use --typesystem for another "
            f"location."
        )
    return archive.read(types), f"{archive.place}/{types}"


def _looks_like(preview: Preview) -> bool:
    return any(
        name.endswith(".xmi") or PROJECT.search(name) or INTERNAL.search(name)
        for name in preview.names
    )


FORMAT = Format(
    "inception_zip",
    "a zip archive of INCEpTION",
    read,
    _looks_like,
    options=inception.OPTIONS,
    has_versions=True,
)

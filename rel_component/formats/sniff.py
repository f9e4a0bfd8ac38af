"""Preview inputs, to detect their format and give advice on unsupported ones."""

import codecs
import json
import re
import zipfile
from pathlib import Path
from typing import Any, Callable, Dict, Tuple

from .archive import BROKEN, MAX_SIZE, list_names
from .base import FormatError, Preview
from .io import (
    cannot_read,
    check_binary,
    check_special,
    check_utf16,
    decode,
    is_blank,
    list_files,
    read_bytes,
    split_lines,
)
from .json_values import TOLERANT, describe_break, explain

SIZE = 1 << 16
# first bytes of Parquet files
PARQUET = b"PAR1"


def read_preview(path: Path, encoding: str = "utf-8-sig") -> Preview:
    """Preview an input.

    path (Path): file or folder.
    encoding (str): the file's encoding.
    RETURNS (Preview): its first characters and first JSON object, if any.
    RAISES (FormatError): if it's missing, empty or not text.
    """
    if path.is_dir():
        next(list_files(path), None)  # raises an error if the folder can't be read
        return Preview(path)
    if not path.exists():
        raise FormatError(
            f"{path}: file or folder not found. Check the path (the working "
            f"directory is {Path.cwd()})."
        )
    check_special(path)
    try:
        with path.open("rb") as file:
            data = file.read(SIZE)
    except OSError as error:
        raise cannot_read(path, error) from None
    if is_blank(data):
        if path.suffix == ".ann":  # brat file without annotations
            return Preview(path)
        read_bytes(path)
    if data.startswith(b"PK") and zipfile.is_zipfile(path):
        return _look_into(path)
    if data.startswith(PARQUET):
        return Preview(path, PARQUET.decode())
    check_binary(data, path)
    if encoding == "utf-8-sig" and path.suffix != ".spacy":
        check_utf16(data, path)
    try:
        text = data.decode(encoding, errors="replace").removeprefix("\ufeff")
    except LookupError:
        decode(data, path, encoding)  # raises an error
        raise
    value, problem = _first_value(text)
    if value is None and len(data) == SIZE and text.lstrip()[:1] in ("[", "{"):
        # the first document is longer
        whole = path.read_bytes().decode(encoding, errors="replace")
        value, problem = _first_value(whole)
    return Preview(path, text, value, problem=problem, encoding=encoding)


def _look_into(path: Path) -> Preview:
    """Preview a zip archive: its files, and the first JSON object of the first file
    that isn't empty."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = tuple(list_names(archive))
            filled = (name for name in names if archive.getinfo(name).file_size)
            first = next(filled, "")
            if not first.endswith(".jsonl"):
                return Preview(path, names=names)
            with archive.open(first) as file:
                text = file.readline(MAX_SIZE).decode("utf-8-sig", errors="replace")
            return Preview(path, names=names, inner=_first_value(text)[0])
    except BROKEN:
        return Preview(path)


def _first_value(text: str) -> Tuple[Any, str]:
    """Get the first JSON object, also from a list; or None and the reason."""
    start = re.match(r"\s*(\[\s*)?(?=\{)", text)
    if start is None:
        return None, ""
    try:
        return TOLERANT.raw_decode(text, start.end())[0], ""
    except json.JSONDecodeError as error:
        is_cut = "Unterminated" in error.msg or not text[error.pos :].strip()
        where = "; the file ends in the middle of its first document" if is_cut else ""
        return None, describe_break(text, error) + where
    except (ValueError, RecursionError) as error:
        return None, explain(error)


def _has_columns(preview: Preview, *names: str) -> bool:
    """Whether the first line of a table contains these names."""
    line = split_lines(preview.text.lstrip("\ufeff"))[0]
    cells = {cell.strip().strip('"') for cell in re.split("[,\t;]", line)}
    return cells.issuperset(names)


def is_i2b2(path: Path) -> bool:
    """RETURNS (bool): whether a `.rel` or `.con` file is from i2b2 2010, not brat."""
    try:
        with path.open("rb") as file:
            start = file.read(100).removeprefix(codecs.BOM_UTF8)
            return start.lstrip().startswith(b'c="')
    except OSError:
        return False


def _is_semeval_key(preview: Preview) -> bool:
    line = preview.text.lstrip().partition("\n")[0].rstrip()
    return bool(re.fullmatch(r"\d+\t(?:Other|\w+-\w+)(?:\(e\d,e\d\))?", line))


CHEMPROT = re.compile(
    r"\d+\t(CPR:\d+\t[YN] ?\t)?[A-Z-]+\tArg1:T\d+\tArg2:T\d+"
    r"|\d+\tT\d+\t(CHEMICAL|GENE(-[YN])?)\t\d+\t\d+\t.+"
)


def _is_chemprot(preview: Preview) -> bool:
    if preview.path.is_dir():
        files = [path for path in list_files(preview.path) if path.suffix == ".tsv"]
        return any(CHEMPROT.match(_read_start(path)) for path in files)
    line = preview.text.lstrip().partition("\n")[0].rstrip()
    is_text = "abstracts" in preview.path.name and line.count("\t") == 2
    return bool(CHEMPROT.fullmatch(line)) or (is_text and line[0].isdigit())


def _read_start(path: Path) -> str:
    with path.open(encoding="utf8", errors="replace") as file:
        return file.readline()


# formats without reader, and how to detect them; with advice in parentheses
OTHERS: Dict[str, Callable[[Preview], bool]] = {
    "the labeling config of a Label Studio project, which has no annotations": (
        lambda head: head.text.lstrip().startswith("<View")
    ),
    "a doccano export of a project that labels whole texts, which has no entities": (
        lambda head: head.has("text") and (head.has("label") or head.has("Comments"))
    ),
    "SpERT JSON": lambda head: head.has("tokens", "entities", "relations"),
    "a Prodigy task without text": lambda head: head.has("_task_hash"),
    "a key of SemEval-2010 task 8 (give the test file, or --key KEY with it)": (
        _is_semeval_key
    ),
    "a legacy UIMA CAS JSON export of INCEpTION (export as UIMA CAS JSON)": (
        lambda head: head.has("_context", "_views")
    ),
    "a CSV or TSV export of Label Studio, which has no relations (export as JSON)": (
        lambda head: (
            _has_columns(head, "annotation_id") or _has_columns(head, "lead_time")
        )
    ),
    "a CSV export of doccano, which has no relations (export as JSONL(relation))": (
        lambda head: (
            _has_columns(head, "id", "data", "label")
            or _has_columns(head, "id", "text", "label")
        )
    ),
    "KLUE-RE (write its entities as the 'h' and 't' of OpenNRE, the end being the "
    "character after the last one)": (
        lambda head: head.has("subject_entity", "object_entity")
    ),
    "REBEL (write its boundaries as entities of plain JSON lines, or its surface forms "
    "as the triple_list of CasRel)": (
        lambda head: head.has("text", "triples") and head.has("entities")
    ),
    "ChemProt or DrugProt in columns (write title and abstract as brat's .txt, "
    "entities and relations as its .ann: ids and offsets are the same)": _is_chemprot,
    "OneIE (write its entity_mentions and relation_mentions as entities and relations "
    "of SpERT: start and end are the same)": lambda head: head.has(
        "entity_mentions", "relation_mentions"
    ),
    "a spaCy DocBin (.spacy), which needs no conversion": (
        lambda head: head.path.suffix == ".spacy"
    ),
}


def name_other_tool(preview: Preview) -> str:
    """Detect an unsupported format.

    preview (Preview): the start of the input.
    RETURNS (str): its description, or empty.
    """
    return next((name for name, fits in OTHERS.items() if fits(preview)), "")

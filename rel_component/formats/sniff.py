"""What an input looks like, to recognise its format and to advise on wrong ones."""

import json
from pathlib import Path
from typing import Any, Callable, Dict

from .base import FormatError, Head
from .io import (
    cannot_read,
    decode,
    list_files,
    read_bytes,
    refuse_binary,
    refuse_utf16,
)

SIZE = 1 << 16


def read_head(path: Path, encoding: str = "utf-8-sig") -> Head:
    """The beginning of an input.

    path (Path): file or folder.
    encoding (str): of the file.
    RETURNS (Head): its first characters and first JSON object, if it has one.
    RAISES (FormatError): if there is nothing there, or no text.
    """
    if path.is_dir():
        next(list_files(path), None)  # says so if the folder may not be read
        return Head(path)
    if not path.exists():
        raise FormatError(
            f"{path}: there is no such file or folder. Check the path (the working "
            f"directory is {Path.cwd()})."
        )
    try:
        with path.open("rb") as file:
            data = file.read(SIZE)
    except OSError as error:
        raise cannot_read(path, error) from None
    if not data.strip():
        read_bytes(path)
    refuse_binary(data, path)
    if encoding == "utf-8-sig" and path.suffix != ".spacy":
        refuse_utf16(data, path)
    try:
        text = data.decode(encoding, errors="replace")
    except LookupError:
        decode(data, path, encoding)  # says what is wrong
        raise
    value = _first_value(text)
    if value is None and len(data) == SIZE and text.lstrip()[:1] in ("[", "{"):
        # the first document alone is longer than that
        value = _first_value(path.read_bytes().decode(encoding, errors="replace"))
    return Head(path, text, value)


def _first_value(text: str) -> Any:
    """The first JSON object, also of a list; None if there is none."""
    text = text.lstrip()
    if text.startswith("["):
        text = text[1:].lstrip()
    if not text.startswith("{"):
        return None
    try:
        return json.JSONDecoder().raw_decode(text)[0]
    except (ValueError, RecursionError):
        return None


def _has_start_offset(head: Head) -> bool:
    entities = head.value.get("entities") if head.has("text") else None
    return bool(
        isinstance(entities, list)
        and entities
        and isinstance(entities[0], dict)
        and "start_offset" in entities[0]
    )


def _is_columns(head: Head) -> bool:
    lines = [line for line in head.text.splitlines()[:50] if line.strip()]
    ends = (line.split()[-1] for line in lines)
    n_tags = sum(end == "O" or end[:2] in ("B-", "I-") for end in ends)
    return len(lines) > 2 and n_tags >= 0.8 * len(lines)


# tools by their marks, for advice where there is no reader
OTHERS: Dict[str, Callable[[Head], bool]] = {
    "a Label Studio JSON-MIN export, which has no relations (export as JSON)": (
        lambda head: head.has("annotation_id") and head.has("lead_time")
    ),
    "a Label Studio export": lambda head: (
        head.has("data")
        and any(head.has(k) for k in ("annotations", "completions", "predictions"))
    ),
    "a doccano export": lambda head: (
        _has_start_offset(head)
        or (head.has("text") and (head.has("label") or head.has("Comments")))
    ),
    "DyGIE++ or SciERC JSON lines": lambda head: (
        head.has("sentences") and (head.has("ner") or head.has("doc_key"))
    ),
    "DocRED JSON": lambda head: head.has("vertexSet"),
    "TACRED-like JSON": lambda head: head.has("subj_start", "obj_start"),
    "SpERT JSON": lambda head: head.has("tokens", "entities", "relations"),
    "a Prodigy task without text": lambda head: head.has("_task_hash"),
    "UIMA CAS XMI (INCEpTION)": lambda head: "xmi:XMI" in head.text[:2000],
    "UIMA CAS JSON (INCEpTION)": lambda head: head.has("%TYPES"),
    "WebAnno TSV (INCEpTION)": lambda head: head.text.startswith("#FORMAT=WebAnno"),
    "BioC XML": lambda head: "<collection" in head.text[:2000],
    "BioC JSON": lambda head: head.has("documents"),
    "PubTator": lambda head: "|t|" in head.text.partition("\n")[0],
    "a spaCy DocBin (.spacy), which needs no conversion": (
        lambda head: head.path.suffix == ".spacy"
    ),
    "columns (CoNLL)": _is_columns,
}


def name_other_tool(head: Head) -> str:
    """The tool whose export this seems to be, if none of our readers takes it.

    head (Head): the beginning of the input.
    RETURNS (str): in words, or empty.
    """
    return next((name for name, fits in OTHERS.items() if fits(head)), "")

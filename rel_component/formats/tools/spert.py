"""SpERT JSON: a list of sentences, `{"tokens", "entities", "relations"}`.

Entities are token offsets with exclusive end; `head` and `tail` of a relation are
indices of `entities`. Symmetric labels are read from a types file next to it.
Source: github.com/lavis-nlp/spert, spert/input_reader.py.
"""

from pathlib import Path
from typing import Any, FrozenSet, Iterator, Optional

from ..base import Format, FormatError, Option, Options, Preview
from ..fields import (
    FieldError,
    add_id,
    check,
    get,
    skip_document,
)
from ..io import decode, read_bytes
from ..json_values import iter_json, parse
from ..record import Record, Source
from ..report import FILES, Report
from .spert_sentence import KINDS, read_sentence

TYPES: Option[Optional[Path]] = Option(
    "types",
    None,
    "types file with symmetric labels, if not next to the data",
    kind=Path,
)


def read(path: Path, options: Options, report: Report) -> Iterator[Record]:
    """Read a SpERT data set or SpERT's predictions.

    path (Path): the file. `NAME_types.json` or `types.json` next to it is read, too.
    options (Options): `types` for another types file.
    report (Report): counts items and problems.
    YIELDS (Record): one per sentence.
    RAISES (FormatError): if it's not a JSON file.
    """
    symmetric = _read_symmetric(path, options, report)
    for source, value in iter_json(path, options, report):
        source = add_id(source, value, "orig_id")
        try:
            yield read_sentence(value, source, symmetric, options, report)
        except FieldError as error:
            skip_document(source, value, error, KINDS, report)


def _read_symmetric(path: Path, options: Options, report: Report) -> FrozenSet[str]:
    """Read the symmetric labels of the types file, if there is one."""
    types = options[TYPES] or _find_types(path)
    if types is None:
        return frozenset()
    try:
        text = decode(read_bytes(types), types, options.encoding)
        value = parse(text, Source(str(types)))
        labels = _symmetric_labels(value)
    except (FormatError, FieldError) as error:
        found = str(error)
        if isinstance(error, FieldError):
            found = error.say(Source(str(types)))
        report.read(FILES)
        report.error(
            FILES,
            "not a types file",
            f"{found} Expected SpERT's types, such as "
            f'{{"relations": {{"Kill": {{"symmetric": false}}}}}}.',
        )
        return frozenset()
    report.note(f"symmetric labels of {types.name}", len(labels))
    return labels


def _find_types(path: Path) -> Optional[Path]:
    """Find `conll04_types.json` next to `conll04_train.json`, or `types.json`."""
    prefix = path.stem.rpartition("_")[0]
    names = [f"{path.stem}_types.json", f"{prefix}_types.json", "types.json"]
    for name in names:
        if path.with_name(name).is_file() and path.name != name:
            return path.with_name(name)
    return None


def _symmetric_labels(value: Any) -> FrozenSet[str]:
    relations = get(check(value, dict, "the types"), "relations", dict)
    found = set()
    for label, entry in relations.items():
        field = f"relations.{label}"
        if check(entry, dict, field).get("symmetric") is not None:
            if get(entry, "symmetric", bool, field):
                found.add(label)
    return frozenset(found)


def _looks_like(preview: Preview) -> bool:
    if not preview.has("tokens", "entities"):
        return False
    tokens = preview.value["tokens"]
    # others are reported when the document is read
    return isinstance(tokens, list) and (
        not tokens or any(isinstance(token, str) for token in tokens)
    )


FORMAT = Format(
    "spert", "SpERT data set or predictions (JSON)", read, _looks_like, options=(TYPES,)
)

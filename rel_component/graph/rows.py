"""Read the rows of an extraction one by one."""

import json
import warnings
from pathlib import Path
from typing import Any, Dict, Iterator, List, NoReturn, Tuple

from ..inference.batch.folder import OutputFolder
from ..parquet import import_pyarrow

Row = Dict[str, Any]
COLUMNS = ["id", "text", "relations", "entities"]
ENTITY = {"start": int, "end": int, "label": str, "text": str}
SENTENCE = {"start": int, "end": int}
RELATION = {"label": str, "score": (int, float), "head": dict, "tail": dict}
BATCH = 1000
# maximum characters of an invalid value in messages
N_SHOWN = 80
WRITTEN = "as written by scripts/extract.py and scripts/predict.py"


def read_rows(path: Path) -> Iterator[Row]:
    """Read rows of scripts/extract.py, or of scripts/predict.py.

    path (Path): an output folder of an extraction, or a .parquet or .jsonl file.
    YIELDS (Dict[str, Any]): rows with `entities` and `relations`; at most BATCH are
        held in memory.
    RAISES (ValueError): if no rows are found, or one is invalid.
    """
    if path.is_dir():
        yield from _read_folder(path)
    elif not path.exists():
        raise ValueError(f"{path}: file or folder not found; expected extracted rows.")
    elif path.suffix == ".parquet":
        yield from _read_parquet(path)
    else:
        yield from _read_jsonl(path)


def _read_folder(path: Path) -> Iterator[Row]:
    folder = OutputFolder(path)
    parts: List[Path] = []
    if folder.done.is_dir():
        for number in sorted(folder.list_done()):
            files = (folder.part(number, suffix) for suffix in ("parquet", "jsonl"))
            found = [file for file in files if file.exists()]
            if not found:
                raise ValueError(
                    f"{path}: part {number} is missing. Run scripts/extract.py again, "
                    "which only extracts what is missing."
                )
            parts += found[:1]
    n_chunks = (folder.read_run() or {}).get("chunks", len(parts))
    if parts and len(parts) < n_chunks:
        warnings.warn(
            f"{path}: {len(parts)} of {n_chunks} chunks are done. Run "
            "scripts/extract.py again to extract the others.",
            stacklevel=2,
        )
    if not parts:
        raise ValueError(
            f"{path}: no parts of an extraction found; expected the --output folder "
            "of scripts/extract.py."
        )
    for part in parts:
        yield from read_rows(part)


def _read_parquet(path: Path) -> Iterator[Row]:
    pyarrow = import_pyarrow()
    from pyarrow import parquet

    try:
        file = parquet.ParquetFile(path)
        missing = [name for name in COLUMNS if name not in file.schema_arrow.names]
        if missing:
            raise ValueError(
                f"{path}: column {missing[0]} not found; expected rows of an "
                "extraction."
            )
        number = 0
        for batch in file.iter_batches(batch_size=BATCH, columns=COLUMNS):
            for row in batch.to_pylist():
                yield _check(row, f"{path}, row {number}")
                number += 1
    except (pyarrow.ArrowException, OSError) as error:
        raise ValueError(f"{path}: can't be read as Parquet: {error}.") from error


def _read_jsonl(path: Path) -> Iterator[Row]:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                yield _parse(line, f"{path}:{number}")


def _parse(line: bytes, where: str) -> Row:
    try:
        row = json.loads(line.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{where}: not JSON in UTF-8 ({error}).") from error
    if not isinstance(row, dict) or not {"entities", "relations"} <= set(row):
        raise ValueError(
            f"{where}: expected an object with entities and relations, {WRITTEN}."
        )
    if row.get("id") is None:
        row["id"] = where
    return _check(row, where)


def _check(row: Row, where: str) -> Row:
    """RAISES (ValueError): if entities or relations are invalid."""
    for kind, fields in (("entities", ENTITY), ("relations", RELATION)):
        if not isinstance(row[kind], list):
            _refuse(f"{where}: {kind}", row[kind], "a list")
        for i, item in enumerate(row[kind]):
            _check_fields(item, fields, f"{where}: {kind}[{i}]")
    if not isinstance(row.get("text"), (str, type(None))):
        _refuse(f"{where}: text", row["text"], "a string")
    entities = {_identify(entity) for entity in row["entities"]}
    for i, relation in enumerate(row["relations"]):
        place = f"{where}: relations[{i}]"
        for end in ("head", "tail"):
            _check_fields(relation[end], ENTITY, f"{place}.{end}")
            if _identify(relation[end]) not in entities:
                _refuse(f"{place}.{end}", relation[end], "one of the row's entities")
        if not 0.0 <= relation["score"] <= 1.0:
            _refuse(f"{place}.score", relation["score"], "a number from 0 to 1")
        if relation.get("sentence") is not None:
            _check_fields(relation["sentence"], SENTENCE, f"{place}.sentence")
    return row


def _identify(entity: Row) -> Tuple[Any, ...]:
    return tuple(entity[name] for name in ENTITY)


def _check_fields(item: Any, fields: Dict[str, Any], where: str) -> None:
    if not isinstance(item, dict):
        _refuse(where, item, "an object")
    for name, type_ in fields.items():
        if not isinstance(item.get(name), type_):
            names = {int: "a number", str: "a string", dict: "an entity"}
            _refuse(f"{where}.{name}", item.get(name), names.get(type_, "a number"))


def _refuse(where: str, found: Any, expected: str) -> NoReturn:
    raise ValueError(
        f"{where}: found {repr(found)[:N_SHOWN]}; expected {expected}, {WRITTEN}."
    )

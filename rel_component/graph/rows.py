"""Rows of an extraction, one by one."""

from pathlib import Path
from typing import Any, Dict, Iterator, List

import srsly

from ..inference.batch.folder import OutputFolder
from ..inference.batch.tables import import_pyarrow

Row = Dict[str, Any]
COLUMNS = ["id", "text", "relations", "entities"]
BATCH = 1000


def read_rows(path: Path) -> Iterator[Row]:
    """Read rows of scripts/extract.py, or of scripts/predict.py.

    path (Path): an output folder of an extraction, or a .parquet or .jsonl file.
    YIELDS (Dict[str, Any]): rows, with `entities` and `relations`; at most BATCH of
        them are held in memory.
    RAISES (ValueError): if there are none, with file and line.
    """
    if path.is_dir():
        yield from _read_folder(path)
    elif not path.exists():
        raise ValueError(f"{path}: no such file or folder; expected extracted rows.")
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
            parts += [file for file in files if file.exists()][:1]
    if not parts:
        raise ValueError(
            f"{path}: found no parts of an extraction here; expected the folder that "
            f"scripts/extract.py --output has written."
        )
    for part in parts:
        yield from read_rows(part)


def _read_parquet(path: Path) -> Iterator[Row]:
    import_pyarrow()
    from pyarrow import parquet

    file = parquet.ParquetFile(path)
    missing = [name for name in COLUMNS if name not in file.schema_arrow.names]
    if missing:
        raise ValueError(
            f"{path}: found no column {missing[0]}; expected rows of an extraction."
        )
    for batch in file.iter_batches(batch_size=BATCH, columns=COLUMNS):
        yield from batch.to_pylist()


def _read_jsonl(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf8") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                yield _parse(line, f"{path}:{number}")


def _parse(line: str, where: str) -> Row:
    try:
        row = srsly.json_loads(line)
    except ValueError as error:
        raise ValueError(f"{where}: not JSON ({error}).") from error
    if not isinstance(row, dict) or not {"entities", "relations"} <= set(row):
        raise ValueError(
            f"{where}: expected an object with entities and relations, as "
            f"scripts/extract.py and scripts/predict.py write them."
        )
    row.setdefault("id", where)
    return row

"""Read inputs as tasks: a text or tokens, with optional entities."""

import csv
import io
import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional

from ..wording import plural

JSON_SUFFIXES = (".jsonl", ".ndjson", ".jsonlines")
# maximum characters of a value in messages
N_SHOWN = 200
TABLE_SUFFIXES = {".csv": ",", ".tsv": "\t"}


@dataclass(frozen=True)
class Task:
    """A text to predict on.

    text (str): the text.
    entities (Optional[List[Dict[str, Any]]]): given entities, with `start`, `end`
        (characters, exclusive end) and `label`; None to predict them.
    tokens (Optional[List[str]]): given tokens.
    meta (Dict[str, Any]): passed through to the output.
    """

    text: str
    entities: Optional[List[Dict[str, Any]]] = None
    tokens: Optional[List[str]] = None
    meta: Dict[str, Any] = field(default_factory=dict)


def read_tasks(path: Path, by_line: bool = False) -> Iterator[Task]:
    """Read texts from a file.

    path (Path): a text file, or JSON lines with `text` (or `tokens`) and optionally
        `entities`: objects with `start`, `end` and `label`, or lists of the three, in
        characters; offsets for `tokens` refer to the tokens joined by single spaces.
    by_line (bool): read each line of a text file as a text.
    YIELDS (Task): one task per text.
    RAISES (ValueError): if the input is invalid, with file, line and field.
    """
    if path.suffix.lower() in JSON_SUFFIXES:
        for number, line in enumerate(_read_lines(path), 1):
            if line.strip():
                yield read_json_task(line, f"{path}:{number}")
    elif by_line:
        yield from (Task(line) for line in _read_lines(path) if line.strip())
    else:
        yield Task(decode(path.read_bytes(), path).removeprefix("\ufeff"))


def read_table(path: Path) -> Iterator[Task]:
    """Read the texts of a table.

    path (Path): comma-separated values with a header and a column `text`; `.tsv`:
        separated by tabs.
    YIELDS (Task): one task per row, with the other columns as meta.
    RAISES (ValueError): if the table is invalid, with file and line.
    """
    content = decode(path.read_bytes(), path).removeprefix("\ufeff")
    delimiter = TABLE_SUFFIXES[path.suffix.lower()]
    csv.field_size_limit(max(csv.field_size_limit(), len(content)))
    # csv reads line breaks inside quotes only if they weren't changed
    file = io.StringIO(content, newline="")
    rows = csv.reader(file, delimiter=delimiter, strict=True)
    try:
        columns = next(rows, [])
        if columns.count("text") != 1:
            raise ValueError(
                f"{path}:1: expected one column 'text'; found "
                f"{', '.join(columns) or 'nothing'}. Rename the column with the texts, "
                "or use --text-field of scripts/extract.py."
            )
        from .batch.sources.item import make_unique

        names = make_unique(columns)
        for row in filter(None, rows):  # not for empty lines
            if len(row) != len(columns):
                raise ValueError(
                    f"{path}:{rows.line_num}: found {plural(len(row), 'value')}; "
                    f"expected {len(columns)}, as in the header. Quote values that "
                    "contain separators."
                )
            meta = dict(zip(names, row))
            yield Task(meta.pop("text"), meta=meta)
    except csv.Error as error:
        raise ValueError(
            f"{path}:{rows.line_num}: {error}. Values with quotes or separators have "
            "to be in quotes, and quotes in them doubled."
        ) from error


def read_folder(path: Path, by_line: bool = False) -> Iterator[Task]:
    """Read the text files of a folder and its subfolders.

    path (Path): the folder.
    by_line (bool): read each line of a file as a text.
    YIELDS (Task): tasks ordered by file name, which is the `id` in their meta.
    RAISES (ValueError): if no text file is found.
    """
    # imports all readers, which a single text doesn't need
    from ..formats.io import list_files

    files = sorted(file for file in list_files(path) if file.suffix.lower() == ".txt")
    if not files:
        raise ValueError(f"{path}: no .txt file found in this folder.")
    for file in files:
        name = file.relative_to(path).with_suffix("").as_posix()
        for number, task in enumerate(read_tasks(file, by_line), 1):
            id_ = f"{name}-{number}" if by_line else name
            yield replace(task, meta={**task.meta, "id": id_})


def _read_lines(path: Path) -> Iterator[str]:
    """Iterate over lines, split only at characters that JSON strings can't contain."""
    offset = 0
    with path.open("rb") as file:
        for line in file:
            text = decode(line, path, offset)
            yield (text if offset else text.removeprefix("\ufeff")).rstrip("\r\n")
            offset += len(line)


def decode(data: bytes, path: Path, offset: int = 0) -> str:
    try:
        return data.decode("utf8")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path}: byte {offset + error.start} is not UTF-8. Save the file as UTF-8."
        ) from error


def read_json_task(line: str, where: str, text_field: str = "text") -> Task:
    """Read a text from a line of JSON.

    line (str): an object with a text or `tokens`, and optional `entities`.
    where (str): file and line, for messages.
    text_field (str): name of the text field.
    RETURNS (Task): the task, with other fields as meta.
    RAISES (ValueError): if a field is invalid.
    """
    return read_task(_parse(line, where), where, text_field)


def _parse(line: str, where: str) -> Any:
    try:
        # unlike srsly's, exact, and with NaN and integers of any length
        return json.loads(line)
    except RecursionError:
        raise ValueError(f"{where}: its JSON is nested too deeply.") from None
    except ValueError as error:
        if "\r" in line:
            raise ValueError(
                f"{where}: lines end with carriage returns only; save the file with "
                f"line feeds."
            ) from error
        raise ValueError(
            f"{where}: not JSON ({error}); expected one object per line."
        ) from error


def read_task(data: Any, where: str, text_field: str = "text") -> Task:
    """Create a task from plain data.

    data (Any): an object with a text or `tokens`, and optional `entities`.
    where (str): its location in the input, for messages.
    text_field (str): name of the text field.
    RETURNS (Task): the task, with other fields as meta.
    RAISES (ValueError): if a field is invalid.
    """
    if not isinstance(data, dict):
        raise ValueError(
            f"{where}: found {type(data).__name__}; expected an object with "
            f"{text_field!r}."
        )
    text, tokens = data.get(text_field), data.get("tokens")
    is_tokens = isinstance(tokens, list) and all(isinstance(x, str) for x in tokens)
    if not isinstance(text, str) and not is_tokens:
        raise ValueError(
            f"{where}: found fields {sorted(data)}; expected {text_field!r}, a string, "
            f"or 'tokens', a list of strings."
        )
    if isinstance(tokens, list) and "" in tokens:
        raise ValueError(
            f"{where} tokens[{tokens.index('')}]: found ''; expected text."
        )
    entities = data.get("entities")
    if entities is not None:
        if isinstance(entities, list):
            entities = [_name_parts(entity) for entity in entities]
        check_entities(entities, where)
    meta = {
        k: v for k, v in data.items() if k not in (text_field, "tokens", "entities")
    }
    if isinstance(text, str):
        return Task(text, entities, None, meta)
    return Task("", entities, tokens, meta)


def check_entities(
    entities: Any, where: str, label: str = "label", unit: str = "characters"
) -> None:
    """RAISES (ValueError): if an entity isn't an object with start, end and label."""
    if not isinstance(entities, list):
        raise ValueError(f"{where} entities: found {show(entities)}; expected a list.")
    words = {int: "a whole number", str: "a string"}
    expected = {"start": int, "end": int, label: str}
    form = f"An entity is an object with start, end ({unit}) and {label}"
    form += ", or a list of these three." if label == "label" else "."
    for i, entity in enumerate(entities):
        place = f"{where} entities[{i}]"
        if not isinstance(entity, dict):
            raise ValueError(f"{place}: found {show(entity)}. {form}")
        for name, type_ in expected.items():
            if name not in entity:
                raise ValueError(
                    f"{place}: has no {name}; found {', '.join(entity) or 'nothing'}. "
                    f"{form}"
                )
            value = entity[name]
            if not isinstance(value, type_) or isinstance(value, bool):
                raise ValueError(
                    f"{place}.{name}: found {show(value)}; expected {words[type_]}. "
                    f"{form}"
                )
        if not entity[label]:
            raise ValueError(f"{place}.{label}: found ''; expected the entity's type.")


def show(value: Any) -> str:
    """RETURNS (str): the start of a value, for messages."""
    try:
        text = repr(value)
    except RecursionError:
        return f"a {type(value).__name__} that is nested too deeply"
    return text if len(text) <= N_SHOWN else f"{text[:N_SHOWN]}..."


def _name_parts(entity: Any) -> Any:
    """Convert an entity given as a list of start, end and label to an object."""
    if isinstance(entity, list) and len(entity) == 3:
        return dict(zip(("start", "end", "label"), entity))
    return entity

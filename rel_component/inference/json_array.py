"""Read texts from a JSON array in SpERT's format, with or without tokens and
entities."""

import json
from itertools import accumulate
from pathlib import Path
from typing import Any, Dict, Iterator, List

from .tasks import Task, check_entities, read_task


def read_json_tasks(path: Path) -> Iterator[Task]:
    """Read the texts of a JSON array.

    path (Path): an array whose items are a text, a list of tokens, an object with
        `tokens` and optional `entities` (`type`, and `start` and exclusive `end` in
        tokens), or one with `text` and optional `entities` as in JSON lines.
    YIELDS (Task): one task per item.
    RAISES (ValueError): if the input is invalid, with file, item and field.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        items = json.loads(text) if text.strip() else []
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{path}: not JSON in UTF-8 ({error}); expected an array of texts."
        ) from error
    if not isinstance(items, list):
        raise ValueError(
            f"{path}: found {type(items).__name__}; expected an array of texts, of "
            f"lists of tokens, or of objects with 'tokens' or 'text'."
        )
    for i, item in enumerate(items):
        yield _read_item(item, f"{path}[{i}]")


def _read_item(item: Any, where: str) -> Task:
    if isinstance(item, str):
        return Task(item)
    if isinstance(item, list):
        item = {"tokens": item}
    if isinstance(item, dict) and "text" not in item and item.get("entities"):
        task = read_task({**item, "entities": None}, where)
        entities = list(_to_characters(item["entities"], task.tokens or [], where))
        return Task(task.text, entities, task.tokens, task.meta)
    return read_task(item, where)


def _to_characters(
    entities: Any, tokens: List[str], where: str
) -> Iterator[Dict[str, Any]]:
    """Convert offsets of entities from tokens to characters."""
    check_entities(entities, where, label="type", unit="tokens")
    starts = list(accumulate((len(token) + 1 for token in tokens), initial=0))
    for i, entity in enumerate(entities):
        start, end = entity["start"], entity["end"]
        if not 0 <= start < end <= len(tokens):
            raise ValueError(
                f"{where} entities[{i}]: found tokens {start} to {end}; expected "
                f"0 <= start < end <= {len(tokens)}, end being the token after the "
                f"last one."
            )
        yield {"start": starts[start], "end": starts[end] - 1, "label": entity["type"]}

"""JSON lines: objects with `text` or `tokens` and optional `entities`."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Iterator

from ...tasks import read_json_task
from ..settings import ExtractSettings
from .item import MALFORMED, TOO_LONG, Item, Place, decode, read_id, refuse
from .lines import iter_lines


def scan(path: Path, settings: ExtractSettings) -> Iterator[Place]:
    """YIELDS (Place): the position of each line."""
    for place, _ in iter_lines(path, settings.max_bytes):
        yield place


def read(
    path: Path, start: int, stop: int, first: int, settings: ExtractSettings
) -> Iterator[Item]:
    """YIELDS (Item): the document in each line."""
    for place, line in iter_lines(path, settings.max_bytes, start, stop, first):
        if line is None:
            yield refuse_long(place, "line", settings)
        else:
            yield _read(line, place, settings)


def refuse_long(place: Place, what: str, settings: ExtractSettings) -> Item:
    """RETURNS (Item): an item for a line or file that is too long."""
    reason = (
        f"the {what} has {place.stop - place.start:,} bytes; expected at most "
        f"{settings.max_bytes:,} (--max-bytes)"
    )
    return refuse(place, TOO_LONG, reason)


def _read(line: bytes, place: Place, settings: ExtractSettings) -> Item:
    text = decode(line, place)
    if isinstance(text, Item):
        return text
    try:
        return _make_item(text, place, settings)
    except ValueError as error:
        return refuse(place, MALFORMED, str(error), text)
    except RecursionError:
        reason = f"line {place.number}: its JSON is nested too deeply"
        return refuse(place, MALFORMED, reason, text)


def _make_item(text: str, place: Place, settings: ExtractSettings) -> Item:
    task = read_json_task(text, f"line {place.number}", settings.text_field)
    id_ = task.meta.get(settings.id_field)
    for name, value in (("text", task.text), ("id", id_), ("tokens", task.tokens)):
        if not _is_writable(value):
            reason = f"line {place.number}: {name} contains an unpaired surrogate"
            return refuse(place, MALFORMED, f"{reason}; expected valid Unicode", text)
    meta = {key: x for key, x in task.meta.items() if key != settings.id_field}
    return Item(place, replace(task, meta=meta), read_id(id_))


def _is_writable(value: Any) -> bool:
    """Whether UTF-8 can encode it: JSON can contain unpaired surrogates."""
    try:
        str(value).encode("utf8")
    except UnicodeEncodeError:
        return False
    return not isinstance(value, list) or all(map(_is_writable, value))

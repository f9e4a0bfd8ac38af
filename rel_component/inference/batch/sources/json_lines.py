"""JSON lines: an object on each, with `text` or `tokens` and perhaps `entities`."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Iterator

from ...tasks import read_json_task
from ..settings import ExtractSettings
from .item import MALFORMED, MAX_BYTES, TOO_LONG, Item, Place, decode, refuse
from .lines import iter_lines


def scan(path: Path, settings: ExtractSettings) -> Iterator[Place]:
    """YIELDS (Place): of each line."""
    for place, _ in iter_lines(path):
        yield place


def read(
    path: Path, start: int, stop: int, first: int, settings: ExtractSettings
) -> Iterator[Item]:
    """YIELDS (Item): of each line."""
    for place, line in iter_lines(path, start, stop, first):
        yield check_long(place) if line is None else _read(line, place, settings)


def check_long(place: Place) -> Item:
    """RETURNS (Item): for a line that is too long to be read."""
    length = place.stop - place.start
    reason = f"the line has {length:,} bytes; expected at most {MAX_BYTES:,}"
    return refuse(place, TOO_LONG, reason)


def _read(line: bytes, place: Place, settings: ExtractSettings) -> Item:
    text = decode(line, place)
    if isinstance(text, Item):
        return text
    try:
        task = read_json_task(text, f"line {place.number}", settings.text_field)
    except ValueError as error:
        return refuse(place, MALFORMED, str(error), text)
    id_ = task.meta.get(settings.id_field)
    for name, value in (("text", task.text), ("id", id_), ("tokens", task.tokens)):
        if not _is_writable(value):
            reason = f"line {place.number}: {name} has half a pair of surrogates"
            return refuse(place, MALFORMED, f"{reason}; expected Unicode", text)
    meta = {key: x for key, x in task.meta.items() if key != settings.id_field}
    return Item(place, replace(task, meta=meta), None if id_ is None else str(id_))


def _is_writable(value: Any) -> bool:
    """Whether UTF-8 can hold it: JSON can name halves of pairs of surrogates."""
    try:
        str(value).encode("utf8")
    except UnicodeEncodeError:
        return False
    return not isinstance(value, list) or all(map(_is_writable, value))

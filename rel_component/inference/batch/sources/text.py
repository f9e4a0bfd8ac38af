"""Text files: one document per file, or per line."""

from pathlib import Path
from typing import Iterator

from ...tasks import Task
from ..settings import ExtractSettings
from .item import Item, Place, decode
from .json_lines import refuse_long
from .lines import BOM, iter_lines


def scan(path: Path, settings: ExtractSettings) -> Iterator[Place]:
    """YIELDS (Place): the position of the file, or of each line."""
    if not settings.by_line:
        yield Place(0, path.stat().st_size, 1)
        return
    for place, _ in iter_lines(path, settings.max_bytes):
        yield place


def read(
    path: Path, start: int, stop: int, first: int, settings: ExtractSettings
) -> Iterator[Item]:
    """YIELDS (Item): the text of the file, or of each line."""
    if not settings.by_line:
        yield _read_file(path, Place(start, stop, first), settings)
        return
    for place, line in iter_lines(path, settings.max_bytes, start, stop, first):
        if line is None:
            yield refuse_long(place, "line", settings)
        else:
            yield _make_item(line, place)


def _read_file(path: Path, place: Place, settings: ExtractSettings) -> Item:
    if place.stop > settings.max_bytes:
        return refuse_long(place, "file", settings)
    item = _make_item(path.read_bytes().removeprefix(BOM), place)
    item.is_file = True
    return item


def _make_item(data: bytes, place: Place) -> Item:
    text = decode(data, place)
    return text if isinstance(text, Item) else Item(place, Task(text))

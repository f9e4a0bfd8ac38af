"""DocBins: Docs with tokens, and entities if they are set."""

from functools import lru_cache, partial
from pathlib import Path
from typing import Iterator

from spacy.tokens import Doc, DocBin
from spacy.vocab import Vocab

from ...tasks import Task
from ..settings import ExtractSettings
from .item import Item, Place, SourceError

COLUMNS = ("tokens", "spaces", "cats", "flags", "span_groups")


def scan(path: Path, settings: ExtractSettings) -> Iterator[Place]:
    """YIELDS (Place): the position of each Doc. A DocBin is held in memory."""
    for row in range(len(_load(path, path.stat().st_mtime_ns))):
        yield Place(row, row + 1, row)


def read(
    path: Path, start: int, stop: int, first: int, settings: ExtractSettings
) -> Iterator[Item]:
    """YIELDS (Item): each Doc, without its relations."""
    maker = _Maker(_load(path, path.stat().st_mtime_ns))
    for row in range(start, stop):
        place = Place(row, row + 1, row)
        yield Item(place, Task(""), make_doc=partial(maker.make, row))


class _Maker:
    """Access to individual Docs of a DocBin, even if others are broken."""

    def __init__(self, docs: DocBin) -> None:
        self.docs = docs
        self.strings = docs.strings

    def make(self, row: int, vocab: Vocab) -> Doc:
        one = DocBin(store_user_data=False)
        one.attrs, one.strings, self.strings = self.docs.attrs, self.strings, set()
        for name in COLUMNS:
            setattr(one, name, getattr(self.docs, name)[row : row + 1])
        (doc,) = one.get_docs(vocab)
        return doc


@lru_cache(maxsize=1)
def _load(path: Path, changed: int) -> DocBin:
    # the next chunk probably uses the same file
    try:
        return DocBin().from_disk(path)
    except Exception as error:  # errors of zlib, msgpack or spaCy
        raise SourceError(f"not a DocBin: {error}") from error

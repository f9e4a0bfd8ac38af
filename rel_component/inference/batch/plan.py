"""The input, cut into numbered chunks: the same files give the same chunks.

A plan stands in a file, one chunk on each line, so that it needs no memory.
"""

import glob
import hashlib
import json
import os
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from itertools import zip_longest
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, Optional, Sequence, Tuple

from ...formats.io import cannot_read, list_files
from .settings import ExtractSettings, digest_file
from .sources import KINDS, UNREADABLE, find_kind
from .sources.item import Place, SourceError

ADVICE = (
    "Put it back as it was, and the same command goes on; or give another "
    "--output to begin anew."
)


@dataclass(frozen=True)
class Piece:
    """Documents that stand one after the other in a file.

    source (str): the file, as the user named it or its folder.
    kind (str): how the file is read, a key of KINDS.
    size (int): of the file, in bytes.
    mtime_ns (int): when it was last written to; another time with the same content is
        no change.
    digest (str): of its content.
    start, stop (int): where the documents stand; bytes, or rows of a table.
    first (int): number of the first document; lines of a file are counted from 1.
    count (int): how many documents.
    """

    source: str
    kind: str
    size: int
    mtime_ns: int
    digest: str
    start: int
    stop: int
    first: int
    count: int


@dataclass(frozen=True)
class Chunk:
    """Documents that are processed, written and done together.

    number (int): from 0 on.
    pieces (Tuple[Piece, ...]): of one or more files.
    """

    number: int
    pieces: Tuple[Piece, ...]

    @property
    def n_docs(self) -> int:
        """RETURNS (int): number of documents."""
        return sum(piece.count for piece in self.pieces)

    def to_json(self) -> str:
        """RETURNS (str): one line of a plan."""
        pieces = [list(asdict(piece).values()) for piece in self.pieces]
        return json.dumps({"number": self.number, "pieces": pieces})

    @staticmethod
    def from_json(line: str) -> "Chunk":
        """RETURNS (Chunk): of a line of a plan."""
        data: Dict[str, Any] = json.loads(line)
        pieces = tuple(Piece(*values) for values in data["pieces"])
        return Chunk(data["number"], pieces)


def find_inputs(inputs: Sequence[str], output: Optional[Path] = None) -> Iterator[Path]:
    """Files that the user names.

    inputs (Sequence[str]): files, folders and globs; `**` is any number of folders.
    output (Optional[Path]): what stands in this folder is no input.
    YIELDS (Path): in the order of the arguments, those of one by name; each once.
    RAISES (ValueError): if an argument names nothing that can be read.
    """
    seen = set()
    for name in inputs:
        files = [file for file in _list_input(name) if not _is_within(file, output)]
        if not files:
            raise ValueError(
                f"{name}: found no file to read, expected one or more of "
                f"{', '.join(sorted(KINDS))}."
            )
        for file in files:
            if len(inputs) > 1:
                key = file.resolve()
                if key in seen:
                    continue
                seen.add(key)
            yield file


def _is_within(file: Path, folder: Optional[Path]) -> bool:
    return folder is not None and file.resolve().is_relative_to(folder.resolve())


def _list_input(name: str) -> List[Path]:
    path = Path(name)
    if path.is_file():
        find_kind(path)
        return [path]
    if path.is_dir():
        return sorted(file for file in list_files(path) if file.suffix.lower() in KINDS)
    if glob.has_magic(name):
        found = map(Path, sorted(glob.glob(name, recursive=True)))
        return [file for file in found if file.is_file() and find_kind(file)]
    raise ValueError(f"{name}: no such file or folder; expected texts.")


def make_chunks(files: Iterable[Path], settings: ExtractSettings) -> Iterator[Chunk]:
    """Cut files into chunks.

    files (Iterable[Path]): in this order.
    settings (ExtractSettings): say how long a chunk is and where texts stand.
    YIELDS (Chunk): each with `settings.chunk_size` documents but the last.
    RAISES (ValueError): if a file has no text where it should, as with a CSV file
        without such a column.
    """
    pieces: List[Piece] = []
    number = n_docs = 0
    for file in files:
        for piece in _cut_file(file, settings, settings.chunk_size - n_docs):
            pieces.append(piece)
            n_docs += piece.count
            if n_docs == settings.chunk_size:
                yield Chunk(number, tuple(pieces))
                pieces, number, n_docs = [], number + 1, 0
    if pieces:
        yield Chunk(number, tuple(pieces))


def _cut_file(file: Path, settings: ExtractSettings, room: int) -> Iterator[Piece]:
    """Pieces of a file: the first with `room` documents, then of whole chunks."""
    kind, source = find_kind(file), file.as_posix()
    try:
        # what is written in between is seen as a change
        stat, digest = file.stat(), digest_file(file)
    except OSError as error:
        raise ValueError(str(cannot_read(file, error))) from error

    content = (stat.st_size, stat.st_mtime_ns, digest)

    def make_piece(places: List[Place]) -> Piece:
        first, last = places[0], places[-1]
        place = (first.start, last.stop, first.number)
        return Piece(source, kind, *content, *place, len(places))

    group: List[Place] = []
    try:
        for place in KINDS[kind].scan(file, settings):
            group.append(place)
            if len(group) == room:
                yield make_piece(group)
                group, room = [], settings.chunk_size
    except SourceError:
        # one broken file of many must not stop the others
        yield Piece(source, UNREADABLE, *content, 0, stat.st_size, 1, 1)
        return
    if group:
        yield make_piece(group)


def write_plan(chunks: Iterable[Chunk], path: Path) -> Tuple[int, int, str]:
    """Write a plan.

    chunks (Iterable[Chunk]): are not held in memory.
    path (Path): the file.
    RETURNS (Tuple[int, int, str]): number of chunks and of documents, and a digest of
        what is to be read, whenever it was written.
    """
    n_chunks = n_docs = 0
    total = hashlib.blake2b(digest_size=8)
    with path.open("w", encoding="utf8", errors="surrogateescape") as file:
        for chunk in chunks:
            file.write(f"{chunk.to_json()}\n")
            pieces = tuple(replace(piece, mtime_ns=0) for piece in chunk.pieces)
            total.update(Chunk(chunk.number, pieces).to_json().encode())
            n_chunks, n_docs = n_chunks + 1, n_docs + chunk.n_docs
        file.flush()
        os.fsync(file.fileno())
    return n_chunks, n_docs, total.hexdigest()


def read_plan(path: Path) -> Iterator[Chunk]:
    """YIELDS (Chunk): of a plan."""
    with path.open(encoding="utf8", errors="surrogateescape") as file:
        yield from map(Chunk.from_json, file)


def find_change(known: Path, found: Path) -> str:
    """What a plan has other than one before.

    known, found (Path): the plan before, the plan now.
    RETURNS (str): the first difference, with the name of the file.
    """
    pairs = zip_longest(_iter_pieces(known), _iter_pieces(found))
    for old, new in pairs:
        if old is None:
            return f"{new.source} is new"
        if new is None:
            return f"{old.source} is not there any more"
        if old.source != new.source:
            return f"found {new.source} where {old.source} was"
        if change := describe_change(old, new.size, new.digest):
            return f"{new.source}: {change}"
    return "its files are cut into documents in another way"


def describe_change(piece: Piece, size: int, digest: str) -> str:
    """RETURNS (str): how a file differs from what it was; nothing if it does not."""
    if size != piece.size:
        return f"the file had {piece.size:,} bytes, found now {size:,}"
    if digest != piece.digest:
        return f"the file has other content, of the same length ({size:,} bytes)"
    return ""


def check_unchanged(piece: Piece, path: Path) -> None:
    """See that a file is what it was when the run was planned.

    piece (Piece): of the plan.
    path (Path): the file. It is read only if it has been written to since.
    RAISES (ValueError): if it has changed; the message says how, and what to do.
    RAISES (OSError): if it can't be read.
    """
    stat = path.stat()
    digest = piece.digest
    if stat.st_size == piece.size and stat.st_mtime_ns != piece.mtime_ns:
        digest = _digest_once(path, stat.st_mtime_ns)
    if change := describe_change(piece, stat.st_size, digest):
        raise ValueError(
            f"{piece.source} has changed since the run began: {change}. {ADVICE}"
        )


@lru_cache(maxsize=8)
def _digest_once(path: Path, mtime_ns: int) -> str:
    # chunks of one file follow each other
    return digest_file(path)


def _iter_pieces(path: Path) -> Iterator[Piece]:
    return (piece for chunk in read_plan(path) for piece in chunk.pieces)

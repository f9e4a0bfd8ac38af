"""Split the input into numbered chunks, reproducibly.

A plan is a file with one chunk per line, to save memory.
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
from .sources.item import ColumnError, Place, SourceError

ADVICE = (
    "Restore it and run the same command to resume; or use another --output to  "
    "start again."
)


@dataclass(frozen=True)
class Piece:
    """Consecutive documents of a file.

    source (str): the file, named as in the command's arguments.
    kind (str): how the file is read, a key of KINDS.
    size (int): size of the file in bytes.
    changed_ns (int): time of the last change to the file or its metadata.
    digest (str): digest of its content.
    start, stop (int): position of the documents, in bytes, or in rows of a table.
    first (int): number of the first document; lines are numbered from 1.
    count (int): number of documents.
    """

    source: str
    kind: str
    size: int
    changed_ns: int
    digest: str
    start: int
    stop: int
    first: int
    count: int


@dataclass(frozen=True)
class Chunk:
    """Documents that are processed, written and marked as done together.

    number (int): the chunk's index.
    pieces (Tuple[Piece, ...]): pieces of one or more files.
    """

    number: int
    pieces: Tuple[Piece, ...]

    @property
    def n_docs(self) -> int:
        """RETURNS (int): number of documents."""
        return sum(piece.count for piece in self.pieces)

    def to_json(self) -> str:
        """RETURNS (str): the chunk as a line of a plan."""
        pieces = [list(asdict(piece).values()) for piece in self.pieces]
        return json.dumps({"number": self.number, "pieces": pieces})

    @staticmethod
    def from_json(line: str) -> "Chunk":
        """RETURNS (Chunk): the chunk in a line of a plan."""
        data: Dict[str, Any] = json.loads(line)
        pieces = tuple(Piece(*values) for values in data["pieces"])
        return Chunk(data["number"], pieces)


def find_inputs(inputs: Sequence[str], output: Optional[Path] = None) -> Iterator[Path]:
    """Find the input files.

    inputs (Sequence[str]): files, folders and globs; `**` matches any number of
        folders.
    output (Optional[Path]): a folder to ignore.
    YIELDS (Path): the distinct files, ordered by argument and name.
    RAISES (ValueError): if an argument doesn't match any readable file.
    """
    seen = set()
    for name in inputs:
        files = [file for file in _list_input(name) if not _is_within(file, output)]
        if not files:
            raise ValueError(
                f"{name}: no readable file found, expected one or more of "
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
    raise ValueError(f"{name}: file or folder not found; expected documents.")


def make_chunks(files: Iterable[Path], settings: ExtractSettings) -> Iterator[Chunk]:
    """Split files into chunks.

    files (Iterable[Path]): the files in order.
    settings (ExtractSettings): the size of a chunk, and the text field.
    YIELDS (Chunk): chunks of `settings.chunk_size` documents; the last may be smaller.
    RAISES (ColumnError): if no file has the text column. If only some tables lack it,
        each of these counts as one document that can't be read.
    """
    pieces: List[Piece] = []
    number = n_docs = 0
    errors: List[ColumnError] = []
    n_files = 0
    for file in files:
        n_files += 1
        for piece in _cut_file(file, settings, settings.chunk_size - n_docs, errors):
            pieces.append(piece)
            n_docs += piece.count
            if n_docs == settings.chunk_size:
                yield Chunk(number, tuple(pieces))
                pieces, number, n_docs = [], number + 1, 0
    if errors and len(errors) == n_files:
        raise errors[0]
    if pieces:
        yield Chunk(number, tuple(pieces))


def _cut_file(
    file: Path, settings: ExtractSettings, room: int, errors: List[ColumnError]
) -> Iterator[Piece]:
    """YIELDS (Piece): pieces of a file: the first with `room` documents, the others of
    the size of a chunk. A table without a text column is added to the errors."""
    kind, source = find_kind(file), file.as_posix()
    try:
        # in this order, so that a write in between is detected as a change
        stat, digest = file.stat(), digest_file(file)
    except OSError as error:
        raise ValueError(str(cannot_read(file, error))) from error

    content = (stat.st_size, _get_time(stat), digest)

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
    except SourceError as error:
        # read the other files even if one is broken
        if isinstance(error, ColumnError):
            errors.append(ColumnError(f"{file}: {error}."))
        yield Piece(source, UNREADABLE, *content, 0, stat.st_size, 1, 1)
        return
    if group:
        yield make_piece(group)


def write_plan(chunks: Iterable[Chunk], path: Path) -> Tuple[int, int, str]:
    """Write a plan.

    chunks (Iterable[Chunk]): the chunks.
    path (Path): the file.
    RETURNS (Tuple[int, int, str]): numbers of chunks and documents, and a digest of the
        input, excluding modification times.
    """
    n_chunks = n_docs = 0
    total = hashlib.blake2b(digest_size=8)
    with path.open("w", encoding="utf8", errors="surrogateescape") as file:
        for chunk in chunks:
            file.write(f"{chunk.to_json()}\n")
            pieces = tuple(replace(piece, changed_ns=0) for piece in chunk.pieces)
            total.update(Chunk(chunk.number, pieces).to_json().encode())
            n_chunks, n_docs = n_chunks + 1, n_docs + chunk.n_docs
        file.flush()
        os.fsync(file.fileno())
    return n_chunks, n_docs, total.hexdigest()


def read_plan(path: Path) -> Iterator[Chunk]:
    """YIELDS (Chunk): the chunks of a plan."""
    with path.open(encoding="utf8", errors="surrogateescape") as file:
        yield from map(Chunk.from_json, file)


def find_change(known: Path, found: Path) -> str:
    """Describe how a plan differs from an earlier one.

    known, found (Path): the earlier and the current plan.
    RETURNS (str): the first difference, with the file's name.
    """
    pairs = zip_longest(_iter_pieces(known), _iter_pieces(found))
    for old, new in pairs:
        if old is None:
            return f"{new.source} is new"
        if new is None:
            return f"{old.source} no longer exists"
        if old.source != new.source:
            return f"found {new.source} instead of {old.source}"
        if change := describe_change(old, new.size, new.digest):
            return f"{new.source}: {change}"
    return "its files are split into documents differently"


def describe_change(piece: Piece, size: int, digest: str) -> str:
    """RETURNS (str): how a file has changed, or an empty string."""
    if size != piece.size:
        return f"the file had {piece.size:,} bytes, found {size:,} now"
    if digest != piece.digest:
        return f"the content has changed, with the same length ({size:,} bytes)"
    return ""


def check_unchanged(piece: Piece, path: Path) -> None:
    """Check that a file hasn't changed since the run was planned.

    piece (Piece): a piece of the plan.
    path (Path): the file, only read if its time has changed.
    RAISES (ValueError): if the content has changed.
    RAISES (OSError): if it can't be read.
    """
    stat = path.stat()
    digest = piece.digest
    if stat.st_size == piece.size and _get_time(stat) != piece.changed_ns:
        digest = _digest_once(path, _get_time(stat))
    if change := describe_change(piece, stat.st_size, digest):
        raise ValueError(
            f"{piece.source} has changed since the run began: {change}. {ADVICE}"
        )


def _get_time(stat: os.stat_result) -> int:
    # tools such as rsync or cp -p can reset a file's modification time, but not the
    # time of the last change to its inode
    return max(stat.st_mtime_ns, stat.st_ctime_ns)


@lru_cache(maxsize=8)
def _digest_once(path: Path, changed_ns: int) -> str:
    # consecutive chunks often come from one file
    return digest_file(path)


def _iter_pieces(path: Path) -> Iterator[Piece]:
    return (piece for chunk in read_plan(path) for piece in chunk.pieces)

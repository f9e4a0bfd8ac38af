"""Write Docs to `.spacy` files, with bounded memory."""

import os
import pickle
import re
import shutil
import struct
import tempfile
import weakref
import zlib
from array import array
from bisect import bisect_right
from itertools import groupby
from pathlib import Path
from typing import IO, Dict, Iterable, List, NamedTuple, Optional, Sequence, Set, Tuple

import numpy
from spacy.attrs import ENT_KB_ID, ENT_TYPE, ORTH, SPACY
from spacy.strings import StringStore
from spacy.tokens import Doc, DocBin
from srsly.msgpack import Packer

from ..files import name_errors, replace_file

STRINGS = (ORTH, ENT_TYPE, ENT_KB_ID)
ATTRS = ("ENT_IOB", "ENT_TYPE", "ENT_KB_ID", "SENT_START")
# where their values are strings: of the words, too
COLUMNS = [i for i, attr in enumerate(DocBin(attrs=ATTRS).attrs) if attr in STRINGS]
# id, kb_id, label, start, end, start_char, end_char
SPAN = struct.Struct(">QQQllll")
# of splits
NAMES = ("train", "dev", "test")
# maximum size of a file: about 50 MB in memory
MAX_DOCS, MAX_TOKENS = 10_000, 1_000_000
# blocks that wait on disk are smaller: packing one takes several times its size
BLOCKS_PER_FILE = 10
PART = re.compile(r"\d{5}\.spacy")


class _Block(NamedTuple):
    """A block of consecutive Docs.

    docs (DocBin): the Docs in compact form.
    labels (Set[int]): ids of strings in span groups, which token columns don't contain.
    strings (Dict[int, str]): all strings by id.
    """

    docs: DocBin
    labels: Set[int]
    strings: Dict[int, str]


class CorpusFile:
    """Docs in the compact form of a DocBin, to write to one or more files.

    It takes 48 bytes per token, instead of hundreds for a Doc, and stores blocks in a
    temporary file, so that large corpora don't need to fit into memory.

    max_docs (int): maximum documents per file.
    max_tokens (int): maximum tokens per file; longer documents get a separate file.
    """

    def __init__(
        self, *, max_docs: int = MAX_DOCS, max_tokens: int = MAX_TOKENS
    ) -> None:
        self.max_docs = max_docs
        self.max_tokens = max_tokens
        self._lengths = array("L")
        self._block = _make_block()
        self._n_tokens = 0
        self._strings: Optional[StringStore] = None
        # srsly looks up its extensions for each one that it makes: 2 ms
        self._packer = Packer(use_bin_type=True)
        # of all blocks, the one that is filled included
        self._firsts: List[int] = [0]
        # of those that are on disk: position and size
        self._places: List[Tuple[int, int]] = []
        self._file: Optional[IO[bytes]] = None
        self._loaded: Tuple[int, Optional[_Block]] = (-1, None)

    def __len__(self) -> int:
        return len(self._lengths)

    def add(self, doc: Doc) -> None:
        """Add a Doc with its entities, span groups, relations and user data.

        RAISES (OSError): if the temporary file can't be written.
        """
        n_docs, n_tokens = len(self._block.docs), self._n_tokens + len(doc)
        is_full = self._is_full(n_docs * BLOCKS_PER_FILE, n_tokens * BLOCKS_PER_FILE)
        if is_full or self._strings not in (None, doc.vocab.strings):
            self._store()
        self._strings = doc.vocab.strings
        self._lengths.append(len(doc))
        self._n_tokens += len(doc)
        _add(doc, self._block.docs, self._packer)
        for group in doc.spans.values():
            labels = (x for s in group for x in (s.label, s.kb_id, s.id))
            self._block.labels.update(labels)

    def write(self, path: Path, positions: Optional[Iterable[int]] = None) -> int:
        """Write a `.spacy` file atomically.

        A corpus that is too large for one file becomes a folder of that name with
        files 00001.spacy, 00002.spacy and so on, as spaCy reads it too.

        path (Path): the file; parent folders are created. An existing corpus is
            replaced.
        positions (Optional[Iterable[int]]): indices of the Docs, ascending; None: all.
        RETURNS (int): the number of Docs.
        RAISES (ValueError): if the path is a folder with other files.
        """
        chosen = range(len(self)) if positions is None else list(positions)
        check_corpus(path)
        parts = self._divide(chosen)
        if len(parts) == 1 and not path.is_dir():
            with replace_file(path) as file:
                file.write(self._select(parts[0]).to_bytes())
            return len(chosen)
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, suffix=".part") as name:
            with name_errors(path, Path(name)):
                self._write_parts(parts, Path(name, "new"))
                if path.exists():
                    os.replace(path, Path(name, "old"))
                os.replace(Path(name, "new"), path)
        return len(chosen)

    def _write_parts(self, parts: List[Sequence[int]], path: Path) -> None:
        if len(parts) == 1:
            path.write_bytes(self._select(parts[0]).to_bytes())
            return
        path.mkdir()
        for i, part in enumerate(parts, 1):
            (path / f"{i:05}.spacy").write_bytes(self._select(part).to_bytes())

    def _is_full(self, n_docs: int, n_tokens: int) -> bool:
        """Whether the last document exceeds the size of a file with these documents."""
        return n_docs > 0 and (n_docs >= self.max_docs or n_tokens > self.max_tokens)

    def _store(self) -> None:
        self._resolve()
        # the columns repeat themselves: a tenth is left, at the least effort
        data = zlib.compress(pickle.dumps(self._block), 1)
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile()
                weakref.finalize(self, self._file.close)
            self._places.append((self._file.tell(), len(data)))
            self._file.write(data)
        except OSError as error:
            raise OSError(error.errno, error.strerror, tempfile.gettempdir()) from None
        self._firsts.append(len(self))
        self._block = _make_block()
        self._n_tokens = 0

    def _resolve(self) -> None:
        """Get the strings of a block from the vocabulary of its Docs."""
        docs, labels, strings = self._block
        store = self._strings
        used = labels.union(*map(_list_ids, docs.tokens))
        if store is not None:
            strings.update((i, store[i]) for i in used.difference(strings))

    def _load(self, i: int) -> _Block:
        if i == len(self._places):
            self._resolve()
            return self._block
        if self._loaded[0] != i:
            assert self._file is not None
            position, size = self._places[i]
            self._file.seek(position)
            block = pickle.loads(zlib.decompress(self._file.read(size)))
            self._loaded = (i, block)
        block = self._loaded[1]
        assert block is not None
        return block

    def _divide(self, positions: Sequence[int]) -> List[Sequence[int]]:
        """Distribute Docs to files; at least one, which may be empty."""
        starts, n_tokens = [0], 0
        for k, i in enumerate(positions):
            n_tokens += self._lengths[i]
            if self._is_full(k - starts[-1], n_tokens):
                starts.append(k)
                n_tokens = self._lengths[i]
        ends = [*starts[1:], len(positions)]
        return [positions[a:b] for a, b in zip(starts, ends)]

    def _select(self, positions: Sequence[int]) -> DocBin:
        part = _make_block().docs
        in_blocks = groupby(positions, lambda i: bisect_right(self._firsts, i) - 1)
        for k, group in in_blocks:
            docs, labels, strings = self._load(k)
            own = [i - self._firsts[k] for i in group]
            for name in ("tokens", "spaces", "cats", "flags", "user_data"):
                column = getattr(docs, name)
                getattr(part, name).extend(column[i] for i in own)
            part.span_groups.extend(docs.span_groups[i] for i in own)
            used = labels.union(*(_list_ids(docs.tokens[i]) for i in own))
            part.strings.update(strings[i] for i in used)
        return part


def list_corpus(path: Path) -> List[Path]:
    """List the files of a corpus.

    path (Path): a `.spacy` file, or a folder of them.
    RETURNS (List[Path]): the files in order.
    RAISES (ValueError): if the folder contains several splits.
    """
    if not path.is_dir():
        return [path]
    files = sorted(path.glob("*.spacy"))
    splits = [file for file in files if file.stem in NAMES]
    if len(splits) > 1:
        raise ValueError(
            f"{path}: found a folder of several splits, expected one of them: "
            f"{', '.join(map(str, splits))}."
        )
    return files


def check_corpus(path: Path) -> None:
    """Check that a path can be replaced.

    path (Path): a `.spacy` file, a folder of them, or a new path.
    RAISES (ValueError): if it's a folder with other files.
    """
    others = [
        file.name
        for file in (sorted(path.iterdir()) if path.is_dir() else ())
        if not PART.fullmatch(file.name) or file.is_dir()
    ]
    if others:
        raise ValueError(
            f"{path}: found a folder that contains {others[0]}, expected a new path "
            "or the folder of an earlier conversion (00001.spacy and so on). Move "
            "it, or use another --output."
        )


def remove_corpus(path: Path) -> None:
    """Remove the output of an earlier conversion.

    path (Path): a `.spacy` file, or a folder of them.
    RAISES (ValueError): if it's a folder with other files.
    """
    check_corpus(path)
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def _make_block() -> _Block:
    return _Block(DocBin(attrs=ATTRS, store_user_data=True), set(), {})


def _add(doc: Doc, docs: DocBin, packer: Packer) -> None:
    """Like `DocBin.add`, but ten times faster, since it skips the tokens' strings."""
    docs.tokens.append(doc.to_array(list(docs.attrs)))
    docs.spaces.append(doc.to_array(SPACY).astype(bool).reshape(-1, 1))
    docs.flags.append({"has_unknown_spaces": doc.has_unknown_spaces})
    docs.cats.append(doc.cats)
    docs.user_data.append(packer.pack(doc.user_data))
    docs.span_groups.append(_pack_groups(doc, packer))


def _pack_groups(doc: Doc, packer: Packer) -> bytes:
    """As `SpanGroups.to_bytes`."""
    if not doc.spans:
        return doc.spans.to_bytes()
    groups: Dict[bytes, List[str]] = {}
    for key, group in doc.spans.items():
        spans = [
            SPAN.pack(s.id, s.kb_id, s.label, s.start, s.end, s.start_char, s.end_char)
            for s in group
        ]
        value = {"name": group.name, "attrs": group.attrs, "spans": spans}
        groups.setdefault(packer.pack(value), []).append(key)
    return packer.pack(groups)


def _list_ids(tokens: numpy.ndarray) -> Set[int]:
    """RETURNS (Set[int]): the ids in string columns."""
    return set(tokens[:, COLUMNS].ravel().tolist())

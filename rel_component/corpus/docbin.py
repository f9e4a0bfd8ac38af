"""Docs to `.spacy` files, in bounded memory."""

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
# what one file holds at most: about 50 MB in memory
MAX_DOCS, MAX_TOKENS = 10_000, 1_000_000
# blocks that wait on disk are smaller: packing one takes several times its size
BLOCKS_PER_FILE = 10
PART = re.compile(r"\d{5}\.spacy")


class _Block(NamedTuple):
    """Docs that are next to each other.

    docs (DocBin): in compact form.
    labels (Set[int]): ids of strings of span groups: they are in no column of tokens.
    strings (Dict[int, str]): all strings by id.
    """

    docs: DocBin
    labels: Set[int]
    strings: Dict[int, str]


class CorpusFile:
    """Docs in the compact form of a DocBin, to be written in whole or in parts.

    A Doc takes some hundred bytes per token, this takes 48, and what is more than a
    block waits in a temporary file: a split of a large corpus need not keep it.

    max_docs (int): what one file holds at most.
    max_tokens (int): likewise, in tokens; a longer document has its own file.
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

        RAISES (OSError): if there is no room for temporary files.
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
        """Write a `.spacy` file: whole or not at all.

        A corpus that is too large for one file becomes a folder of that name with
        files 00001.spacy, 00002.spacy and so on, as spaCy reads it too.

        path (Path): folders on the way are made. What an earlier conversion left there
            is replaced.
        positions (Optional[Iterable[int]]): which Docs, in ascending order, else all.
        RETURNS (int): how many Docs are written.
        RAISES (ValueError): if a folder with other files is in the way.
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
        """Whether a file that has these docs has no room for the last one's tokens."""
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
        """Take the strings of a block from the vocabulary of its Docs."""
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
        """What stands in each file; at least one, which may be empty."""
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
    """The files of a corpus.

    path (Path): a `.spacy` file, or a folder of them.
    RETURNS (List[Path]): the files, in the order in which they are read.
    RAISES (ValueError): if it is a folder of several splits.
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
    """Refuse to replace what is no corpus.

    path (Path): a `.spacy` file, or a folder of them, or nothing yet.
    RAISES (ValueError): if it is a folder with other files.
    """
    others = [
        file.name
        for file in (sorted(path.iterdir()) if path.is_dir() else ())
        if not PART.fullmatch(file.name) or file.is_dir()
    ]
    if others:
        raise ValueError(
            f"{path}: found a folder with {others[0]} in it, expected the folder of an "
            f"earlier conversion (00001.spacy and so on) or nothing. Move it, or give "
            f"another --output."
        )


def remove_corpus(path: Path) -> None:
    """Remove what an earlier conversion wrote.

    path (Path): a `.spacy` file, or a folder of them.
    RAISES (ValueError): if it is a folder with other files.
    """
    check_corpus(path)
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def _make_block() -> _Block:
    return _Block(DocBin(attrs=ATTRS, store_user_data=True), set(), {})


def _add(doc: Doc, docs: DocBin, packer: Packer) -> None:
    """As `DocBin.add`, which takes nine strings of each token and ten times as long."""
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
    """RETURNS (Set[int]): the strings in the columns that hold strings."""
    return set(tokens[:, COLUMNS].ravel().tolist())

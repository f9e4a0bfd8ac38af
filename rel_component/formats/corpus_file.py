"""Docs to `.spacy` files, kept small on the way."""

from pathlib import Path
from typing import Iterable, Optional, Set

import numpy
from spacy.strings import get_string_id
from spacy.tokens import Doc, DocBin

from .writers.output import replace_file

ATTRS = ("ENT_IOB", "ENT_TYPE", "ENT_KB_ID", "SENT_START")


class CorpusFile:
    """Docs in the compact form of a DocBin, to be written in whole or in parts.

    A Doc takes some hundred bytes per token, this takes 48: a split of a large corpus
    need not keep the Docs.
    """

    def __init__(self) -> None:
        self._docs = _make_bin()
        # strings that stand in span groups: they are in no column of the tokens
        self._labels: Set[str] = set()

    def __len__(self) -> int:
        return len(self._docs)

    def add(self, doc: Doc) -> None:
        """Add a Doc with its entities, span groups, relations and user data."""
        self._docs.add(doc)
        for group in doc.spans.values():
            self._labels.update(x for s in group for x in (s.label_, s.kb_id_, s.id_))

    def write(self, path: Path, positions: Optional[Iterable[int]] = None) -> int:
        """Write a `.spacy` file: whole or not at all.

        path (Path): folders on the way are made.
        positions (Optional[Iterable[int]]): which Docs, else all.
        RETURNS (int): how many Docs are written.
        """
        part = self._docs if positions is None else self._select(positions)
        with replace_file(path) as file:
            file.write(part.to_bytes())
        return len(part)

    def _select(self, positions: Iterable[int]) -> DocBin:
        part = _make_bin()
        for i in positions:
            for name in ("tokens", "spaces", "cats", "flags", "user_data"):
                getattr(part, name).append(getattr(self._docs, name)[i])
            part.span_groups.append(self._docs.span_groups[i])
        used = set(numpy.unique(numpy.vstack(part.tokens)).tolist())
        part.strings = {
            string
            for string in self._docs.strings
            if string in self._labels or get_string_id(string) in used
        }
        return part


def _make_bin() -> DocBin:
    return DocBin(attrs=ATTRS, store_user_data=True)

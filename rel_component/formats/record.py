"""The neutral record: what every reader yields and every writer takes.

A reader knows one tool's fields and nothing about spaCy; `to_doc` knows spaCy and
nothing about tools. Offsets are those of the file: a reader checks their types, not
whether they fit the text. What is wrong with them is found once for all in `to_doc`.
"""

import dataclasses
from dataclasses import dataclass
from typing import Any, Dict, FrozenSet, List, Optional, Sequence, Tuple, Union

Offsets = Tuple[int, int]


@dataclass(frozen=True)
class Source:
    """Where a document comes from, to be named in messages.

    file (str): path of the file as the user gave it.
    line (Optional[int]): line number from 1, in formats with one document per line.
    index (Optional[int]): position from 0, in formats with a list of documents.
    id (Optional[str]): the file's own id of the document, if it has one.
    """

    file: str
    line: Optional[int] = None
    index: Optional[int] = None
    id: Optional[str] = None

    def at(self, field: str = "") -> str:
        """A place as all messages name it: `x.jsonl:3 spans[0]`, `x.json doc 3 (...)`.

        field (str): in the document, e.g. `tokens[0].start`.
        RETURNS (str): what the message begins with.
        """
        if self.index is None:
            line = "" if self.line is None else f":{self.line}"
            return f"{self.file}{line} {field}".rstrip()
        # positions are hard to count in an array: the id helps, if there is one
        id_ = "" if self.id is None else f"id {self.id}"
        inner = ", ".join(part for part in (id_, field) if part)
        return f"{self.file} doc {self.index}" + (f" ({inner})" if inner else "")

    def __str__(self) -> str:
        return self.at()


@dataclass(frozen=True)
class Version:
    """Which annotation of a text this is, in tools that keep several of one.

    of (str): what is annotated: records with the same one are annotations of one text.
    by (Tuple[str, ...]): names and ids of who made it.
    time (Optional[float]): when it was made, in seconds since 1970.
    is_truth (bool): whether it is marked as the ground truth.
    field (str): where in its document it stands, e.g. `annotations[1]`.
    """

    of: str
    by: Tuple[str, ...] = ()
    time: Optional[float] = None
    is_truth: bool = False
    field: str = ""


@dataclass
class EntityRecord:
    """A typed stretch of text.

    id (str): unique in its document; relations refer to it.
    label (str): the entity type.
    fragments (Sequence[Tuple[int, int]]): start and exclusive end in the text, more
        than one pair for a discontinuous entity.
    text (Optional[str]): the covered text, if the file states it: offsets are checked
        against it.
    field (str): where in the document it stands, e.g. `tokens[3]`.
    attrs (Dict[str, Any]): further attributes; `kb_id` (str) goes to the span.
    source (Optional[Source]): where it stands, if not where its document does.
    text_name (str): what `text` is called in messages, if it was put together.
    """

    id: str
    label: str
    fragments: Sequence[Offsets]
    text: Optional[str] = None
    field: str = ""
    attrs: Dict[str, Any] = dataclasses.field(default_factory=dict)
    source: Optional[Source] = None
    text_name: str = "text"

    @property
    def start(self) -> int:
        return min(start for start, _ in self.fragments)

    @property
    def end(self) -> int:
        return max(end for _, end in self.fragments)


@dataclass
class RelationRecord:
    """A labelled link between two entities of the same document.

    label (str): the relation's label.
    head (str): id of the entity that it starts from.
    tail (str): id of the entity that it points to.
    field (str): where in the document it stands, e.g. `relations[0]`.
    symmetric (bool): whether the file marks it as having no direction.
    attrs (Dict[str, Any]): further attributes.
    source (Optional[Source]): where it stands, if not where its document does.
    """

    label: str
    head: str
    tail: str
    field: str = ""
    symmetric: bool = False
    attrs: Dict[str, Any] = dataclasses.field(default_factory=dict)
    source: Optional[Source] = None


@dataclass
class Record:
    """An annotated document.

    text (str): the whole text.
    source (Source): where it comes from.
    entities (List[EntityRecord]): in the file's order; may nest, cross and repeat.
    relations (List[RelationRecord]): in the file's order; may repeat.
    tokens (Optional[Sequence[Tuple[int, int]]]): start and exclusive end of the file's
        own tokens in the text, or None if it has none: the language's tokenizer is
        used then.
    sentences (Optional[Sequence[Tuple[int, int]]]): start and exclusive end of the
        sentences, if the file has them.
    negatives (Sequence[Tuple[str, str]]): pairs of entity ids known to be unrelated.
    complete (bool): whether a pair without a relation is known to have none.
    losses (FrozenSet[str]): of entities and relations, those of which some could not
        be read: what is not listed is not known to be none.
    group (Optional[str]): documents of one group never land in different splits.
    bom (bool): whether a byte order mark was removed from the text's beginning.
    may_count_clusters (bool): whether the tool's offsets may count grapheme clusters,
        such as a letter with its accents, as one.
    version (Optional[Version]): which annotation of its text it is, if there may be
        several.
    piece (Optional[int]): which piece of its document it is, if that was split.
    meta (Dict[str, Any]): whatever else the file says about the document.
    """

    text: str
    source: Source
    entities: List[EntityRecord] = dataclasses.field(default_factory=list)
    relations: List[RelationRecord] = dataclasses.field(default_factory=list)
    tokens: Optional[Sequence[Offsets]] = None
    sentences: Optional[Sequence[Offsets]] = None
    negatives: Sequence[Tuple[str, str]] = ()
    complete: bool = True
    losses: FrozenSet[str] = frozenset()
    group: Optional[str] = None
    bom: bool = False
    may_count_clusters: bool = False
    version: Optional[Version] = None
    piece: Optional[int] = None
    meta: Dict[str, Any] = dataclasses.field(default_factory=dict)

    def place(self, item: Union[EntityRecord, RelationRecord]) -> str:
        """RETURNS (str): file and line or document and field, to begin a message."""
        return (item.source or self.source).at(item.field)

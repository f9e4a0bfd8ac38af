"""Records: the common representation of all readers and writers.

Readers are specific to a tool, but independent of spaCy; `to_doc` is specific to spaCy,
but independent of tools. Offsets are the original ones: readers only check their types,
and `to_doc` whether they match the text, for all formats.
"""

import dataclasses
from dataclasses import dataclass
from typing import Any, Dict, FrozenSet, List, Optional, Sequence, Tuple, Union

Offsets = Tuple[int, int]


@dataclass(frozen=True)
class Source:
    """The source of a document, for messages.

    file (str): path of the file as given by the user.
    line (Optional[int]): line number from 1, in formats with one document per line.
    index (Optional[int]): index from 0, in formats with a list of documents.
    id (Optional[str]): the document's id in the file, if any.
    """

    file: str
    line: Optional[int] = None
    index: Optional[int] = None
    id: Optional[str] = None

    def at(self, field: str = "") -> str:
        """Format a location for messages: `x.jsonl:3 spans[0]`, `x.json doc 3 (...)`.

        field (str): field in the document, e.g. `tokens[0].start`.
        RETURNS (str): the start of a message.
        """
        if self.index is None:
            line = "" if self.line is None else f":{self.line}"
            return f"{self.file}{line} {field}".rstrip()
        # include the id if any, since indices are hard to find in a file
        id_ = "" if self.id is None else f"id {self.id}"
        inner = ", ".join(part for part in (id_, field) if part)
        return f"{self.file} doc {self.index}" + (f" ({inner})" if inner else "")

    def __str__(self) -> str:
        return self.at()


@dataclass(frozen=True)
class Version:
    """The version of an annotation, for tools with several annotations of a text.

    of (str): key of the annotated text; records with the same key are versions.
    by (Tuple[str, ...]): names and ids of the annotator.
    time (Optional[float]): time of annotation, in seconds since 1970.
    is_truth (bool): whether it's marked as ground truth.
    field (str): its field in the document, e.g. `annotations[1]`.
    """

    of: str
    by: Tuple[str, ...] = ()
    time: Optional[float] = None
    is_truth: bool = False
    field: str = ""


@dataclass
class EntityRecord:
    """A typed span of text.

    id (str): unique id in the document, for relations.
    label (str): the entity type.
    fragments (Sequence[Tuple[int, int]]): start and exclusive end in the text, more
        than one pair for a discontinuous entity.
    text (Optional[str]): the covered text, if the file contains it, to check offsets.
    field (str): its field in the document, e.g. `tokens[3]`.
    attrs (Dict[str, Any]): other attributes; `kb_id` (str) is set on the span.
    source (Optional[Source]): its location, if different from the document's.
    text_name (str): description of `text` in messages, if it's reconstructed.
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
    """A labelled relation between two entities of a document.

    label (str): the relation's label.
    head (str): id of the head.
    tail (str): id of the tail.
    field (str): its field in the document, e.g. `relations[0]`.
    symmetric (bool): whether it's marked as symmetric.
    attrs (Dict[str, Any]): other attributes.
    source (Optional[Source]): its location, if different from the document's.
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
    source (Source): its source.
    entities (List[EntityRecord]): entities in file order; may nest, cross and repeat.
    relations (List[RelationRecord]): relations in file order; may repeat.
    tokens (Optional[Sequence[Tuple[int, int]]]): start and exclusive end of the tokens
        in the file; None to use the language's tokenizer.
    sentences (Optional[Sequence[Tuple[int, int]]]): start and exclusive end of the
        sentences in the file, if any.
    negatives (Sequence[Tuple[str, str]]): pairs of entity ids known to be unrelated.
    complete (bool): whether pairs without a relation are negative.
    losses (FrozenSet[str]): kinds (entities or relations) with lost items, so that the
        annotation is incomplete.
    group (Optional[str]): group of documents to keep in the same split.
    bom (bool): whether a byte order mark was removed from the start of the text.
    may_count_clusters (bool): whether the tool's offsets may count grapheme clusters,
        such as a letter with accents, as one character.
    version (Optional[Version]): version of the annotation, if there may be several.
    piece (Optional[int]): index of the piece, if the document was split.
    meta (Dict[str, Any]): other data on the document.
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
        """RETURNS (str): file and line or document and field, to start a message."""
        return (item.source or self.source).at(item.field)

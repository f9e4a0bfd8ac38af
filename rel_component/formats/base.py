"""What a format is, and the options that readers and `to_doc` share."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Iterator, Mapping, Optional, Tuple

from .record import Record
from .report import Report


class FormatError(ValueError):
    """A whole file can't be read. The message says which, why, and how to go on."""


@dataclass(frozen=True)
class Options:
    """How annotations are read and turned into Docs.

    lang (str): language code of the tokenizer, e.g. `en`, `xx`.
    encoding (str): of text files; `utf-8-sig` is UTF-8 with or without BOM.
    align (str): what to do where an entity begins or ends inside a token: `retokenize`
        splits the token, `expand` and `contract` move the border, `error` refuses.
    discontinuous (str): what an entity in several pieces becomes: `hull` is the stretch
        from the first to the last, `first` the first piece; `drop` leaves it out,
        `error` refuses.
    repair_offsets (bool): move an entity whose text stands within 10 characters.
    spans_key (Optional[str]): key of `doc.spans` for all entities, None for none.
    map_entity (Mapping[str, str]): entity types to rename.
    map_label (Mapping[str, str]): relation labels to rename.
    symmetric (Tuple[str, ...]): labels, after renaming, whose direction does not count.
    symmetric_store (str): `both` stores a symmetric relation in both directions,
        `canonical` once, from the entity that is mentioned first.
    null_labels (Tuple[str, ...]): labels, before renaming, that mean "no relation".
    drop_self (bool): leave out relations of an entity to itself.
    only_with_relations (bool): leave out documents that have no relation in the end.
    complete (bool): whether unlisted pairs are known to be unrelated, where the file
        does not say so itself.
    entities_only (bool): read documents that have no list of relations, as incomplete.
    annotation (Optional[str]): which annotation of a text to take that has several:
        `ground-truth`, `latest`, `first`, `all`, or `by:ID` of an annotator; None takes
        what is marked as ground truth, or what all agree on, and refuses the rest.
    accept_unanswered (bool): Prodigy: read tasks that have no answer; Label Studio:
        read predictions of tasks that nobody annotated.
    bare_token_label (Optional[str]): Prodigy: entity type for the end of a relation
        that is only a token.
    default_label (Optional[str]): label of relations that have none in the file.
    fields (Mapping[str, str]): UBIAI: other names of the fields; Label Studio: `text`
        is the field of a task's data that was annotated.
    types (Optional[Path]): SpERT: the types file, DocRED: rel_info.json, if it is not
        beside the data.
    mentions (str): what a relation between concepts that have several mentions joins
        (PubTator, BioC, DocRED): their `first` mentions, the `nearest` ones, `all`, or
        those in DocRED's `evidence`.
    n_ary (str): what a relation of more than two entities becomes (BioC): `pairs`
        relates every two of them; `drop` leaves it out, `error` refuses.
    label_features (Tuple[str, ...]): where labels stand, the first one that is there:
        features (INCEpTION, WebAnno) or infons (BioC). If none are given, they are
        looked for under the usual names.
    span_layers (Tuple[str, ...]): INCEpTION, WebAnno: layers that are read as
        entities, by their full or last name, else all but linguistic ones.
    relation_layers (Tuple[str, ...]): likewise those that are read as relations.
    typesystem (Optional[Path]): INCEpTION: TypeSystem.xml, if it is not beside the
        .xmi file.
    tag_scheme (str): columns: `iob1`, `iob2`, `biluo` or `bioes`; `auto` finds it out.
    docs_by (str): columns: what becomes a document, each `sentence`, or all that
        follow a `-DOCSTART-` line: `docstart`.
    entity_label (str): type of entities that have none in the file.
    merge_pairs (bool): TACRED: make one document of all pairs of a sentence.
    key (Optional[Path]): SemEval: the file with the labels of a test file, if it is not
        beside it.
    group_by (Optional[str]): dotted path of the meta field that groups documents, e.g.
        `meta.source`; `id` and `file` are known too.
    group_regex (Optional[str]): the part of that field to group by: its first group.
    """

    lang: str = "en"
    encoding: str = "utf-8-sig"
    align: str = "retokenize"
    discontinuous: str = "hull"
    repair_offsets: bool = False
    spans_key: Optional[str] = "entities"
    map_entity: Mapping[str, str] = field(default_factory=dict)
    map_label: Mapping[str, str] = field(default_factory=dict)
    symmetric: Tuple[str, ...] = ()
    symmetric_store: str = "both"
    null_labels: Tuple[str, ...] = ()
    drop_self: bool = False
    only_with_relations: bool = False
    complete: bool = True
    entities_only: bool = False
    annotation: Optional[str] = None
    accept_unanswered: bool = False
    bare_token_label: Optional[str] = None
    default_label: Optional[str] = None
    fields: Mapping[str, str] = field(default_factory=dict)
    types: Optional[Path] = None
    mentions: str = "first"
    n_ary: str = "error"
    label_features: Tuple[str, ...] = ()
    span_layers: Tuple[str, ...] = ()
    relation_layers: Tuple[str, ...] = ()
    typesystem: Optional[Path] = None
    tag_scheme: str = "auto"
    docs_by: str = "sentence"
    entity_label: str = "ENT"
    merge_pairs: bool = False
    key: Optional[Path] = None
    group_by: Optional[str] = None
    group_regex: Optional[str] = None


@dataclass(frozen=True)
class Preview:
    """The beginning of an input, for recognising its format.

    path (Path): file or folder.
    text (str): the first characters; empty for a folder.
    value (Any): the first JSON object, if there is one.
    names (Tuple[str, ...]): of a zip archive: what is in it.
    """

    path: Path
    text: str = ""
    value: Any = None
    names: Tuple[str, ...] = ()

    def has(self, *keys: str) -> bool:
        """RETURNS (bool): whether the first JSON object has all these keys."""
        return isinstance(self.value, dict) and all(key in self.value for key in keys)


@dataclass(frozen=True)
class Format:
    """An annotation tool's format.

    name (str): as in `--format`.
    description (str): the tool and the kind of file.
    read (Callable[[Path, Options, Report], Iterator[Record]]): the reader. It counts
        what it reads, reports what is wrong with single items and goes on; it raises a
        FormatError where a whole file can't be read.
    sniff (Callable[[Preview], bool]): whether an input looks like this format.
    has_versions (bool): whether it may hold several annotations of one text.
    """

    name: str
    description: str
    read: Callable[[Path, Options, Report], Iterator[Record]]
    sniff: Callable[[Preview], bool]
    has_versions: bool = False

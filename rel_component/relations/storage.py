"""Store relations in a Doc; other modules don't access the storage.

Each Doc has one `RelationData` in `doc.user_data`, a dict of plain columns, so that it
survives `Doc.to_bytes`, `DocBin(store_user_data=True)`, `nlp.pipe(n_process=2)`,
pickling and copying. Its key has the form of a custom span attribute with two character
offsets, since `Span.as_doc` and `Doc.from_docs` shift both along with the text. The
first is the offset of the text, the difference identifies the relations.
"""

from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

import numpy
from spacy.tokens import Doc

from .checks import check_cells, check_items
from .data import RelationData, get_entity_key, to_ints2d
from .follow import (
    fingerprint_relations,
    fingerprint_tokens,
    follow_text,
    get_chars,
    warn_of_lost,
)

# prefix of the keys in doc.user_data
USER_DATA_PREFIX = ("._.", "rel_component")
# in 0.1: columns without the text
UNANCHORED_KEY = "rel_component"
# key of the tutorial's `Doc.set_extension("rel", default={})`
LEGACY_KEY: Any = ("._.", "rel", None, None)
# source of a Doc: a dict of file, line, index, id, group
SOURCE_KEY = "rel_component_source"

COLUMNS = ("spans", "types", "pairs", "labels", "scores", "decided", "complete")
UNKNOWN = (
    "they were stored by an earlier version, and their entities are not in the "
    "document. Access doc._.relations once before modifying its tokens."
)
ANCHOR = ("text", "chars", "tokens")


class DraftRel(dict):
    """`doc._.rel` of a Doc without scores, which can be modified in place, as in the
    tutorial.

    tokens (int): fingerprint of the tokens that its keys refer to.
    """

    tokens: int = 0


def get_relation_data(doc: Doc) -> Optional[RelationData]:
    """Get the stored columns of a Doc, aligned with its current tokens. Also reads
    dicts in the tutorial's form (start offsets of `doc.ents`).

    doc (Doc): the document.
    RETURNS (Optional[RelationData]): None if the Doc has no annotation of relations.
    RAISES (ValueError): if a key of the tutorial's dict is not the start of an entity,
        or the tokens have changed since.
    """
    data = read_columns(doc)
    if data is None:
        legacy = doc.user_data.get(LEGACY_KEY)
        if legacy:
            # store as columns, since only they survive to_bytes and n_process
            read = from_items if isinstance(legacy, list) else from_rel
            data = set_relation_data(doc, read(doc, legacy))
    return data


def set_relation_data(doc: Doc, data: RelationData) -> RelationData:
    """Store columns in a Doc, replacing existing relations.

    doc (Doc): the document.
    data (RelationData): relations of the Doc's tokens.
    RETURNS (RelationData): the stored data.
    """
    clear_relations(doc)
    stored = data.replace(
        text=doc.text,
        chars=get_chars(doc, data.spans),
        tokens=fingerprint_tokens(doc),
    )
    key: Any = (*USER_DATA_PREFIX, 0, fingerprint_relations(stored))
    doc.user_data[key] = stored
    return stored


def clear_relations(doc: Doc) -> None:
    """Remove all relations and scores from a Doc, including the tutorial's form."""
    for key in (*find_keys(doc), UNANCHORED_KEY, LEGACY_KEY):
        doc.user_data.pop(key, None)


def read_columns(doc: Doc) -> Optional[RelationData]:
    """RETURNS (Optional[RelationData]): like `get_relation_data`, but None for a dict
    in the tutorial's form."""
    keys = find_keys(doc)
    for key in keys:
        if not isinstance(doc.user_data[key], RelationData):
            doc.user_data[key] = _build(doc.user_data[key])
    if keys:
        parts = [(key[2], doc.user_data[key]) for key in keys]
        if len(parts) == 1 and parts[0][1]["tokens"] == fingerprint_tokens(doc):
            return parts[0][1]
        return set_relation_data(doc, follow_text(doc, parts))
    data = doc.user_data.get(UNANCHORED_KEY)
    if data is None:
        return None
    data = RelationData(**{name: data[name] for name in COLUMNS})
    return set_relation_data(doc, _drop_unknown(doc, data))


def find_keys(doc: Doc, prefix: Tuple[str, str] = USER_DATA_PREFIX) -> List[Any]:
    """RETURNS (List[Any]): the keys in `doc.user_data` with a prefix, before two
    offsets, in text order; several if the Doc was joined from others.

    doc (Doc): the document.
    prefix (Tuple[str, str]): the first two elements of the keys.
    """
    return [
        key
        for key in doc.user_data
        if isinstance(key, tuple) and len(key) == 4 and key[:2] == prefix
    ]


def _drop_unknown(doc: Doc, data: RelationData) -> RelationData:
    """Drop relations stored without their text if their entities are not in the Doc,
    since its tokens may have changed."""
    groups = [doc.ents, *doc.spans.values()]
    known = {get_entity_key(span) for group in groups for span in group}
    is_known = numpy.asarray(
        [key in known if known else key[1] <= len(doc) for key in data.entities], bool
    )
    found = data.keep_entities(is_known)
    n_lost = len(data.decided) - len(found.decided)
    warn_of_lost(n_lost, UNKNOWN)
    return found.replace(complete=data.complete and not n_lost)


def _build(data: Mapping[str, Any]) -> RelationData:
    # ignore columns of later versions
    return RelationData(**{name: data[name] for name in (*COLUMNS, *ANCHOR)})


def from_items(doc: Doc, items: Sequence[Any]) -> RelationData:
    """Convert the output of spacy-llm's REL task to columns.

    doc (Doc): the document, with `doc.ents` set.
    items (Sequence[RelationItem]): each with the indices of two entities in `doc.ents`,
        `dep` and `dest`, and the label `relation`.
    RETURNS (RelationData): relations with a score of 1; other pairs are not scored.
    RAISES (ValueError): if an item or an index is invalid.
    """
    check_items(items)
    n = len(doc.ents)
    cells: Dict[Tuple[int, int, str], None] = {}
    for i, item in enumerate(items):
        if not all(0 <= end < n for end in (item.dep, item.dest)):
            raise ValueError(
                f"doc._.rel[{i}] is {item!r}, but doc.ents has {n} entities. Set them "
                f"before doc._.rel."
            )
        cells[(item.dep, item.dest, item.relation)] = None
    pairs = list(dict.fromkeys((head, tail) for head, tail, _ in cells))
    labels = list(dict.fromkeys(label for _, _, label in cells))
    decided = [(pairs.index((h, t)), labels.index(label)) for h, t, label in cells]
    scores = numpy.full((len(pairs), len(labels)), numpy.nan, dtype="float32")
    scores[tuple(numpy.transpose(decided))] = 1.0
    return RelationData(
        spans=to_ints2d([(ent.start, ent.end) for ent in doc.ents]),
        types=[ent.label_ for ent in doc.ents],
        pairs=to_ints2d(pairs),
        labels=labels,
        scores=scores,
        decided=to_ints2d(sorted(decided)),
    )


def from_rel(doc: Doc, rel: Mapping) -> RelationData:
    """Convert the tutorial's form to columns.

    doc (Doc): the document, with `doc.ents` set.
    rel (Dict[Tuple[int, int], Dict[str, float]]): scores by token starts.
    RETURNS (RelationData): scores from 0.5 on are relations.
    RAISES (ValueError): if a key doesn't match an entity, or a score is not in [0, 1].
    """
    if isinstance(rel, DraftRel) and rel.tokens != fingerprint_tokens(doc):
        raise ValueError(
            f"doc._.rel of the document {doc.text[:40]!r} was set before its tokens "
            "were merged or split, so its keys are invalid. Access doc._.relations "
            "once before changing the tokens."
        )
    check_cells(rel)
    entities = {ent.start: i for i, ent in enumerate(doc.ents)}
    missing = sorted({start for key in rel for start in key} - set(entities))
    if missing:
        raise ValueError(
            f"doc._.rel of the document {doc.text[:40]!r} contains token(s) "
            f"{missing[:5]}, but no entity in doc.ents starts there (entities start "
            f"at {sorted(entities)[:10]}). Set doc.ents before doc._.rel, or use "
            "doc._.relations with spans."
        )
    labels: Dict[str, int] = {}
    for cells in rel.values():
        for label in cells:
            labels.setdefault(label, len(labels))
    scores = numpy.full((len(rel), len(labels)), numpy.nan, dtype="float32")
    for row, cells in enumerate(rel.values()):
        for label, score in cells.items():
            scores[row, labels[label]] = score
    with numpy.errstate(invalid="ignore"):
        decided = numpy.argwhere(scores >= 0.5).astype("int32")
    return RelationData(
        spans=to_ints2d([(ent.start, ent.end) for ent in doc.ents]),
        types=[ent.label_ for ent in doc.ents],
        pairs=to_ints2d([(entities[head], entities[tail]) for head, tail in rel]),
        labels=list(labels),
        scores=scores,
        decided=decided,
    )

"""Where relations are kept in a Doc: the only module that touches the storage.

One Doc holds one `RelationData` in `doc.user_data`: a dict of plain columns, so that it
survives `Doc.to_bytes`, `DocBin(store_user_data=True)`, `nlp.pipe(n_process=2)`,
pickling and copying. Its key is that of a custom attribute of a span, two characters:
`Span.as_doc` and `Doc.from_docs` keep such keys and shift both numbers along with the
text. The first says how far it moved, the difference whose relations they are.
"""

from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

import numpy
from spacy.tokens import Doc

from .checks import check_cells, check_items
from .data import RelationData, to_ints2d
from .follow import (
    fingerprint_relations,
    fingerprint_tokens,
    follow_text,
    get_chars,
    warn_of_lost,
)

# the keys of relations in doc.user_data begin so
USER_DATA_PREFIX = ("._.", "rel_component")
# up to 0.1: columns without the text that they were set on
UNANCHORED_KEY = "rel_component"
# where the tutorial's `Doc.set_extension("rel", default={})` keeps its dict
LEGACY_KEY: Any = ("._.", "rel", None, None)
# of a Doc: a dict of file, line, index, id, group
SOURCE_KEY = "rel_component_source"

COLUMNS = ("spans", "types", "pairs", "labels", "scores", "decided", "complete")
UNKNOWN = (
    "an earlier version stored them, and their entities are not entities of the "
    "document. Read doc._.relations once before its tokens are merged, split or cut."
)
ANCHOR = ("text", "chars", "tokens")


class DraftRel(dict):
    """`doc._.rel` of a Doc without scores, to be filled in place as in the tutorial.

    tokens (int): fingerprint of the tokens that its keys count.
    """

    tokens: int = 0


def get_relation_data(doc: Doc) -> Optional[RelationData]:
    """The stored columns of a Doc, on the tokens that it has now.

    A dict in the tutorial's form (start offsets of `doc.ents`) is read as it is.

    doc (Doc): the document.
    RETURNS (Optional[RelationData]): None if the Doc has no relations annotated.
    RAISES (ValueError): if a tutorial dict names a token where no entity starts, or was
        filled before the tokens changed.
    """
    data = read_columns(doc)
    if data is None:
        legacy = doc.user_data.get(LEGACY_KEY)
        if legacy:
            # as columns from now on: only they survive to_bytes and n_process
            read = from_items if isinstance(legacy, list) else from_rel
            data = set_relation_data(doc, read(doc, legacy))
    return data


def set_relation_data(doc: Doc, data: RelationData) -> RelationData:
    """Store columns in a Doc, in place of whatever relations it had.

    doc (Doc): the document.
    data (RelationData): on the tokens of the Doc.
    RETURNS (RelationData): what is stored.
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
    """Take all relations and scores from a Doc, also those in the tutorial's form."""
    for key in (*_find_keys(doc), UNANCHORED_KEY, LEGACY_KEY):
        doc.user_data.pop(key, None)


def read_columns(doc: Doc) -> Optional[RelationData]:
    """RETURNS (Optional[RelationData]): as `get_relation_data`, but None for a dict in
    the tutorial's form."""
    keys = _find_keys(doc)
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


def _find_keys(doc: Doc) -> List[Any]:
    """The keys of the storage, in the order of the text; of a Doc joined from several,
    one for each of them."""
    return [
        key
        for key in doc.user_data
        if isinstance(key, tuple) and len(key) == 4 and key[:2] == USER_DATA_PREFIX
    ]


def _drop_unknown(doc: Doc, data: RelationData) -> RelationData:
    """Relations without the text that they were set on: only the entities of the Doc
    show whether its tokens are still the same."""
    groups = [doc.ents, *doc.spans.values()]
    known = {(s.start, s.end, s.label_) for group in groups for s in group}
    is_known = numpy.asarray(
        [key in known if known else key[1] <= len(doc) for key in data.entities], bool
    )
    found = data.keep_entities(is_known)
    n_lost = len(data.decided) - len(found.decided)
    warn_of_lost(n_lost, UNKNOWN)
    return found.replace(complete=data.complete and not n_lost)


def _build(data: Mapping[str, Any]) -> RelationData:
    # columns of a later version are passed over
    return RelationData(**{name: data[name] for name in (*COLUMNS, *ANCHOR)})


def from_items(doc: Doc, items: Sequence[Any]) -> RelationData:
    """Columns from what the REL task of spacy-llm finds.

    doc (Doc): the document, with `doc.ents` set.
    items (Sequence[RelationItem]): each with the numbers of two entities in `doc.ents`,
        `dep` and `dest`, and the label `relation`.
    RETURNS (RelationData): with a score of 1 each; the others are not scored.
    RAISES (ValueError): if an item is none, or there is no such entity.
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
    """Columns from the tutorial's view.

    doc (Doc): the document, with `doc.ents` set.
    rel (Dict[Tuple[int, int], Dict[str, float]]): scores by token starts.
    RETURNS (RelationData): scores from 0.5 on are relations.
    RAISES (ValueError): if the view does not fit the Doc, or a score is not in [0, 1].
    """
    if isinstance(rel, DraftRel) and rel.tokens != fingerprint_tokens(doc):
        raise ValueError(
            f"doc._.rel of the document beginning {doc.text[:40]!r} was filled before "
            f"its tokens were merged or split, so its keys name other tokens now. Read "
            f"doc._.relations once before the tokens change."
        )
    check_cells(rel)
    entities = {ent.start: i for i, ent in enumerate(doc.ents)}
    missing = sorted({start for key in rel for start in key} - set(entities))
    if missing:
        raise ValueError(
            f"doc._.rel of the document beginning {doc.text[:40]!r} names token(s) "
            f"{missing[:5]}, but no entity of doc.ents starts there (entities start "
            f"at {sorted(entities)[:10]}). Set doc.ents before doc._.rel, or write "
            f"the relations as doc._.relations, which holds whole spans."
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

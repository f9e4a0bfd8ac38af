"""Relations follow their text: what happens when the tokens of a Doc changed.

Tokens are merged and split by `Doc.retokenize`, and move with `Span.as_doc` and
`Doc.from_docs`. spaCy leaves user data alone then, but for keys that begin with "._."
and hold character offsets: those it shifts. So the key of the storage says how far the
text moved, and the columns hold the characters of each entity.
"""

import warnings
from typing import NamedTuple, Sequence, Tuple
from zlib import crc32

import numpy
from spacy.attrs import IDX, LENGTH, ORTH
from spacy.tokens import Doc

from .data import RelationData, to_ints2d
from .join import join_relations

MERGED = (
    "its tokens changed after they were set, and one of their entities now begins or "
    "ends inside a token. Merge and split tokens (merge_entities, merge_noun_chunks, "
    "Doc.retokenize) before relations are set or predicted."
)
CUT = "it holds a part of the text only, and one of their two entities lies outside."
REWRITTEN = "its text is not the text that they were set on."


class Losses(NamedTuple):
    """Relations decided on that can't follow the text, by the reason.

    merged (int): an entity's border falls inside a token.
    cut (int): one entity is not in this part of the text, the other is.
    rewritten (int): the text is another one.
    """

    merged: int = 0
    cut: int = 0
    rewritten: int = 0


def fingerprint_tokens(doc: Doc) -> int:
    """RETURNS (int): differs wherever the tokens of two Docs differ."""
    return crc32(doc.to_array(ORTH).tobytes())


def fingerprint_relations(data: RelationData) -> int:
    """RETURNS (int): differs wherever the text or the relations decided on differ."""
    code = crc32("\n".join([data["text"], *data.types, *data.labels]).encode("utf8"))
    for column in (data.spans, data.pairs[data.decided[:, 0]], data.decided):
        code = crc32(numpy.ascontiguousarray(column).tobytes(), code)
    return code


def get_chars(doc: Doc, spans: numpy.ndarray) -> numpy.ndarray:
    """Spans by characters.

    doc (Doc): the document.
    spans (Ints2d): (n, 2), token start and exclusive end.
    RETURNS (Ints2d): (n, 2), int32, character start and exclusive end.
    """
    if not len(spans):
        return to_ints2d([])
    begins, ends = get_borders(doc)
    chars = numpy.stack([begins[spans[:, 0]], ends[spans[:, 1] - 1]], axis=1)
    return chars.astype("int32")


def follow_text(doc: Doc, parts: Sequence[Tuple[int, RelationData]]) -> RelationData:
    """Bring relations that were set on other tokens, or on other Docs, to a Doc's own
    tokens, with a warning about those that can't follow.

    doc (Doc): the document.
    parts (Sequence[Tuple[int, RelationData]]): how many characters further on than in
        the Doc that they were set on the text now stands, and the relations.
    RETURNS (RelationData): on the tokens of the Doc. A relation whose entity no longer
        begins and ends with a token makes the annotation incomplete.
    """
    text = doc.text
    moved = [_move(doc, text, shift, data) for shift, data in parts]
    total = [sum(counts) for counts in zip(*(losses for _, losses in moved))]
    for n, reason in zip(total, (MERGED, CUT, REWRITTEN)):
        warn_of_lost(n, reason)
    return join_relations([data for data, _ in moved])


def warn_of_lost(n: int, reason: str) -> None:
    """Say how many relations of a Doc can't be shown, if any, and why."""
    if n:
        lost = "1 relation was" if n == 1 else f"{n} relations were"
        warnings.warn(f"{lost} left out of a document: {reason}", stacklevel=4)


def _move(
    doc: Doc, text: str, shift: int, data: RelationData
) -> Tuple[RelationData, Losses]:
    chars = data["chars"].astype("int64")
    changes, is_part = _count_changes(data["text"], text, shift)
    is_kept = changes[chars[:, 0]] == changes[chars[:, 1]]
    spans = _find_tokens(doc, chars + shift)
    is_whole = is_kept & (spans[:, 0] >= 0)
    heads, tails = data.pairs.T
    # the text between the two is the same too: they belong to one document
    first = numpy.minimum(chars[heads, 0], chars[tails, 0])
    last = numpy.maximum(chars[heads, 1], chars[tails, 1])
    is_joined = changes[first] == changes[last]
    keep = is_whole[heads] & is_whole[tails] & is_joined
    lost = data.decided[:, 0][~keep[data.decided[:, 0]]]
    losses = _count_losses(is_kept[data.pairs[lost]], is_joined[lost], is_part)
    found = data.select(keep).keep_entities(is_whole)
    is_complete = data.complete and not losses.merged and not losses.rewritten
    spans = spans[is_whole].astype("int32")
    return found.replace(spans=spans, complete=is_complete), losses


def _count_losses(
    has_text: numpy.ndarray, is_joined: numpy.ndarray, is_part: bool
) -> Losses:
    """Why relations can't follow.

    has_text (Bools2d): (n, 2), whether the text of head and tail is still there.
    is_joined (Bools1d): (n,), whether also the text between them is.
    is_part (bool): whether the Doc holds a part of their text, or all, or more.
    """
    merged = int(is_joined.sum())
    if not is_part:
        return Losses(merged=merged, rewritten=len(is_joined) - merged)
    # with both outside of a part the relation is no relation of the part
    return Losses(merged=merged, cut=int((has_text.sum(axis=1) == 1).sum()))


def _count_changes(old: str, new: str, shift: int) -> Tuple[numpy.ndarray, bool]:
    """Compare a text with what now stands in its place.

    RETURNS (Tuple[Ints1d, bool]): (len(old) + 1,), how many characters before each one
        are changed or gone; and whether none of those left is changed.
    """
    is_changed = numpy.ones(len(old), dtype="int64")
    start, end = max(0, -shift), min(len(old), len(new) - shift)
    if start < end:
        left = _to_codes(old[start:end]) != _to_codes(new[start + shift : end + shift])
        is_changed[start:end] = left
    changes = numpy.concatenate(([0], numpy.cumsum(is_changed)))
    return changes, not is_changed[start:end].any()


def _to_codes(text: str) -> numpy.ndarray:
    return numpy.frombuffer(text.encode("utf-32-le"), dtype="uint32")


def _find_tokens(doc: Doc, chars: numpy.ndarray) -> numpy.ndarray:
    """RETURNS (Ints2d): (n, 2), token start and exclusive end of stretches of
    characters; (-1, -1) where a border falls inside a token or outside of the Doc."""
    if not len(doc):
        return numpy.full(chars.shape, -1)
    begins, ends = get_borders(doc)
    first = numpy.searchsorted(begins, chars[:, 0])
    last = numpy.searchsorted(ends, chars[:, 1])
    top = len(doc) - 1
    is_found = begins[numpy.minimum(first, top)] == chars[:, 0]
    is_found &= ends[numpy.minimum(last, top)] == chars[:, 1]
    is_found &= first <= last
    spans = numpy.stack([first, last + 1], axis=1)
    return numpy.where(is_found[:, None], spans, -1)


def get_borders(doc: Doc) -> Tuple[numpy.ndarray, numpy.ndarray]:
    """RETURNS (Tuple[Ints1d, Ints1d]): of each token, the first character and the one
    after the last."""
    tokens = doc.to_array([IDX, LENGTH]).astype("int64")
    return tokens[:, 0], tokens.sum(axis=1)

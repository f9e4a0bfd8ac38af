"""Update relations after the tokens of a Doc have changed.

Tokens are merged and split by `Doc.retokenize`, and move with `Span.as_doc` and
`Doc.from_docs`. spaCy doesn't change user data then, except for keys that start
with "._." and contain character offsets, which it shifts. So the storage key contains
the offset of the text, and the columns contain the characters of each entity.
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
    "its tokens have changed, and one of their entities now starts or ends inside a "
    "token. Merge and split tokens (merge_entities, merge_noun_chunks, "
    "Doc.retokenize) before setting or predicting relations."
)
CUT = "it only contains a part of the text, without one of their entities."
REWRITTEN = "its text has changed since they were set."


class Losses(NamedTuple):
    """Number of lost relations, by reason.

    merged (int): an entity's boundary is inside a token.
    cut (int): one of the entities is not in this part of the text.
    rewritten (int): the text has changed.
    """

    merged: int = 0
    cut: int = 0
    rewritten: int = 0


def fingerprint_tokens(doc: Doc) -> int:
    """RETURNS (int): a hash of a Doc's tokens."""
    return crc32(doc.to_array(ORTH).tobytes())


def fingerprint_relations(data: RelationData) -> int:
    """RETURNS (int): a hash of the text and the relations."""
    code = crc32("\n".join([data["text"], *data.types, *data.labels]).encode("utf8"))
    for column in (data.spans, data.pairs[data.decided[:, 0]], data.decided):
        code = crc32(numpy.ascontiguousarray(column).tobytes(), code)
    return code


def get_chars(doc: Doc, spans: numpy.ndarray) -> numpy.ndarray:
    """Convert spans from tokens to characters.

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
    """Align relations of other tokens or Docs with a Doc's tokens, and warn about lost
    ones.

    doc (Doc): the document.
    parts (Sequence[Tuple[int, RelationData]]): offset in characters of the text in the
        Doc, and the relations.
    RETURNS (RelationData): the aligned relations. The annotation becomes incomplete if
        the entity of a relation isn't aligned.
    """
    text = doc.text
    moved = [_move(doc, text, shift, data) for shift, data in parts]
    total = [sum(counts) for counts in zip(*(losses for _, losses in moved))]
    for n, reason in zip(total, (MERGED, CUT, REWRITTEN)):
        warn_of_lost(n, reason)
    return join_relations([data for data, _ in moved])


def warn_of_lost(n: int, reason: str) -> None:
    """Warn about lost relations, if any."""
    if n:
        lost = "1 relation was" if n == 1 else f"{n} relations were"
        warnings.warn(f"{lost} lost in a document: {reason}", stacklevel=4)


def _move(
    doc: Doc, text: str, shift: int, data: RelationData
) -> Tuple[RelationData, Losses]:
    chars = data["chars"].astype("int64")
    changes, is_part = _count_changes(data["text"], text, shift)
    is_kept = changes[chars[:, 0]] == changes[chars[:, 1]]
    spans = _find_tokens(doc, chars + shift)
    is_whole = is_kept & (spans[:, 0] >= 0)
    heads, tails = data.pairs.T
    # the text in between is also the same: they belong to one document
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
    """Count lost relations by reason.

    has_text (Bools2d): (n, 2), whether the text of head and tail still exists.
    is_joined (Bools1d): (n,), whether the text in between still exists.
    is_part (bool): whether the Doc only contains a part of their text.
    """
    merged = int(is_joined.sum())
    if not is_part:
        return Losses(merged=merged, rewritten=len(is_joined) - merged)
    # a relation with both entities outside of the part doesn't belong to it
    return Losses(merged=merged, cut=int((has_text.sum(axis=1) == 1).sum()))


def _count_changes(old: str, new: str, shift: int) -> Tuple[numpy.ndarray, bool]:
    """Compare an old text with the current one.

    RETURNS (Tuple[Ints1d, bool]): (len(old) + 1,), number of changed or missing
        characters before each one; and whether the remaining ones are unchanged.
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
    """RETURNS (Ints2d): (n, 2), token start and exclusive end of character
    spans; (-1, -1) for misaligned ones."""
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

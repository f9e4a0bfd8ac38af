"""Split texts into word pieces for LUKE, and create its inputs.

Like in LUKE's tokenizers, texts are split at the boundaries of entities first.
Source: Yamada et al. (2020), LUKE: Deep Contextualized Entity Representations with
Entity-aware Self-attention; Ri et al. (2022), mLUKE.
"""

from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy

Slice = Tuple[int, int]


@dataclass
class Pieces:
    """A text as word pieces, without special ones.

    ids (Ints1d): (n_pieces,).
    spans (Ints2d): (n_entities, 2), first and exclusive last piece of each entity.
    """

    ids: numpy.ndarray
    spans: numpy.ndarray


@dataclass
class Input:
    """The input of one pass.

    ids (Ints1d): (n_pieces,), including special ones.
    spans (Ints2d): (n_entities, 2), positions of the entities.
    entity_ids (Ints1d): (n_entities,), rows of the entity vocabulary.
    """

    ids: numpy.ndarray
    spans: numpy.ndarray
    entity_ids: numpy.ndarray


class PieceReader:
    """Splits texts into word pieces, with a cache for equal parts.

    tokenizer (LukeTokenizer): LUKE's or mLUKE's.
    """

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        self.known: Dict[str, List[int]] = {}

    def __call__(self, text: str, spans: Sequence[Tuple[int, int]]) -> Pieces:
        """Split a text.

        text (str): the text.
        spans (Sequence[Tuple[int, int]]): characters of its entities.
        RETURNS (Pieces): pieces aligned with the entities.
        """
        ids: List[int] = []
        place: Dict[int, int] = {}
        done = 0
        for border in sorted({end for span in spans for end in span}):
            # whitespace belongs to the following piece
            is_after_blank = border > 0 and text[border - 1] == " "
            stop = border - 1 if is_after_blank else border
            if stop > done:
                ids += self._split(text[done:stop])
                done = stop
            place[border] = len(ids)
        ids += self._split(text[done:])
        places = [(place[start], place[end]) for start, end in spans]
        return Pieces(
            numpy.asarray(ids, dtype="int64"),
            numpy.asarray(places, dtype="int64").reshape(-1, 2),
        )

    def _split(self, text: str) -> List[int]:
        if text not in self.known:
            pieces = self.tokenizer.tokenize(text) if text else []
            self.known[text] = self.tokenizer.convert_tokens_to_ids(pieces)
        return self.known[text]


def select_pieces(pieces: Pieces, slices: Sequence[Slice]) -> Pieces:
    """Concatenate slices of a text.

    pieces (Pieces): the text.
    slices (Sequence[Tuple[int, int]]): sorted and disjoint slices that contain the
        ends of each entity.
    RETURNS (Pieces): the pieces, with updated positions of entities.
    """
    if list(slices) == [(0, len(pieces.ids))]:
        return pieces
    borders = numpy.asarray(slices, dtype="int64").reshape(-1, 2)
    lengths = borders[:, 1] - borders[:, 0]
    offsets = numpy.cumsum(lengths) - lengths
    number = numpy.searchsorted(borders[:, 0], pieces.spans, side="right") - 1
    number = numpy.maximum(number, 0)
    inside = numpy.minimum(pieces.spans - borders[number, 0], lengths[number])
    return Pieces(
        numpy.concatenate([pieces.ids[start:end] for start, end in slices]),
        offsets[number] + inside,
    )


def make_input(
    tokenizer: Any, pieces: Pieces, markers: Optional[Sequence[int]] = None
) -> Input:
    """Create LUKE's input from a text and its entities.

    tokenizer (LukeTokenizer): LUKE's or mLUKE's.
    pieces (Pieces): the text; with markers, head and tail are its entities.
    markers (Optional[Sequence[int]]): pieces to insert on both sides of head and tail.
    RETURNS (Input): the input, with `[MASK]` as entity ids, or `[MASK]` and `[MASK2]`
        if there are markers.
    """
    entity_ids = [tokenizer.entity_mask_token_id] * len(pieces.spans)
    if markers is not None:
        pieces = add_markers(pieces, markers)
        entity_ids = [tokenizer.entity_mask_token_id, tokenizer.entity_mask2_token_id]
    first, last = [tokenizer.cls_token_id], [tokenizer.sep_token_id]
    return Input(
        numpy.concatenate([first, pieces.ids, last]),
        pieces.spans + 1,
        numpy.asarray(entity_ids, dtype="int64"),
    )


def add_markers(pieces: Pieces, markers: Sequence[int]) -> Pieces:
    """Insert a piece before and after each entity, as part of the entity.

    Same as transformers' tokenizers, except for overlapping entities, for which those
    misplace markers.

    pieces (Pieces): the text.
    markers (Sequence[int]): one piece per entity.
    RETURNS (Pieces): the text with markers.
    """
    events = []
    for i, (start, end) in enumerate(pieces.spans.tolist()):
        # order at the same position: ends, empty entities, starts; outer ones outside
        if start == end:
            events += [(start, 1, i, 0, 0, i), (end, 1, i, 0, 1, i)]
        else:
            events += [(start, 2, -end, i, 0, i), (end, 0, -start, -i, 1, i)]
    spans = numpy.zeros_like(pieces.spans)
    parts: List[Any] = []
    done = 0
    for n_before, (at, _, _, _, is_end, i) in enumerate(sorted(events)):
        spans[i, is_end] = at + n_before + is_end
        parts += [pieces.ids[done:at], [markers[i]]]
        done = at
    parts.append(pieces.ids[done:])
    return Pieces(numpy.concatenate(parts).astype("int64"), spans)

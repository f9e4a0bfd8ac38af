"""Pack texts with the markers of their pairs into passes through a transformer.

Markers are levitated: in addition to the text's word pieces, each pair has four
markers, with the positions of the starts and ends of its entities. They attend to the
text and to each other, but the text doesn't attend to them. So a text is encoded once
for all pairs packed with it, and packing has no effect on the result.

Source: Zhong and Chen (2021), A Frustratingly Easy Approach for Entity and Relation
Extraction, section 3.3; Ye et al. (2022), Packed Levitated Marker for Entity and
Relation Extraction.
"""

from dataclasses import dataclass
from typing import Any, Iterator, List, Sequence, Tuple

import numpy
from spacy.tokens import Doc

from ...relations.follow import get_chars
from ..candidates import Candidates
from ..transformer.checkpoint import CheckpointError
from .windows import N_SPECIAL, Pieces, get_positions, get_rows, place_pairs

# head and tail, start and end of each
N_MARKERS = 4


@dataclass
class Window:
    """Word pieces and the markers of pairs.

    ids, positions (Ints1d): (n_pieces,), including [CLS] and [SEP].
    markers, marker_positions (Ints2d): (n_pairs, 4), kinds and positions of markers.
    spans (Ints3d): (n_pairs, 2, 2), first and last piece of head and tail, as rows of
        the window.
    pairs (Ints1d): (n_pairs,), index of each pair in the batch.
    """

    ids: numpy.ndarray
    positions: numpy.ndarray
    markers: numpy.ndarray
    marker_positions: numpy.ndarray
    spans: numpy.ndarray
    pairs: numpy.ndarray


@dataclass
class Pass:
    """Windows to encode in one pass.

    Their pieces are concatenated without padding; only attention uses padding.

    windows (List[Window]): windows of similar length.
    ids, positions (Ints1d): (n_pieces,), concatenated.
    slots (Ints1d): (n_pieces,), padded position of each piece.
    length (int): length of the longest window.
    markers, marker_positions (Ints1d): (4 × n_pairs,).
    marker_slots (Ints1d): (4 × n_pairs,), padded position of each marker.
    n_markers (int): maximum number of markers per window.
    span_pieces (Ints1d): the pieces of consecutive entities, as rows of `ids`.
    span_lengths (Ints1d): (n_entities,), number of pieces per entity.
    pair_spans (Ints1d): (2 × n_pairs,), entities of heads and tails.
    """

    windows: List[Window]

    def __post_init__(self) -> None:
        lengths = [len(window.ids) for window in self.windows]
        counts = [window.markers.size for window in self.windows]
        self.length, self.n_markers = max(lengths), max(counts)
        self.slots = _get_slots(lengths)
        self.marker_slots = _get_slots(counts)
        join = numpy.concatenate
        self.ids = join([window.ids for window in self.windows])
        self.positions = join([window.positions for window in self.windows])
        self.markers = join([window.markers.ravel() for window in self.windows])
        self.marker_positions = join(
            [window.marker_positions.ravel() for window in self.windows]
        )
        starts = numpy.cumsum(lengths) - lengths
        spans = join([w.spans.reshape(-1, 2) + s for w, s in zip(self.windows, starts)])
        spans, number = numpy.unique(spans, axis=0, return_inverse=True)
        self.pair_spans = number.reshape(-1)
        self.span_lengths = spans[:, 1] - spans[:, 0] + 1
        first = numpy.cumsum(self.span_lengths) - self.span_lengths
        self.span_pieces = numpy.arange(self.span_lengths.sum()) + numpy.repeat(
            spans[:, 0] - first, self.span_lengths
        )


def _get_slots(lengths: Sequence[int]) -> numpy.ndarray:
    longest = max(lengths)
    return numpy.concatenate(
        [i * longest + numpy.arange(length) for i, length in enumerate(lengths)]
    )


@dataclass
class Packing:
    """Settings for splitting texts, see `create_marker_model`.

    window, stride, max_batch_pieces (int): in word pieces.
    n_positions (int): number of positions of the transformer.
    RAISES (CheckpointError): if windows are too long, or leave gaps.
    """

    window: int
    stride: int
    max_batch_pieces: int
    n_positions: int

    def __post_init__(self) -> None:
        limit = self.n_positions - N_SPECIAL
        if not 2 <= self.window <= limit:
            raise CheckpointError(
                f"window is {self.window}; expected 2 to {limit} word pieces, the "
                "transformer's limit without [CLS] and [SEP]."
            )
        if not 1 <= self.stride <= self.window:
            raise CheckpointError(
                f"stride is {self.stride}; expected 1 to {self.window}, the length of "
                f"a window."
            )


def pack(
    docs: Sequence[Doc],
    candidates: Candidates,
    pairs: numpy.ndarray,
    markers: numpy.ndarray,
    tokenizer: Any,
    packing: Packing,
) -> List[Pass]:
    """Pack the pairs of a batch into passes.

    docs (Sequence[Doc]): the batch.
    candidates (Candidates): its entities.
    pairs (Ints2d): (n_pairs, 2), rows of entities, grouped by Doc.
    markers (Ints2d): (n_pairs, 4), kind of each pair's markers.
    tokenizer (PreTrainedTokenizerFast): the transformer's tokenizer.
    packing (Packing): the settings.
    RETURNS (List[Pass]): passes that contain each pair once.
    """
    windows = _get_windows(docs, candidates, pairs, markers, tokenizer, packing)
    parts = [
        part for window in windows for part in _split(window, packing.max_batch_pieces)
    ]
    parts.sort(key=lambda window: len(window.ids) + window.markers.size)
    return [Pass(group) for group in _group(parts, packing.max_batch_pieces)]


def _get_windows(
    docs: Sequence[Doc],
    candidates: Candidates,
    pairs: numpy.ndarray,
    markers: numpy.ndarray,
    tokenizer: Any,
    packing: Packing,
) -> Iterator[Window]:
    entities = candidates.entities
    numbers = entities.docs[pairs[:, 0]]
    used = numpy.unique(numbers)
    borders = numpy.searchsorted(numbers, numpy.append(used, len(docs)))
    texts = tokenize(tokenizer, [docs[i].text for i in used.tolist()])
    for i, pieces, start, end in zip(used.tolist(), texts, borders, borders[1:]):
        rows = slice(int(entities.offsets[i]), int(entities.offsets[i + 1]))
        spans = pieces.locate(get_chars(docs[i], entities.spans[rows]))
        ends = spans[pairs[start:end] - rows.start]
        yield from _place(
            pieces,
            ends,
            markers[start:end],
            numpy.arange(start, end),
            (tokenizer.cls_token_id, tokenizer.sep_token_id),
            packing,
        )


def tokenize(tokenizer: Any, texts: List[str]) -> List[Pieces]:
    """RETURNS (List[Pieces]): the word pieces of each text, without special pieces."""
    if not texts:
        return []
    found = tokenizer(
        texts,
        add_special_tokens=False,
        return_attention_mask=False,
        return_offsets_mapping=True,
        verbose=False,
    )
    return [
        Pieces(
            numpy.asarray(ids, dtype="int64"),
            *numpy.asarray(offsets, dtype="int64").reshape(-1, 2).T,
        )
        for ids, offsets in zip(found["input_ids"], found["offset_mapping"])
    ]


def _place(
    pieces: Pieces,
    ends: numpy.ndarray,
    markers: numpy.ndarray,
    numbers: numpy.ndarray,
    special: Tuple[int, int],
    packing: Packing,
) -> Iterator[Window]:
    """Create the windows of one text.

    ends (Ints3d): (n_pairs, 2, 2), start and end of head and tail in pieces.
    """
    placed = place_pairs(
        ends[:, 0], ends[:, 1], len(pieces), packing.window, packing.stride
    )
    # markers have the positions of the first and last piece
    at = (ends - (0, 1)).reshape(-1)
    runs_of_all = placed.runs.repeat(N_MARKERS, axis=0)
    is_second_of_all = placed.is_second.repeat(2, axis=1).reshape(-1)
    positions = get_positions(
        runs_of_all, at, is_second_of_all, packing.n_positions
    ).reshape(-1, N_MARKERS)
    spans = get_rows(runs_of_all, at, is_second_of_all).reshape(-1, 2, 2)
    for runs, rows in _find_groups(placed.runs):
        runs = runs[None]
        parts = [numpy.arange(*runs[0, :2]), numpy.arange(*runs[0, 2:])]
        inside = numpy.concatenate(parts)
        is_second = numpy.arange(len(inside)) >= len(parts[0])
        inner = get_positions(
            runs.repeat(len(inside), axis=0), inside, is_second, packing.n_positions
        )
        last = inner[-1] + 1 if len(inner) else 1
        yield Window(
            ids=numpy.concatenate([special[:1], pieces.ids[inside], special[1:]]),
            positions=numpy.concatenate([[0], inner, [last]]),
            markers=markers[rows],
            marker_positions=positions[rows],
            spans=spans[rows],
            pairs=numbers[rows],
        )


def _find_groups(runs: numpy.ndarray) -> List[Tuple[numpy.ndarray, numpy.ndarray]]:
    """RETURNS (List[Tuple[Ints1d, Ints1d]]): distinct rows, and the indices of each."""
    if (runs == runs[0]).all():
        return [(runs[0], numpy.arange(len(runs)))]
    different, number = numpy.unique(runs, axis=0, return_inverse=True)
    order = numpy.argsort(number, kind="stable")
    borders = numpy.searchsorted(number[order], numpy.arange(1, len(different)))
    return list(zip(different, numpy.split(order, borders)))


def _split(window: Window, limit: int) -> Iterator[Window]:
    """Split a window's pairs to fit into passes."""
    size = max((limit - len(window.ids)) // N_MARKERS, 1)
    for start in range(0, len(window.pairs), size):
        rows = slice(start, start + size)
        yield Window(
            window.ids,
            window.positions,
            window.markers[rows],
            window.marker_positions[rows],
            window.spans[rows],
            window.pairs[rows],
        )


def _group(windows: List[Window], limit: int) -> Iterator[List[Window]]:
    group: List[Window] = []
    length = n_markers = 0
    for window in windows:
        longest = max(length, len(window.ids))
        most = max(n_markers, window.markers.size)
        if group and (len(group) + 1) * (longest + most) > limit:
            yield group
            group, longest, most = [], len(window.ids), window.markers.size
        group.append(window)
        length, n_markers = longest, most
    if group:
        yield group

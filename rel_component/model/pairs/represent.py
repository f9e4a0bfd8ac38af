"""Represent entities by their own vectors and those of their context."""

from typing import Callable, List, Optional, Tuple

import numpy
from thinc.api import Model, Ops
from thinc.types import Floats2d, Ints1d

from ..arrays import to_ints1d
from ..candidates import Candidates
from ..entity_vectors import locate_tokens, pool_entities
from .dropout import Dropout, Gradient
from .layers import mean_windows, sum_prefixes


def represent_entities(
    model: Model,
    tokens: Floats2d,
    wholes: Optional[Floats2d],
    offsets: numpy.ndarray,
    candidates: Candidates,
    drop: Dropout,
    is_train: bool,
) -> Tuple[Floats2d, Callable[[Floats2d], Tuple[Floats2d, Optional[Floats2d]]]]:
    """Concatenate the vectors of entities with those of their context."""
    ops = model.ops
    parts: List[Floats2d] = []
    callbacks: List[Gradient] = []
    if model.attrs["use_vectors"]:
        rows, lengths = locate_tokens(ops, candidates.entities, offsets)
        pooling = model.get_ref("pooling")
        pooled, bp_pooled = pool_entities(tokens, rows, lengths, pooling, is_train)
        parts.append(pooled)
        callbacks.append(bp_pooled)
    windows = _get_windows(model, offsets, candidates)
    if windows:
        sums, bp_sums = sum_prefixes(ops, tokens, offsets)
        for starts, ends in windows:
            mean, bp_mean = mean_windows(ops, sums, starts, ends)
            parts.append(mean)
            callbacks.append(_chain_window(ops, sums, bp_mean, bp_sums))
    if not parts:
        parts.append(ops.alloc2f(len(candidates.entities), 1))
        callbacks.append(lambda d_part: ops.alloc2f(*tokens.shape))
    number = to_ints1d(ops, candidates.entities.docs)
    if wholes is not None:
        parts.append(wholes[number])
    X = ops.xp.hstack(parts) if len(parts) > 1 else parts[0]
    X, bp_drop = drop.drop_rows(X, candidates.entities.docs)
    borders = numpy.cumsum([0, *(part.shape[1] for part in parts)]).tolist()

    def backprop(dX: Floats2d) -> Tuple[Floats2d, Optional[Floats2d]]:
        dX = bp_drop(dX)
        d_tokens = ops.alloc2f(*tokens.shape)
        for callback, start, end in zip(callbacks, borders, borders[1:]):
            d_tokens += callback(ops.as_contig(dX[:, start:end]))
        if wholes is None:
            return d_tokens, None
        d_wholes = ops.alloc2f(*wholes.shape)
        ops.scatter_add(d_wholes, number, ops.as_contig(dX[:, borders[-2] :]))
        return d_tokens, d_wholes

    return X, backprop


def _chain_window(
    ops: Ops,
    sums: Floats2d,
    bp_mean: Callable[[Floats2d, Floats2d], None],
    bp_sums: Gradient,
) -> Gradient:
    def backprop(d_mean: Floats2d) -> Floats2d:
        d_sums = ops.alloc2f(*sums.shape)
        bp_mean(d_mean, d_sums)
        return bp_sums(d_sums)

    return backprop


def _get_windows(
    model: Model, offsets: numpy.ndarray, candidates: Candidates
) -> List[Tuple[Ints1d, Ints1d]]:
    """Get the context windows of each entity, as rows of running sums."""
    entities, around = candidates.entities, model.attrs["context_around"]
    first = (offsets[entities.docs] + entities.docs).astype("int32")
    last = (offsets[entities.docs + 1] + entities.docs).astype("int32")
    start, end = first + entities.spans[:, 0], first + entities.spans[:, 1]
    windows = []
    if around:
        windows.append((numpy.maximum(first, start - around), start))
        windows.append((end, numpy.minimum(last, end + around)))
    if model.attrs["context_doc"]:
        windows.append((first, last))
    ops = model.ops
    return [(to_ints1d(ops, a), to_ints1d(ops, b)) for a, b in windows]

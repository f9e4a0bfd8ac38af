"""One vector for each entity: the tokens of its span, pooled."""

from typing import Callable, List, Optional, Tuple

import numpy
from spacy.tokens import Doc
from thinc.api import Model, Ops
from thinc.types import Floats2d, Ints1d, Ragged

from .arrays import to_ints1d
from .candidates import Candidates, Entities

Inputs = Tuple[List[Doc], Candidates]


def pool_entities(
    tokens: Floats2d,
    rows: Ints1d,
    lengths: Ints1d,
    pooling: Model[Ragged, Floats2d],
    is_train: bool,
) -> Tuple[Floats2d, Callable[[Floats2d], Floats2d]]:
    """Pool the tokens of each entity.

    tokens (Floats2d): (n_tokens, width), the token vectors of the batch.
    rows (Ints1d): (sum of lengths,), int32, the entities' tokens as rows of `tokens`.
    lengths (Ints1d): (n_entities,), int32, number of tokens of each entity, > 0.
    pooling (Model[Ragged, Floats2d]): reduces each entity to one row.
    RETURNS (Tuple[Floats2d, Callable]): (n_entities, pooled width) and the function
        from its gradient to that of `tokens`.
    """
    ops = pooling.ops
    if not len(lengths):
        return _no_entities(tokens, pooling)
    vectors, bp_pooling = pooling(Ragged(tokens[rows], lengths), is_train)

    def backprop(d_vectors: Floats2d) -> Floats2d:
        d_gathered = bp_pooling(d_vectors).dataXd
        d_tokens = ops.alloc2f(*tokens.shape)
        # overlapping entities share tokens: their gradients add up
        ops.scatter_add(d_tokens, rows, ops.as_contig(d_gathered))
        return d_tokens

    return vectors, backprop


def _no_entities(
    tokens: Floats2d, pooling: Model[Ragged, Floats2d]
) -> Tuple[Floats2d, Callable[[Floats2d], Floats2d]]:
    probe = Ragged(pooling.ops.alloc2f(1, tokens.shape[1]), pooling.ops.asarray1i([1]))
    width = pooling.predict(probe).shape[1]

    def backprop(d_vectors: Floats2d) -> Floats2d:
        return pooling.ops.alloc2f(*tokens.shape)

    return pooling.ops.alloc2f(0, width), backprop


def get_token_rows(
    entities: Entities, token_offsets: numpy.ndarray
) -> Tuple[numpy.ndarray, numpy.ndarray]:
    """Get the rows of the entities' tokens among all tokens of the batch.

    entities (Entities): the entities of the batch.
    token_offsets (Ints1d): (n_docs + 1,), first token of each Doc.
    RETURNS (Tuple[Ints1d, Ints1d]): int32 rows of consecutive entities, and int32
        lengths of the entities.
    """
    lengths = entities.spans[:, 1] - entities.spans[:, 0]
    firsts = token_offsets[entities.docs] + entities.spans[:, 0]
    before = numpy.cumsum(lengths) - lengths
    rows = numpy.arange(lengths.sum()) + numpy.repeat(firsts - before, lengths)
    return rows.astype("int32"), lengths.astype("int32")


def locate_tokens(
    ops: Ops, entities: Entities, token_offsets: numpy.ndarray
) -> Tuple[Ints1d, Ints1d]:
    """RETURNS (Tuple[Ints1d, Ints1d]): like `get_token_rows`, on the device."""
    rows, lengths = get_token_rows(entities, token_offsets)
    return to_ints1d(ops, rows), to_ints1d(ops, lengths)


def get_token_offsets(tokvecs: List[Floats2d]) -> numpy.ndarray:
    """RETURNS (Ints1d): (n_docs + 1,), int64, first token of each Doc."""
    return numpy.cumsum([0, *(len(vectors) for vectors in tokvecs)])


def flatten(
    model: Model, tokvecs: List[Floats2d]
) -> Tuple[Floats2d, Callable[[Floats2d], List[Floats2d]]]:
    """Concatenate the token vectors of a batch, with backprop."""
    offsets = get_token_offsets(tokvecs).tolist()
    # a transformer's listener gives empty Docs vectors of width 0
    filled = [vectors for vectors in tokvecs if len(vectors)] or tokvecs[:1]
    flat = filled[0] if len(filled) == 1 else model.ops.xp.concatenate(filled)

    def unflatten(d_flat: Floats2d) -> List[Floats2d]:
        rows = zip(tokvecs, offsets, offsets[1:])
        return [d_flat[i:j] if i < j else vectors for vectors, i, j in rows]

    return flat, unflatten


def EntityVectors(
    tok2vec: Model[List[Doc], List[Floats2d]], pooling: Model[Ragged, Floats2d]
) -> Model[Inputs, Floats2d]:
    """Vectors of the entities of a batch.

    tok2vec (Model[List[Doc], List[Floats2d]]): encodes the tokens.
    pooling (Model[Ragged, Floats2d]): reduces an entity's tokens to one row.
    RETURNS (Model[Tuple[List[Doc], Candidates], Floats2d]): (n_entities, width).
    """
    return Model(
        "instance_tensors",
        forward,
        layers=[tok2vec, pooling],
        refs={"tok2vec": tok2vec, "pooling": pooling},
        init=init,
    )


def forward(
    model: Model[Inputs, Floats2d], inputs: Inputs, is_train: bool
) -> Tuple[Floats2d, Callable[[Floats2d], Inputs]]:
    docs, candidates = inputs
    tokvecs, bp_tokvecs = model.get_ref("tok2vec")(docs, is_train)
    tokens, unflatten = flatten(model, tokvecs)
    offsets, pooling = get_token_offsets(tokvecs), model.get_ref("pooling")
    rows, lengths = locate_tokens(model.ops, candidates.entities, offsets)
    vectors, bp_pool = pool_entities(tokens, rows, lengths, pooling, is_train)

    def backprop(d_vectors: Floats2d) -> Inputs:
        return bp_tokvecs(unflatten(bp_pool(d_vectors))), candidates

    return vectors, backprop


def init(
    model: Model[Inputs, Floats2d],
    X: Optional[Inputs] = None,
    Y: Optional[Floats2d] = None,
) -> Model[Inputs, Floats2d]:
    if X is not None:
        docs, candidates = X
        tokvecs = model.get_ref("tok2vec").initialize(X=docs).predict(docs)
        tokens, _ = flatten(model, tokvecs)
        offsets = get_token_offsets(tokvecs)
        rows, lengths = locate_tokens(model.ops, candidates.entities, offsets)
        if len(rows):
            model.get_ref("pooling").initialize(X=Ragged(tokens[rows], lengths))
    return model

"""Score spans that may be nested, based on the vectors of their tokens."""

from functools import partial
from typing import Any, Callable, List, Optional, Tuple

import numpy
from spacy.tokens import Doc
from spacy.util import registry
from thinc.api import (
    Dropout,
    Linear,
    Model,
    Ops,
    chain,
    list2ragged,
    uniform_init,
    with_array,
    with_getitem,
    zero_init,
)
from thinc.types import Floats2d, Ints1d, Ragged

from ..activations import activate
from ..arrays import get_matrix, to_ints1d

# number of parts of a token's vector, see `combine`
N_PARTS = 5
# before training, no span is an entity: all pairs of all spans would not fit in memory
INITIAL_LOGIT = -5.0
# spans to score at once
BLOCK_SIZE = 1 << 13


@registry.architectures("rel_component.BiaffineSpans.v1")
def create_biaffine_spans(
    tok2vec: Model[List[Doc], List[Floats2d]],
    hidden_width: int = 128,
    max_length: int = 16,
    nO: Optional[int] = None,
) -> Model[Tuple[List[Doc], Ragged], Floats2d]:
    """Score the labels of spans, for spaCy's `spancat`.

    The vectors of a span's tokens are projected per token and then added up, so that
    long spans cost no more than short ones. Labels are independent of each other: it's
    not for `spancat_singlelabel`.

    tok2vec (Model[List[Doc], List[Floats2d]]): encodes the tokens.
    hidden_width (int): width of the two hidden layers.
    max_length (int): longer spans share the weights of this length, in tokens.
    nO (Optional[int]): number of labels; inferred if null.
    RETURNS (Model[Tuple[List[Doc], Ragged], Floats2d]): documents and their spans,
        (n_spans, 2) from start to end, to (n_spans, n_labels) probabilities. Backprop
        expects the gradient of the cross entropy for the logits, probability minus
        truth, as `spancat` computes it.

    Source: Yu et al. (2020), Named Entity Recognition as Dependency Parsing. Here, the
    bilinear forms of all labels share their factors.
    """
    project: Model = Linear(nO=N_PARTS * hidden_width)
    tokens: Model = chain(tok2vec, list2ragged(), with_array(project))
    bias = partial(uniform_init, lo=INITIAL_LOGIT, hi=INITIAL_LOGIT)
    logits: Model = Linear(nO, 2 * hidden_width, init_W=zero_init, init_b=bias)
    scorer: Model = Model(
        "score_spans",
        forward,
        init=init,
        layers=[Dropout(), logits],
        params={"lengths": None},
        dims={"nL": max_length, "nI": hidden_width, "nO": nO},
    )
    model: Model = chain(with_getitem(0, tokens), scorer)
    model.set_ref("tok2vec", tok2vec)
    return model


def init(model: Model, X: Any = None, Y: Optional[Floats2d] = None) -> Model:
    n_lengths, width = model.get_dim("nL"), model.get_dim("nI")
    model.set_param("lengths", model.ops.alloc2f(n_lengths, width))
    linear = model.layers[1].initialize(Y=Y)
    model.set_dim("nO", linear.get_dim("nO"))
    return model


def forward(
    model: Model[Tuple[Ragged, Ragged], Floats2d],
    tokens_spans: Tuple[Ragged, Ragged],
    is_train: bool,
) -> Tuple[Floats2d, Callable[[Floats2d], Tuple[Ragged, Ragged]]]:
    tokens, spans = tokens_spans
    ops, (dropout, linear) = model.ops, model.layers
    X: Any = tokens.dataXd
    starts, ends = (to_ints1d(ops, borders) for borders in locate(ops, tokens, spans))
    sums = sum_up(ops, X[:, -model.get_dim("nI") :])
    if not is_train:
        blocks = range(0, len(starts), BLOCK_SIZE)
        logits = ops.alloc2f(len(starts), linear.get_dim("nO"), zeros=False)
        for block in (slice(i, i + BLOCK_SIZE) for i in blocks):
            features, _ = combine(model, X, sums, starts[block], ends[block])
            logits[block] = linear.predict(features)
        without_backprop: Any = activate(ops, logits, "sigmoid")
        return without_backprop
    features, bp_combine = combine(model, X, sums, starts, ends)
    features, bp_dropout = dropout(features, is_train)
    logits, bp_linear = linear(features, is_train)
    scores, bp_scores = activate(ops, logits, "sigmoid")

    def backprop(d_scores: Floats2d) -> Tuple[Ragged, Ragged]:
        dX: Any = bp_combine(bp_dropout(bp_linear(bp_scores(d_scores))))
        return Ragged(dX, tokens.lengths), spans

    return scores, backprop


def combine(
    model: Model, X: Floats2d, sums: Floats2d, starts: Ints1d, ends: Ints1d
) -> Tuple[Floats2d, Callable[[Floats2d], Floats2d]]:
    """Combine the vectors of a span's first and last token and the mean of all.

    X (Floats2d): (n_tokens, 5 * width), two factors, and three parts of a sum.
    sums (Floats2d): (n_tokens + 1, width), sums of the last part, float64.
    starts, ends (Ints1d): (n_spans,), tokens.
    RETURNS (Tuple[Floats2d, Callable]): (n_spans, 2 * width), the product of the first
        and last token; and a hidden layer, the sum of first, last, mean and length.
    """
    ops, xp = model.ops, model.ops.xp
    width = model.get_dim("nI")
    last, lengths = ends - 1, xp.maximum(ends - starts, 1)  # not 0
    buckets = xp.minimum(lengths, model.get_dim("nL")) - 1
    counts = lengths.reshape((-1, 1)).astype("float32")
    parts = [X[:, i * width : (i + 1) * width] for i in range(N_PARTS)]
    left, right = parts[0][starts], parts[1][last]
    hidden = (sums[ends] - sums[starts]).astype("float32") / counts
    hidden += parts[2][starts] + parts[3][last] + get_matrix(model, "lengths")[buckets]
    is_active = hidden > 0
    Y = xp.hstack([left * right, hidden * is_active])

    def backprop(dY: Floats2d) -> Floats2d:
        d_product, d_hidden = dY[:, :width], dY[:, width:] * is_active
        d_inside = add_rows(ops, len(X) + 1, starts, d_hidden / counts)
        d_inside -= add_rows(ops, len(X) + 1, ends, d_hidden / counts)
        model.inc_grad("lengths", add_rows(ops, model.get_dim("nL"), buckets, d_hidden))
        return xp.hstack(
            [
                add_rows(ops, len(X), starts, d_product * right),
                add_rows(ops, len(X), last, d_product * left),
                add_rows(ops, len(X), starts, d_hidden),
                add_rows(ops, len(X), last, d_hidden),
                xp.cumsum(d_inside, axis=0, dtype="float64")[:-1].astype("float32"),
            ]
        )

    return Y, backprop


def sum_up(ops: Ops, X: Floats2d) -> Floats2d:
    """RETURNS (Floats2d): (n_rows + 1, width), float64, sums of the rows above."""
    sums = ops.xp.zeros((len(X) + 1, X.shape[1]), dtype="float64")
    ops.xp.cumsum(X, axis=0, out=sums[1:])
    return sums


def add_rows(ops: Ops, n_rows: int, rows: Ints1d, values: Any) -> Floats2d:
    """RETURNS (Floats2d): (n_rows, width), sums of the values by row."""
    table = ops.alloc2f(n_rows, values.shape[1])
    ops.scatter_add(table, rows, ops.as_contig(values))
    return table


def locate(
    ops: Ops, tokens: Ragged, spans: Ragged
) -> Tuple[numpy.ndarray, numpy.ndarray]:
    """RETURNS (Tuple[Ints1d, Ints1d]): for each span, its start and end among the
    tokens of all documents."""
    n_tokens, n_spans = ops.to_numpy(tokens.lengths), ops.to_numpy(spans.lengths)
    offsets = numpy.repeat(numpy.cumsum(n_tokens) - n_tokens, n_spans)
    borders = ops.to_numpy(spans.dataXd).reshape(-1, 2) + offsets[:, None]
    return borders[:, 0], borders[:, 1]

"""Arrays with Thinc's types, on the device of a model's ops.

mypy doesn't accept numpy.ndarray as one of Thinc's types, and doesn't know the number
of dimensions of parameters; these functions return the type known to the caller.
"""

from typing import Any, Callable, Optional, Tuple

import numpy
from thinc.api import Model, Ops
from thinc.types import Floats1d, Floats2d, Ints1d, Ints2d

# maximum multiplications per product in numpy, and minimum rows
MOST_MULTIPLIED = 1 << 18
LEAST_ROWS = 16


def to_ints1d(ops: Ops, array: numpy.ndarray) -> Ints1d:
    """RETURNS (Ints1d): an array on the device, int32."""
    untyped: Any = array
    return ops.asarray1i(untyped)


def to_ints2d(ops: Ops, array: numpy.ndarray) -> Ints2d:
    """RETURNS (Ints2d): an array on the device, int32."""
    untyped: Any = array
    return ops.asarray2i(untyped)


def to_floats2d(ops: Ops, array: numpy.ndarray) -> Floats2d:
    """RETURNS (Floats2d): an array on the device, float32."""
    untyped: Any = array
    return ops.asarray2f(untyped)


def get_matrix(model: Model, name: str) -> Floats2d:
    """RETURNS (Floats2d): a parameter."""
    param: Any = model.get_param(name)
    return param


def get_vector(model: Model, name: str) -> Floats1d:
    """RETURNS (Floats1d): a parameter."""
    param: Any = model.get_param(name)
    return param


def multiply(
    ops: Ops, X: Floats2d, W: Floats2d, out: Optional[Floats2d] = None
) -> Floats2d:
    """Multiply a long matrix by a narrow one.

    Several times faster than Thinc's `gemm`, and faster than a single call of numpy's:
    OpenBLAS has special code for small matrices, without threads, which would wait for
    each other on a busy machine.

    X (Floats2d): (n_rows, width), contiguous.
    W (Floats2d): (width, n_columns), contiguous.
    out (Optional[Floats2d]): contiguous array to write the product to.
    RETURNS (Floats2d): (n_rows, n_columns).
    """
    Y = ops.alloc2f(len(X), W.shape[1], zeros=False) if out is None else out
    size = max(MOST_MULTIPLIED // max(W.size, 1), LEAST_ROWS)
    n_products = len(X) // size
    stacked, rest = slice(0, n_products * size), slice(n_products * size, len(X))
    ops.xp.matmul(
        X[stacked].reshape((n_products, size, X.shape[1])),
        W,
        out=Y[stacked].reshape((n_products, size, W.shape[1])),
    )
    ops.xp.matmul(X[rest], W, out=Y[rest])
    return Y


def drop_cells(
    model: Model, X: Floats2d, is_train: bool
) -> Tuple[Floats2d, Callable[[Floats2d], Floats2d]]:
    """RETURNS (Tuple[Floats2d, Callable]): the values after the model's dropout, and
    the gradient."""
    rate = model.attrs["dropout"]
    rate = model.attrs["dropout_rate"] if rate is None else rate
    if not (is_train and rate):
        return X, lambda dX: dX
    mask = model.ops.get_dropout_mask(X.shape, rate)
    return X * mask, lambda dX: dX * mask

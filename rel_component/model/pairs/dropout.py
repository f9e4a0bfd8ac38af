"""Dropout of the pair model: single cells, and all vectors of some documents."""

from typing import Any, Callable, Optional, Tuple

import numpy
from thinc.api import Model
from thinc.types import Floats2d

Gradient = Callable[[Floats2d], Floats2d]


class Dropout:
    """Draws the dropout masks of one pass.

    model (Model): the pair model, with the dropout rates as attributes.
    offsets (Ints1d): (n_docs + 1,), first token of each Doc.
    is_train (bool): whether to drop anything.
    """

    def __init__(self, model: Model, offsets: numpy.ndarray, is_train: bool) -> None:
        self.ops = model.ops
        rate = model.attrs["dropout"]
        rate = model.attrs["dropout_rate"] if rate is None else rate
        self.rate = rate if is_train else 0.0
        self.lengths = numpy.diff(offsets)
        self.keep_docs: Optional[numpy.ndarray] = None
        if is_train and model.attrs["vector_dropout"]:
            drawn = numpy.random.random(len(self.lengths))
            self.keep_docs = drawn >= model.attrs["vector_dropout"]

    def get_mask(self, shape: Tuple[int, ...]) -> Optional[Floats2d]:
        """RETURNS (Optional[Floats2d]): the mask; None if nothing is dropped."""
        if not self.rate:
            return None
        mask: Any = self.ops.get_dropout_mask(shape, self.rate)
        return mask

    def drop_rows(
        self, X: Floats2d, docs: Optional[numpy.ndarray] = None
    ) -> Tuple[Floats2d, Gradient]:
        """Drop single cells, and all rows of some Docs.

        X (Floats2d): (n_rows, width).
        docs (Optional[Ints1d]): (n_rows,), index of each row's Doc; None if the rows
            are the tokens of the batch.
        """
        mask = self.get_mask(X.shape)
        if self.keep_docs is not None:
            if docs is None:
                docs = numpy.repeat(numpy.arange(len(self.lengths)), self.lengths)
            keep = self.ops.asarray2f(self.keep_docs[docs][:, None].astype("float32"))
            mask = keep if mask is None else mask * keep
        if mask is None:
            return X, lambda dY: dY
        return X * mask, lambda dY: dY * mask

"""Documents, token vectors and gradient checks for the tests."""

from typing import Callable, Iterable, Iterator, List, Optional, Sequence, Tuple

import numpy
from numpy.testing import assert_allclose
from spacy.tokens import Doc, Span, SpanGroup
from spacy.vocab import Vocab
from thinc.api import Model, Ops, fix_random_seed
from thinc.types import Floats2d

from rel_component import Relation, set_relations

EntitySpec = Tuple[int, int, str]
RelationSpec = Tuple[int, str, int]


def make_doc(
    vocab: Vocab,
    words: str | Sequence[str] | int,
    entities: Iterable[EntitySpec] = (),
    relations: Iterable[RelationSpec] | None = None,
    *,
    spans_key: str | None = None,
    complete: bool = True,
    negatives: Iterable[Tuple[int, int]] = (),
    spaces: Sequence[bool] | None = None,
) -> Doc:
    """A document with entities, and relations between entities by their number.

    words (str | Sequence[str] | int): split at blanks; or so many words.
    entities (Iterable[EntitySpec]): (start, end, type).
    relations (Optional[Iterable[RelationSpec]]): (head, label, tail); None: no
        relations were annotated.
    spans_key (Optional[str]): put the entities in `doc.spans`, not in `doc.ents`.
    """
    if isinstance(words, int):
        words = [f"w{i}" for i in range(words)]
    words = words.split() if isinstance(words, str) else words
    doc = Doc(vocab, words=words, spaces=spaces)
    spans = [Span(doc, start, end, label=type_) for start, end, type_ in entities]
    if spans_key is None:
        doc.ents = spans
    else:
        doc.spans[spans_key] = SpanGroup(doc, name=spans_key, spans=spans)
    if relations is not None:
        set_relations(
            doc,
            [Relation(spans[h], label, spans[t]) for h, label, t in relations],
            complete=complete,
            negatives=[(spans[h], spans[t]) for h, t in negatives],
        )
    return doc


def TokenTable(vectors: Floats2d) -> Model[List[Doc], List[Floats2d]]:
    """An encoder for which token w7 is row 7 of a table, which has the gradient."""

    def forward(model, docs, is_train):
        table = model.get_param("E")
        rows = [[int(token.text[1:]) for token in doc] for doc in docs]

        def backprop(d_tokvecs):
            d_table = numpy.zeros_like(table)
            for doc_rows, d_vectors in zip(rows, d_tokvecs):
                numpy.add.at(d_table, numpy.asarray(doc_rows, dtype=int), d_vectors)
            model.inc_grad("E", d_table)
            return docs

        return [table[numpy.asarray(x, dtype=int)] for x in rows], backprop

    model = Model("token_table", forward, dims={"nO": vectors.shape[1]})
    model.set_param("E", vectors)
    return model


def DocTable(vectors: Floats2d) -> Model[List[Doc], Floats2d]:
    """A vector of each document, the row of a table that its first token names."""

    def forward(model, docs, is_train):
        table = model.get_param("E")
        rows = numpy.asarray([int(doc[0].text[1:]) for doc in docs])

        def backprop(d_vectors):
            d_table = numpy.zeros_like(table)
            numpy.add.at(d_table, rows, d_vectors)
            model.inc_grad("E", d_table)
            return docs

        return table[rows], backprop

    model = Model("doc_table", forward, dims={"nO": vectors.shape[1]})
    model.set_param("E", vectors)
    return model


class Float64Ops(Ops):
    """numpy in double precision, so that finite differences are exact enough."""

    name = "float64"
    xp = numpy

    def alloc(self, shape, *, dtype="float64", zeros=True):
        return super().alloc(shape, dtype=_widen(dtype), zeros=zeros)

    def asarray(self, data, *, dtype=None):
        return super().asarray(data, dtype=None if dtype is None else _widen(dtype))


def _widen(dtype):
    return "float64" if dtype == "float32" else dtype


def use_float64(model: Model) -> Model:
    """Compute a model in double precision from here on."""
    ops = Float64Ops()
    for node in model.walk():
        node.ops = ops
    for node, name in get_params(model):
        node.set_param(name, node.get_param(name).astype("float64"))
    return model


def numeric_gradient(
    get_loss: Callable[[], float],
    array: numpy.ndarray,
    *,
    cells: Optional[Iterable[Sequence[int]]] = None,
    eps: float = 1e-5,
) -> numpy.ndarray:
    """Central differences at all or some cells of an array, which is changed and
    restored."""
    gradient = numpy.zeros_like(array)
    for cell in map(tuple, numpy.ndindex(array.shape) if cells is None else cells):
        value = array[cell]
        array[cell] = value + eps
        above = get_loss()
        array[cell] = value - eps
        below = get_loss()
        array[cell] = value
        gradient[cell] = (above - below) / (2 * eps)
    return gradient


def get_params(model: Model) -> Iterator[Tuple[Model, str]]:
    """YIELDS (Tuple[Model, str]): the layer and the name of each parameter."""
    for node in model.walk():
        for name in node.param_names:
            if node.has_param(name):
                yield node, name


def check_model_gradients(
    model: Model,
    inputs: object,
    get_loss: Callable[[Floats2d], Tuple[float, Floats2d]],
    *,
    is_train: bool = False,
) -> None:
    """Compare the gradients of all parameters with finite differences.

    model (Model): initialized; its encoder a `TokenTable`, so that the gradient of
        the tokens is checked too. In double precision from here on.
    get_loss (Callable): from the model's output to the loss and the gradient to pass
        back.
    is_train (bool): with the model's dropout, of which each pass draws the same.
    """

    def forward() -> Tuple[Floats2d, Callable]:
        fix_random_seed(0)
        return model(inputs, is_train)

    use_float64(model)
    Y, backprop = forward()
    backprop(get_loss(Y)[1])
    for node, name in get_params(model):
        param = node.get_param(name)
        found = node.get_grad(name) if node.has_grad(name) else 0.0 * param
        _check_gradient(
            lambda: get_loss(forward()[0])[0], param, found, f"{node.name}.{name}"
        )


def _check_gradient(
    get_loss: Callable[[], float], array: numpy.ndarray, found: numpy.ndarray, name: str
) -> None:
    """Compare a gradient with finite differences, cell by cell where it is not 0; the
    other cells, which are many in look-up tables, are changed all at once."""
    is_used = found != 0.0
    expected = numeric_gradient(get_loss, array, cells=numpy.argwhere(is_used))
    assert_allclose(found, expected, 1e-5, 1e-7, err_msg=name)
    step = 1e-5 * numpy.random.default_rng(0).normal(size=array.shape) * ~is_used
    before = get_loss()
    array += step
    assert_allclose(get_loss(), before, 0.0, 1e-8, err_msg=f"{name} where it is 0")
    array -= step


def check_function_gradients(
    function: Callable, *arrays: numpy.ndarray, seed: int = 0
) -> None:
    """Compare a function's gradients with finite differences.

    function (Callable): from arrays to an output and a callback, which returns the
        gradients of the arrays (one, or a sequence of them).
    arrays (ndarray): float64.
    """
    Y, backprop = function(*arrays)
    dY = numpy.random.default_rng(seed).normal(size=Y.shape)
    gradients = backprop(dY)
    if isinstance(gradients, numpy.ndarray):
        gradients = [gradients]
    for array, gradient in zip(arrays, gradients, strict=True):
        numeric = numeric_gradient(lambda: (function(*arrays)[0] * dY).sum(), array)
        assert_allclose(gradient, numeric, rtol=1e-6, atol=1e-8)

"""LUKE as a layer: contextual entity vectors."""

from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Tuple

import numpy
from thinc.api import Model, torch2xp, xp2torch
from thinc.types import ArgsKwargs, Floats2d, Floats3d

from ..arrays import to_ints1d
from ..transformer.mixed_precision import keep_gradients
from .pieces import Input

# padding of the positions of an entity in LUKE
NOWHERE = -1


@dataclass
class Inputs:
    """Lazily created inputs, to save memory.

    make (List[Callable[[], Input]]): creates each input.
    lengths (List[int]): approximate number of word pieces.
    n_entities (Ints1d): (n_inputs,), number of entities.
    """

    make: List[Callable[[], Input]]
    lengths: List[int]
    n_entities: numpy.ndarray


@dataclass
class Batch:
    """A padded batch of inputs of similar length.

    arrays (Dict[str, ndarray]): LUKE's arguments.
    rows (Ints1d): (n_entities,), output rows of the entity vectors.
    cells (Tuple[Ints1d, Ints1d]): their input and position.
    """

    arrays: Dict[str, numpy.ndarray]
    rows: numpy.ndarray
    cells: Tuple[numpy.ndarray, numpy.ndarray]


@dataclass
class LukeEncoding:
    """Encoding settings, see `create_luke_model`; not saved with the weights, so that
    the config's are used."""

    window: Optional[int]
    stride: Optional[int]
    batch_pieces: int
    bfloat16_on_cpu: bool


def LukeEncoder(
    name: str,
    *,
    tokenizer_config: Dict[str, Any],
    transformer_config: Dict[str, Any],
    reading: LukeEncoding,
    mixed_precision: bool,
    grad_scaler_config: Dict[str, Any],
) -> Model[Inputs, Floats2d]:
    """Encode entities; see `create_luke_model` for the parameters.

    RETURNS (Model[Inputs, Floats2d]): (n_entities, width), in the order of the inputs.
    """
    from spacy_transformers.data_classes import HFObjects
    from spacy_transformers.layers.hf_wrapper import HFWrapper

    wrapper = HFWrapper(
        HFObjects(None, None, None, dict(tokenizer_config), dict(transformer_config)),
        convert_inputs=_convert_inputs,
        convert_outputs=_convert_outputs,
        mixed_precision=mixed_precision,
        grad_scaler_config=dict(grad_scaler_config),
    )
    return Model(
        "luke_encoder",
        forward,
        layers=[wrapper],
        dims={"nO": None},
        attrs={
            "name": name,
            "has_transformer": False,
            "reading": reading,
        },
    )


def get_tokenizer(model: Model) -> Any:
    """RETURNS (LukeTokenizer): the tokenizer of an initialized encoder."""
    return _get_hf_model(model.layers[0]).tokenizer


def get_transformer(model: Model) -> Any:
    """RETURNS (LukeModel): the transformer of an initialized encoder."""
    return _get_hf_model(model.layers[0]).transformer


def _get_hf_model(model: Model) -> Any:
    shim: Any = model.shims[0]
    return shim._hfmodel


def get_piece_limit(model: Model) -> int:
    """RETURNS (int): maximum word pieces, including special ones."""
    config = get_transformer(model).config
    # positions start after the padding index
    return config.max_position_embeddings - config.pad_token_id - 1


def forward(
    model: Model[Inputs, Floats2d], inputs: Inputs, is_train: bool
) -> Tuple[Floats2d, Callable[[Floats2d], Inputs]]:
    ops, encode = model.ops, model.layers[0]
    n_rows, width = int(inputs.n_entities.sum()), model.get_dim("nO")
    Y = ops.alloc2f(n_rows, width)
    callbacks = []
    for batch in _make_batches(model, inputs):
        with _autocast(model.attrs["reading"].bfloat16_on_cpu):
            vectors, callback = encode(batch.arrays, is_train)
        inputs_at, places = batch.cells
        cells: Any = to_ints1d(ops, inputs_at), to_ints1d(ops, places)
        rows = to_ints1d(ops, batch.rows)
        Y[rows] = vectors[cells]
        if is_train:
            callback = keep_gradients(encode.shims[0], callback)
            callbacks.append((callback, rows, cells, vectors.shape))

    def backprop(dY: Floats2d) -> Inputs:
        for callback, rows, cells, shape in callbacks:
            d_vectors = ops.alloc3f(*shape)
            d_vectors[cells] = dY[rows]
            callback(d_vectors)
        return inputs

    return Y, backprop


def _autocast(is_wanted: bool) -> Any:
    if not is_wanted:
        return nullcontext()
    import torch

    return torch.autocast("cpu", torch.bfloat16)


def _make_batches(model: Model, inputs: Inputs) -> Iterator[Batch]:
    """Batch inputs of similar length, the longest first."""
    tokenizer = get_tokenizer(model)
    offsets = numpy.cumsum(inputs.n_entities) - inputs.n_entities
    order = numpy.argsort(-numpy.asarray(inputs.lengths, dtype="int64"), kind="stable")
    start = 0
    while start < len(order):
        longest = max(inputs.lengths[order[start]], 1)
        size = max(model.attrs["reading"].batch_pieces // longest, 1)
        chosen = order[start : start + size]
        start += size
        made = [inputs.make[i]() for i in chosen]
        yield _make_batch(tokenizer, made, offsets[chosen])


def _make_batch(
    tokenizer: Any, inputs: Sequence[Input], offsets: numpy.ndarray
) -> Batch:
    """Pad inputs, with attention masks."""
    n = len(inputs)
    n_pieces = max(len(x.ids) for x in inputs)
    n_entities = max(len(x.spans) for x in inputs)
    longest = max(int((x.spans[:, 1] - x.spans[:, 0]).max()) for x in inputs)
    n_places = max(min(longest, tokenizer.max_mention_length), 1)
    ids = numpy.full((n, n_pieces), tokenizer.pad_token_id)
    mask = numpy.zeros((n, n_pieces), dtype="int64")
    entity_ids = numpy.full((n, n_entities), tokenizer.entity_pad_token_id)
    entity_mask = numpy.zeros((n, n_entities), dtype="int64")
    places = numpy.full((n, n_entities, n_places), NOWHERE)
    steps = numpy.arange(n_places)
    for i, x in enumerate(inputs):
        ids[i, : len(x.ids)], mask[i, : len(x.ids)] = x.ids, 1
        k = len(x.spans)
        entity_ids[i, :k], entity_mask[i, :k] = x.entity_ids, 1
        found = x.spans[:, :1] + steps
        places[i, :k] = numpy.where(found < x.spans[:, 1:], found, NOWHERE)
    counts = [len(x.spans) for x in inputs]
    cells = numpy.nonzero(entity_mask)
    arrays = {
        "input_ids": ids,
        "attention_mask": mask,
        "entity_ids": entity_ids,
        "entity_attention_mask": entity_mask,
        "entity_position_ids": places,
    }
    rows, places = cells
    return Batch(arrays, numpy.repeat(offsets, counts) + places, (rows, places))


def _convert_inputs(
    model: Model, arrays: Dict[str, Any], is_train: bool
) -> Tuple[ArgsKwargs, Callable[[Any], Any]]:
    device = _get_hf_model(model).transformer.device
    kwargs = {name: xp2torch(array, device=device) for name, array in arrays.items()}
    return ArgsKwargs(args=(), kwargs=kwargs), lambda d_inputs: []


def _convert_outputs(
    model: Model, inputs_outputs: Tuple[Any, Any], is_train: bool
) -> Tuple[Floats3d, Callable[[Floats3d], ArgsKwargs]]:
    vectors = inputs_outputs[1].entity_last_hidden_state.float()

    def backprop(d_vectors: Floats3d) -> ArgsKwargs:
        gradient = xp2torch(d_vectors, device=vectors.device)
        return ArgsKwargs(args=((vectors,),), kwargs={"grad_tensors": (gradient,)})

    Y: Any = torch2xp(vectors)
    return Y, backprop

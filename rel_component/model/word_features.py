"""Word vectors based on spelling: prefixes, suffixes and shape."""

import re
from functools import lru_cache
from typing import Any, Callable, Dict, List, Optional, Tuple

import numpy
from spacy.ml import StaticVectors
from spacy.strings import get_string_id
from spacy.tokens import Doc
from spacy.util import registry
from thinc.api import (
    HashEmbed,
    Maxout,
    Model,
    chain,
    concatenate,
    list2ragged,
    ragged2list,
    with_array,
)
from thinc.layers.chain import forward as forward_chain
from thinc.layers.chain import init as init_chain
from thinc.types import Floats2d, Ints2d, Ragged

from .arrays import to_ints1d

FEATURES = ["lower", "shape", "prefix3", "suffix2", "suffix3", "suffix4"]
MAX_CACHED = 200_000
PART = re.compile(r"(prefix|suffix)(\d+)")


@registry.architectures("rel_component.WordFeatures.v1")
def create_word_features(
    width: int,
    features: List[str] = FEATURES,
    rows: int = 2000,
    lower_rows: Optional[int] = None,
    maxout_pieces: int = 3,
    static_vectors: bool = False,
) -> Model[List[Doc], List[Floats2d]]:
    """Embed words by spelling features.

    Unlike spaCy's MultiHashEmbed, with prefixes of one and suffixes of three letters,
    it can use longer ones, which are typical of names: -ska, -burg, Mc-, S.A.

    width (int): width of the features' and the words' vectors.
    features (List[str]): "lower", "shape", and "prefixN" and "suffixN" for N letters.
    rows (int): rows of each feature's hash table.
    lower_rows (Optional[int]): rows of the words' table; None: four times `rows`.
    maxout_pieces (int): maxout pieces of the layer that mixes the features.
    static_vectors (bool): also use the vocabulary's static vectors, if it has any at
        initialization (`initialize.vectors`).
    RETURNS (Model[List[Doc], List[Floats2d]]): (n_tokens, width) per Doc.
    """
    for feature in features:
        if feature not in ("lower", "shape") and not PART.fullmatch(feature):
            raise ValueError(
                f"features: found {feature!r}; expected lower, shape, or prefixN or "
                f"suffixN with a number of letters."
            )
    tables: List[Model] = [
        HashEmbed(
            width,
            (lower_rows or 4 * rows) if feature == "lower" else rows,
            column=column,
            seed=column + 8,
            dropout=0.0,
        )
        for column, feature in enumerate(features)
    ]
    extract: Model[List[Doc], List[Ints2d]] = Model(
        "extract_word_features",
        forward_extract,
        attrs={"features": list(features)},
    )
    embed: List[Model] = [
        extract,
        list2ragged(),
        with_array(concatenate(*tables) if len(tables) > 1 else tables[0]),
    ]
    n_inputs: Optional[int] = width * len(features)
    if static_vectors:
        embed = [concatenate(chain(*embed), create_known_vectors(width))]
        n_inputs = None
    mix: Model[Floats2d, Floats2d] = Maxout(
        width, n_inputs, nP=maxout_pieces, dropout=0.0, normalize=True
    )
    whole: Model = chain(*embed, with_array(mix), ragged2list())
    dims: Dict[str, Optional[int]] = {
        x: None for x in ("nI", "nO") if whole.has_dim(x) is not False
    }
    return Model(
        whole.name, forward_words, init=init_chain, dims=dims, layers=whole.layers
    )


def forward_words(
    model: Model, docs: List[Doc], is_train: bool
) -> Tuple[List[Floats2d], Callable[[List[Floats2d]], List[Doc]]]:
    """(n_tokens, width) per Doc. Since vectors only depend on the word, repeated words
    are embedded once, except in training, because of dropout."""
    if not any(map(len, docs)):  # Thinc can't concatenate empty batches
        return [model.ops.alloc2f(0, model.get_dim("nO")) for _ in docs], lambda _: docs
    is_shared = all(doc.vocab is docs[0].vocab for doc in docs)
    if is_train or not is_shared:
        return forward_chain(model, docs, is_train)
    strings = docs[0].vocab.strings
    words, places = numpy.unique(
        numpy.concatenate([doc.to_array("ORTH") for doc in docs]), return_inverse=True
    )
    distinct = Doc(docs[0].vocab, words=[strings[word] for word in words])
    (vectors,), _ = forward_chain(model, [distinct], False)
    ends = numpy.cumsum([len(doc) for doc in docs])[:-1]
    found = vectors[to_ints1d(model.ops, places)]
    return model.ops.xp.split(found, ends.tolist()), _refuse_backprop


def _refuse_backprop(d_vectors: List[Floats2d]) -> List[Doc]:
    raise ValueError(
        "Word features were computed for prediction: backprop is not available."
    )


def create_known_vectors(width: int) -> Model[List[Doc], Ragged]:
    """Project the vocabulary's static vectors; zeros without vectors.

    width (int): width of the projection.
    RETURNS (Model[List[Doc], Ragged]): (n_tokens, width), or (n_tokens, 1).
    """
    return Model(
        "known_vectors",
        forward_vectors,
        init=init_vectors,
        layers=[StaticVectors(width)],
        dims={"nO": None},
        attrs={"has_vectors": False},
    )


def init_vectors(
    model: Model, X: Optional[List[Doc]] = None, Y: Optional[Ragged] = None
) -> None:
    model.attrs["has_vectors"] = bool(X and X[0].vocab.vectors.size)
    if model.attrs["has_vectors"]:
        model.layers[0].initialize(X=X)
        model.set_dim("nO", model.layers[0].get_dim("nO"))
    else:
        model.set_dim("nO", 1)


def forward_vectors(
    model: Model, docs: List[Doc], is_train: bool
) -> Tuple[Ragged, Callable[[Ragged], List[Doc]]]:
    if model.attrs["has_vectors"]:
        return model.layers[0](docs, is_train)
    lengths = model.ops.asarray1i([len(doc) for doc in docs])
    zeros = model.ops.alloc2f(int(lengths.sum()), 1)
    return Ragged(zeros, lengths), lambda d_vectors: docs


@registry.architectures("rel_component.WithWordFeatures.v1")
def create_with_word_features(
    tok2vec: Model[List[Doc], List[Floats2d]],
    words: Model[List[Doc], List[Floats2d]],
) -> Model[List[Doc], List[Floats2d]]:
    """Concatenate an encoder's vectors and word vectors, e.g. since an uncased
    transformer can't see capitals.

    tok2vec (Model): the encoder, or a listener to it.
    words (Model): the word vectors.
    RETURNS (Model[List[Doc], List[Floats2d]]): the concatenated vectors.
    """
    return Model(
        "with_word_features",
        forward_beside,
        init=init_beside,
        layers=[tok2vec, words],
        dims={"nO": None},
    )


def init_beside(
    model: Model, X: Optional[List[Doc]] = None, Y: Optional[List[Floats2d]] = None
) -> None:
    for layer in model.layers:
        layer.initialize(X=X)
    model.set_dim("nO", sum(layer.get_dim("nO") for layer in model.layers))


def forward_beside(
    model: Model, docs: List[Doc], is_train: bool
) -> Tuple[List[Floats2d], Callable[[List[Floats2d]], List[Doc]]]:
    """(n_tokens, width of the encoder + width of the words) per Doc."""
    xp = model.ops.xp
    encoder, words = model.layers
    encoded, backprop_encoder = encoder(docs, is_train)
    spelled, backprop_words = words(docs, is_train)
    width = words.get_dim("nO")

    def backprop(d_vectors: List[Floats2d]) -> List[Doc]:
        d_encoded = [xp.ascontiguousarray(d[:, :-width]) for d in d_vectors]
        backprop_encoder([d if len(d) else e for d, e in zip(d_encoded, encoded)])
        backprop_words([xp.ascontiguousarray(d[:, -width:]) for d in d_vectors])
        return docs

    # a listener's vectors of empty Docs have no width
    empty = model.ops.alloc2f(0, encoder.get_dim("nO") + width)
    joined = [
        xp.concatenate((e, s), axis=1) if len(s) else empty
        for e, s in zip(encoded, spelled)
    ]
    return joined, backprop


def forward_extract(
    model: Model, docs: List[Doc], is_train: bool
) -> Tuple[List[Ints2d], object]:
    """Hash the features, (n_tokens, n_features), uint64."""
    features = tuple(model.attrs["features"])
    rows = []
    for doc in docs:
        strings = doc.vocab.strings
        words = doc.to_array("ORTH").tolist()  # faster than creating tokens
        keys = [_get_keys(strings[word], features) for word in words]
        shape = (len(doc), len(features))
        array: Any = numpy.asarray(keys, dtype="uint64").reshape(shape)
        rows.append(model.ops.asarray2i(array, dtype="uint64"))
    return rows, lambda d_rows: []


# not in the model's attrs, so that words are not saved
@lru_cache(maxsize=MAX_CACHED)
def _get_keys(word: str, features: Tuple[str, ...]) -> Tuple[int, ...]:
    return tuple(get_string_id(f"{x}={_spell(word, x)}") for x in features)


def _spell(word: str, feature: str) -> str:
    if feature == "lower":
        return word.lower()
    if feature == "shape":
        return _get_shape(word)
    part = PART.fullmatch(feature)
    assert part is not None
    n = int(part[2])
    return word[:n] if part[1] == "prefix" else word[-n:]


def _get_shape(word: str) -> str:
    """Get the word's shape, with runs of at most two: Xxx, dd, X.X."""
    shape = re.sub(r"[^\W\d_]", lambda x: "X" if x[0].isupper() else "x", word)
    return re.sub(r"(.)\1+", r"\1\1", re.sub(r"\d", "d", shape))

"""Pipelines that cannot be right: weights that are no numbers, labels that do not fit
the output, an encoder that did not run."""

from typing import Any, Iterable, List, NamedTuple, Optional, Sequence, Tuple

from spacy.tokens import Doc
from thinc.api import Model, PyTorchShim, Shim

# a layer that passes on what a component before it has computed, and that component
LISTENERS = {"tok2vec-listener": "tok2vec", "transformer-listener": "transformer"}


class Upstream(NamedTuple):
    """The component whose vectors a listener passes on.

    listener (Model): the listener.
    kind (str): `tok2vec` or `transformer`.
    name (str): its name in the pipeline, as far as the config says.
    """

    listener: Model
    kind: str
    name: str


def check_weights(model: Model, name: str) -> None:
    """Check that the weights of a model are finite numbers.

    model (Model): loaded.
    name (str): the component's name.
    RAISES (ValueError): if one is not.
    """
    for node in model.walk():
        for param in node.param_names:
            if node.has_param(param) and not _is_finite(node, param):
                raise ValueError(_describe_broken(name, f"{param} of {node.name}"))
        for shim in node.shims:
            for param, values in _get_torch_params(shim):
                if not bool(values.isfinite().all()):
                    raise ValueError(_describe_broken(name, param))


def _is_finite(node: Model, param: str) -> bool:
    return bool(node.ops.xp.isfinite(node.get_param(param)).all())


def _get_torch_params(shim: Shim) -> Iterable[Tuple[str, Any]]:
    module: Any = getattr(shim, "_model", None)
    return module.named_parameters() if isinstance(shim, PyTorchShim) else ()


def _describe_broken(name: str, where: str) -> str:
    return (
        f"The weights of {name} are not all finite numbers (see {where}), so it can't "
        f"predict anything: the training that saved them diverged. Train again with a "
        f"lower learn_rate, or load an earlier checkpoint."
    )


def check_labels(model: Model, labels: Sequence[str], name: str) -> None:
    """Check that a model scores as many labels as its pipe has.

    model (Model): loaded.
    labels (Sequence[str]): of the pipe.
    name (str): the component's name.
    RAISES (ValueError): if there are more or fewer.
    """
    n_outputs = model.maybe_get_dim("nO") if "nO" in model.dim_names else None
    if n_outputs is not None and n_outputs != len(labels):
        raise ValueError(
            f"The model of {name} scores {n_outputs} label(s), but its folder lists "
            f"{len(labels)} ({', '.join(labels)}): its files are not of one training. "
            f"Copy the whole folder of the pipeline again."
        )


def find_upstreams(model: Model) -> List[Upstream]:
    """RETURNS (List[Upstream]): what a model has to listen to."""
    found = []
    for node in model.walk():
        kind = LISTENERS.get(node.name)
        if kind is not None:
            name = getattr(node, "upstream_name", "*")
            found.append(Upstream(node, kind, kind if name == "*" else name))
    return found


def find_silent(model: Model, docs: Sequence[Doc], name: str) -> Optional[str]:
    """Find out whether a component did not run whose vectors the model takes. spaCy
    gives zeros to a listener then, without a word.

    model (Model): of a pipe.
    docs (Sequence[Doc]): a batch to predict.
    name (str): of the pipe.
    RETURNS (Optional[str]): a sentence to warn with; None if all is well.
    RAISES (ValueError): if it is a transformer, or the vectors are not as wide as its
        own.
    """
    for upstream in find_upstreams(model):
        if all(_has_vectors(upstream, doc) for doc in docs if len(doc)):
            continue
        message = (
            f"{name} takes vectors from the component {upstream.name!r}, which did not "
            f"run before it: without them its scores are not those that it was trained "
            f"for. Keep {upstream.name!r} where components are selected (select_pipes, "
            f"enable, disable, exclude), and add it too where {name} is added to "
            f"another pipeline: nlp.add_pipe({upstream.name!r}, source=...)."
        )
        if upstream.kind == "transformer":  # a listener's zeros fit no empty text
            raise ValueError(message)
        return message
    return None


def _has_vectors(upstream: Upstream, doc: Doc) -> bool:
    if upstream.kind == "transformer":
        # spacy-transformers registers it where there is such a component at all
        return doc.has_extension("trf_data") and doc._.trf_data is not None
    width = upstream.listener.get_dim("nO")
    if doc.tensor.size and doc.tensor.shape[1] != width:
        raise ValueError(
            f"The document's vectors (doc.tensor) have {doc.tensor.shape[1]} columns, "
            f"but the relation extractor was trained on {width}: they are of another "
            f"{upstream.name} component than its own. Add that one before it too: "
            f"nlp.add_pipe({upstream.name!r}, source=...)."
        )
    return bool(doc.tensor.size)

"""Detect broken pipelines: weights that aren't finite, labels that don't match the
output, an encoder that didn't run."""

import warnings
from pathlib import Path
from typing import (
    Any,
    Dict,
    Iterable,
    List,
    NamedTuple,
    Optional,
    Sequence,
    Set,
    Tuple,
    TypeVar,
    Union,
)

from spacy.pipeline.trainable_pipe import TrainablePipe
from spacy.tokens import Doc
from spacy.training import Example, validate_examples
from spacy.util import SimpleFrozenList
from thinc.api import Model, Optimizer, PyTorchShim, Shim, set_dropout_rate

from ..wording import join_names

# listener layers, and the kind of component they listen to
LISTENERS = {"tok2vec-listener": "tok2vec", "transformer-listener": "transformer"}

Self = TypeVar("Self", bound="CheckedPipe")


class CheckedPipe(TrainablePipe):
    """A trainable pipe that says so if it cannot be right.

    Its config contains the labels. What they are of is the attribute `target`.
    """

    target = ""
    cfg: Dict[str, Any]

    @property
    def labels(self) -> Tuple[str, ...]:
        """RETURNS (Tuple[str, ...]): the labels."""
        return tuple(self.cfg["labels"])

    @property
    def label_data(self) -> Tuple[str, ...]:
        """RETURNS (Tuple[str, ...]): the labels, as `spacy init labels` writes them."""
        return self.labels

    def add_label(self, label: str) -> int:
        """Add a label.

        label (str): the label.
        RETURNS (int): 0 if the label existed already, else 1.
        RAISES (ValueError): if the label is not a string, or the model is initialized.
        """
        if not isinstance(label, str) or not label:
            raise ValueError(
                f"{self.target} label {label!r} is a {type(label).__name__}; expected "
                "a string that isn't empty."
            )
        if label in self.cfg["labels"]:
            return 0
        self._allow_extra_label()
        self.cfg["labels"] = [*self.cfg["labels"], label]
        return 1

    def update(
        self,
        examples: Iterable[Example],
        *,
        drop: float = 0.0,
        sgd: Optional[Optimizer] = None,
        losses: Optional[Dict[str, float]] = None,
    ) -> Dict[str, float]:
        """Learn from a batch of examples.

        examples (Iterable[Example]): the batch.
        drop (float): dropout rate.
        sgd (Optional[Optimizer]): the optimizer; None to only accumulate gradients.
        losses (Optional[Dict[str, float]]): losses of the components, updated.
        RETURNS (Dict[str, float]): the losses.
        """
        losses = {} if losses is None else losses
        losses.setdefault(self.name, 0.0)
        examples = list(examples)
        validate_examples(examples, f"{type(self).__name__}.update")
        # Thinc can't backprop an empty batch
        if any(len(example.predicted) for example in examples):
            self._require_initialized()
            set_dropout_rate(self.model, drop)
            losses[self.name] += self._learn(examples)
            if sgd is not None:
                self.finish_update(sgd)
        return losses

    def _learn(self, examples: List[Example]) -> float:
        """Accumulate the gradients of a batch.

        RETURNS (float): the loss.
        """
        raise NotImplementedError

    @property
    def _n_outputs(self) -> int:
        """RETURNS (int): the columns that a model for the labels has."""
        return len(self.labels)

    def from_bytes(
        self: Self, bytes_data: bytes, *, exclude: Iterable[str] = SimpleFrozenList()
    ) -> Self:
        """Load the pipe from a bytestring.

        bytes_data (bytes): of `to_bytes`.
        exclude (Iterable[str]): names of serialization fields to leave out.
        RETURNS (CheckedPipe): the pipe.
        RAISES (ValueError): if its parts can't be right.
        """
        super().from_bytes(bytes_data, exclude=exclude)
        return self._check_loaded(exclude)

    def from_disk(
        self: Self,
        path: Union[str, Path],
        *,
        exclude: Iterable[str] = SimpleFrozenList(),
    ) -> Self:
        """Load the pipe from a folder.

        path (Union[str, Path]): the folder.
        exclude (Iterable[str]): names of serialization fields to leave out.
        RETURNS (CheckedPipe): the pipe.
        RAISES (ValueError): if its parts can't be right.
        """
        super().from_disk(path, exclude=exclude)
        return self._check_loaded(exclude)

    def _check_loaded(self: Self, exclude: Iterable[str]) -> Self:
        if "cfg" not in exclude:  # the labels
            check_labels(self.model, self.labels, self._n_outputs, self.name)
        check_weights(self.model, self.name)
        return self

    def _allow_extra_label(self) -> None:
        # spaCy compares the number of outputs with that of labels, which may differ
        model = self.model
        if model.has_dim("nO") and model.get_dim("nO") == self._n_outputs:
            raise ValueError(
                f"{self.name} has the outputs of its labels, {', '.join(self.labels)}, "
                f"and cannot add any more labels. Train a new one with all labels."
            )

    def _require_initialized(self) -> None:
        if self.model.has_dim("nO") is None:  # there is one, and it is not set
            raise ValueError(
                f"{self.name} is not initialized. Call nlp.initialize(lambda: "
                "examples), or load a trained pipeline."
            )

    def _warn_once(self, kind: str, message: Optional[str]) -> None:
        """Warn, but of each kind of problem once only."""
        warned: Set[str] = self.__dict__.setdefault("_warned", set())
        if message is not None and kind not in warned:
            warned.add(kind)
            warnings.warn(message, stacklevel=4)

    def _warn_of_unknown(self, labels: Iterable[str], what: str) -> None:
        """Say so if labels of the training data can't be learned, as when a trained
        pipeline goes on training with other data.

        labels (Iterable[str]): the labels.
        what (str): what has them.
        """
        unknown = sorted(set(labels) - set(self.labels))
        # labels of the data with which it was initialized were chosen
        if unknown and not self.__dict__.get("_is_new", False):
            self._warn_once(
                "labels",
                f"{self.name} can't learn {join_names(unknown)}, since its labels are "
                f"{', '.join(self.labels)}: such {what} count as none. Train with all "
                "data from scratch, or map the labels (convert.py --map-label).",
            )

    def _warn_of_silent(self, docs: Sequence[Doc]) -> None:
        """Say so if the encoder did not run."""
        if "encoder" not in self.__dict__.get("_warned", ()):
            self._warn_once("encoder", find_silent(self.model, docs, self.name))


class Upstream(NamedTuple):
    """The component that a listener gets its vectors from.

    listener (Model): the listener.
    kind (str): `tok2vec` or `transformer`.
    name (str): its name in the pipeline, if the config contains it.
    """

    listener: Model
    kind: str
    name: str


def check_weights(model: Model, name: str) -> None:
    """Check that the weights of a model are finite numbers.

    model (Model): the loaded model.
    name (str): the component's name.
    RAISES (ValueError): if a weight is infinite or NaN.
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
        "predict anything. Training probably diverged. Train again with a lower "
        "learn_rate, or load an earlier checkpoint."
    )


def check_labels(
    model: Model, labels: Sequence[str], n_outputs: int, name: str
) -> None:
    """Check that a model is one for the labels of its pipe.

    model (Model): loaded.
    labels (Sequence[str]): of the pipe.
    n_outputs (int): the columns that a model for them has.
    name (str): the component's name.
    RAISES (ValueError): if it has more or fewer.
    """
    found = model.maybe_get_dim("nO") if "nO" in model.dim_names else None
    if found is not None and found != n_outputs:
        raise ValueError(
            f"The model of {name} has {found} output(s), but the {len(labels)} "
            f"label(s) that its folder lists need {n_outputs} ({', '.join(labels)}): "
            "its files are from different trainings. Copy the whole pipeline folder "
            "again."
        )


def find_upstreams(model: Model) -> List[Upstream]:
    """RETURNS (List[Upstream]): the components that a model listens to."""
    found = []
    for node in model.walk():
        kind = LISTENERS.get(node.name)
        if kind is not None:
            name = getattr(node, "upstream_name", "*")
            found.append(Upstream(node, kind, kind if name == "*" else name))
    return found


def find_silent(model: Model, docs: Sequence[Doc], name: str) -> Optional[str]:
    """Detect an upstream component that didn't run: spaCy silently passes zeros to its
    listeners.

    model (Model): the pipe's model.
    docs (Sequence[Doc]): a batch to predict.
    name (str): the pipe's name.
    RETURNS (Optional[str]): a warning, or None.
    RAISES (ValueError): if the upstream component is a transformer, or the vectors
        have the wrong width.
    """
    for upstream in find_upstreams(model):
        if all(_has_vectors(upstream, doc, name) for doc in docs if len(doc)):
            continue
        message = (
            f"{name} uses vectors of the component {upstream.name!r}, which did not "
            "run before it: without them, its scores are meaningless. Keep "
            f"{upstream.name!r} when selecting components (select_pipes, enable, "
            f"disable, exclude), and copy it along with {name} to another pipeline: "
            f"nlp.add_pipe({upstream.name!r}, source=...)."
        )
        if upstream.kind == "transformer":  # an empty text has no vectors
            raise ValueError(message)
        return message
    return None


def _has_vectors(upstream: Upstream, doc: Doc, name: str) -> bool:
    if upstream.kind == "transformer":
        # only registered if spacy-transformers is loaded
        return doc.has_extension("trf_data") and doc._.trf_data is not None
    width = upstream.listener.get_dim("nO")
    if doc.tensor.size and doc.tensor.shape[1] != width:
        raise ValueError(
            f"The document's vectors (doc.tensor) have {doc.tensor.shape[1]} columns, "
            f"but {name} was trained on {width}: they are of another {upstream.name} "
            f"component than its own. Add that one before it too: "
            f"nlp.add_pipe({upstream.name!r}, source=...)."
        )
    return bool(doc.tensor.size)

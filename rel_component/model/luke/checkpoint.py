"""Load LUKE checkpoints and their classifiers."""

import re
from dataclasses import dataclass
from typing import Any, Dict, List, Optional

import numpy
from thinc.api import Model

from ..transformer.checkpoint import LUKE, load_checkpoint, load_config

PAIR_CLASSIFIER = "LukeForEntityPairClassification"
# labels that mean "no relation", without case and punctuation
NO_RELATION = {"norel", "norelation", "none", "na", "other", "negative"}
# log odds against no relation for classifiers without this class
NEVER = -10.0


@dataclass
class PairClassifier:
    """The linear layer of `LukeForEntityPairClassification`.

    weights (Floats2d): (n_labels, 2 × width).
    labels (List[str]): name of each row.
    """

    weights: numpy.ndarray
    labels: List[str]

    def copy_to(self, model: Model) -> None:
        """Copy the rows of shared labels to a LUKE model.

        model (Model): the model; not changed if it has a hidden layer.
        """
        if model.has_ref("hidden"):
            return
        classify, ops = model.get_ref("classify"), model.ops
        W = ops.to_numpy(classify.get_param("W")).copy()
        b = ops.to_numpy(classify.get_param("b")).copy()
        width = self.weights.shape[1] // 2
        tail = W.shape[1] // 2
        labels: List[Optional[str]] = list(model.attrs["labels"])
        rows = dict(zip(self.labels, self.weights))
        if model.attrs["output"] == "softmax":
            none = next((x for x in self.labels if is_no_relation(x)), None)
            labels.insert(0, none)
            if none is None:
                W[0], b[0] = 0.0, NEVER
        for i, label in enumerate(labels):
            if label in rows:
                W[i], b[i] = 0.0, 0.0
                W[i, :width] = rows[label][:width]
                W[i, tail : tail + width] = rows[label][width:]
        classify.set_param("W", ops.asarray2f(W))
        classify.set_param("b", ops.asarray1f(b))


def is_no_relation(label: str) -> bool:
    """RETURNS (bool): whether a label means no relation."""
    return re.sub(r"[\W_]", "", label).lower() in NO_RELATION


def find_labels(name: str, transformer_config: Dict[str, Any]) -> List[str]:
    """RETURNS (List[str]): the labels of a checkpoint's classifier; empty if it's not a
    `LukeForEntityPairClassification`, or they have no names."""
    labels = _get_labels(load_config(name, transformer_config))
    return [label for label in labels if not is_no_relation(label)]


def load_luke(encoder: Model, all_entities: bool) -> Optional[PairClassifier]:
    """Load the checkpoint of a LUKE encoder, unless already loaded.

    encoder (Model): the `LukeEncoder`.
    all_entities (bool): keep the vectors of Wikipedia entities.
    RETURNS (Optional[PairClassifier]): the checkpoint's classifier, if any.
    RAISES (CheckpointError): if it can't be loaded, or is not a LUKE checkpoint.
    """
    if encoder.attrs["has_transformer"]:
        return None
    from spacy_transformers.layers.transformer_model import set_pytorch_transformer
    from transformers import AutoModel, LukeForEntityPairClassification

    name = encoder.attrs["name"]
    shim: Any = encoder.layers[0].shims[0]
    hf_model = shim._hfmodel
    trf_config = hf_model._init_transformer_config
    labels = _get_labels(load_config(name, trf_config))
    found = load_checkpoint(
        name,
        hf_model._init_tokenizer_config,
        trf_config,
        model_type=LUKE,
        model_cls=LukeForEntityPairClassification if labels else AutoModel,
    )
    classifier = None
    if labels:
        weights = found.transformer.classifier.weight.detach().cpu().numpy().copy()
        classifier = PairClassifier(weights, labels)
        found.transformer = found.transformer.luke
    if not all_entities:
        keep_special_entities(found.tokenizer, found.transformer)
    set_pytorch_transformer(encoder, found)
    return classifier


def keep_special_entities(tokenizer: Any, transformer: Any) -> None:
    """Drop the vectors of all entities except the special ones.

    tokenizer (LukeTokenizer), transformer (LukeModel): modified in place.
    """
    import torch

    names = ("pad", "unk", "mask", "mask2")
    ids = [getattr(tokenizer, f"entity_{name}_token_id") for name in names]
    by_id = {i: entity for entity, i in tokenizer.entity_vocab.items()}
    table = transformer.entity_embeddings.entity_embeddings
    rows = table.weight.data[torch.tensor(ids, device=table.weight.device)]
    smaller = torch.nn.Embedding(len(ids), rows.shape[1], padding_idx=0)
    smaller.weight = torch.nn.Parameter(rows.clone())
    transformer.entity_embeddings.entity_embeddings = smaller
    transformer.config.entity_vocab_size = len(ids)
    tokenizer.entity_vocab = {by_id[i]: new for new, i in enumerate(ids)}
    for new, name in enumerate(names):
        setattr(tokenizer, f"entity_{name}_token_id", new)


def _get_labels(config: Any) -> List[str]:
    if PAIR_CLASSIFIER not in (config.architectures or ()):
        return []
    labels = [config.id2label[i] for i in sorted(config.id2label)]
    is_nameless = all(re.fullmatch(r"LABEL_\d+", label) for label in labels)
    return [] if is_nameless else labels

"""Choose the layers of INCEpTION and WebAnno for entities and relations, and labels.

Every project has custom layers, in addition to the built-in linguistic ones.
"""

from typing import Iterable, List, Optional, Sequence, Tuple

from .base import Option, Options
from .report import LAYERS, Report

LABEL_FEATURES: Option[Tuple[str, ...]] = Option(
    "label_features",
    (),
    "feature or infon of the labels, instead of the usual ones",
    flag="label-feature",
)
SPAN_LAYERS: Option[Tuple[str, ...]] = Option(
    "span_layers",
    (),
    "layer to read as entities; by default all except linguistic ones",
    flag="span-layer",
)
RELATION_LAYERS: Option[Tuple[str, ...]] = Option(
    "relation_layers",
    (),
    "layer to read as relations; by default all except linguistic ones",
    flag="relation-layer",
)
SLOTS = Option(
    "slots",
    "relations",
    "slots (link features): convert them to relations, or skip them",
    choices=("relations", "drop"),
)
CHAINS = Option(
    "chains",
    "drop",
    "chains (coreference): relate each element to the next one, with or without "
    "direction, or skip them",
    choices=("drop", "directed", "symmetric"),
)
NAMED_ENTITY = "de.tudarmstadt.ukp.dkpro.core.api.ner.type."
LINGUISTIC = ("uima.", "de.tudarmstadt.ukp.dkpro.core.", "org.dkpro.core.")
# features for the label, in order; otherwise, the first feature
USUAL_FEATURES = ("label", "value")
# feature with the knowledge base id of an entity
LINK = "identifier"


def get_short_name(layer: str) -> str:
    """RETURNS (str): `Span` of `custom.Span`."""
    return layer.rpartition(".")[2]


def is_linguistic(layer: str) -> bool:
    """RETURNS (bool): whether it's a built-in layer without entities: tokens, lemmas,
    dependencies and so on."""
    return layer.startswith(LINGUISTIC) and not layer.startswith(NAMED_ENTITY)


def choose_layers(
    layers: Iterable[str], wanted: Sequence[str], report: Report
) -> List[str]:
    """Choose the layers to read.

    layers (Iterable[str]): full names of all layers of one kind.
    wanted (Sequence[str]): full or short names given by the user; if empty, all except
        linguistic layers are read.
    report (Report): collects the names of all layers.
    RETURNS (List[str]): full names.
    """
    layers = list(layers)
    report.saw(LAYERS, layers)
    if not wanted:
        return [layer for layer in layers if not is_linguistic(layer)]
    return [x for x in layers if x in wanted or get_short_name(x) in wanted]


def choose_chains(
    layers: Iterable[str], policy: str, wanted: Sequence[str], report: Report
) -> List[str]:
    """Choose the chain layers to read: all, or those given as relation layers.

    layers (Iterable[str]): full names of all chain layers.
    policy (str): value of `CHAINS`.
    wanted (Sequence[str]): relation layers given by the user.
    report (Report): gives advice if they are left out.
    RETURNS (List[str]): full names.
    """
    layers = list(layers)
    if policy == "drop":
        for layer in layers:
            report.hint(
                f"chains of {get_short_name(layer)} are left out; --chains directed "
                f"relates each element to the next one, --chains symmetric does so "
                f"without direction"
            )
        return []
    return [x for x in layers if not wanted or {x, get_short_name(x)} & set(wanted)]


def choose_feature(features: Sequence[str], options: Options) -> Optional[str]:
    """Choose the feature for the labels of a layer.

    features (Sequence[str]): string features of the layer, in order.
    options (Options): `label_features` are preferred.
    RETURNS (Optional[str]): the feature; None to use the layer's name as label.
    """
    for name in (*options[LABEL_FEATURES], *USUAL_FEATURES):
        if name in features:
            return name
    return next((name for name in features if name != LINK), None)


def name_after_layer(
    layer: str, feature: Optional[str], kind: str, report: Report
) -> str:
    """Get the label of an annotation without a label.

    layer (str): full name of its layer.
    feature (Optional[str]): feature for labels; None if the layer has none.
    kind (str): `entities` or `relations`.
    report (Report): counts it and gives advice if the layer has a feature.
    RETURNS (str): short name of the layer.
    """
    label = get_short_name(layer)
    if feature is None:
        return label
    report.note(f"{kind} without a label: named after their layer")
    option = "--map-entity" if kind == "entities" else "--map-label"
    report.hint(
        f"{kind} of the layer {label} have no label and were named after it; label "
        f"them in the tool, or rename them with {option} {label}=NAME"
    )
    return label

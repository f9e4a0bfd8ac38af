"""Show errors as cards, with a drawing and a description."""

from typing import Dict, Iterable, List, Optional, Sequence, Set, Tuple

from spacy.tokens import Doc
from spacy.training import Example

from ...drawing import Drawing, assign_colors, draw_svg, make_excerpt
from ...pages import Card, Group
from ...relations import EntityKey, RelationKey
from ..entities import get_entities
from ..errors import KINDS, Error
from .build import GOLD, Evaluation

# maximum errors per kind; the JSON contains all of them
N_ERRORS = 12
# context tokens around a relation
CONTEXT = 8
# width of a drawing in pixels: fits a phone, or side by side on a wide screen
WIDTH = 350


def group_errors(
    report: Evaluation, mode: str, *, has_drawings: bool = True
) -> List[Group]:
    """RETURNS (List[Group]): the first errors of each kind.

    report (Evaluation): the evaluation.
    mode (str): the mode, see `Evaluation`.
    has_drawings (bool): whether to draw errors.
    """
    errors = report.errors[mode]
    colors = _assign_colors(report, mode) if has_drawings else None
    groups = []
    for kind, why in KINDS.items():
        found = [error for error in errors if error.kind == kind]
        cards = [make_card(report, mode, x, colors) for x in found[:N_ERRORS]]
        if found:
            groups.append(Group(kind, why, len(found), cards))
    return groups


def make_card(
    report: Evaluation, mode: str, error: Error, colors: Optional[Dict[str, str]]
) -> Card:
    """RETURNS (Card): the card of an error; without a drawing if there are no
    colours."""
    example = report.examples[mode][error.document]
    spans_key = report.data["pipeline"]["spans_key"]
    svg = ""
    if colors is not None:
        drawing = draw_error(example, error, spans_key, are_entities_given=mode == GOLD)
        svg = draw_svg(drawing, width=WIDTH, colors=colors)
    own, default = report.data["label_thresholds"], report.data["threshold"]
    threshold = own.get(error.gold.label, default) if error.gold else default
    lines = describe_error(error, example.reference.text, threshold)
    return Card(f"document {error.document + 1}", lines, svg)


def describe_error(error: Error, text: str, threshold: float) -> List[str]:
    """RETURNS (List[str]): a description of an error.

    error (Error): the error.
    text (str): the document's text.
    threshold (float): threshold of the gold relation's label.
    """

    def say(key: RelationKey) -> str:
        head, tail = (
            " ".join(text[end[0] : end[1]].split()) for end in (key.head, key.tail)
        )
        return f"“{head}” —{key.label}→ “{tail}”"

    lines = []
    if error.gold:
        score = ""
        if error.gold_score is not None and not error.is_strict_only:
            score = f" (score {error.gold_score:.3f}, threshold {threshold:g})"
        lines.append(f"gold {say(error.gold)}{score}")
    if error.predicted:
        lines.append(f"predicted {say(error.predicted)} (score {error.score:.2f})")
    return [*lines, error.note] if error.note else lines


def draw_error(
    example: Example,
    error: Error,
    spans_key: Optional[str],
    *,
    are_entities_given: bool = True,
) -> Drawing:
    """Draw an error: the missed relation green and dashed, the wrong prediction red.

    example (Example): the gold and predicted document.
    error (Error): an error of this document.
    spans_key (Optional[str]): key of `doc.spans` for entities.
    are_entities_given (bool): whether gold entities were used.
    RETURNS (Drawing): a drawing of the excerpt.
    """
    gold, predicted = error.gold, error.predicted
    is_right = error.is_strict_only  # except for the types
    doc = example.reference
    arcs = []
    for key, kind in ((gold, "gold"), (predicted, "wrong")):
        if key is not None and not (is_right and kind == "wrong"):
            ends = [_to_tokens(doc, end[:2]) for end in (key.head, key.tail)]
            arcs.append((ends[0], ends[1], key.label, "plain" if is_right else kind))
    wanted = get_entities(doc, spans_key) | _list_ends(gold)
    found = wanted
    if not are_entities_given:
        found = get_entities(example.predicted, spans_key) | _list_ends(predicted)
    entities = [
        (*_to_tokens(doc, entity[:2]), entity[2], kind)
        for group, kind in (
            (wanted & found, "plain"),
            (wanted - found, "gold"),
            (found - wanted, "wrong"),
        )
        for entity in sorted(group)
    ]
    return make_excerpt(doc, entities, arcs, context=CONTEXT)


def _assign_colors(report: Evaluation, mode: str) -> Dict[str, str]:
    spans_key = report.data["pipeline"]["spans_key"]
    colors = assign_colors(
        entity[2]
        for example in report.examples[mode]
        for doc in (example.reference, example.predicted)
        for entity in get_entities(doc, spans_key)
    )
    return {**assign_colors(_list_types(report.errors[mode])), **colors}


def _list_types(errors: Iterable[Error]) -> Set[str]:
    return {end[2] for error in errors for end in _list_ends(error.gold)}


def _list_ends(key: Optional[RelationKey]) -> Set[EntityKey]:
    return set() if key is None else {key.head, key.tail}


def _to_tokens(doc: Doc, span: Sequence[int]) -> Tuple[int, int]:
    found = doc.char_span(span[0], span[1], alignment_mode="expand")
    assert found is not None  # both have the same text
    return found.start, found.end

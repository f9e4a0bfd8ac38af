"""A report as one page that needs no other file."""

from pathlib import Path
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Sequence, Set, Tuple

from jinja2 import Environment, FileSystemLoader
from spacy.tokens import Doc
from spacy.training import Example

from ...drawing import assign_colors, draw_svg, make_excerpt
from ...relations import EntityKey, RelationKey
from ...wording import get_command
from ..entities import get_entities
from ..errors import KINDS, Error
from .build import GOLD, Evaluation
from .markdown import make_markdown
from .plots import draw_plots, has_matplotlib
from .sections import list_sections

# errors of each kind that are drawn; all of them are in the JSON
N_ERRORS = 12
# tokens around a relation
CONTEXT = 8
# pixels of a drawing: as on a phone, side by side on a wide screen
WIDTH = 350
SUFFIXES = (".html", ".md")


class Card(NamedTuple):
    """An error as it is shown."""

    document: int
    svg: str
    lines: List[str]


class Group(NamedTuple):
    """Errors of a kind."""

    kind: str
    why: str
    n: int
    cards: List[Card]


def write_reports(report: Evaluation, paths: Iterable[Path]) -> None:
    """Write a report.

    report (Evaluation): what an evaluation has found.
    paths (Iterable[Path]): `.html` for the page, `.md` for Markdown.
    RAISES (ValueError): if a suffix is another one.
    """
    paths = list(paths)
    for path in paths:
        check_suffix(path)
    for path in paths:
        is_page = path.suffix == ".html"
        text = make_page(report) if is_page else make_markdown(report.data)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf8")


def check_suffix(path: Path) -> None:
    """RAISES (ValueError): if no report can be written there."""
    if path.suffix not in SUFFIXES:
        raise ValueError(
            f"--report {path}: found {path.suffix!r}, expected one of "
            f"{', '.join(SUFFIXES)}."
        )


def make_page(report: Evaluation) -> str:
    """RETURNS (str): HTML with figures, plots and drawn errors; no script is needed,
    and nothing is loaded."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    template = environment.get_template("page.html")
    return template.render(
        data=report.data,
        name=report.data["pipeline"]["name"] or "pipeline",
        sections=list_sections(report.data),
        plots=draw_plots(report.data),
        has_matplotlib=has_matplotlib(),
        install_plots=get_command("plots"),
        errors={mode: _group(report, mode) for mode in report.errors},
    )


def _group(report: Evaluation, mode: str) -> List[Group]:
    errors, examples = report.errors[mode], report.examples[mode]
    spans_key = report.data["pipeline"]["spans_key"]
    thresholds: Dict[str, Any] = report.data["label_thresholds"]
    default = report.data["threshold"]
    colors = assign_colors(
        entity[2]
        for example in examples
        for doc in (example.reference, example.predicted)
        for entity in get_entities(doc, spans_key)
    )
    ends = {end[2] for error in errors for end in _list_ends(error.gold)}
    colors = {**assign_colors(ends), **colors}
    groups = []
    for kind, why in KINDS.items():
        found = [error for error in errors if error.kind == kind]
        cards = [
            make_card(
                examples[error.document],
                error,
                spans_key,
                thresholds.get(error.gold.label, default) if error.gold else default,
                mode == GOLD,
                colors,
            )
            for error in found[:N_ERRORS]
        ]
        if found:
            groups.append(Group(kind, why, len(found), cards))
    return groups


def make_card(
    example: Example,
    error: Error,
    spans_key: Optional[str],
    threshold: float,
    are_entities_given: bool = True,
    colors: Optional[Dict[str, str]] = None,
) -> Card:
    """Draw an error.

    example (Example): prediction and gold.
    error (Error): of this document.
    spans_key (Optional[str]): where the entities are.
    threshold (float): of the gold relation's label.
    are_entities_given (bool): whether they were not predicted.
    colors (Optional[Dict[str, str]]): of entity types.
    RETURNS (Card): green and dashed what should have been found, red what was found
        and is wrong.
    """
    gold, predicted = error.gold, error.predicted
    is_right = error.is_strict_only  # but for the types
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
    drawing = make_excerpt(doc, entities, arcs, context=CONTEXT)
    lines = []
    if error.note:
        lines.append(error.note)
    if gold and error.gold_score is not None and not is_right:
        score = f"score {error.gold_score:.2f}, threshold {threshold:g}"
        lines.append(f"gold {gold.label}: {score}")
    if predicted and error.score is not None:
        lines.append(f"found {predicted.label}: score {error.score:.2f}")
    svg = draw_svg(drawing, width=WIDTH, colors=colors)
    return Card(error.document + 1, svg, lines)


def _list_ends(key: Optional[RelationKey]) -> Set[EntityKey]:
    return set() if key is None else {key.head, key.tail}


def _to_tokens(doc: Doc, span: Sequence[int]) -> Tuple[int, int]:
    found = doc.char_span(span[0], span[1], alignment_mode="expand")
    assert found is not None  # both stand in the same text
    return found.start, found.end

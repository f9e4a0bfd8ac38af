"""Visualize the entities and relations of a Doc, in a notebook or a browser.

    from rel_component import visualise
    visualise.render(nlp("Ann works for Acme."))

Like `spacy.displacy.render`, but with arcs over several lines of text, as in brat.
"""

from numbers import Real
from typing import Any, Dict, Iterable, List, Optional, Sequence, Union

from spacy.tokens import Doc, Span
from spacy.util import is_in_jupyter

from .drawing import Drawing, assign_colors, draw_svg, make_excerpt
from .pages import Figure, Section
from .pages import make_page as make_report
from .relations import Relation, get_relation_data, get_relations
from .wording import list_some, plural

# width of the lines in pixels, on screens and phones, and the minimum
WIDE, NARROW, LEAST = 860, 340, 100


def render(
    docs: Union[Doc, Span, Iterable[Union[Doc, Span]]],
    *,
    page: bool = False,
    jupyter: Optional[bool] = None,
    width: float = WIDE,
    spans_key: Optional[str] = None,
    labels: Optional[Iterable[str]] = None,
    min_score: float = 0.0,
) -> Optional[str]:
    """Draw entities and relations.

    docs (Doc | Span | Iterable): the documents.
    page (bool): render as HTML page, with drawings for screens and phones.
    jupyter (Optional[bool]): display the result in a notebook; None to auto-detect.
    width (float): width of the lines, in pixels; at least 100.
    spans_key (Optional[str]): key of `doc.spans` for entities; None: `doc.ents`. Heads
        and tails of relations are always drawn.
    labels (Optional[Iterable[str]]): labels of relations to draw.
    min_score (float): minimum score of a relation.
    RETURNS (Optional[str]): SVG or HTML; None in a notebook.
    RAISES (ValueError): if `docs` contains other objects, or an argument is out of
        range.
    """
    docs = _check_docs(docs)
    check_options(docs, width, spans_key, labels, min_score)
    only = None if labels is None else set(labels)
    drawings = [make_drawing(doc, spans_key, only, min_score) for doc in docs]
    if page:
        html = make_page(drawings, width=width)
    else:
        colors = _assign_colors(drawings)
        html = "\n".join(draw_svg(x, width=width, colors=colors) for x in drawings)
    if jupyter or (jupyter is None and is_in_jupyter()):
        from IPython.display import HTML, display

        # the class disables MathJax, as in displaCy; the background is for notebooks
        # with a dark theme
        style = 'class="tex2jax_ignore" style="display: block; background: #ffffff"'
        display(HTML(f"<span {style}>{html}</span>"))
        return None
    return html


def _check_docs(docs: Any) -> List[Union[Doc, Span]]:
    """RETURNS (List[Doc | Span]): the documents."""
    expected = (
        "expected a Doc, a Span, or a list of them: process the text with the pipeline"
    )
    if isinstance(docs, (Doc, Span)):
        return [docs]
    if isinstance(docs, (str, bytes)) or not isinstance(docs, Iterable):
        raise ValueError(f"docs is {_show(docs)}; {expected}.")
    docs = list(docs)
    for i, doc in enumerate(docs):
        if not isinstance(doc, (Doc, Span)):
            raise ValueError(f"docs[{i}] is {_show(doc)}; {expected}.")
    return docs


def _show(value: Any) -> str:
    text = repr(value)
    text = text if len(text) < 50 else f"{text[:50]}…"
    return f"{text} ({type(value).__name__})"


def check_options(
    docs: Sequence[Union[Doc, Span]],
    width: Any,
    spans_key: Optional[str],
    labels: Any,
    min_score: Any,
) -> None:
    """RAISES (ValueError): if an argument of `render` is out of range."""
    if not _is_number(width) or not LEAST <= width < float("inf"):
        raise ValueError(
            f"width is {_show(width)}; expected a number of pixels, at least {LEAST}."
        )
    if not _is_number(min_score) or min_score != min_score:
        raise ValueError(f"min_score is {_show(min_score)}; expected a number.")
    if isinstance(labels, str) or not isinstance(labels, (Iterable, type(None))):
        raise ValueError(
            f"labels is {_show(labels)}; expected a list, such as ['{labels}']."
        )
    known = {key for doc in docs for key in _get_doc(doc).spans}
    if docs and spans_key is not None and spans_key not in known:
        has = f"only {list_some(sorted(known))}" if known else "no group of spans"
        raise ValueError(f"spans_key is {spans_key!r}, but doc.spans has {has}.")


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _get_doc(doc: Union[Doc, Span]) -> Doc:
    return doc.doc if isinstance(doc, Span) else doc


def make_drawing(
    doc: Union[Doc, Span],
    spans_key: Optional[str] = None,
    labels: "Optional[set[str]]" = None,
    min_score: float = 0.0,
) -> Drawing:
    """Create the drawing of a Doc or Span.

    doc (Doc | Span): the Doc, or a Span, for relations with both entities in it.
    spans_key (Optional[str]), labels (Optional[Set[str]]), min_score (float): see
        `render`.
    RETURNS (Drawing): entities and relations, with scores of predicted ones.
    """
    start, end = (doc.start, doc.end) if isinstance(doc, Span) else (0, len(doc))
    whole = _get_doc(doc)
    group = whole.ents if spans_key is None else whole.spans.get(spans_key, [])
    relations = [
        relation
        for relation in get_relations(whole)
        if (labels is None or relation.label in labels) and relation.score >= min_score
    ]
    spans = [*group]
    spans += [span for relation in relations for span in (relation.head, relation.tail)]
    entities = sorted(
        {
            (span.start - start, span.end - start, span.label_, "plain")
            for span in spans
            if start <= span.start and span.end <= end
        }
    )
    is_predicted = _is_predicted(whole)
    arcs = [
        (
            (relation.head.start - start, relation.head.end - start),
            (relation.tail.start - start, relation.tail.end - start),
            _name(relation, is_predicted),
            "plain",
        )
        for relation in relations
    ]
    part = doc.as_doc() if isinstance(doc, Span) else doc
    return make_excerpt(part, entities, arcs)


def make_page(
    drawings: Iterable[Drawing],
    titles: Iterable[str] = (),
    *,
    title: str = "Entities and relations",
    width: float = WIDE,
) -> str:
    """Render drawings as a self-contained HTML page.

    drawings (Iterable[Drawing]): the drawings.
    titles (Iterable[str]): titles of the first drawings.
    title (str): title of the page.
    width (float): width of the lines, in pixels; narrower on phones.
    RETURNS (str): HTML.
    """
    drawings = list(drawings)
    colors = _assign_colors(drawings)
    names = iter(titles)
    figures = []
    for drawing in drawings:
        wide, narrow = (
            draw_svg(drawing, width=x, colors=colors) for x in (width, NARROW)
        )
        figures.append(Figure(wide, next(names, ""), narrow))
    heading = plural(len(drawings), "text")
    return make_report(title, [Section("texts", heading, figures=figures)])


def _assign_colors(drawings: Iterable[Drawing]) -> Dict[str, str]:
    return assign_colors(entity.label for x in drawings for entity in x.entities)


def _is_predicted(doc: Doc) -> bool:
    """Whether relations have scores to show: gold relations all have 1."""
    data = get_relation_data(doc)
    return data is not None and bool(
        (data.scores[tuple(data.decided.T)] < 1.0).any() if len(data.decided) else False
    )


def _name(relation: Relation, is_predicted: bool) -> str:
    return f"{relation.label} {relation.score:.2f}" if is_predicted else relation.label

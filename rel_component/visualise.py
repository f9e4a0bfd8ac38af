"""Look at the entities and relations of a Doc, in a notebook or a browser.

    from rel_component import visualise
    visualise.render(nlp("Ann works for Acme."))

As `spacy.displacy.render`; in the manner of brat, with arcs over lines of text.
"""

from html import escape
from typing import Dict, Iterable, List, Optional, Union

from spacy.tokens import Doc, Span
from spacy.util import is_in_jupyter

from .drawing import Drawing, assign_colors, draw_svg, make_excerpt
from .relations import Relation, get_relation_data, get_relations

# pixels of the lines, on a screen and on a phone
WIDE, NARROW = 860, 350

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Relations</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: {width}px; margin: 20px auto;
  padding: 0 15px; color: #1f2933; }}
figure {{ margin: 0 0 28px; padding-bottom: 18px; border-bottom: 1px solid #dde3ea;
  break-inside: avoid; }}
figcaption {{ color: #5f6c7b; font-size: .88rem; margin-bottom: 6px; }}
.narrow {{ display: none; }}
@media (max-width: 700px) {{ .wide {{ display: none; }} .narrow {{ display: block; }} }}
</style>
</head>
<body>
{body}
</body>
</html>
"""


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

    docs (Doc | Span | Iterable): what to draw.
    page (bool): make a page of it, that is drawn anew for a phone.
    jupyter (Optional[bool]): show it in the notebook; None: if there is one.
    width (float): of the lines, in pixels.
    spans_key (Optional[str]): entities of `doc.spans[spans_key]`; None: `doc.ents`. The
        ends of relations are drawn in any case.
    labels (Optional[Iterable[str]]): only relations with these labels.
    min_score (float): only relations with this score or more.
    RETURNS (Optional[str]): SVG, or HTML for a page; in a notebook it is shown, and
        nothing returned.
    """
    docs = [docs] if isinstance(docs, (Doc, Span)) else list(docs)
    only = None if labels is None else set(labels)
    drawings = [make_drawing(doc, spans_key, only, min_score) for doc in docs]
    if page:
        html = make_page(drawings, width=width)
    else:
        colors = _assign_colors(drawings)
        html = "\n".join(draw_svg(x, width=width, colors=colors) for x in drawings)
    if jupyter or (jupyter is None and is_in_jupyter()):
        from IPython.display import HTML, display

        # the class keeps MathJax from reading the text, as in displaCy
        display(HTML(f'<span class="tex2jax_ignore">{html}</span>'))
        return None
    return html


def make_drawing(
    doc: Union[Doc, Span],
    spans_key: Optional[str] = None,
    labels: "Optional[set[str]]" = None,
    min_score: float = 0.0,
) -> Drawing:
    """What is drawn of a Doc, or of a part of it.

    doc (Doc | Span): what to draw; of a part, relations with both ends in it.
    spans_key (Optional[str]), labels (Optional[Set[str]]), min_score (float): see
        `render`.
    RETURNS (Drawing): entities and relations, with the scores of those that were
        predicted.
    """
    start, end = (doc.start, doc.end) if isinstance(doc, Span) else (0, len(doc))
    whole = doc.doc if isinstance(doc, Span) else doc
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
    drawings: Iterable[Drawing], titles: Iterable[str] = (), *, width: float = WIDE
) -> str:
    """A page that needs no other file.

    drawings (Iterable[Drawing]): what to draw.
    titles (Iterable[str]): of the first ones.
    width (float): of the lines, in pixels; on a phone they are narrower.
    RETURNS (str): HTML.
    """
    drawings = list(drawings)
    colors = _assign_colors(drawings)
    names = iter(titles)
    figures: List[str] = []
    for drawing in drawings:
        title = next(names, "")
        caption = f"<figcaption>{escape(title)}</figcaption>" if title else ""
        wide, narrow = (
            draw_svg(drawing, width=x, colors=colors) for x in (width, NARROW)
        )
        figures.append(
            f'<figure>{caption}<div class="wide">{wide}</div>'
            f'<div class="narrow">{narrow}</div></figure>'
        )
    return PAGE.format(body="\n".join(figures), width=f"{width + 30:g}")


def _assign_colors(drawings: Iterable[Drawing]) -> Dict[str, str]:
    return assign_colors(entity.label for x in drawings for entity in x.entities)


def _is_predicted(doc: Doc) -> bool:
    """Gold relations have the score 1 all of them, and need not say so."""
    data = get_relation_data(doc)
    return data is not None and bool(
        (data.scores[tuple(data.decided.T)] < 1.0).any() if len(data.decided) else False
    )


def _name(relation: Relation, is_predicted: bool) -> str:
    return f"{relation.label} {relation.score:.2f}" if is_predicted else relation.label

"""The content of a drawing: words, entities and arcs."""

from dataclasses import dataclass, field
from typing import Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple

from spacy.tokens import Doc

from .measure import has_direction, is_rtl

GAP = "…"


class Word(NamedTuple):
    """A piece of text without whitespace.

    text (str): the text.
    blank (bool): whether whitespace follows.
    is_break (bool): whether it starts a new line.
    """

    text: str
    blank: bool = True
    is_break: bool = False


class Entity(NamedTuple):
    """An entity.

    start (int), end (int): start and exclusive end, in words.
    label (str): its type.
    kind (str): style: `plain`, `gold` if it was missed, `wrong` if it's a false
        positive.
    """

    start: int
    end: int
    label: str
    kind: str = "plain"


class Arc(NamedTuple):
    """A relation.

    head (int), tail (int): indices of two entities.
    label (str): its label.
    kind (str): style: `plain`, `gold` if it was missed, `wrong` if it's a false
        positive.
    """

    head: int
    tail: int
    label: str
    kind: str = "plain"


@dataclass
class Drawing:
    """Words with entities and arcs.

    rtl (bool): whether lines run from right to left.
    """

    words: List[Word]
    entities: List[Entity] = field(default_factory=list)
    arcs: List[Arc] = field(default_factory=list)
    rtl: bool = False


SpanArc = Tuple[Tuple[int, int], Tuple[int, int], str, str]


def make_excerpt(
    doc: Doc,
    entities: Iterable[Tuple[int, int, str, str]],
    arcs: Iterable[SpanArc],
    *,
    context: Optional[int] = None,
) -> Drawing:
    """Create the drawing of a Doc or of a part of it.

    doc (Doc): the document.
    entities (Iterable[Tuple[int, int, str, str]]): token start, exclusive end, type
        and kind, see `Entity`.
    arcs (Iterable): spans of head and tail, label and kind, see `Arc`. Only spans that
        are among the entities are linked.
    context (Optional[int]): number of tokens to keep around the ends of arcs; None:
        draw everything.
    RETURNS (Drawing): the drawing, with an ellipsis for omitted tokens.
    """
    arcs = list(arcs)
    entities = list(entities)
    kept = _choose_tokens(doc, arcs, context)
    for start, end, _, _ in entities:  # keep entities whole
        if any(kept[start:end]):
            kept[start:end] = [True] * (end - start)
    words: List[Word] = []
    places: List[int] = []
    is_break = False
    for token, is_kept in zip(doc, kept):
        text = token.text.strip()
        if not is_kept and (not words or words[-1].text != GAP):
            words.append(Word(GAP, True, is_break))
            is_break = False
        places.append(len(words) if is_kept and text else max(len(words) - 1, 0))
        if is_kept and text:
            # no line break after an ellipsis
            is_break = is_break and words[-1].text != GAP
            words.append(Word(text, bool(token.whitespace_), is_break))
            is_break = False
        elif words:
            is_break = is_break or "\n" in token.text
            words[-1] = words[-1]._replace(blank=True)
    drawn: List[Entity] = []
    numbers: Dict[Tuple[int, int], int] = {}
    for start, end, label, kind in entities:
        tokens = [i for i in range(start, end) if kept[i] and doc[i].text.strip()]
        if tokens:
            numbers.setdefault((start, end), len(drawn))
            drawn.append(Entity(places[tokens[0]], places[tokens[-1]] + 1, label, kind))
    joined = [
        Arc(numbers[head], numbers[tail], label, kind)
        for head, tail, label, kind in arcs
        if head in numbers and tail in numbers
    ]
    direction = doc.vocab.writing_system.get("direction")
    return Drawing(words, drawn, joined, direction == "rtl" or _is_mostly_rtl(words))


def _choose_tokens(
    doc: Doc, arcs: Sequence[SpanArc], context: Optional[int]
) -> List[bool]:
    if context is None or not arcs:
        return [True] * len(doc)
    kept = [False] * len(doc)
    for head, tail, _, _ in arcs:
        for start, end in (head, tail):
            for i in range(max(start - context, 0), min(end + context, len(doc))):
                kept[i] = True
    # an ellipsis for one or two words saves nothing
    for i in range(1, len(kept) - 2):
        if kept[i - 1] and not kept[i] and (kept[i + 1] or kept[i + 2]):
            kept[i] = True
    return kept


def _is_mostly_rtl(words: Iterable[Word]) -> bool:
    directed = [is_rtl(word.text) for word in words if has_direction(word.text)]
    return sum(directed) > len(directed) / 2

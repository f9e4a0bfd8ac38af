"""JSON-serializable relations: `doc._.relations_json`."""

from typing import Any, Dict, Iterator, Mapping, Tuple

from spacy.tokens import Doc, Span

from .annotate import set_relations
from .checks import check_list
from .data import Relation
from .follow import get_borders, get_chars
from .storage import get_relation_data


def get_relations_json(doc: Doc) -> Dict[str, Any]:
    """Get the relations as plain data, for `Doc.to_json` and `json.dumps`.

    doc (Doc): the document.
    RETURNS (Dict[str, Any]): `relations`, each with `label`, `score`, `head`, `tail`;
        `complete`, whether other pairs are known to have none; `negatives`, pairs known
        to have none in incomplete documents, each with `head` and `tail`. Heads and
        tails have `start`, `end` and `label`, in characters, like entities in
        `Doc.to_json`. Empty without annotations.
    """
    data = get_relation_data(doc)
    if data is None:
        return {}
    ends = [
        {"start": start, "end": end, "label": type_}
        for (start, end), type_ in zip(get_chars(doc, data.spans).tolist(), data.types)
    ]
    return {
        "relations": [
            {"label": label, "score": score, "head": ends[head], "tail": ends[tail]}
            for (head, tail), label, score in data.list_decided()
        ],
        "complete": data.complete,
        "negatives": [
            {"head": ends[head], "tail": ends[tail]}
            for head, tail in data.list_negatives()
        ],
    }


def set_relations_json(doc: Doc, data: Mapping[str, Any]) -> None:
    """Set the relations of a Doc from plain data, the inverse of `get_relations_json`.

    doc (Doc): the document.
    data (Dict[str, Any]): the output of `get_relations_json`.
    RAISES (ValueError): if a field is missing, or a head or tail isn't aligned with
        tokens.
    """
    if not isinstance(data, Mapping):
        raise ValueError(
            f"relations_json is {data!r}; expected an object with a list 'relations'."
        )
    if not data:
        return
    complete = data.get("complete", True)
    if not isinstance(complete, bool):
        raise ValueError(f"complete is {complete!r}; expected true or false.")
    relations = []
    for item, head, tail in _read_pairs(doc, data.get("relations"), "relations"):
        score = item.get("score", 1.0)
        relations.append(Relation(head, item.get("label", ""), tail, score))
    negatives = _read_pairs(doc, data.get("negatives", ()), "negatives")
    set_relations(
        doc,
        relations,
        complete=complete,
        negatives=[(head, tail) for _, head, tail in negatives],
    )


def _read_pairs(
    doc: Doc, items: Any, name: str
) -> Iterator[Tuple[Mapping[str, Any], Span, Span]]:
    # Doc.char_span looks for each of them from the beginning of the text
    begins, ends = get_borders(doc)
    starts = {idx: i for i, idx in enumerate(begins.tolist())}
    stops = {idx: i for i, idx in enumerate(ends.tolist(), 1)}
    for i, item in enumerate(check_list(items, name)):
        roles = [item.get(x) for x in ("head", "tail")] if _is_object(item) else []
        if len(roles) != 2 or not all(map(_is_end, roles)):
            raise ValueError(
                f"{name}[{i}] is {item!r}; expected an object with head and tail, each "
                f"with start and end, whole numbers, and label, a string."
            )
        spans = []
        for end in roles:
            start, stop = starts.get(end["start"], -1), stops.get(end["end"], -1)
            if not 0 <= start < stop:
                raise ValueError(
                    f"{name}[{i}]: characters {end['start']} to {end['end']} are not "
                    "aligned with the document's tokens."
                )
            spans.append(Span(doc, start, stop, label=end["label"]))
        yield item, spans[0], spans[1]


def _is_object(value: Any) -> bool:
    return isinstance(value, Mapping)


def _is_end(end: Any) -> bool:
    if not _is_object(end) or not isinstance(end.get("label"), str):
        return False
    return all(type(end.get(name)) is int for name in ("start", "end"))

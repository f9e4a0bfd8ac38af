"""Score the relation of a given pair of spans in a text."""

import re
from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional, Tuple

from spacy.language import Language
from spacy.tokens import Doc, Span

from ..pipe.loading import find_extractor, find_spans_key
from ..pipe.relation_pipes import list_known_types
from ..relations import get_entity_key, get_relation_data, get_relations
from ..scorer import NO_REL
from .given import pipe_given, set_entities
from .rows import to_entity
from .tokenization import tokenize

__all__ = ["NO_REL", "PairResult", "score_pair"]

SPAN = re.compile(r"(\d+):(\d+)(?::(.+))?")
# doc.ents requires a type
NO_TYPE = "ENT"


@dataclass
class PairResult:
    """The prediction for a pair.

    head, tail (Span): the pair.
    scores (Dict[str, float]): probability of each label.
    decided (List[str]): predicted labels; empty for no relation.
    known_types (List[str]): entity types that the model uses; empty if it uses none.
    """

    head: Span
    tail: Span
    scores: Dict[str, float]
    decided: List[str]
    known_types: List[str] = field(default_factory=list)

    @property
    def lacks_types(self) -> bool:
        """RETURNS (bool): whether the model uses types, and one of the pair's is
        unknown."""
        types = {self.head.label_, self.tail.label_}
        return bool(self.known_types) and not types <= set(self.known_types)

    def to_row(self) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): plain data."""
        text = self.head.doc.text
        return {
            "text": text,
            "head": to_entity(self.head, text),
            "tail": to_entity(self.tail, text),
            "scores": self.scores,
            "relations": self.decided,
        }


def score_pair(
    nlp: Language, text: str, head: Optional[str], tail: Optional[str]
) -> PairResult:
    """Score a pair of spans.

    nlp (Language): a pipeline with a relation extractor; entity components are skipped.
    text (str): the text.
    head, tail (Optional[str]): `START:END` or `START:END:TYPE`, in characters.
    RETURNS (PairResult): the prediction.
    RAISES (ValueError): if a span is invalid, or the pair can't be scored.
    """
    extractor = find_extractor(nlp)
    doc = tokenize(nlp, text)
    spans = [
        find_span(doc, value, name) for name, value in (("head", head), ("tail", tail))
    ]
    set_entities(doc, spans, find_spans_key(nlp))
    (doc,) = pipe_given(nlp, [doc])
    scores = find_scores(doc, spans[0], spans[1])
    if scores is None:
        raise ValueError(describe_why(spans, doc, extractor.schema is not None))
    ends = [get_entity_key(span) for span in spans]
    decided = [
        relation.label
        for relation in get_relations(doc)
        if [get_entity_key(x) for x in (relation.head, relation.tail)] == ends
    ]
    return PairResult(spans[0], spans[1], scores, decided, list_known_types(extractor))


def find_scores(doc: Doc, head: Span, tail: Span) -> Optional[Dict[str, float]]:
    """RETURNS (Optional[Dict[str, float]]): probability of each label of a pair; None
    if it wasn't a candidate. `doc._.rel` can't be used, since it only has the
    starts."""
    data = get_relation_data(doc)
    if data is None:
        return None
    entities = [data.entity(row) for row in range(len(data.spans))]
    ends = [get_entity_key(head), get_entity_key(tail)]
    for row, pair in enumerate(data.pairs.tolist()):
        if [entities[end] for end in pair] == ends:
            cells = zip(data.labels, data.scores[row].tolist())
            return {label: score for label, score in cells if score == score}  # not NaN
    return None


def find_span(doc: Doc, value: Optional[str], name: str) -> Span:
    """Get the span of an option's value.

    doc (Doc): the text.
    value (Optional[str]): `START:END` or `START:END:TYPE`.
    name (str): the option's name, for messages.
    RAISES (ValueError): if the value isn't valid or the span isn't aligned with tokens.
    """
    match = SPAN.fullmatch(value or "")
    if match is None:
        raise ValueError(
            f"--{name}: found {value!r}; expected characters START:END, such as 0:5, "
            f"or START:END:TYPE. --head and --tail must be used together."
        )
    start, end, length = int(match[1]), int(match[2]), len(doc.text)
    if not 0 <= start < end <= length:
        raise ValueError(
            f"--{name} {value} is outside the text ({length} characters); expected "
            f"0 ≤ start < end ≤ {length}."
        )
    span = doc.char_span(start, end, label=match[3] or NO_TYPE)
    if span is not None:
        return span
    wide = doc.char_span(start, end, alignment_mode="expand")
    if not wide:  # None or empty
        raise ValueError(
            f"--{name} {value} covers no token, only whitespace; expected at least one."
        )
    raise ValueError(
        f"--{name} {value} is {doc.text[start:end]!r}, which is not aligned with "
        f"tokens; the nearest are {wide.start_char}:{wide.end_char}, {wide.text!r}."
    )


def describe_why(spans: List[Span], doc: Doc, has_schema: bool) -> str:
    """RETURNS (str): why a pair has no scores."""
    types = [span.label_ for span in spans]
    reasons: List[Tuple[bool, str]] = [
        (len({*map(get_entity_key, spans)}) == 1, "both are the same entity"),
        (has_schema, f"the schema may not allow {types[0]} → {types[1]}"),
        (True, "their distance may exceed max_length, max_sentences or max_distances"),
    ]
    said = ", or ".join(reason for is_so, reason in reasons if is_so)
    return (
        f"{spans[0].text!r} → {spans[1].text!r} is not a candidate pair of this "
        f"model: {said}. Types are set by START:END:TYPE."
    )

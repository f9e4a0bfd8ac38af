"""Relation patterns and their validation."""

from dataclasses import dataclass
from typing import Any, Callable, Dict, FrozenSet, List, Optional, Tuple, Union

from spacy.schemas import validate_token_pattern

from ..wording import join_names

# a phrase, or a pattern for spaCy's Matcher
TextPattern = Union[str, List[Dict[str, Any]]]
Alternatives = Tuple[TextPattern, ...]
RelationPatternType = Dict[str, Any]

CONDITIONS = ("between", "before", "after", "without")
ORDERS = ("any", "head_first", "tail_first")
NEAREST = ("head", "tail", "both")
EXAMPLE = (
    "{'label': 'WORKS_FOR', 'head': 'PERSON', 'tail': 'ORG', 'max_tokens': 5, "
    "'between': 'works for'}"
)


@dataclass(frozen=True)
class RelationPattern:
    """A pattern for pairs of entities that have a relation.

    label (str): the relation's label.
    id (str): the pattern's id, or `""`.
    head, tail (FrozenSet[str]): entity types; empty for any.
    max_tokens (Optional[int]): maximum number of tokens between the two entities.
    max_sentences (Optional[int]): maximum number of sentence boundaries between their
        starts; 0: both are in the same sentence.
    order (str): `head_first`, `tail_first` or `any`.
    between (Tuple[TextPattern, ...]): any of these has to match between the two.
    before, after (Tuple[TextPattern, ...]): any of these has to match directly before
        the first entity, or directly after the second one.
    without (Tuple[TextPattern, ...]): none of these may match between the two.
    nearest (Optional[str]): `head`: only the nearest head of each tail, among those
        that meet all other conditions; `tail`: only the nearest tail of each head;
        `both`.
    dependency (Optional[List[Dict]]): a pattern for spaCy's DependencyMatcher, whose
        nodes `head` and `tail` are tokens of the two entities.
    score (float): the relation's score, from 0 to 1.
    """

    label: str
    id: str = ""
    head: FrozenSet[str] = frozenset()
    tail: FrozenSet[str] = frozenset()
    max_tokens: Optional[int] = None
    max_sentences: Optional[int] = None
    order: str = "any"
    between: Alternatives = ()
    before: Alternatives = ()
    after: Alternatives = ()
    without: Alternatives = ()
    nearest: Optional[str] = None
    dependency: Optional[List[Dict[str, Any]]] = None
    score: float = 1.0

    def get_conditions(self) -> Dict[str, Alternatives]:
        """RETURNS (Dict[str, Tuple[TextPattern, ...]]): its conditions on the text."""
        found = {name: getattr(self, name) for name in CONDITIONS}
        return {name: value for name, value in found.items() if value}


def read_pattern(data: Any, where: str) -> RelationPattern:
    """Check a pattern.

    data (Dict[str, Any]): the pattern, as loaded from JSON.
    where (str): its location, for error messages.
    RETURNS (RelationPattern): the validated pattern.
    RAISES (ValueError): if a field is invalid.
    """
    if not isinstance(data, dict):
        raise ValueError(
            f"{where} is {_show(data)}; expected an object such as {EXAMPLE}."
        )
    if data.get("id"):
        where = f"{where} ({data['id']!r})"
    unknown = [str(name) for name in data if name not in READERS]
    if unknown:
        raise ValueError(
            f"{where} has unknown field(s) {', '.join(unknown)}; expected "
            f"{', '.join(READERS)}."
        )
    if "label" not in data:
        raise ValueError(f"{where} has no label; expected a pattern such as {EXAMPLE}.")
    values = {
        name: READERS[name](value, f"{where}.{name}")
        for name, value in data.items()
        # null is the same as a missing field, except for the label
        if value is not None or name == "label"
    }
    values.pop("meta", None)
    return RelationPattern(**values)


def _read_string(value: Any, where: str) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{where} is {_show(value)}; expected a string.")
    return value


def _read_id(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{where} is {_show(value)}; expected a string.")
    return value


def _read_types(value: Any, where: str) -> FrozenSet[str]:
    types = value if isinstance(value, (list, tuple)) and value else [value]
    if not all(isinstance(type_, str) and type_ for type_ in types):
        raise ValueError(
            f"{where} is {_show(value)}; expected an entity type or a list of them."
        )
    return frozenset(types)


def _read_count(value: Any, where: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(
            f"{where} is {_show(value)}; expected a whole number from 0 on, or null "
            f"for no limit."
        )
    return value


def _read_score(value: Any, where: str) -> float:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not 0 <= value <= 1:
        raise ValueError(f"{where} is {_show(value)}; expected a number from 0 to 1.")
    return float(value)


def _one_of(names: Tuple[str, ...]) -> Callable[[Any, str], str]:
    def read(value: Any, where: str) -> str:
        if value not in names:
            expected = join_names([repr(name) for name in names])
            raise ValueError(f"{where} is {_show(value)}; expected one of {expected}.")
        return value

    return read


def _read_alternatives(value: Any, where: str) -> Alternatives:
    """Read a phrase, a token pattern, or a list of these."""
    if isinstance(value, (list, tuple)):
        is_one = bool(value) and all(isinstance(token, dict) for token in value)
        patterns = [value] if is_one else value
    else:
        patterns = [value]
    if not patterns:
        raise ValueError(f"{where} is empty; remove the field, or add a pattern.")
    return tuple(_read_text_pattern(pattern, where) for pattern in patterns)


def _read_text_pattern(value: Any, where: str) -> TextPattern:
    if isinstance(value, str) and value.strip():
        return value
    if not isinstance(value, (list, tuple)):
        raise ValueError(
            f"{where} is {_show(value)}; expected a phrase, a pattern for spaCy's "
            "Matcher such as [{'LOWER': 'of'}], or a list of these."
        )
    problems = validate_token_pattern(list(value))
    if problems:
        raise ValueError(
            f"{where} is {_show(value)}, which is not a valid pattern for spaCy's "
            f"Matcher: {problems[0].replace('[pattern -> ', '[token ')}."
        )
    return list(value)


def _read_dependency(value: Any, where: str) -> List[Dict[str, Any]]:
    nodes = value if isinstance(value, (list, tuple)) else []
    if not nodes or not all(isinstance(node, dict) for node in nodes):
        raise ValueError(
            f"{where} is {_show(value)}; expected a pattern for spaCy's "
            "DependencyMatcher, a list of objects."
        )
    for i, node in enumerate(nodes):
        missing = [name for name in ("RIGHT_ID", "RIGHT_ATTRS") if name not in node]
        if missing:
            raise ValueError(
                f"{where}[{i}] has no {join_names(missing)}; expected the nodes of "
                f"spaCy's DependencyMatcher."
            )
    names = [node["RIGHT_ID"] for node in nodes]
    missing = [name for name in ("head", "tail") if name not in names]
    if missing:
        raise ValueError(
            f"{where} has no node whose RIGHT_ID is {join_names(missing)} (found "
            f"{', '.join(map(str, names))}); they refer to the two entities."
        )
    return list(nodes)


def _read_meta(value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise ValueError(f"{where} is {_show(value)}; expected an object.")
    return value


def _show(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


READERS: Dict[str, Callable[[Any, str], Any]] = {
    "label": _read_string,
    "id": _read_id,
    "head": _read_types,
    "tail": _read_types,
    "max_tokens": _read_count,
    "max_sentences": _read_count,
    "order": _one_of(ORDERS),
    **dict.fromkeys(CONDITIONS, _read_alternatives),
    "nearest": _one_of(NEAREST),
    "dependency": _read_dependency,
    "score": _read_score,
    # for information only, e.g. the counts from `suggest_patterns.py`
    "meta": _read_meta,
}

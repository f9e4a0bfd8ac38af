"""Convert the relations of spacy-llm's REL task.

The task stores items with entity indices in `doc._.rel`, which can be read directly.
It also leaves markers such as `[ENT0:PERSON]` in the text after each entity, which are
removed here.
"""

import re
from typing import Any, Dict, List, Tuple

import numpy
from spacy.language import Language
from spacy.tokens import Doc, Span

from ..relations import get_relation_data, set_relation_data

MARK = re.compile(r"\[ENT\d+:.*\]", re.DOTALL)


@Language.factory(
    "llm_relations",
    assigns=["doc._.rel", "doc._.relations"],
    default_config={"llm": "llm"},
)
def make_llm_relations(nlp: Language, name: str, *, llm: str) -> "LLMRelations":
    """Construct the component, to add after the LLM component.

    llm (str): name of the LLM component with the REL task.
    """
    return LLMRelations(nlp, name, llm=llm)


class LLMRelations:
    """Converts the output of spacy-llm's REL task to `doc._.relations`."""

    def __init__(
        self, nlp: Language, name: str = "llm_relations", *, llm: str = "llm"
    ) -> None:
        self.nlp = nlp
        self.name = name
        self.llm = llm

    @property
    def labels(self) -> Tuple[str, ...]:
        """RETURNS (Tuple[str, ...]): the labels of the task."""
        pipes: Dict[str, Any] = dict(self.nlp.components)
        return tuple(getattr(pipes.get(self.llm), "labels", ()))

    def __call__(self, doc: Doc) -> Doc:
        """Read the relations, and remove the markers from the text.

        doc (Doc): the output of the LLM component.
        RETURNS (Doc): the same Doc, or a new one without markers.
        RAISES (ValueError): if an item is not a relation between two entities.
        """
        data = get_relation_data(doc)
        ends = {ent.end for ent in doc.ents}
        is_mark = [t.i in ends and bool(MARK.fullmatch(t.text)) for t in doc]
        if not any(is_mark):
            return doc
        found = remove_tokens(doc, is_mark)
        if data is not None:
            moved = _count_before(is_mark)[data.spans].astype("int32")
            set_relation_data(found, data.replace(spans=moved))
        return found


def remove_tokens(doc: Doc, is_removed: List[bool]) -> Doc:
    """Remove tokens from a Doc; the token before a removed one gets its whitespace.

    doc (Doc): the Doc; entities must not contain removed tokens.
    is_removed (List[bool]): whether to remove each token.
    RETURNS (Doc): a new Doc, with entities and user data, except for data on spans.
    """
    words: List[str] = []
    spaces: List[bool] = []
    for token, is_gone in zip(doc, is_removed):
        if is_gone and spaces:
            spaces[-1] = bool(token.whitespace_)
        elif not is_gone:
            words.append(token.text)
            spaces.append(bool(token.whitespace_))
    found = Doc(doc.vocab, words=words, spaces=spaces)
    places = _count_before(is_removed).tolist()
    found.ents = [
        Span(found, places[ent.start], places[ent.end], ent.label, kb_id=ent.kb_id)
        for ent in doc.ents
    ]
    # tuple keys may contain offsets
    plain = {key: x for key, x in doc.user_data.items() if isinstance(key, str)}
    found.user_data.update(plain)
    found._context = doc._context
    return found


def _count_before(is_removed: List[bool]) -> numpy.ndarray:
    """RETURNS (Ints1d): (n_tokens + 1,), number of kept tokens before each token."""
    stays = ~numpy.asarray(is_removed, dtype=bool)
    return numpy.concatenate([[0], numpy.cumsum(stays)])

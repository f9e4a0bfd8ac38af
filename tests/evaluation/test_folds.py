import pytest
import spacy

from rel_component.evaluation.folds import grow, make_folds
from rel_component.relations import SOURCE_KEY

from ..util import make_doc


def make_docs(vocab, n):
    """Texts, some of which repeat."""
    return [make_doc(vocab, f"Ann works for Acme {i % 12}") for i in range(n)]


def test_no_text_is_on_both_sides(vocab):
    docs = make_docs(vocab, 30)
    for train, held_out in make_folds(docs, 3):
        assert len(train) + len(held_out) == 30
        assert not {doc.text for doc in train} & {doc.text for doc in held_out}


def test_growing_parts(vocab):
    docs = make_docs(vocab, 30)
    small, middle, whole = grow(docs, [0.25, 0.5, 1.0], seed=1)
    assert whole == docs
    assert {id(doc) for doc in small} < {id(doc) for doc in middle}
    left = {doc.text for doc in docs if doc not in middle}
    assert not left & {doc.text for doc in middle}
    for shares in ([0.5, 0.25], [0.0, 1.0], [0.5, 1.5]):
        with pytest.raises(ValueError, match="expected increasing numbers"):
            grow(docs, shares)


def test_groups_stay_together():
    nlp = spacy.blank("en")
    docs = [nlp.make_doc(text) for text in ("a", "b", "c", "d", "e", "e ")]
    for doc, group in zip(docs, ("x", "y", "x", "y", None, None)):
        doc.user_data[SOURCE_KEY] = {"group": group}
    for train, held_out in make_folds(docs, 3):
        texts = {doc.text for doc in held_out}
        assert texts in ({"a", "c"}, {"b", "d"}, {"e", "e "})
        assert len(train) + len(held_out) == 6
    for part in grow(docs, [0.3, 0.6, 1.0]):
        texts = {doc.text for doc in part}
        assert ("a" in texts) == ("c" in texts) and ("b" in texts) == ("d" in texts)

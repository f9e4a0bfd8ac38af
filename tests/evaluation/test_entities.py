"""Scores of entities, against seqeval and scikit-learn on random predictions."""

import warnings

import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from seqeval.metrics import classification_report
from sklearn.metrics import precision_recall_fscore_support
from spacy.tokens import Doc, DocBin
from spacy.training import Example
from spacy.vocab import Vocab

from rel_component.evaluation import score_entities, score_tokens
from rel_component.evaluation.entities import evaluate_entities

from ..util import make_doc

VOCAB = Vocab()
TYPES = "ABC"


def example(n_words, gold, predicted, **options):
    docs = [make_doc(VOCAB, n_words, ents, **options) for ents in (predicted, gold)]
    return Example(*docs)


@st.composite
def entity_lists(draw, n_words):
    """Entities that do not overlap."""
    borders = sorted(draw(st.sets(st.integers(0, n_words), max_size=8)))
    spans = list(zip(borders, borders[1:]))
    kept = draw(st.lists(st.sampled_from(spans), unique=True)) if spans else []
    return [(*span, draw(st.sampled_from(TYPES))) for span in sorted(kept)]


@st.composite
def example_lists(draw):
    examples = []
    for _ in range(draw(st.integers(1, 4))):
        n_words = draw(st.integers(1, 12))
        gold = draw(entity_lists(n_words))
        predicted = [x for x in gold if draw(st.booleans())]
        if draw(st.booleans()):
            predicted = draw(entity_lists(n_words))
        examples.append(example(n_words, gold, predicted))
    return examples


def iob(doc: Doc):
    """Tags as CoNLL-2002 writes them."""
    return [f"{t.ent_iob_}-{t.ent_type_}" if t.ent_type_ else "O" for t in doc]


@settings(max_examples=60, deadline=None)
@given(examples=example_lists())
def test_entities_as_seqeval(examples):
    found = score_entities(examples)
    tags = [[iob(getattr(eg, x)) for eg in examples] for x in ("y", "x")]
    if not found["ents_per_type"]:
        assert found["ents_micro_f"] is None
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # seqeval warns of types without prediction
        expected = classification_report(*tags, output_dict=True, zero_division=0)
    for name in ("micro", "macro"):
        row = expected[f"{name} avg"]
        for part, full in zip("prf", ("precision", "recall", "f1-score")):
            assert found[f"ents_{name}_{part}"] == pytest.approx(row[full])
    for type_, row in found["ents_per_type"].items():
        assert row["f"] == pytest.approx(expected[type_]["f1-score"])
        assert row["support"] == expected[type_]["support"]


@settings(max_examples=60, deadline=None)
@given(examples=example_lists())
def test_tokens_as_scikit_learn(examples):
    found = score_tokens(examples)
    gold, predicted = (
        [token.ent_type_ for eg in examples for token in getattr(eg, x)]
        for x in ("y", "x")
    )
    types = sorted({*gold, *predicted} - {""})
    n_right = sum(a == b for a, b in zip(gold, predicted))
    assert found["tokens_accuracy"] == pytest.approx(n_right / len(gold))
    if not types:
        assert found["tokens_micro_f"] is None
        return
    for average in ("micro", "macro"):
        expected = precision_recall_fscore_support(
            gold, predicted, labels=types, average=average, zero_division=0
        )
        for part, value in zip("prf", expected):
            assert found[f"tokens_{average}_{part}"] == pytest.approx(value)


def test_by_hand():
    """A border off by one token is a wrong entity, and two tokens of three."""
    examples = [example(6, [(0, 3, "A"), (4, 5, "B")], [(1, 3, "A"), (4, 5, "B")])]
    entities, tokens = score_entities(examples), score_tokens(examples)
    assert entities["ents_per_type"]["A"] == {"p": 0, "r": 0, "f": 0, "support": 1}
    assert entities["ents_micro_f"] == entities["ents_macro_f"] == 0.5
    assert tokens["tokens_per_type"]["A"] == pytest.approx(
        {"p": 1, "r": 2 / 3, "f": 0.8, "support": 3}
    )
    assert tokens["tokens_accuracy"] == pytest.approx(5 / 6)


def test_nested_entities_from_a_span_group():
    examples = [
        example(
            4, [(0, 4, "A"), (1, 2, "B")], [(1, 2, "B"), (1, 2, "A")], spans_key="s"
        )
    ]
    assert score_entities(examples)["ents_micro_f"] is None  # nothing in doc.ents
    found = score_entities(examples, "s")
    assert (found["ents_micro_p"], found["ents_micro_r"]) == (0.5, 0.5)
    assert score_tokens(examples, "s")["tokens_per_type"]["A"]["r"] == 0.25


def test_entities_that_are_annotated_elsewhere_are_named(tmp_path):
    nlp = spacy.blank("en")
    ruler = nlp.add_pipe("span_ruler", config={"spans_key": "sc"})
    ruler.add_patterns([{"label": "A", "pattern": "a"}])
    nlp.to_disk(tmp_path / "model")
    gold = make_doc(nlp.vocab, "a b", [(0, 1, "A")])
    DocBin(docs=[gold]).to_disk(tmp_path / "a.spacy")
    with pytest.raises(ValueError, match=r"no document has entities in doc.spans"):
        evaluate_entities(tmp_path / "model", tmp_path / "a.spacy", spans_key="sc")


def test_other_tokens_of_the_same_text():
    gold = Doc(VOCAB, words=["New", "York-based"], spaces=[True, False])
    gold.ents = [gold.char_span(0, 3, "A")]
    found = Doc(VOCAB, words=["New", "York", "-based"], spaces=[True, False, False])
    found.ents = [found.char_span(0, 8, "A")]
    examples = [Example(found, gold)]
    assert score_entities(examples)["ents_micro_f"] == 0
    assert score_tokens(examples)["tokens_micro_r"] == 1

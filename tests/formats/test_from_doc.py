import spacy
from hypothesis import given
from hypothesis import strategies as st
from spacy.tokens import Doc, Span

from rel_component import Relation, get_relations, set_relations
from rel_component.formats import Options, Report, Source, from_doc, to_doc
from rel_component.relations import get_relation_data

from ..util import make_doc
from .util import NLP
from .writers.util import texts


def convert(record, **options):
    report = Report()
    doc = to_doc(record, NLP, Options(**options), report)
    assert report.problems == []
    return doc


def keys(doc):
    return sorted(
        (r.head.start, r.head.end, r.head.label_, r.label)
        + (r.tail.start, r.tail.end, r.tail.label_)
        for r in get_relations(doc)
    )


@st.composite
def docs(draw):
    """Any spans, related or known to be unrelated; perhaps with sentences."""
    doc = NLP.make_doc(draw(texts.filter(str.strip)))
    words = st.sampled_from([t.i for t in doc if not t.is_space])
    types, links = st.sampled_from("AB"), st.sampled_from(["", "Q1"])
    spans = {}
    for _ in range(draw(st.integers(0, 4))):
        start, last = sorted((draw(words), draw(words)))
        span = Span(doc, start, last + 1, label=draw(types), kb_id=draw(links))
        spans[start, last, span.label_] = span
    doc.spans["entities"] = list(spans.values())
    one = st.sampled_from(sorted(spans) or [None])
    pairs = draw(st.lists(st.tuples(one, one), max_size=4, unique=True))
    pairs = [(spans[h], spans[t]) for h, t in pairs if spans]
    n = draw(st.integers(0, len(pairs)))
    set_relations(
        doc,
        [Relation(head, draw(types), tail) for head, tail in pairs[:n]],
        complete=draw(st.booleans()),
        negatives=pairs[n:],
    )
    if draw(st.booleans()):
        for token in doc:
            token.is_sent_start = token.i == 0 or draw(st.booleans())
    return doc


@given(docs())
def test_doc_to_record_to_doc(doc):
    record = from_doc(doc)
    back = convert(record)
    assert [(t.text, t.whitespace_) for t in back] == [
        (t.text, t.whitespace_) for t in doc
    ]
    assert keys(back) == keys(doc)
    assert from_doc(back) == record


def test_entities_come_from_spans_ends_of_relations_or_ents(vocab):
    entities = [(0, 3, "ORG"), (2, 3, "LOC")]
    doc = make_doc(
        vocab, "University of Paris", entities, [(0, "IN", 1)], spans_key="entities"
    )
    doc.ents = [Span(doc, 1, 2, label="NOISE", kb_id="Q7")]
    record = from_doc(doc)
    assert [(e.label, *e.fragments[0]) for e in record.entities] == [
        ("ORG", 0, 19),
        ("LOC", 14, 19),
    ]
    (relation,) = record.relations
    assert (relation.head, relation.label, relation.tail) == ("0", "IN", "1")
    record = from_doc(doc, spans_key=None)
    assert [e.text for e in record.entities] == ["University of Paris", "of", "Paris"]
    assert [e.attrs for e in record.entities] == [{}, {"kb_id": "Q7"}, {}]
    assert record.tokens == [(0, 10), (11, 13), (14, 19)]
    assert record.sentences is None


def test_scores_only_if_asked_for(vocab):
    doc = make_doc(vocab, "a b", [(0, 1, "A"), (1, 2, "B")], [])
    set_relations(doc, [Relation(doc[:1], "X", doc[1:], 0.25)])
    assert from_doc(doc).relations[0].attrs == {}
    assert from_doc(doc, scores=True).relations[0].attrs == {"score": 0.25}


def test_what_is_not_annotated_is_incomplete(vocab):
    entities = [(0, 1, "A"), (1, 2, "B")]
    assert not from_doc(make_doc(vocab, "a b", entities)).complete
    assert from_doc(make_doc(vocab, "a b", entities, [])).complete
    doc = make_doc(vocab, "a b", entities, [], complete=False, negatives=[(0, 1)])
    record = from_doc(doc)
    assert not record.complete
    assert record.negatives == [("0", "1")]
    # where all is known, it goes without saying
    doc = make_doc(vocab, "a b", entities, [], negatives=[(0, 1)])
    assert from_doc(doc).negatives == []


def test_the_place_that_a_doc_came_from_is_kept(vocab):
    doc = make_doc(vocab, "a b", [(0, 1, "A")], [])
    here = Source("dev.spacy", index=3)
    assert from_doc(doc, source=here).source == here
    assert from_doc(doc).source.at("x") == "document x"
    there = {"file": "a.jsonl", "line": 7, "index": None, "id": "d", "group": "g"}
    doc.user_data["rel_component_source"] = there
    record = from_doc(doc, source=here)
    assert record.source == Source("a.jsonl", 7, None, "d")
    assert record.group == "g"


def test_a_tutorial_doc_is_read():
    doc = Doc(spacy.blank("en").vocab, words=["Ann", "left"])
    doc.ents = [Span(doc, 0, 1, label="P"), Span(doc, 1, 2, label="Q")]
    doc._.rel = {(0, 1): {"X": 1.0, "Y": 0.0}, (1, 0): {"X": 0.0, "Y": 0.0}}
    record = from_doc(doc)
    assert [(r.head, r.label, r.tail) for r in record.relations] == [("0", "X", "1")]
    assert get_relation_data(doc).complete and record.complete

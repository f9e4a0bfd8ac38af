import numpy
import pytest
import spacy
from spacy.tokens import Doc, Span, SpanGroup

from rel_component.entity_scores import get_entity_scores, set_entity_scores


@pytest.fixture
def doc():
    doc = spacy.blank("en")("Northern Paris")
    spans = [doc.char_span(0, 14, label="CITY"), doc.char_span(9, 14, label="CITY")]
    doc.spans["entities"] = spans
    return doc


def set_scores(doc, scores):
    spans = list(doc.spans["entities"])
    doc.spans["entities"] = SpanGroup(doc, spans=spans, attrs={"scores": scores})
    return [span._.entity_score for span in spans]


def test_scores_of_a_span_group_are_scores_of_entities(doc):
    scores = numpy.asarray([0.75, 0.5], dtype="float32")
    assert set_scores(doc, scores) == [0.75, 0.5]
    assert set_scores(doc, scores.reshape(-1, 1)) == [0.75, 0.5]  # max_positive = 1
    assert get_entity_scores(doc, ["entities"]) == {
        (0, 2, "CITY"): 0.75,
        (1, 2, "CITY"): 0.5,
    }
    # another component's: doc.ents may contain the same entity without a score
    assert get_entity_scores(doc) == {}
    set_entity_scores(doc, {doc.spans["entities"][1]: 0.25})
    assert get_entity_scores(doc) == {(1, 2, "CITY"): 0.25}
    doc.spans["other"] = doc.spans["entities"].copy()
    doc.spans["other"].attrs["scores"] = [0.1, 0.1]
    for keys, score in ((["other", "entities"], 0.1), (["entities", "other"], 0.5)):
        assert get_entity_scores(doc, keys)[1, 2, "CITY"] == pytest.approx(score)
    assert doc.spans["entities"][1]._.entity_score == 0.25  # doc.ents come first
    del doc.spans["other"]
    doc.spans["entities"].append(doc[:1])  # which score is whose is unknown now
    assert get_entity_scores(doc, ["entities"]) == {(1, 2, "CITY"): 0.25}


def test_scores_stay_with_their_text():
    """They moved to other entities if tokens were merged."""
    nlp = spacy.blank("en")
    doc = nlp("New York or Rome")
    spans = [doc[0:2], doc[2:3], doc[3:4]]
    doc.ents = [Span(doc, x.start, x.end, label="CITY") for x in spans]
    set_entity_scores(doc, dict(zip(doc.ents, (0.5, 0.25, 1.0))))
    copy = Doc(doc.vocab).from_bytes(doc.to_bytes())
    part = doc[2:].as_doc(copy_user_data=True)
    for found, expected in ((copy, [0.5, 0.25, 1.0]), (part, [0.25, 1.0])):
        assert [ent._.entity_score for ent in found.ents] == expected
    with copy.retokenize() as retokenizer:
        retokenizer.merge(copy[0:2])
    assert [ent._.entity_score for ent in copy.ents] == [0.5, 0.25, 1.0]
    same_number = Doc(doc.vocab).from_bytes(doc.to_bytes())
    with same_number.retokenize() as retokenizer:
        retokenizer.merge(same_number[0:2])
        retokenizer.split(same_number[3], ["Ro", "me"], heads=[same_number[2]] * 2)
    found = [ent._.entity_score for ent in same_number.ents]
    assert found[:2] == [0.5, 0.25] and len(same_number) == len(doc)
    with copy.retokenize() as retokenizer:
        retokenizer.merge(copy[1:3])
    found = [ent._.entity_score for ent in copy.ents]
    assert found[0] == 0.5 and found[1:] == [None] * (len(found) - 1)


@pytest.mark.parametrize(
    "scores",
    [None, 0.5, [], [0.5], [1.5, 0.5], [-1, 0], [numpy.nan, 0.5], ["a", "b"], {"a": 1}],
)
def test_other_attributes_of_this_name(doc, scores):
    assert set_scores(doc, scores) == [None, None]


def test_scores_follow_parts_and_joined_texts(recwarn):
    nlp = spacy.blank("en")
    docs = [nlp("Ann left Rome"), nlp("Bob")]
    for doc in docs:
        doc.ents = [Span(doc, i, i + 1, label="X") for i in range(0, len(doc), 2)]
        set_entity_scores(doc, {ent: 0.25 * (i + 1) for i, ent in enumerate(doc.ents)})
    joined = Doc.from_docs(docs)
    assert [ent._.entity_score for ent in joined.ents] == [0.25, 0.5, 0.25]
    part = joined[2:].as_doc(copy_user_data=True)
    again = Doc(nlp.vocab).from_bytes(part.to_bytes())
    assert [ent._.entity_score for ent in again.ents] == [0.5, 0.25]
    set_entity_scores(again, {again.ents[0]: 1.0})
    assert [ent._.entity_score for ent in again.ents] == [1.0, None]
    assert not recwarn.list

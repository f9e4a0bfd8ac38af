import numpy
import spacy
from spacy.tokens import SpanGroup

import rel_component  # noqa: F401


def test_scores_of_a_span_group_are_scores_of_entities():
    doc = spacy.blank("en")("Northern Paris")
    spans = [doc.char_span(0, 14, label="CITY"), doc.char_span(9, 14, label="CITY")]
    scores = numpy.asarray([0.75, 0.5], dtype="float32")
    doc.spans["entities"] = SpanGroup(doc, spans=spans, attrs={"scores": scores})
    assert [span._.entity_score for span in spans] == [0.75, 0.5]
    doc.spans["entities"].append(doc[:1])  # which score is whose is unknown now
    assert [span._.entity_score for span in spans] == [None, None]

"""Word pieces, markers and positions as transformers' own tokenizers make them."""

import numpy
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

pytest.importorskip("spacy_transformers")

from rel_component.model.luke.pieces import (
    PieceReader,
    Pieces,
    add_markers,
    make_input,
    select_pieces,
)

from ...tiny_luke import make_tokenizer

TEXT = " Ann  works for Acme, but né Bolt's\nleft town. "
borders = st.lists(st.integers(0, len(TEXT)), min_size=4, max_size=4, unique=True)


@pytest.fixture(scope="module", params=[False, True], ids=["luke", "mluke"])
def tokenizer(request, tmp_path_factory):
    return make_tokenizer(tmp_path_factory.mktemp("tokenizer"), request.param)


def read(tokenizer, text, spans, markers=None):
    found = make_input(tokenizer, PieceReader(tokenizer)(text, spans), markers)
    longest = tokenizer.max_mention_length
    places = [list(range(*span))[:longest] for span in found.spans.tolist()]
    return found.ids.tolist(), found.entity_ids.tolist(), places


def read_by_transformers(tokenizer, text, spans, task):
    tokenizer.task = task
    found = tokenizer(text, entity_spans=spans)
    tokenizer.task = None
    places = [[i for i in row if i >= 0] for row in found["entity_position_ids"]]
    return found["input_ids"], found["entity_ids"], places


@given(borders, st.booleans())
@example([4, 5, 6, 7], False)  # for mLUKE a blank has no piece
def test_matches_transformers(tokenizer, ends, is_reversed):
    a, b, c, d = sorted(ends)
    spans = [(c, d), (a, b)] if is_reversed else [(a, b), (c, d)]
    found = read(tokenizer, TEXT, spans)
    assert found == read_by_transformers(tokenizer, TEXT, spans, None)
    markers = tokenizer.additional_special_tokens_ids[-2:]
    found = read(tokenizer, TEXT, spans, markers)
    task = "entity_pair_classification"
    (head, _), (tail, _) = PieceReader(tokenizer)(TEXT, spans).spans.tolist()
    if head == tail and not is_reversed:
        # the head has no piece; transformers takes the tail to stand first, and says
        # of both that they are where they are not
        first = head + 1  # after <s>
        assert found[0][first : first + 3] == [markers[0], markers[0], markers[1]]
        return
    assert found == read_by_transformers(tokenizer, TEXT, spans, task)


@given(
    st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=2, max_size=2)
)
def test_markers_enclose_any_two_entities(spans):
    spans = [tuple(sorted(span)) for span in spans]
    found = add_markers(Pieces(numpy.arange(6), numpy.asarray(spans)), [10, 20])
    for (start, end), (first, last), marker in zip(spans, found.spans, (10, 20)):
        inside = found.ids[first:last]
        assert inside[0] == inside[-1] == marker
        assert [i for i in inside if i < 10] == list(range(start, end))
    assert sorted(found.ids.tolist()) == [*range(6), 10, 10, 20, 20]


def test_slices_keep_entities():
    spans = numpy.asarray([[1, 3], [8, 10], [1, 10]])
    found = select_pieces(Pieces(numpy.arange(10), spans), [(0, 4), (7, 10)])
    assert found.ids.tolist() == [0, 1, 2, 3, 7, 8, 9]
    assert found.spans.tolist() == [[1, 3], [5, 7], [1, 7]]

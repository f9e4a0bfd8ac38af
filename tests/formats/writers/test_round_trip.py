"""Record, writer, reader: the same record, but for what a format can't hold."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rel_component.formats.writers.details import SYMMETRIC

from .util import (
    LABELS,
    ODD_LABELS,
    corpora,
    find_symmetric,
    get_arrows,
    get_edges,
    get_entities,
    get_links,
    join_pieces,
    round_trip,
    squeeze,
    to_hulls,
)

HULLS = "discontinuous entity: from first to last piece"
BOTH_WAYS = "symmetric relations written in both directions"


def count_pieces(corpus):
    """Entities in pieces, of the texts that are written."""
    return sum(len(e.fragments) > 1 for record in corpus for e in record.entities)


@given(corpora(ODD_LABELS))
def test_jsonl_loses_nothing(corpus):
    pairs, report = round_trip("jsonl", corpus)
    assert not report.problems and not report.repaired and not report.not_converted
    for record, back in pairs:
        assert back.text == record.text
        assert get_entities(back) == get_entities(record)
        assert get_edges(back) == get_edges(record)


@given(corpora(ODD_LABELS), st.booleans())
def test_label_studio_loses_pieces(corpus, predictions):
    pairs, report = round_trip("label_studio", corpus, predictions=predictions)
    assert not report.problems and not report.not_converted
    assert report.repaired[HULLS] == count_pieces(corpus)
    for record, back in pairs:
        record = to_hulls(record)
        assert back.text == record.text
        assert get_entities(back) == get_entities(record)
        assert _go_both_ways(back) == _go_both_ways(record)
        if not report.repaired[BOTH_WAYS]:
            assert get_edges(back) == get_edges(record)


def _go_both_ways(record):
    links = get_links(record)
    mirrored = {(label, tail, head) for label, head, tail, is_both in links if is_both}
    return get_arrows(record) | mirrored


@given(corpora())
def test_brat_loses_symmetry_of_single_relations(corpus):
    assume(not any(record.text.startswith("\ufeff") for record in corpus))
    pairs, report = round_trip("brat", corpus)
    assert not report.problems
    symmetric = find_symmetric(corpus)
    for record, back in pairs:
        back = join_pieces(back)
        assert back.text == record.text.replace("\x00", "\ufffd")
        assert get_entities(back) == get_entities(record)
        assert get_edges(back) == get_edges(record, symmetric)
    lost = [x for r, _ in pairs for x in get_links(r) if x[3] and x[0] not in symmetric]
    assert report.not_converted[SYMMETRIC] == len(lost)


@given(corpora(ODD_LABELS))
def test_doccano_loses_pieces_and_symmetry(corpus):
    pairs, report = round_trip("doccano", corpus)
    assert not report.problems
    assert report.repaired[HULLS] == count_pieces(corpus)
    for record, back in pairs:
        record = to_hulls(record)
        assert back.text == record.text
        assert get_entities(back) == get_entities(record)
        assert get_arrows(back) == get_arrows(record)
    lost = [x for r, _ in pairs for x in get_links(to_hulls(r)) if x[3]]
    assert report.not_converted[SYMMETRIC] == len(lost)


@given(corpora(ODD_LABELS))
def test_ubiai_loses_relations_of_entities_that_start_together(corpus):
    pairs, report = round_trip("ubiai", corpus)
    n_lost = 0
    for record, back in pairs:
        record = to_hulls(record)
        assert back.text == record.text
        assert get_entities(back) == get_entities(record)
        starts = [pieces[0][0] for _, pieces in get_entities(record)]
        arrows = get_arrows(record)
        kept = {x for x in arrows if all(starts.count(e[1][0][0]) == 1 for e in x[1:])}
        assert get_arrows(back) == kept
        links = get_links(record)
        n_lost += sum(link[:3] not in kept for link in links)
    assert report.n_lost["relations"] == n_lost == len(report.problems)


@given(corpora(ODD_LABELS), st.booleans())
def test_prodigy_loses_overlapping_entities(corpus, predictions):
    pairs, report = round_trip("prodigy", corpus, predictions=predictions)
    n_entities = n_relations = 0
    for record, back in pairs:
        record = to_hulls(record)
        assert back.text == record.text
        kept, lost = get_entities(back), get_entities(record) - get_entities(back)
        assert kept <= get_entities(record)
        assert not any(_overlap(a, b) for a in kept for b in kept if a != b)
        for one in lost:
            # for the sake of one that is not shorter
            assert any(_overlap(one, e) and _size(e) >= _size(one) for e in kept)
        arrows = get_arrows(record)
        assert get_arrows(back) == {x for x in arrows if kept.issuperset(x[1:])}
        n_entities += len(lost)
        n_relations += sum(not kept.issuperset(x[1:3]) for x in get_links(record))
    assert report.n_lost["entities"] == n_entities
    assert report.n_lost["relations"] == n_relations
    assert len(report.problems) == n_entities + n_relations


def _overlap(one, other):
    (start, end), (low, high) = one[1][0], other[1][0]
    return start < high and low < end


def _size(span):
    start, end = span[1][0]
    return end - start


@given(corpora(ODD_LABELS))
def test_spert_loses_whitespace(corpus):
    pairs, report = round_trip("spert", corpus)
    assert not report.problems
    symmetric = find_symmetric(corpus)
    for record, back in pairs:
        record, back = squeeze(to_hulls(record)), squeeze(back)
        assert back.text == record.text
        assert get_entities(back) == get_entities(record)
        assert get_edges(back) == get_edges(record, symmetric)


@pytest.mark.parametrize("name", ["gliner", "glirel", "huggingface"])
@given(corpora(ODD_LABELS))
def test_words_lose_whitespace_and_symmetry(name, corpus):
    pairs, report = round_trip(name, corpus)
    assert not report.problems
    for record, back in pairs:
        record, back = squeeze(to_hulls(record)), squeeze(back)
        assert back.text == record.text
        assert get_entities(back) == get_entities(record)
        assert get_arrows(back) == get_arrows(record)
    lost = [x for r, _ in pairs for x in get_links(to_hulls(r)) if x[3]]
    assert report.not_converted[SYMMETRIC] == len(lost)


@given(corpora(LABELS))
def test_records_are_not_modified(corpus):
    before = repr(corpus)
    for name in ("brat", "prodigy"):
        round_trip(name, corpus)
    assert repr(corpus) == before

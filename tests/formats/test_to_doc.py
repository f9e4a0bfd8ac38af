import subprocess
import sys

import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.tokens import Doc

from rel_component.formats import (
    EntityRecord,
    FormatError,
    Options,
    Record,
    RelationRecord,
    Report,
    Source,
    load_tokenizer,
    to_doc,
    to_docs,
    tokens,
)
from rel_component.formats.offsets import GRAPHEMES, UNITS, map_offsets
from rel_component.formats.to_doc import INCOMPLETE
from rel_component.relations import get_relation_data

from .util import NLP, entities, triples

SOURCE = Source("a.json", index=0)


def make(text, spans, relations=(), *, report=None, stated=True, **fields):
    """A record from (start, end) or lists of them; the text is stated if asked for."""
    records = []
    for i, span in enumerate(spans):
        fragments = [span] if isinstance(span, tuple) else span
        stated_text = stated[i] if isinstance(stated, list) else None
        records.append(EntityRecord(str(i), "X", fragments, stated_text, f"e[{i}]"))
    links = [RelationRecord(label, str(h), str(t)) for h, label, t in relations]
    return Record(text, SOURCE, records, links, **fields)


def convert(record, **options):
    report = Report()
    report.read("documents")
    report.read("entities", len(record.entities))
    report.read("relations", len(record.relations))
    doc = to_doc(record, NLP, Options(**options), report)
    assert report.unaccounted() == {}
    return doc, report


def spans(doc):
    return [span.text for span in doc.spans["entities"]]


@pytest.mark.parametrize(
    "align,expected",
    [("retokenize", ["km"]), ("expand", ["10km/h"]), ("contract", []), ("error", [])],
)
def test_entity_inside_a_token(align, expected):
    nlp = spacy.blank("xx")
    record = make("at 10km/h", [(5, 7)], tokens=[(0, 2), (3, 9)])
    report = Report()
    doc = to_doc(record, nlp, Options(align=align), report)
    assert spans(doc) == expected
    assert bool(report.problems) == (not expected)
    assert doc.text == record.text


@pytest.mark.parametrize(
    "unit,encode",
    [
        ("UTF-16 units", lambda text: len(text.encode("utf-16-le")) // 2),
        ("UTF-8 bytes", lambda text: len(text.encode("utf8"))),
        (
            "characters with line ends as one",
            lambda text: len(text.replace("\r\n", "\n")),
        ),
    ],
)
def test_units_of_offsets(unit, encode):
    text = "\r\n😀 Marie Curie, née 😀 Skłodowska"
    names = ["Marie Curie", "Skłodowska"]
    ends = []
    for name in names:
        start = text.index(name)
        ends.append((encode(text[:start]), encode(text[: start + len(name)])))
    doc, report = convert(make(text, ends, [(0, "R", 1)], stated=names))
    assert report.problems == []
    assert report.repaired[f"offsets in {unit}"] == 2
    assert spans(doc) == names
    assert doc.text == text
    # one entity that fits nowhere: nothing is guessed
    _, report = convert(make(text, ends, stated=[names[0], "other"]))
    assert len(report.problems) >= 1 and not report.repaired


def test_byte_order_mark_counted():
    record = make("Marie Curie", [(1, 6)], stated=["Marie"], bom=True)
    doc, report = convert(record)
    assert spans(doc) == ["Marie"] and report.problems == []


def test_repair_needs_a_unique_place():
    record = make("ha ha ha", [(1, 3)], stated=["ha"])
    _, report = convert(record, repair_offsets=True)
    assert len(report.problems) == 1


@pytest.mark.parametrize("align", ["error", "contract"])
def test_what_is_lost_leaves_the_rest_and_an_incomplete_document(align):
    record = make("at 10km/h now", [(5, 7), (0, 2), (10, 13)], [(1, "R", 2)])
    record.tokens = [(0, 2), (3, 9), (10, 13)]
    doc, report = convert(record, align=align)
    assert triples(doc) == [("at", "R", "now")]
    assert not get_relation_data(doc).complete
    # no token is known to be outside of all entities
    assert [token.ent_iob_ for token in doc] == ["B", "", "B"]
    assert report.notes[INCOMPLETE] == 1
    doc, report = convert(make("at now", [(0, 2), (3, 6)], losses=frozenset({"x"})))
    assert not get_relation_data(doc).complete and report.notes[INCOMPLETE] == 1
    doc, report = convert(make("at now", [(0, 2)]))
    assert get_relation_data(doc).complete and not report.notes[INCOMPLETE]
    assert [token.ent_iob_ for token in doc] == ["B", "O"]


def test_whitespace_is_trimmed():
    doc, report = convert(make("a Marie\u00a0 b", [(1, 9), (7, 9)]))
    assert spans(doc) == ["Marie"]
    assert report.repaired == {"whitespace around an entity trimmed": 1}
    assert "only whitespace" in report.n_skipped["entities"]


@pytest.mark.parametrize(
    "policy,expected",
    [("hull", ["a b c"]), ("first", ["a"]), ("drop", []), ("error", [])],
)
def test_discontinuous(policy, expected):
    record = make("a b c", [[(0, 1), (4, 5)]])
    doc, report = convert(record, discontinuous=policy)
    assert spans(doc) == expected
    assert len(report.problems) == (policy == "error")
    # only whitespace in between: one piece
    doc, report = convert(make("a \n c", [[(0, 1), (4, 5)]]), discontinuous=policy)
    assert spans(doc) == ["a \n c"] and report.problems == []


def test_overlapping_entities():
    record = make("a b c d", [(0, 3), (0, 1), (2, 5), (0, 3)], [(1, "R", 2)])
    doc, report = convert(record)
    assert spans(doc) == ["a", "a b", "b c"]
    assert [text for text, _ in entities(doc)] == ["a b"]
    assert triples(doc) == [("a", "R", "b c")]
    assert report.n_merged["entities"] == {"exact duplicates": 1}
    assert report.notes["overlapping entities only in doc.spans['entities']"] == 2
    doc, report = convert(record, spans_key=None)
    assert not doc.spans
    assert report.n_skipped["entities"] == {"overlap, and no spans key": 2}


def test_relations_to_lost_and_unknown_entities():
    record = make("a b", [(0, 1), (2, 9)], [(0, "R", 1), (0, "R", 7)])
    _, report = convert(record)
    assert report.n_skipped["relations"] == {
        "endpoint dropped": 1,
        "no such entity": 1,
    }
    assert "tail e[1] was not converted" in report.problems[1]


def test_symmetric_labels():
    record = make("a b", [(0, 1), (2, 3)], [(1, "S", 0), (0, "S", 1), (1, "T", 0)])
    doc, report = convert(record, symmetric=("S",))
    assert sorted(triples(doc)) == [("a", "S", "b"), ("b", "S", "a"), ("b", "T", "a")]
    assert report.n_merged["relations"] == {"same by renaming or symmetry": 1}
    doc, _ = convert(record, symmetric=("S",), symmetric_store="canonical")
    assert sorted(triples(doc)) == [("a", "S", "b"), ("b", "T", "a")]


def test_two_entities_at_the_same_place_are_not_one():
    record = make("a b", [(0, 1), (0, 1)], [(0, "S", 1)])
    record.entities[1].label = "Y"
    doc, report = convert(record, symmetric=("S",), drop_self=True)
    assert len(triples(doc)) == 2 and not report.n_skipped["relations"]


def test_negatives_and_incomplete_documents():
    record = make("a b", [(0, 1), (2, 3)], [(0, "No", 1)], complete=False)
    doc, _ = convert(record, null_labels=("No",))
    assert triples(doc) == []
    data = get_relation_data(doc)
    assert len(data["pairs"]) == 1 and data["complete"] is False


def test_empty_text():
    assert convert(make(" \n", []))[0] is None
    _, report = convert(make("", [(0, 1)], [(0, "R", 0), (0, "S", 0)]))
    assert report.n_lost == {"entities": 1, "relations": 2}
    assert len(report.problems) == 2


def test_only_with_relations():
    record = make("a b", [(0, 1), (0, 1)])
    doc, report = convert(record, only_with_relations=True)
    assert doc is None
    assert report.n_skipped["entities"] == {"document has no relation": 1}
    doc, report = convert(record)
    assert doc is not None and report.notes["documents without relations"] == 1
    doc, report = convert(
        make("a b", [(0, 1), (2, 3)], [(0, "R", 1)]), only_with_relations=True
    )
    assert triples(doc) == [("a", "R", "b")] and not report.notes


@pytest.mark.parametrize("lang", ["nonsense", "", "../x"])
def test_unknown_language(lang):
    with pytest.raises(FormatError, match="--lang"):
        load_tokenizer(lang)


def test_groups():
    record = make("a", [], meta={"meta": {"source": "PMC-124-x"}}, group="g")
    doc, _ = convert(record)
    assert doc.user_data["rel_component_source"]["group"] == "g"
    options = {"group_by": "meta.source", "group_regex": r"PMC-(\d+)"}
    doc, _ = convert(record, **options)
    assert doc.user_data["rel_component_source"]["group"] == "124"
    doc, report = convert(record, group_by="meta.nothing")
    assert doc.user_data["rel_component_source"]["group"] is None
    assert len(report.notes) == 2
    assert {"file", "meta.source"} <= set(report.labels["fields"])
    for options, expected in (
        ({"group_by": "meta.source"}, "PMC-124-x"),
        ({"group_by": "meta.source", "group_regex": r"\d+"}, "124"),
        ({"group_by": "meta.source", "group_regex": "(?:no)"}, "PMC-124-x"),
        ({"group_by": "meta.source.further"}, None),
        ({"group_by": "file"}, "a.json"),
    ):
        doc, report = convert(record, **options)
        assert doc.user_data["rel_component_source"]["group"] == expected
        is_noted = any("group" in note for note in report.notes)
        assert is_noted == (expected is None or "no" in str(options))


def test_the_source_is_kept():
    doc, _ = convert(make("a", [], group="g"))
    source = {"file": "a.json", "line": None, "index": 0, "id": None, "group": "g"}
    assert doc.user_data["rel_component_source"] == source
    doc, _ = convert(make("a", [], group="g", piece=0))
    assert doc.user_data["rel_component_source"] == {**source, "piece": 0}


def test_repeated_documents_are_noted():
    first, other = make("a b", [(0, 1)]), make("a b", [(2, 3)])
    for annotation in ("all", "first"):
        report = Report()
        options = Options(annotation=annotation)
        records = [first, make("a", []), first, other, other]
        docs = list(to_docs(records, options, report, tokenizer=NLP.tokenizer))
        assert [spans(doc) for doc in docs] == [["a"], [], ["a"], ["b"], ["b"]]
        assert report.notes["documents repeated"] == 1
        assert report.notes["documents repeated with other annotations"] == 2
        assert bool(report.hints) == (annotation != "all")


def test_a_language_is_loaded_once(monkeypatch):
    made = []
    monkeypatch.setattr(
        tokens,
        "get_lang_class",
        lambda lang: made.append(lang) or spacy.util.get_lang_class(lang),
    )
    load_tokenizer.cache_clear()
    for lang in ("xx", "en", "xx"):
        assert len(list(to_docs([make("a", [])], Options(lang=lang), Report()))) == 1
    assert made == ["xx", "en"]


def test_a_tokenizer_is_that_of_the_language():
    text = "Dr. Smith doesn't pay 3.50€, e.g. to (U.S.) A.B."
    for lang in ("en", "de", "xx"):
        blank = spacy.blank(lang)
        words = [token.text for token in load_tokenizer(lang)(text)]
        assert words == [token.text for token in blank(text)]


def test_a_tokenizer_needs_no_transformers():
    # what spacy.blank imports, if it is installed: seconds, and hundreds of megabytes
    code = (
        "import sys; from rel_component.formats import load_tokenizer; "
        "load_tokenizer('en')('a b'); assert 'spacy_transformers' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


TEXTS = st.text(alphabet="ab. \n\r\u00a0😀é-'0", max_size=20)
ENDS = st.tuples(st.integers(-2, 22), st.integers(-2, 22))


@settings(deadline=None, max_examples=200)
@given(
    TEXTS,
    st.lists(st.one_of(ENDS, st.lists(ENDS, min_size=1, max_size=3)), max_size=5),
    st.lists(st.tuples(st.integers(0, 5), st.sampled_from("RS"), st.integers(0, 5))),
    st.lists(ENDS, max_size=6),
    st.sampled_from(["retokenize", "expand", "contract", "error"]),
)
def test_nothing_is_lost_in_silence(text, spans, relations, tokens, align):
    for own in (None, tokens):
        record = make(text, spans, relations, tokens=own)
        doc, _ = convert(record, align=align, symmetric=("S",))
        if doc is None:
            assert not text.strip()
            continue
        assert doc.text == text
        copy = Doc(doc.vocab).from_bytes(doc.to_bytes())
        assert sorted(triples(copy)) == sorted(triples(doc))


@settings(deadline=None, max_examples=100)
@given(TEXTS, st.sets(ENDS, max_size=5))
def test_retokenizing_keeps_every_entity_that_is_in_the_text(text, ends):
    valid = [
        (s, e)
        for s, e in ends
        if 0 <= s < e <= len(text) and text[s:e] == text[s:e].strip()
    ]
    doc, report = convert(make(text, valid))
    if doc is not None:
        assert report.problems == []
        found = {(s.start_char, s.end_char) for s in doc.spans["entities"]}
        assert found == set(valid)


def test_flags_in_a_row():
    """Each flag has two letters, and is one grapheme cluster."""
    positions, size = map_offsets("🇩🇪" * 50_000 + " Bob", UNITS[GRAPHEMES])
    assert size == 50_004 and positions[50_001] == 100_001


def test_many_relations_of_a_lost_entity():
    ends = [EntityRecord(str(i), "P", [(0, 3)], "Ann", f"e[{i}]") for i in range(2000)]
    lost = EntityRecord("x", "P", [(90, 93)], "Bob", "e[x]")
    relations = [RelationRecord("R", e.id, "x", f"r[{e.id}]") for e in ends]
    _, report = convert(Record("Ann", SOURCE, [*ends, lost], relations))
    assert report.n_skipped["relations"]["endpoint dropped"] == 2000
    assert "its tail e[x] was not converted" in report.problems[-1]

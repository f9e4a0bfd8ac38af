"""Relations and what happens to the tokens under them."""

import pickle
import warnings

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.pipeline.functions import merge_entities
from spacy.tokens import Doc, DocBin
from spacy.vocab import Vocab

from rel_component import get_relations
from rel_component.relations import USER_DATA_PREFIX, get_relation_data
from rel_component.relations.storage import UNANCHORED_KEY

from ..util import make_doc

WORDS = "Big company : 3 years of Java here and now"
ENTITIES = [(3, 5, "EXPERIENCE"), (6, 7, "SKILL")]


@pytest.fixture
def doc(vocab):
    # a DocBin changes the text where blanks are not known
    spaces = [True] * len(WORDS.split())
    return make_doc(vocab, WORDS, ENTITIES, [(0, "IN", 1)], spaces=spaces)


def merge(doc, start, end):
    with doc.retokenize() as retokenizer:
        retokenizer.merge(doc[start:end])
    return doc


def split(doc, i, *parts):
    with doc.retokenize() as retokenizer:
        retokenizer.split(doc[i], list(parts), [(doc[i], 0) for _ in parts])
    return doc


def read(doc):
    return [(r.head.text, r.label, r.tail.text) for r in get_relations(doc)]


FOUND = ("3 years", "IN", "Java")


def to_bytes(doc):
    return Doc(doc.vocab).from_bytes(doc.to_bytes())


def to_docbin(doc):
    data = DocBin(docs=[doc], store_user_data=True).to_bytes()
    return next(DocBin().from_bytes(data).get_docs(doc.vocab))


def to_pickle(doc):
    return pickle.loads(pickle.dumps(doc))


def to_json(doc):
    return Doc(doc.vocab).from_json(doc.to_json(underscore=["relations_json"]))


COPIES = [to_bytes, to_docbin, to_pickle, to_json, Doc.copy, lambda doc: doc]


@pytest.mark.parametrize("copied", COPIES)
@pytest.mark.parametrize(
    "change",
    [
        lambda doc: merge(doc, 0, 2),
        lambda doc: merge(doc, 3, 5),
        lambda doc: merge(doc, 7, 10),
        lambda doc: split(doc, 6, "Ja", "va"),
        lambda doc: merge(split(doc, 0, "B", "ig"), 0, 2),
        merge_entities,
        lambda doc: doc[1:].as_doc(copy_user_data=True),
        lambda doc: doc[2:8][1:5].as_doc(copy_user_data=True),
        lambda doc: doc[1:].as_doc(copy_user_data=True)[1:].as_doc(copy_user_data=True),
        lambda doc: merge(doc, 0, 2)[1:].as_doc(copy_user_data=True),
        lambda doc: Doc.from_docs([Doc(doc.vocab, ["Hello"]), doc]),
        lambda doc: Doc.from_docs([Doc(doc.vocab), doc, Doc(doc.vocab)]),
        lambda doc: Doc.from_docs([doc, doc[:3].as_doc(copy_user_data=True)]),
    ],
)
def test_relations_follow_their_text(doc, change, copied):
    assert read(copied(change(doc))) == [FOUND]


def test_of_joined_documents_each_has_its_own(vocab, doc):
    other = make_doc(vocab, "Ann likes Bob", [(0, 1, "P"), (2, 3, "P")], [(1, "OF", 0)])
    joined = Doc.from_docs([doc, other, doc[3:].as_doc(copy_user_data=True)])
    assert read(joined) == [FOUND, ("Bob", "OF", "Ann"), FOUND]
    assert [r.head.start for r in joined._.relations] == [3, 12, 13]
    # what was not annotated for a label is not shown
    assert joined._.rel[3, 6] == {"IN": 1.0} and joined._.rel[12, 10] == {"OF": 1.0}
    (key,) = joined.user_data
    assert key[:3] == (*USER_DATA_PREFIX, 0)


def test_joined_documents_are_complete_if_all_are(vocab):
    docs = [
        make_doc(vocab, "a b", [(0, 1, "A"), (1, 2, "B")], **options)
        for options in (
            {"relations": [(0, "R", 1)]},
            {"relations": [(0, "S", 1)], "complete": False},
            {"relations": [], "complete": False, "negatives": [(0, 1)]},
        )
    ]
    assert get_relation_data(Doc.from_docs(docs[:1] * 2)).complete
    data = get_relation_data(Doc.from_docs(docs))
    nan = numpy.nan
    assert not data.complete
    # a pair without any relation has none with a label of another document
    numpy.testing.assert_array_equal(data.scores, [[1, nan], [nan, 1], [0, 0]])


def test_a_border_inside_a_token_is_named(doc):
    merge(doc, 4, 6)
    with pytest.warns(UserWarning, match="1 relation was lost.*inside a token"):
        assert read(doc) == []
    assert not get_relation_data(doc).complete
    assert read(doc) == []  # said once


def test_other_relations_stay(vocab):
    entities = [(0, 1, "A"), (2, 3, "B"), (4, 6, "C")]
    relations = [(0, "R", 1), (0, "S", 2), (2, "R", 1)]
    doc = merge(make_doc(vocab, 7, entities, relations), 3, 5)
    with pytest.warns(UserWarning, match="2 relations were lost"):
        assert read(doc) == [("w0", "R", "w2")]
    assert get_relation_data(doc).types == ["A", "B"]


def test_a_relation_that_is_cut_is_named(doc):
    part = doc[:5].as_doc(copy_user_data=True)
    with pytest.warns(UserWarning, match="part of the text"):
        assert read(part) == []
    assert get_relation_data(part).complete  # the pair is none of this part
    assert read(doc[7:].as_doc(copy_user_data=True)) == []
    assert read(doc[:4].as_doc()) == []


def test_another_text_has_no_relations(doc):
    other = Doc(
        doc.vocab, [word.lower() for word in WORDS.split()], user_data=doc.user_data
    )
    with pytest.warns(UserWarning, match="its text has changed"):
        assert read(other) == []
    assert not get_relation_data(other).complete


def test_same_text_in_another_document_is_no_entity(vocab):
    """A part keeps the relations of its whole until it is read."""
    doc = make_doc(vocab, "a x b", [(0, 1, "A"), (2, 3, "B")], [(0, "R", 1)])
    part = doc[1:].as_doc(copy_user_data=True)
    joined = Doc.from_docs([Doc(vocab, ["a"], spaces=[True]), part])
    assert read(joined) == [("a", "R", "b")]  # the same text again, as it was
    part = doc[2:].as_doc(copy_user_data=True)
    joined = Doc.from_docs([Doc(vocab, "a y".split()), part])
    with pytest.warns(UserWarning, match="its text has changed"):
        assert read(joined) == []


def test_parts_joined_again_have_each_relation_once(doc):
    parts = [doc[:5].as_doc(copy_user_data=True), doc[5:].as_doc(copy_user_data=True)]
    assert read(Doc.from_docs(parts)) == [FOUND]


def to_unanchored(doc):
    """As version 0.1 stored it."""
    (key,) = doc.user_data
    data = dict(doc.user_data.pop(key))
    for name in ("text", "chars", "tokens"):
        del data[name]
    doc.user_data[UNANCHORED_KEY] = data
    return doc


@pytest.mark.parametrize("copied", COPIES)
def test_relations_stored_by_an_earlier_version(doc, copied):
    found = copied(to_unanchored(doc))
    assert read(found) == [FOUND]
    assert read(merge(found, 0, 2)) == [FOUND]


@pytest.mark.parametrize(
    "change",
    [
        lambda doc: merge(doc, 0, 2),
        lambda doc: doc[1:].as_doc(copy_user_data=True),
        lambda doc: doc[4:].as_doc(copy_user_data=True),
        lambda doc: doc[:3].as_doc(copy_user_data=True),
    ],
)
def test_changed_since_an_earlier_version_stored_them(doc, change):
    changed = change(to_unanchored(doc))
    with pytest.warns(UserWarning, match="earlier version"):
        assert read(changed) == []


def test_a_dict_filled_before_the_tokens_changed(vocab):
    doc = make_doc(vocab, "a b c d", [(0, 1, "A"), (1, 2, "A"), (3, 4, "B")])
    doc._.rel[(1, 3)] = {"R": 1.0}
    merge(doc, 0, 1)  # no change
    copied = doc.copy()
    merge(doc, 1, 3)
    for found in (doc, merge(copied, 2, 4)):
        with pytest.raises(ValueError, match="set before its tokens were merged"):
            get_relations(found)


def test_an_empty_dict_counts_the_tokens_of_its_last_reading(vocab):
    doc = make_doc(vocab, "a b c d", [(2, 3, "A"), (3, 4, "B")])
    assert doc._.rel == {}
    merge(doc, 0, 2)
    doc._.rel[(1, 2)] = {"R": 1.0}
    assert read(doc) == [("c", "R", "d")]


@st.composite
def related(draw, number):
    """A document whose words are found nowhere else, with any relations."""
    n_words = draw(st.integers(1, 7))
    spaces = draw(st.lists(st.booleans(), min_size=n_words, max_size=n_words))
    token = st.integers(0, n_words - 1)
    entity = st.tuples(token, token, st.sampled_from("AB")).map(
        lambda x: (min(x[:2]), max(x[:2]) + 1, x[2])
    )
    entities = draw(st.lists(entity, min_size=1, max_size=5, unique=True))
    row = st.integers(0, len(entities) - 1)
    relation = st.tuples(row, st.sampled_from(["r", "s"]), row)
    words = [f"{number}{'abcdefg'[i]}é" for i in range(n_words)]
    relations = draw(st.lists(relation, max_size=6, unique=True))
    return words, spaces, entities, relations


def keys(doc):
    return {(key(r.head), r.label, key(r.tail)) for r in get_relations(doc)}


def key(span):
    return (span.text.replace(" ", ""), span.label_)


KINDS = ["merge", "split", "part", "join", "copy", "read"]


def change(draw, docs, kinds=KINDS):
    """One change of one of the documents, of all that spaCy has."""
    doc = draw(st.sampled_from(docs))
    kind = draw(st.sampled_from(kinds))
    if kind == "merge" and len(doc):
        start = draw(st.integers(0, len(doc) - 1))
        merge(doc, start, draw(st.integers(start + 1, len(doc))))
    elif kind == "split" and len(doc):
        i = draw(st.integers(0, len(doc) - 1))
        if len(doc[i]) > 1 and not doc[i].text.count(" "):
            at = draw(st.integers(1, len(doc[i]) - 1))
            split(doc, i, doc[i].text[:at], doc[i].text[at:])
    elif kind == "part" and len(doc):
        start = draw(st.integers(0, len(doc) - 1))
        end = draw(st.integers(start + 1, len(doc)))
        docs.append(doc[start:end].as_doc(copy_user_data=True))
    elif kind == "join":
        same_vocab = [other for other in docs if other.vocab is doc.vocab]
        docs.append(Doc.from_docs([doc, draw(st.sampled_from(same_vocab))]))
    elif kind == "copy":
        docs.append(draw(st.sampled_from(COPIES))(doc))
    elif kind == "read":
        get_relations(doc)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_never_another_pair(data):
    vocab = Vocab()
    specs = [data.draw(related(number)) for number in (1, 2)]
    docs = [
        make_doc(vocab, words, entities, relations, spaces=spaces, spans_key="sc")
        for words, spaces, entities, relations in specs
    ]
    for doc in docs:
        del doc.spans["sc"]  # spaCy's own groups do not survive merging
    known = set().union(*map(keys, docs))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(data.draw(st.integers(1, 6))):
            change(data.draw, docs)
        for doc in docs:
            assert keys(doc) <= known


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_nothing_is_lost_in_silence(data):
    words, spaces, entities, relations = data.draw(related(1))
    doc = make_doc(Vocab(), words, entities, relations, spaces=spaces, spans_key="sc")
    del doc.spans["sc"]
    n_relations = len(get_relations(doc))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(data.draw(st.integers(1, 4))):
            docs = [doc]
            change(data.draw, docs, ["merge", "split", "copy", "read"])
            doc = docs[-1]
        n_left = len(get_relations(doc))
    lost = [int(str(warning.message).split()[0]) for warning in caught]
    assert n_left + sum(lost) == n_relations
    assert get_relation_data(doc).complete == (not lost)

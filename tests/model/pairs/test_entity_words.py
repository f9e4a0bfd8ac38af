import numpy
import pytest
from spacy.vocab import Vocab

from rel_component.model.candidates import get_entities
from rel_component.model.pairs.entity_words import (
    INITIALS,
    N_SHARED,
    PART,
    STEM,
    STEMS,
    get_words,
)

from ...util import make_doc

VOCAB = Vocab()


def compare(*all_texts, pair=(0, 1), vocabs=(VOCAB, VOCAB)):
    """Each text's entities are written one after the other, with a word between."""
    docs = []
    for texts, vocab in zip(all_texts, vocabs):
        words, entities = [], []
        for text in texts:
            start = len(words)
            words += [*text.split(), "und"]
            entities.append((start, len(words) - 1, "X"))
        docs.append(make_doc(vocab, words, entities))
    words = get_words(docs, get_entities(docs))
    heads, tails = numpy.asarray([[i] for i in pair])
    found = words.compare(heads, tails)
    assert words.compare(tails, heads) == found  # the order does not matter
    assert found.dtype == "int32" and 0 <= found[0] < N_SHARED
    return int(found[0])


def kind(name, *, new=True):
    return 1 + 2 * name + new


@pytest.mark.parametrize(
    "head, tail, expected",
    [
        ("Marie Curie", "Warschau", 0),
        ("Marie Curie", "marie curie", N_SHARED - 1),
        ("Marie Curie", "Curie", kind(PART)),
        ("Азамат Сагитов", "Сагитова", kind(PART)),
        ("Азамата Сагитова", "Азамат Сагитов", kind(STEMS)),
        ("Россия", "России", kind(STEMS)),
        ("President Obama", "Barack Obama", kind(STEM)),
        ("United Nations", "UN", kind(INITIALS)),
        ("Министерство иностранных дел", "МИД", kind(INITIALS)),
        ("U", "Ulm", 0),
        ("AB", "CD", 0),
        ("de la", "von der", 0),
    ],
)
def test_compare_names(head, tail, expected):
    assert compare([head, tail]) == expected


def test_repeated_names():
    texts = ["Curie", "Marie Curie", "Curie"]
    assert compare(texts, pair=(0, 1)) == kind(PART)
    assert compare(texts, pair=(1, 2)) == kind(PART, new=False)
    assert compare(texts, pair=(0, 2)) == N_SHARED - 1


def test_each_document_has_its_own_first_mentions_and_vocabulary():
    texts = ["Marie Curie", "Curie"]
    for vocabs in ((VOCAB, VOCAB), (VOCAB, Vocab())):
        assert compare(texts, texts, pair=(2, 3), vocabs=vocabs) == kind(PART)


def test_no_entities():
    docs = [make_doc(VOCAB, 0), make_doc(VOCAB, 3)]
    words = get_words(docs, get_entities(docs))
    assert len(words.compare(*numpy.zeros((2, 0), dtype="int32"))) == 0

from pathlib import Path

import pytest
import spacy
from spacy.tokens import Doc, DocBin, Span, SpanGroup

from rel_component.corpus.docbin import ATTRS, CorpusFile, list_corpus, remove_corpus

NLP = spacy.blank("en")


def make_docs(n):
    """Documents whose strings all differ, so that each file needs its own."""
    docs = []
    for i in range(n):
        doc = Doc(NLP.vocab, words=[f"word{i}", "in", f"place{i}"], spaces=[1, 1, 0])
        doc.ents = [Span(doc, 0, 1, label=f"L{i}", kb_id=f"Q{i}")]
        spans = [Span(doc, 1, 3, label=f"N{i}", kb_id=f"K{i}", span_id=f"S{i}")]
        doc.spans["entities"] = SpanGroup(doc, name="entities", spans=spans)
        doc.user_data["number"] = i
        docs.append(doc)
    return docs


def make_corpus(n, **limits):
    corpus = CorpusFile(**limits)
    for doc in make_docs(n):
        corpus.add(doc)
    return corpus


def read(path):
    """RETURNS (list): for each file all that stands in its documents."""
    found = []
    for file in list_corpus(path):
        docs = DocBin().from_disk(file).get_docs(spacy.blank("xx").vocab)
        found.append([describe(doc) for doc in docs])
    return found


def describe(doc):
    spans = (*doc.ents, *doc.spans["entities"])
    labels = [(s.text, s.label_, s.kb_id_, s.id_) for s in spans]
    return doc.text, labels, doc.user_data["number"]


EXPECTED = [describe(doc) for doc in make_docs(10)]


@pytest.mark.parametrize("limits", [{"max_docs": 3}, {"max_tokens": 11}])
def test_large_corpus_becomes_a_folder(tmp_path, limits):
    corpus = make_corpus(10, **limits)
    assert corpus.write(tmp_path / "x.spacy") == 10
    assert read(tmp_path / "x.spacy") == [EXPECTED[i : i + 3] for i in range(0, 10, 3)]
    names = sorted(file.name for file in (tmp_path / "x.spacy").iterdir())
    assert names == [f"0000{i}.spacy" for i in (1, 2, 3, 4)]


def test_parts_are_taken_across_blocks(tmp_path):
    corpus = make_corpus(10, max_docs=3)
    chosen = [0, 2, 3, 7, 9]
    assert corpus.write(tmp_path / "a" / "x.spacy", chosen) == 5
    first, second = read(tmp_path / "a" / "x.spacy")
    assert first + second == [EXPECTED[i] for i in chosen] and len(first) == 3
    # what fits into one file is one, wherever it waited
    corpus.write(tmp_path / "y.spacy", [1, 8])
    assert (tmp_path / "y.spacy").is_file()
    assert read(tmp_path / "y.spacy") == [[EXPECTED[1], EXPECTED[8]]]
    assert [file.name for file in tmp_path.iterdir() if file.suffix != ".spacy"] == [
        "a"
    ]


def test_columns_are_those_of_a_docbin(tmp_path):
    docs = make_docs(3)
    docs[0].spans["copy"] = docs[0].spans["entities"]
    docs[0].spans["sc"] = SpanGroup(docs[0], name="other", attrs={"a": 1}, spans=[])
    docs[1].spans.clear()
    docs.append(Doc(NLP.vocab))
    docs.append(Doc(NLP.vocab, words=["no", "blanks"], sent_starts=[1, 0]))
    corpus, expected = CorpusFile(), DocBin(attrs=ATTRS, store_user_data=True)
    for doc in docs:
        corpus.add(doc)
        expected.add(doc)
    corpus.write(tmp_path / "x.spacy")
    found = DocBin().from_disk(tmp_path / "x.spacy")
    expected = DocBin().from_bytes(expected.to_bytes())
    for name in ("attrs", "cats", "flags", "span_groups", "user_data"):
        assert getattr(found, name) == getattr(expected, name)
    for name in ("tokens", "spaces"):
        columns = zip(getattr(found, name), getattr(expected, name), strict=True)
        assert all((a == b).all() and a.shape == b.shape for a, b in columns)
    assert found.strings <= expected.strings


def test_docs_of_several_vocabularies(tmp_path):
    corpus = CorpusFile()
    for word in ("one", "two"):
        corpus.add(Doc(spacy.blank("en").vocab, words=[word]))
    corpus.write(tmp_path / "x.spacy")
    docs = DocBin().from_disk(tmp_path / "x.spacy").get_docs(NLP.vocab)
    assert [doc.text for doc in docs] == ["one ", "two "]


def test_each_file_has_its_own_strings_only(tmp_path):
    make_corpus(10, max_docs=5).write(tmp_path / "x.spacy", [1, 8])
    strings = DocBin().from_disk(tmp_path / "x.spacy").strings
    assert {"word1", "place8", "L8", "Q1"} <= strings
    # labels of spans are in no column: those of the blocks are kept
    assert not {"word2", "place7", "L0"} & strings


def test_small_corpus_is_the_same_wherever_it_waited(tmp_path):
    make_corpus(10).write(tmp_path / "one.spacy")
    make_corpus(10, max_docs=11).write(tmp_path / "two.spacy", range(10))
    one, two = (tmp_path / name for name in ("one.spacy", "two.spacy"))
    assert one.read_bytes() == two.read_bytes()


def test_a_long_document_has_its_own_file(tmp_path):
    make_corpus(2, max_tokens=2).write(tmp_path / "x.spacy")
    assert read(tmp_path / "x.spacy") == [[EXPECTED[0]], [EXPECTED[1]]]


def test_files_and_folders_replace_each_other(tmp_path):
    path = tmp_path / "x.spacy"
    for n, n_files in ((1, 1), (10, 4), (5, 2), (2, 1), (3, 1)):
        make_corpus(n, max_docs=3).write(path)
        assert [len(part) for part in read(path)][:-1] == [3] * (n_files - 1)
        assert path.is_file() == (n_files == 1)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("n", [1, 10])
def test_folders_of_others_are_not_replaced(tmp_path, n):
    path = tmp_path / "x.spacy"
    path.mkdir()
    (path / "notes.txt").write_text("mine")
    corpus = make_corpus(n, max_docs=3)
    with pytest.raises(ValueError, match="a folder that contains notes"):
        corpus.write(path)
    with pytest.raises(ValueError, match="a folder that contains notes"):
        remove_corpus(path)
    assert (path / "notes.txt").read_text() == "mine"


def test_empty_corpus(tmp_path):
    assert CorpusFile().write(tmp_path / "x.spacy") == 0
    assert read(tmp_path / "x.spacy") == [[]]


def test_remove(tmp_path):
    for n in (1, 10):
        make_corpus(n, max_docs=3).write(tmp_path / "x.spacy")
        remove_corpus(tmp_path / "x.spacy")
        assert not list(tmp_path.iterdir())


def test_a_full_disk_is_named_with_the_file(tmp_path, monkeypatch):
    def fail(*arguments):
        raise OSError(28, "No space left on device")  # the system names no file

    doc = Doc(NLP.vocab, words=["a"])
    corpus = CorpusFile(max_docs=1)
    corpus.add(doc)
    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match=r"No space left on device: '.*x.spacy'"):
        corpus.write(tmp_path / "x.spacy")
    corpus.add(doc)
    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(OSError, match=r"No space left on device: '.*x.spacy'"):
        corpus.write(tmp_path / "x.spacy")
    assert list(tmp_path.iterdir()) == []

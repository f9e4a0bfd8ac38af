import pytest
from spacy.tokens import DocBin
from spacy.training import Corpus
from spacy.util import registry

from rel_component.checks import InputError
from rel_component.corpus.readers import read_docs, read_gold_entities
from rel_component.relations import LEGACY_KEY, get_relation_keys

from ..util import make_doc

ENTITIES = [(0, 1, "PERSON"), (2, 4, "ORG")]
KEY = ((0, 1, "PERSON"), "KNOWS", (2, 4, "ORG"))


@pytest.fixture
def docs(vocab):
    full = make_doc(
        vocab,
        ["Ann", "knows", "Bolt", "&", "Co", "."],
        ENTITIES,
        [(0, "KNOWS", 1)],
        spaces=[True, True, True, False, False, False],
    )
    nested = make_doc(vocab, 4, [(0, 3, "A"), (0, 1, "B")], [], spans_key="sc")
    return [full, nested, make_doc(vocab, 3), make_doc(vocab, 0)]


@pytest.fixture
def path(docs, tmp_path):
    path = tmp_path / "docs.spacy"
    DocBin(docs=docs, store_user_data=True).to_disk(path)
    return path


def test_corpus_reads_gold_relations(nlp, path):
    read = registry.readers.get("Gold_ents_Corpus.v1")(path)
    gold = [get_relation_keys(example.reference) for example in read(nlp)]
    assert gold == [{KEY: 1.0}, {}, {}, {}]


def test_predicted_docs_have_all_but_the_relations(nlp, path, docs):
    predicted = [example.predicted for example in read_gold_entities(path, nlp)]
    for doc, gold in zip(predicted, docs, strict=True):
        assert doc.text == gold.text
        assert [(e.start, e.end, e.label_) for e in doc.ents] == [
            (e.start, e.end, e.label_) for e in gold.ents
        ]
        assert doc._.relations == [] and not doc._.rel
    spans = predicted[1].spans["sc"]
    assert [(s.start, s.end, s.label_) for s in spans] == [(0, 3, "A"), (0, 1, "B")]


@pytest.mark.parametrize("starts", [[1, -1, 1, -1], [1, -1, -1, -1], None])
def test_sentence_boundaries_are_kept(nlp, vocab, tmp_path, starts):
    doc = make_doc(vocab, 4, [(0, 1, "A")], [])
    for token, start in zip(doc, starts or []):
        token.is_sent_start = start == 1
    DocBin(docs=[doc]).to_disk(tmp_path / "docs.spacy")
    (example,) = read_gold_entities(tmp_path / "docs.spacy", nlp)
    assert example.predicted.has_annotation("SENT_START") == (starts is not None)
    if starts:
        assert [s.start for s in example.predicted.sents] == [
            i for i, start in enumerate(starts) if start == 1
        ]


def test_links_of_entities_are_kept(nlp, vocab, tmp_path):
    doc = make_doc(vocab, 2, [(0, 1, "A")])
    doc.ents = [type(doc.ents[0])(doc, 0, 1, label="A", kb_id="Q1", span_id="s1")]
    DocBin(docs=[doc]).to_disk(tmp_path / "docs.spacy")
    (example,) = read_gold_entities(tmp_path / "docs.spacy", nlp)
    (ent,) = example.predicted.ents
    assert (ent.kb_id_, ent.id_) == ("Q1", "s1")


def test_tutorial_dict_is_read(nlp, vocab, tmp_path):
    doc = make_doc(vocab, 6, ENTITIES)
    doc.user_data[LEGACY_KEY] = {(0, 2): {"KNOWS": 1.0}, (2, 0): {"KNOWS": 0.0}}
    DocBin(docs=[doc], store_user_data=True).to_disk(tmp_path / "docs.spacy")
    (read,) = read_docs(tmp_path / "docs.spacy", nlp)
    assert get_relation_keys(read) == {KEY: 1.0}


@pytest.mark.parametrize("name", [None, "missing.spacy", "."])
def test_no_corpus(nlp, tmp_path, name):
    with pytest.raises(
        ValueError, match=r"No corpus at .*, expected a .spacy file|corpus is not set"
    ):
        list(read_docs(name and tmp_path / name, nlp))


def test_folder_of_files(nlp, docs, path, tmp_path):
    folder = tmp_path / "train.spacy"
    folder.mkdir()
    for name, part in (("00002", docs[2:]), ("00001", docs[:2])):
        DocBin(docs=part, store_user_data=True).to_disk(folder / f"{name}.spacy")
    assert [doc.text for doc in read_docs(folder, nlp)] == [doc.text for doc in docs]
    examples = list(registry.readers.get("Gold_ents_Corpus.v1")(folder)(nlp))
    assert [eg.reference.text for eg in examples] == [doc.text for doc in docs]
    examples = list(Corpus(folder)(nlp))  # spaCy's own leaves out the empty text
    assert [eg.reference.text for eg in examples] == [doc.text for doc in docs[:-1]]
    path.rename(tmp_path / "dev.spacy")
    with pytest.raises(
        ValueError, match=r"several splits, .*dev\.spacy, .*train\.spacy"
    ):
        list(read_docs(tmp_path, nlp))


@pytest.mark.parametrize("content", [b"", b"[]", b"PK\x03\x04 a zip, no DocBin"])
def test_no_docbin(nlp, tmp_path, content):
    path = tmp_path / "docs.spacy"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"docs\.spacy can't be read as a .spacy file"):
        list(read_docs(path, nlp))


@pytest.mark.parametrize(
    "name", ["Gold_ents_Corpus.v1", "rel_component.GoldTokensCorpus.v1"]
)
def test_a_reader_names_what_is_missing_before_training(nlp, vocab, tmp_path, name):
    create = registry.readers.get(name)
    for file in (None, tmp_path / "missing.spacy", tmp_path):
        with pytest.raises(InputError, match=r"orpus (at|is not set)"):
            create(file)
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(InputError, match=r"notes.txt is not a .spacy file"):
        create(tmp_path / "notes.txt")
    path = tmp_path / "docs.spacy"
    DocBin(docs=[make_doc(vocab, 3), make_doc(vocab, 0)]).to_disk(path)
    with pytest.raises(InputError, match=r"None of the 2 documents .* entities"):
        list(create(path)(nlp))
    doc = make_doc(vocab, 6, ENTITIES)
    doc.user_data[LEGACY_KEY] = {(1, 2): {"KNOWS": 1.0}}
    DocBin(docs=[make_doc(vocab, 1), doc], store_user_data=True).to_disk(path)
    with pytest.raises(InputError, match=r"spacy, document 1: .* token\(s\) \[1\]"):
        list(create(path)(nlp))

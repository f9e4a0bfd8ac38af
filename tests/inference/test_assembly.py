import numpy
import pytest
import spacy
from spacy.training import Example
from spacy.util import load_config, load_model_from_config

from rel_component.corpus.readers import copy_tokens, copy_without_relations
from rel_component.inference.assembly import assemble

from ..test_configs import CONFIGS, make_golds, minilm

BY_NAME = {path.stem: path for path in CONFIGS}


def train(nlp, copy, n_steps=60):
    golds = make_golds(nlp.vocab)
    examples = [Example(copy(gold), gold) for gold in golds]
    optimizer = nlp.initialize(lambda: examples)
    for _ in range(n_steps):
        nlp.update([Example(copy(gold), gold) for gold in golds], sgd=optimizer)
    return nlp


def build_finder(width=48):
    """An entity tagger on an encoder of another width than the extractor's."""
    config = load_config(BY_NAME["joint_tok2vec"])
    config["nlp"]["pipeline"] = ["tok2vec", "entity_tagger"]
    del config["components"]["relation_extractor"]
    del config["initialize"]["components"]["relation_extractor"]
    config["components"]["tok2vec"]["model"]["encode"]["width"] = width
    return train(load_model_from_config(config, auto_fill=True), copy_tokens)


@pytest.fixture(scope="module")
def ner_pipeline():
    return build_finder()


def build_extractor(name):
    config = load_config(BY_NAME[name])
    if "transformer" in config["components"]:
        config["components"]["transformer"]["model"]["name"] = minilm()
    return load_model_from_config(config, auto_fill=True)


@pytest.mark.parametrize("name", ["rel_tok2vec", "rel_rbert"])
def test_each_part_predicts_as_before(ner_pipeline, name, tmp_path):
    """Entities as the first finds them, scores as the second gives them for these,
    also after saving: neither hears the other's encoder."""
    n_steps = 60 if name == "rel_tok2vec" else 3
    extractor = train(build_extractor(name), copy_without_relations, n_steps)
    assemble(ner_pipeline, extractor).to_disk(tmp_path)
    nlp = spacy.load(tmp_path)
    assert nlp.pipe_names == [
        *ner_pipeline.pipe_names,
        "relation_tok2vec" if name == "rel_tok2vec" else "transformer",
        "relation_extractor",
    ]
    texts = [gold.text for gold in make_golds(nlp.vocab)]
    for doc, found in zip(nlp.pipe(texts), ner_pipeline.pipe(texts)):
        assert [(e.text, e.label_) for e in doc.ents] == [
            (e.text, e.label_) for e in found.ents
        ]
        given = copy_tokens(doc, extractor.vocab)
        given.ents = [
            given.char_span(e.start_char, e.end_char, e.label_) for e in doc.ents
        ]
        expected = extractor(given)._.rel
        assert doc._.rel.keys() == expected.keys() and len(expected) > 0
        for pair, scores in expected.items():
            assert doc._.rel[pair] == pytest.approx(scores, abs=1e-5)
    if name == "rel_tok2vec":
        (relation,) = nlp("Ann works for Acme but Acme left town")._.relations
        assert (relation.head.text, relation.tail.text) == ("Ann", "Acme")


def test_parts_that_are_not_needed_are_left_out(ner_pipeline):
    joint = train(
        load_model_from_config(load_config(BY_NAME["joint_tok2vec"]), auto_fill=True),
        copy_tokens,
        n_steps=1,
    )
    nlp = assemble(joint, joint)
    assert nlp.pipe_names == [
        "tok2vec",
        "entity_tagger",
        "relation_tok2vec",
        "relation_extractor",
    ]


def test_patterns_for_relations_are_joined_too():
    finder = spacy.blank("en")
    entities = [{"label": "ORG", "pattern": "Acme"}, {"label": "PER", "pattern": "Ann"}]
    finder.add_pipe("entity_ruler").add_patterns(entities)
    rules = spacy.blank("en")
    for nlp, label in ((finder, "OLD"), (rules, "WORKS_FOR")):
        pattern = {"label": label, "head": "PER", "tail": "ORG", "max_tokens": 3}
        nlp.add_pipe("relation_ruler").add_patterns([pattern])
    nlp = assemble(finder, rules)
    assert nlp.pipe_names == ["entity_ruler", "relation_ruler"]
    (relation,) = nlp("Ann works for Acme")._.relations
    assert relation.label == "WORKS_FOR"


def test_norms_of_the_first_pipeline_are_kept():
    finder, rules = spacy.blank("en"), spacy.blank("en")
    finder.vocab.lookups.add_table("lexeme_norm", {"colour": "color"})
    finder.add_pipe("entity_ruler")
    rules.add_pipe("relation_ruler")
    nlp = assemble(finder, rules)
    assert nlp.make_doc("colour")[0].norm_ == "color"


def test_what_is_missing_is_said(ner_pipeline):
    relations = build_extractor("rel_tok2vec")
    with pytest.raises(ValueError, match="doesn't predict entities"):
        assemble(relations, relations)
    with pytest.raises(ValueError, match="no relation extractor"):
        assemble(ner_pipeline, ner_pipeline)


def test_entities_that_the_second_pipeline_would_not_find(ner_pipeline):
    nested = spacy.blank("en")
    nested.add_pipe("relation_ruler", config={"spans_key": "entities"})
    with pytest.raises(
        ValueError, match=r"to doc.ents, but .* doc.spans\['entities'\]"
    ):
        assemble(ner_pipeline, nested)
    spans = spacy.blank("en")
    spans.add_pipe("span_ruler", config={"spans_key": "entities"})
    assert assemble(spans, nested).pipe_names == ["span_ruler", "relation_ruler"]


def test_two_tables_of_vectors_are_refused(ner_pipeline):
    ner_pipeline, extractor = build_finder(), build_extractor("rel_tok2vec")
    train(extractor, copy_without_relations, 1)
    ner_pipeline.vocab.set_vector("Ann", numpy.ones(2, dtype="float32"))
    assert assemble(ner_pipeline, extractor).vocab["Ann"].vector.tolist() == [1.0, 1.0]
    extractor.vocab.set_vector("Ann", numpy.zeros(2, dtype="float32"))
    with pytest.raises(ValueError, match="word vectors"):
        assemble(ner_pipeline, extractor)

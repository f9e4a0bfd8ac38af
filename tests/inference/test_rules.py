"""Pipelines of patterns, and patterns in a pipeline that was there before."""

import pytest
import spacy
import srsly

from rel_component.inference.preannotation import describe_model
from rel_component.inference.rules import add_rules

ENTITIES = [
    {"label": "PERSON", "pattern": "ann"},
    {"label": "ORG", "pattern": [{"LOWER": "acme"}, {"LOWER": "inc.", "OP": "?"}]},
]
WORKS = {"label": "WORKS_FOR", "head": "PERSON", "tail": "ORG", "max_sentences": 0}


@pytest.fixture
def files(tmp_path):
    paths = tmp_path / "relations.jsonl", tmp_path / "entities.jsonl"
    for path, patterns in zip(paths, ([WORKS], ENTITIES)):
        srsly.write_jsonl(path, patterns)
    return paths


def describe(doc):
    return [(r.head.text, r.label, r.tail.text) for r in doc._.relations]


def test_from_nothing(files, tmp_path):
    add_rules(spacy.blank("en"), *files).to_disk(tmp_path / "rules")
    nlp = spacy.load(tmp_path / "rules")
    assert nlp.pipe_names == ["sentencizer", "entity_ruler", "relation_ruler"]
    doc = nlp("ANN works for Acme Inc. of Oslo. Acme is closed.")
    assert describe(doc) == [("ANN", "WORKS_FOR", "Acme Inc.")]


def test_what_a_pipeline_finds_is_kept(files):
    """Its entities, where patterns cross them; its sentences; and the extractor sees
    the entities of both."""
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    found = [{"label": "TEAM", "pattern": "Acme Rovers"}]
    nlp.add_pipe("entity_ruler", "own").add_patterns(found)
    nlp.add_pipe("relation_extractor")
    add_rules(nlp, *files)
    assert nlp.pipe_names == [
        *("sentencizer", "own", "entity_ruler", "relation_extractor", "relation_ruler")
    ]
    with nlp.select_pipes(disable="relation_extractor"):
        doc = nlp("Ann left Acme Rovers for Acme")
    assert [ent.label_ for ent in doc.ents] == ["PERSON", "TEAM", "ORG"]
    with pytest.raises(ValueError, match="has a component 'entity_ruler' already"):
        add_rules(nlp, *files)


def test_rules_read_the_entities_of_the_pipelines_relations(files):
    nlp = spacy.blank("en")
    config = {"spans_key": "sc", "symmetric": ["MARRIED"]}
    nlp.add_pipe("relation_ruler", "own", config=config)
    with pytest.raises(ValueError, match=r"writes doc.ents, but .* doc.spans\['sc'\]"):
        add_rules(nlp, *files)
    ruler = add_rules(nlp, files[0]).get_pipe("relation_ruler")
    assert ruler.spans_key == "sc" and ruler.symmetric == {"MARRIED"}
    assert describe_model(nlp).schema.labels == ["WORKS_FOR"]


def test_entities_may_come_from_elsewhere(files):
    nlp = add_rules(spacy.blank("en"), files[0])
    assert nlp.pipe_names == ["sentencizer", "relation_ruler"]


NO_PATTERNS = (
    *("{", "[1]", "3", '{"label": "A"}', '{"pattern": "a"}'),
    '{"label": 3, "pattern": "a"}',
    *(f'{{"label": "A", "pattern": {x}}}' for x in ("3", "null", '[{"NO": 1}]', "{}")),
)


@pytest.mark.parametrize("line", NO_PATTERNS)
def test_the_line_of_a_wrong_entity_pattern_is_named(files, line):
    with open(files[1], "a", encoding="utf8") as file:
        file.write(f"\n{line}\n")
    with pytest.raises(ValueError, match=r"entities\.jsonl, line 4: (no|inv)"):
        add_rules(spacy.blank("en"), *files)


@pytest.mark.parametrize("pattern", [[{"TEXT": {"REGEX": "("}}], ""])
def test_wrong_entity_patterns(files, pattern):
    srsly.write_jsonl(files[1], [{"label": "P", "pattern": pattern}])
    with pytest.raises(ValueError, match=r"entities\.jsonl, line 1: no pattern of"):
        add_rules(spacy.blank("en"), *files)


def test_no_patterns(files):
    files[0].write_text("\n")
    with pytest.raises(ValueError, match=r"relations\.jsonl contains no patterns"):
        add_rules(spacy.blank("en"), files[0])

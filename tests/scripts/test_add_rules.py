import spacy
import srsly

from tests.paths import ASSETS

from ..script_runner import load_script

run = load_script("add_rules")
RELATIONS = ASSETS / "patterns/job_ads_relations.jsonl"
ENTITIES = ASSETS / "patterns/job_ads_entities.jsonl"


def test_a_table_from_raw_texts_without_training(tmp_path):
    rules = tmp_path / "rules"
    printed = run(rules, "-r", RELATIONS, "-e", ENTITIES)
    assert "sentencizer, entity_ruler, relation_ruler written to" in printed
    texts = ASSETS / "new_ads"
    assert len(list(texts.glob("*.txt"))) == 10
    table = load_script("predict")(rules, texts)
    assert "3+ years EXPERIENCE_IN structural inspection 1.000" in table
    assert "diploma DEGREE_IN Horticulture 1.000" in table


def test_patterns_are_added_to_a_pipeline(tmp_path):
    model = tmp_path / "model"
    nlp = spacy.blank("de")
    nlp.add_pipe("entity_ruler", "own").add_patterns([{"label": "X", "pattern": "x"}])
    nlp.to_disk(model)
    run(tmp_path / "new" / "both", "-r", RELATIONS, "--model", model)
    both = spacy.load(tmp_path / "new" / "both")
    assert both.lang == "de"
    assert both.pipe_names == ["sentencizer", "own", "relation_ruler"]


def test_entity_types_that_nothing_predicts_are_named(tmp_path):
    patterns = tmp_path / "patterns.jsonl"
    srsly.write_jsonl(patterns, [{"label": "A", "head": "DIPLOMAA", "tail": "SKILLS"}])
    printed = run(tmp_path / "rules", "-r", patterns, "-e", ENTITIES)
    assert "entity type 'DIPLOMAA'" in printed and "SKILLS'" not in printed


def test_error_messages(tmp_path):
    made = tmp_path / "rules"
    assert "file not found" in run(made, "-r", tmp_path / "none.jsonl", code=1)
    assert "'xx1'" in run(made, "-r", RELATIONS, "--lang", "xx1", code=1)
    model = tmp_path / "none"
    assert "doesn't exist" in run(made, "-r", RELATIONS, "-m", model, code=1)
    patterns = tmp_path / "patterns.jsonl"
    srsly.write_jsonl(patterns, [{"label": "A"}, {"label": "A", "befor": "of"}])
    assert "patterns.jsonl, line 2 has unknown field(s) befor" in run(
        made, "-r", patterns, code=1
    )
    assert not made.exists()

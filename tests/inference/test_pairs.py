import pytest
from spacy import blank
from spacy.tokens import Span

from rel_component.inference.pairs import find_scores, score_pair
from rel_component.relations import Relation, set_relations

from ..script_runner import load_script
from ..scripts.conftest import model  # noqa: F401

TEXT = "Ann works for Acme and Bob"


@pytest.fixture(scope="module")
def predict():
    return load_script("predict")


def test_a_pair_by_characters(model, predict):  # noqa: F811
    shown = predict(model, TEXT, "--head", "0:3:PERSON", "--tail", "14:18:ORG")
    assert shown.startswith("Ann → Acme: WORKS_FOR relation score")
    assert "entity types" not in shown
    shown = predict(model, TEXT, "--head", "14:18", "--tail", "23:26", "--json")
    assert '"text":"Acme"' in shown
    assert '"relations":[]' in shown


@pytest.mark.parametrize(
    "head,tail,message",
    [
        (
            "1:3",
            "14:18",
            "--head 1:3 is 'nn', which is not aligned with tokens; .* are 0:3, 'Ann'",
        ),
        ("0:3", "14:99", "--tail 14:99 is outside the text .26 characters."),
        ("0:3", "18:14", "--tail 18:14 is outside"),
        ("x", "14:18", "--head: found 'x'; expected characters START:END"),
        ("0:3", None, "--tail: found None; .*used together"),
        ("0:9", "0:9", "not a candidate pair of this model: both are the same entity"),
    ],
)
def test_pairs_that_are_none(model, head, tail, message):  # noqa: F811
    from spacy import load

    with pytest.raises(ValueError, match=message):
        score_pair(load(model), TEXT, head, tail)


def test_nested_spans_and_two_types_of_one_span_are_pairs(model):  # noqa: F811
    from spacy import load

    nlp = load(model)
    for head, tail in (("0:9", "4:9"), ("0:3:PERSON", "0:3:NAME")):
        scores = score_pair(nlp, TEXT, head, tail).scores
        assert scores.keys() == {"OTHER", "WORKS_FOR"}
    assert (
        score_pair(nlp, TEXT, "4:9", "0:9").scores
        != score_pair(nlp, TEXT, "0:9", "4:9").scores
    )


def test_what_one_pair_has_no_use_for_is_refused(model, predict, tmp_path):  # noqa: F811
    pair = ("--head", "0:3", "--tail", "14:18")
    shown = predict(model, TEXT, *pair, "--output", str(tmp_path / "x"), code=1)
    assert "remove --output" in shown
    path = tmp_path / "text.txt"
    path.write_text(TEXT, encoding="utf8")
    assert "expected the text itself" in predict(model, str(path), *pair, code=1)


def test_a_type_that_is_lacking_is_told(model, predict, monkeypatch):  # noqa: F811
    from spacy import load

    nlp = load(model)
    assert not score_pair(nlp, TEXT, "0:3", "14:18:ORG").lacks_types  # of no use to it
    attrs = nlp.get_pipe("relation_extractor").model.attrs
    attrs["entity_types"] = ["ORG", "PERSON"]
    attrs["use_types"] = False
    assert not score_pair(nlp, TEXT, "0:3", "14:18:ORG").lacks_types
    attrs["use_types"] = True
    for head, lacks in (("0:3:PERSON", False), ("0:3:Person", True), ("0:3", True)):
        assert score_pair(nlp, TEXT, head, "14:18:ORG").lacks_types == lacks
    monkeypatch.setattr("spacy.load", lambda path: nlp)
    shown = predict(model, TEXT, "--head", "0:3", "--tail", "14:18:ORG")
    assert "Write START:END:TYPE with one of ORG, PERSON." in shown


def test_the_command_says_so_without_a_traceback(model, predict):  # noqa: F811
    shown = predict(model, TEXT, "--head", "1:3", "--tail", "14:18", code=1)
    assert "not aligned with tokens" in shown


def test_entities_with_one_start_keep_their_scores():
    doc = blank("en").make_doc("Ann Lee works for Acme")
    first, name, firm = (Span(doc, *x) for x in ((0, 1, "A"), (0, 2, "B"), (4, 5, "C")))
    relations = [Relation(first, "in", firm, 0.25), Relation(name, "in", firm, 0.75)]
    set_relations(doc, relations)
    assert find_scores(doc, first, firm) == {"in": 0.25}
    assert find_scores(doc, name, firm) == {"in": 0.75}
    assert find_scores(doc, firm, name) is None

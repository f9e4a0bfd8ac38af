import pytest
import spacy

from rel_component.evaluation.training import (
    HeldOut,
    advise,
    get_main_score,
    parse_numbers,
    parse_override,
    summarize_runs,
)

from ..util import make_doc


@pytest.mark.parametrize(
    "before,last,expected",
    [
        ([0.80, 0.81, 0.80], [0.85, 0.86, 0.85], "annotate more"),
        ([0.85, 0.85, 0.85], [0.851, 0.850, 0.851], "The curve is flat"),
        ([0.80, 0.70, 0.75], [0.75, 0.80, 0.80], "may be noise"),
    ],
)
def test_advice_of_a_learning_curve(before, last, expected):
    points = [
        {"documents": n, "scores": scores, "mean": sum(scores) / 3}
        for n, scores in ((10, before), (20, last))
    ]
    assert expected in advise(points)


def test_summary_of_seeds_and_folds():
    folds = [
        {"micro_p": 0, "micro_r": 0, "micro_f": x, "macro_f": None} for x in (0, 1)
    ]
    runs = [
        {"micro_p": 0.0, "micro_r": 0.0, "micro_f": f, "macro_f": None, "folds": folds}
        for f in (0.4, 0.6)
    ]
    found = summarize_runs(runs)
    assert found["micro_f"]["mean"] == pytest.approx(0.5)
    assert found["micro_f"]["sd"] == pytest.approx(0.02**0.5)
    assert found["micro_f"]["sd_folds"] == pytest.approx((1 / 3) ** 0.5)
    assert found["macro_f"] == {"mean": None, "sd": None, "sd_folds": None}


def test_overrides():
    assert parse_override("training.max_steps=3") == ("training.max_steps", 3)
    assert parse_override("nlp.lang=de") == ("nlp.lang", "de")


def test_numbers_of_an_option():
    assert parse_numbers("--seeds", "0,12", int) == [0, 12]
    assert parse_numbers("--shares", "0.5,1", float) == [0.5, 1.0]
    for text in ("", "a", "1,", "1.5"):
        with pytest.raises(ValueError, match=r"--seeds .*separated by commas"):
            parse_numbers("--seeds", text, int)


@pytest.mark.parametrize("spans_key", [None, "entities"])
def test_held_out_documents_are_scored_from_the_text_too(spans_key):
    """An entity of the second document is missed, and its relation with it."""
    nlp = spacy.blank("en")
    name, config = "entity_ruler", {}
    if spans_key is not None:
        name, config = "span_ruler", {"spans_key": spans_key}
    ruler = nlp.add_pipe(name, config=config)
    ruler.add_patterns([{"label": "PER", "pattern": x} for x in ("Ann", "Bob")])
    ruler = nlp.add_pipe("relation_ruler", config={"spans_key": spans_key})
    ruler.add_patterns([{"label": "KNOWS", "order": "head_first"}])
    golds = [
        make_doc(
            nlp.vocab,
            f"{first} knows {second}",
            [(0, 1, "PER"), (2, 3, "PER")],
            [(0, "KNOWS", 1)],
            spans_key=spans_key,
        )
        for first, second in (("Ann", "Bob"), ("Ann", "Cid"))
    ]
    held_out = HeldOut()
    held_out.predict(nlp, golds)
    scores = held_out.score()
    assert scores["micro_f"] == 1.0
    assert scores["entities_f"] == pytest.approx(6 / 7)
    assert scores["strict_f"] == pytest.approx(2 / 3)
    assert get_main_score(scores) == ("strict F from the text alone", 2 / 3)
    both = HeldOut()
    both.extend(held_out)
    both.extend(held_out)
    assert both.score() == pytest.approx(scores) and len(both.from_text) == 4


def test_held_out_documents_without_predicted_entities():
    nlp = spacy.blank("en")
    nlp.add_pipe("relation_ruler").add_patterns([{"label": "KNOWS"}])
    gold = make_doc(nlp.vocab, "a b", [(0, 1, "A"), (1, 2, "A")], [(0, "KNOWS", 1)])
    held_out = HeldOut()
    held_out.predict(nlp, [gold])
    scores = held_out.score()
    assert "strict_f" not in scores and scores["micro_r"] == 1.0
    assert get_main_score(scores) == ("F with gold entities", scores["micro_f"])

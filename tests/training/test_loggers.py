import io

import pytest
import spacy

from rel_component.training.loggers import (
    create_console_logger,
    create_tensorboard_logger,
    describe_missing,
    describe_rise,
    describe_zeros,
)

STEP = {
    "step": 200,
    "score": 0.5,
    "losses": {"ner": 3.25},
    "other_scores": {"ents_f": 0.75, "ents_per_type": {}, "rel_macro_f": None},
}


def test_losses_and_scores_are_written_for_tensorboard(tmp_path):
    pytest.importorskip("tensorboardX")
    from tensorboardX.proto.event_pb2 import Event

    logger = create_tensorboard_logger(tmp_path)
    log_step, finalize = logger(spacy.blank("en"), io.StringIO(), io.StringIO())
    log_step(None)
    log_step(STEP)
    finalize()
    (path,) = tmp_path.iterdir()
    data, values = path.read_bytes(), {}
    while data:  # records of length, checksum, event, checksum
        length = int.from_bytes(data[:8], "little")
        event = Event.FromString(data[12 : 12 + length])
        values.update(
            (v.tag, (v.simple_value, event.step)) for v in event.summary.value
        )
        data = data[16 + length :]
    assert values == {
        "loss/ner": (3.25, 200),
        "score/ents_f": (0.75, 200),
        "score": (0.5, 200),
    }


def make_curve(*values, frequency=100):
    return [(i * frequency, {"ents_f": v, "score": v}) for i, v in enumerate(values)]


RISING = make_curve(0.0, 0.3, 0.45, 0.5, 0.54)


def advise(curve, max_steps, max_epochs=0, patience=0, eval_frequency=100):
    names = ("max_steps", "max_epochs", "patience", "eval_frequency")
    values = (max_steps, max_epochs, patience, eval_frequency)
    return describe_rise(curve, dict(zip(names, values)))


def test_a_training_stopped_while_rising_is_told():
    advice = advise(RISING, 500)
    assert "ents_f 4.0" in advice and "--training.max_steps 1000" in advice
    assert advise(RISING, 401)
    assert "--training.max_epochs 6" in advise(RISING, 0, max_epochs=3)
    assert "--training.max_epochs 6" in advise(RISING, 5000, max_epochs=3, patience=300)


def test_a_training_that_is_done_is_not():
    assert advise(make_curve(0.0, 0.3, 0.5, 0.52, 0.525), 500) is None
    assert advise(make_curve(0.0, 0.3, 0.55, 0.5, 0.54), 500) is None
    falling = make_curve(0.0, 0.3, 0.55, 0.5, 0.54)
    assert advise(falling, 5000, patience=200) is None
    assert advise(falling, 5000, max_epochs=3, patience=200) is None
    assert advise(RISING, 0) is None  # ended by hand
    assert advise([], 200) is None


def test_one_of_the_scores_may_rise_while_others_fall():
    falling = [0.0, 0.7, 0.82, 0.8, 0.78]
    curve = [
        (step, {"ents_f": ents_f, "rel_f": scores["ents_f"], "score": 0.6})
        for ents_f, (step, scores) in zip(falling, RISING)
    ]
    assert "last quarter: rel_f 4.0)" in advise(curve, 500)


def test_too_few_evaluations_are_told():
    assert "Only 2 evaluations" in advise(RISING[:2], 200)
    assert "Only 1 evaluation " in advise(RISING[:1], 60, eval_frequency=200)


def test_a_score_may_appear_at_the_end():
    late = [*RISING[:-1], (400, {**RISING[-1][1], "rel_micro_f": 0.5})]
    assert "ents_f 4.0, rel_micro_f 50.0" in advise(late, 500)


def test_scores_that_stay_at_0_are_told():
    curve = [(step, {**scores, "rel_f": 0.0}) for step, scores in RISING]
    assert describe_zeros(curve).startswith("rel_f: 0 in all 5 evaluations")
    assert describe_zeros(RISING) is None and describe_zeros([]) is None
    assert describe_zeros(curve[:1]) is None  # see `describe_rise`


def test_scores_that_are_undefined_are_told():
    scores = {"ents_f": 0.0, "rel_micro_f": None}
    advice = describe_missing(scores)
    assert "compute rel_micro_f from" in advice and "by ents_f only" in advice
    assert "at random" in describe_missing({"rel_micro_f": None})
    assert describe_missing({"ents_f": 0.0}) is None


def test_the_table_is_followed_by_the_advice(tmp_path):
    nlp, path = spacy.blank("en"), tmp_path / "new" / "log.jsonl"
    nlp.config["vars"] = {"steps": 500}
    nlp.config["training"]["max_steps"] = "${vars.steps}"
    nlp.config["training"]["eval_frequency"] = 100
    nlp.config["training"]["score_weights"] = {"ents_f": 1.0, "rel_micro_f": None}
    path.parent.mkdir()
    path.write_text("a line of an earlier training\n")
    for curve, is_told in ((RISING, True), (RISING[:1] * 5, False)):
        out, log = io.StringIO(), str(path) if is_told else None  # as from a config
        log_step, finalize = create_console_logger(output_file=log)(nlp, out, out)
        for step, scores in curve:
            info = {"step": step, "epoch": 0, "losses": {}, "score": scores["score"]}
            log_step({**info, "other_scores": {"ents_f": scores["ents_f"]}})
            log_step(None)
        finalize()
        assert ("max_steps = 500" in out.getvalue()) == is_told
        assert "54.00" in out.getvalue() or not is_told
    assert len(path.read_text().splitlines()) == 5

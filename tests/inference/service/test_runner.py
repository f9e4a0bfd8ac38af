import json

import pytest
import spacy

from rel_component.inference.service.jobs import ExtractOptions, Job
from rel_component.inference.service.runner import Runner
from rel_component.inference.service.settings import ServiceSettings
from rel_component.inference.tasks import Task

from ...util import make_doc
from .conftest import TEXT, train


@pytest.mark.parametrize("single", [(True, True), (True, False)])
@pytest.mark.parametrize("ruler", ["no ruler", "first", "last"])
def test_the_models_threshold_says_the_same_as_none(single, ruler):
    """Each extractor has its own best label of a pair, and rulers add to them."""
    nlp = spacy.blank("en")
    links = [(0, "A", 1), (1, "B", 0), (0, "C", 1), (1, "D", 0)]
    gold = make_doc(nlp.vocab, TEXT, [(0, 1, "PERSON"), (3, 4, "ORG")], links)
    for name, labels, single_label in zip("12", ("AB", "CD"), single):
        config = {"threshold": 0.0, "single_label": single_label}
        nlp.add_pipe("relation_extractor", name, config=config)
        nlp.config["initialize"]["components"][name] = {"labels": list(labels)}
    train(nlp, [gold])
    if ruler != "no ruler":
        patterns = [
            {"label": label, "head": "PERSON", "tail": "ORG", "score": score}
            for label, score in (("A", 0.9), ("B", 0.2), ("C", 1.0), ("D", 1.0))
        ]
        pipe = nlp.add_pipe("relation_ruler", **{ruler: True})
        pipe.threshold = 0.0
        pipe.add_patterns(patterns)
    entities = [
        {"start": 0, "end": 3, "label": "PERSON"},
        {"start": 14, "end": 18, "label": "ORG"},
    ]
    jobs = [
        Job(Task(TEXT, entities), ExtractOptions(threshold=threshold))
        for threshold in (None, 0.0)
    ]
    first, second = (
        sorted(
            (x["head"]["text"], x["label"])
            for x in json.loads(answer.content)["relations"]
        )
        for answer in Runner(nlp, ServiceSettings())(jobs)
    )
    assert first == second
    if ruler == "no ruler":
        assert len(first) == sum(2 if x else 4 for x in single)

import json

import pytest

from rel_component.inference.service import ServiceSettings
from rel_component.inference.service.jobs import Job
from rel_component.inference.service.runner import Runner
from rel_component.inference.tasks import Task
from rel_component.inference.uncertainty import get_uncertainty
from rel_component.integrations.label_studio.backend import OPTIONS
from rel_component.integrations.label_studio.config import read_config
from rel_component.integrations.label_studio.results import to_prediction

from ...inference.test_preannotation import TEXT, make_nlp
from .test_config import CONFIG


def test_a_near_miss_is_uncertain():
    nlp = make_nlp()
    nlp.get_pipe("relation_extractor").threshold = 1.0
    (found,) = Runner(nlp, ServiceSettings())([Job(Task(TEXT), OPTIONS)])
    answer = json.loads(found.content)
    expected = 1 - get_uncertainty(nlp(TEXT), 1.0)
    assert answer["relations"] == [] and 0 < expected < 1
    prediction = to_prediction(answer, read_config(CONFIG), "v")
    assert prediction["score"] == pytest.approx(expected, abs=1e-3)

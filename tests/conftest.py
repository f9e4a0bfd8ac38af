import numpy
import pytest
import spacy
from hypothesis import HealthCheck, settings
from thinc.api import fix_random_seed

from tests.browser import open_browser

# no timed assertions: the machine may be busy
settings.register_profile(
    "rel", deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("rel")


@pytest.fixture(autouse=True)
def seed():
    fix_random_seed(0)


@pytest.fixture
def rng():
    return numpy.random.default_rng(0)


@pytest.fixture
def nlp():
    return spacy.blank("en")


@pytest.fixture
def vocab(nlp):
    return nlp.vocab


@pytest.fixture(scope="module")
def browser():
    with open_browser() as opened:
        yield opened

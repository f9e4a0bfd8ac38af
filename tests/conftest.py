import numpy
import pytest
import spacy
from thinc.api import fix_random_seed


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

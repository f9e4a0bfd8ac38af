import ctypes
import os
import signal
import sys

# several processes run tests: threads of each would wait for those of the others; set
# before the libraries that read it are imported
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy
import pytest
import spacy
from hypothesis import HealthCheck, settings
from thinc.api import fix_random_seed

from tests.browser import open_browser

if sys.platform == "linux":
    # a fork ends with the process that it comes from, also if a timeout ends that:
    # else whoever reads the output waits for the fork
    _set_option = ctypes.CDLL(None).prctl
    PR_SET_PDEATHSIG = 1
    os.register_at_fork(
        after_in_child=lambda: _set_option(PR_SET_PDEATHSIG, signal.SIGKILL)
    )

# no timed assertions: the machine may be busy
settings.register_profile(
    "rel", deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("rel")


def pytest_collection_modifyitems(items):
    # first, where one process takes them all: others would wait for the project, which
    # is trained once for all processes
    items.sort(key=lambda item: item.path.name != "test_project.py")


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

import pytest

from .util import save_model


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    return save_model(tmp_path_factory.mktemp("model") / "m")


@pytest.fixture(scope="session")
def poisoned(tmp_path_factory):
    return save_model(tmp_path_factory.mktemp("poisoned") / "m", is_poisoned=True)


@pytest.fixture(scope="session")
def unsure(tmp_path_factory):
    """Hardly trained: not all of its scores are 0 or 1."""
    return save_model(tmp_path_factory.mktemp("unsure") / "m", n_steps=4)

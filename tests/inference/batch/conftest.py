import pytest

from rel_component.inference.batch import job
from rel_component.inference.batch.extractor import Extractor

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


@pytest.fixture
def in_this_process(monkeypatch):
    """The engine without processes: what happens in a worker happens to all.

    RETURNS (List[Tuple[int, int]]): for each chunk that was begun, how many processes
        there would have been, and its number.
    """
    begun = []

    def run_here(chunks, settings, folder, n_process):
        extractor = Extractor(settings, folder)
        for chunk in chunks:
            begun.append((n_process, chunk.number))
            yield extractor.extract(chunk)

    monkeypatch.setattr(job, "run_local", run_here)
    return begun

import pytest

from ..tiny_bert import make_bert

WORDS = ["ann", "works", "for", "acme", "##me", "a", "##a", "b", "##b", "."]


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory):
    return make_bert(tmp_path_factory.mktemp("bert"), WORDS, positions=20)

import pickle
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy

import numpy
import pytest
import spacy
from spacy.util import load_config, load_model_from_config
from thinc.api import NumpyOps
from threadpoolctl import threadpool_info, threadpool_limits

from rel_component.model.numpy_blas import NumpyBlasOps, use_numpy_blas

from ..test_configs import CONFIGS


@pytest.mark.parametrize("trans1", [False, True])
@pytest.mark.parametrize("trans2", [False, True])
def test_products_are_those_of_thinc(rng, trans1, trans2):
    X = rng.normal(size=(5, 7) if trans1 else (7, 5)).astype("float32")
    W = rng.normal(size=(3, 5) if trans2 else (5, 3)).astype("float32")
    flags = {"trans1": trans1, "trans2": trans2}
    found = NumpyBlasOps().gemm(X, W, **flags)
    numpy.testing.assert_allclose(found, NumpyOps().gemm(X, W, **flags), rtol=1e-5)
    out = numpy.zeros_like(found)
    assert NumpyBlasOps().gemm(X, W, out=out, **flags) is out
    numpy.testing.assert_array_equal(out, found)


@pytest.mark.parametrize("copy", [deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_pipelines_can_be_copied_and_pickled(copy, rng):
    """As `nlp.pipe(n_process=2)` does it where processes are spawned."""
    (path,) = [x for x in CONFIGS if x.stem == "ner_tok2vec"]
    nlp = load_model_from_config(load_config(path), auto_fill=True)
    model = copy(nlp.get_pipe("tok2vec").model)
    assert {type(node.ops) for node in model.walk()} == {NumpyBlasOps}
    X = rng.normal(size=(3, 3)).astype("float32")
    numpy.testing.assert_allclose(model.ops.gemm(X, X), X @ X, rtol=1e-5)


def test_threads_of_other_code_are_not_changed():
    before = threadpool_info()
    NumpyBlasOps().gemm(numpy.ones((4, 4), "f"), numpy.ones((4, 4), "f"))
    assert threadpool_info() == before


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_config_uses_it(path):
    assert load_config(path)["nlp"]["after_pipeline_creation"] == {
        "@callbacks": "rel_component.UseNumpyBlas.v1"
    }


def test_all_layers_use_it_after_loading(tmp_path):
    (path,) = [x for x in CONFIGS if x.stem == "joint_tok2vec"]
    nlp = load_model_from_config(load_config(path), auto_fill=True)
    nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path, disable=["entity_tagger"])
    for pipeline in (nlp, loaded):
        nodes = [x for _, pipe in pipeline.components for x in pipe.model.walk()]
        assert {type(node.ops) for node in nodes} == {NumpyBlasOps}


def test_other_devices_keep_their_operations():
    class OtherOps(NumpyOps):
        pass

    (path,) = [x for x in CONFIGS if x.stem == "ner_tok2vec"]
    nlp = load_model_from_config(load_config(path), auto_fill=True)
    node = nlp.get_pipe("tok2vec").model
    node.ops = other = OtherOps()
    use_numpy_blas(nlp)
    assert node.ops is other


def test_threads_take_back_the_limit_together():
    def count():
        return [x["num_threads"] for x in threadpool_info() if x["user_api"] == "blas"]

    def multiply(_):
        for _ in range(100):
            ops.gemm(matrix, matrix)

    ops, matrix = NumpyBlasOps(), numpy.ones((100, 100), dtype="float32")
    with threadpool_limits(2, user_api="blas"):
        before = count()
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(multiply, range(4)))
        assert count() == before

"""Matrix products on CPU by NumPy's BLAS library."""

from threading import Lock
from typing import Any, Callable, Tuple, Type

from spacy.language import Language
from spacy.util import registry
from thinc.api import Model, NumpyOps
from threadpoolctl import ThreadpoolController

LOCK = Lock()
# products in progress, and the limit that their last one takes back
_n_running = 0
_limiter: Any = None


class NumpyBlasOps(NumpyOps):
    """Operations on CPU with matrix products by NumPy's BLAS, in one thread.

    Thinc uses BLIS, whose wheels for Linux only contain generic kernels, without the
    processor's vector instructions (version 1.3.4; see `BLIS_ARCH_DEBUG=1`). Several
    threads would wait for each other on a busy machine.
    """

    def __init__(self) -> None:
        super().__init__(use_blis=False)
        self._blas = ThreadpoolController().select(user_api="blas")

    def __reduce__(self) -> "Tuple[Type[NumpyBlasOps], Tuple[()]]":
        # the library's functions can't be pickled, as by n_process with spawn
        return NumpyBlasOps, ()

    def gemm(self, *args: Any, **kwargs: Any) -> Any:
        """RETURNS (Floats2d): the product, as by `Ops.gemm`."""
        # the limit is the process's: the last of several threads takes it back
        global _n_running, _limiter
        with LOCK:
            if not _n_running:
                _limiter = self._blas.limit(limits=1)
            _n_running += 1
        try:
            return super().gemm(*args, **kwargs)
        finally:
            with LOCK:
                _n_running -= 1
                if not _n_running:
                    _limiter.restore_original_limits()


@registry.callbacks("rel_component.UseNumpyBlas.v1")
def create_use_numpy_blas() -> Callable[[Language], Language]:
    """Multiply the matrices of a pipeline with NumPy's BLAS, if it's on CPU.

    For `[nlp.after_pipeline_creation]`. Components that use a GPU, or Apple's
    Accelerate, are not changed.

    RETURNS (Callable[[Language], Language]): the callback.
    """
    return use_numpy_blas


def use_numpy_blas(nlp: Language) -> Language:
    """RETURNS (Language): the pipeline, whose models use `NumpyBlasOps` on CPU."""
    ops = NumpyBlasOps()
    for _, pipe in nlp.components:
        model = getattr(pipe, "model", None)
        for node in model.walk() if isinstance(model, Model) else ():
            if type(node.ops) is NumpyOps:
                node.ops = ops
    return nlp

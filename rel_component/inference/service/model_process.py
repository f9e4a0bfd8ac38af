"""The pipeline in a process of its own: while it works, requests are read and refused,
health is told, and it can be ended.

The two talk by pickles on the standard streams of the process, which calls `run`.
"""

import gc
import os
import pickle
import signal
import subprocess
import sys
import weakref
from contextlib import suppress
from logging import captureWarnings
from logging.config import dictConfig
from pathlib import Path
from typing import Any, BinaryIO, Callable, Dict, List, Optional, Sequence, Tuple

from thinc.api import require_gpu

from ...pipe.loading import load_pipeline, use_numpy_products
from .describe import describe_model
from .jobs import Job, ModelEnded
from .logs import get_log_config
from .runner import Outcome, Runner
from .settings import ServiceSettings


class ModelProcess:
    """A pipeline that another process holds.

    model (Path): the folder of the pipeline.
    settings (ServiceSettings): the limits.
    """

    def __init__(self, model: Path, settings: ServiceSettings) -> None:
        self.model = model
        self.settings = settings
        self._process: Optional[subprocess.Popen] = None
        self._kill: Callable[[], Any] = lambda: None
        self.begin()

    def begin(self) -> None:
        """Start the process, in place of one that may be there. It loads the pipeline
        meanwhile."""
        self.end()
        # modules are found where this process finds them, and not in the working folder
        path = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        self._process = subprocess.Popen(
            [sys.executable, "-c", f"from {__name__} import run; run()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **path, "PYTHONSAFEPATH": "1"},
            start_new_session=True,  # Ctrl-C is for the service, which ends it
        )
        self._kill = weakref.finalize(self, _kill, self._process)
        self._send((self.model, self.settings))

    @property
    def pid(self) -> Optional[int]:
        """RETURNS (Optional[int]): number of the process."""
        return None if self._process is None else self._process.pid

    @property
    def has_ended(self) -> bool:
        """RETURNS (bool): whether the process is gone."""
        return self._process is None or self._process.poll() is not None

    def wait(self) -> Dict[str, Any]:
        """Wait until the pipeline is loaded.

        RETURNS (Dict[str, Any]): a `ModelInfo`.
        RAISES (ValueError): if it can't be loaded.
        RAISES (ModelEnded): if the process ends instead.
        """
        found = self._receive()
        if isinstance(found, Exception):
            raise found
        return found

    def load(self) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): a `ModelInfo`, of a process begun anew."""
        self.begin()
        return self.wait()

    def __call__(self, jobs: Sequence[Job]) -> List[Outcome]:
        """RETURNS (List[Outcome]): for each job. RAISES (ModelEnded)."""
        self._send(jobs)
        return [self._receive() for _ in jobs]

    def end(self) -> None:
        """End the process, whatever it does; a call that waits for it is told."""
        self._kill()

    def _send(self, message: Any) -> None:
        assert self._process is not None and self._process.stdin is not None
        try:
            pickle.dump(message, self._process.stdin, pickle.HIGHEST_PROTOCOL)
            self._process.stdin.flush()
        except (OSError, ValueError):  # closed
            raise ModelEnded() from None

    def _receive(self) -> Any:
        assert self._process is not None and self._process.stdout is not None
        try:
            return pickle.load(self._process.stdout)
        except (EOFError, OSError, ValueError, pickle.UnpicklingError):
            raise ModelEnded() from None


def _kill(process: subprocess.Popen) -> None:
    process.kill()
    process.wait()
    for stream in filter(None, (process.stdin, process.stdout)):
        with suppress(OSError):  # there may be something that was not sent
            stream.close()


def run() -> None:
    """Be the process of a pipeline."""
    for number in (signal.SIGINT, signal.SIGTERM):  # the service says when to end
        signal.signal(number, signal.SIG_IGN)
    # what libraries print goes into the log
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    dictConfig(get_log_config())
    captureWarnings(True)
    try:
        answer_jobs(sys.stdin.buffer, answers)
    except BrokenPipeError:
        pass  # the service is gone


def answer_jobs(requests: BinaryIO, answers: BinaryIO) -> None:
    """Load a pipeline and answer jobs, until there are no more.

    requests (BinaryIO): pickles: folder and settings, then lists of jobs.
    answers (BinaryIO): gets pickles: a `ModelInfo` or an error, then an outcome for
        each job.
    """

    def send(message: Any) -> None:
        pickle.dump(message, answers, pickle.HIGHEST_PROTOCOL)
        answers.flush()

    model, settings = pickle.load(requests)
    try:
        if settings.gpu:
            require_gpu()
        nlp = load_pipeline(model)
        use_numpy_products(nlp)
        runner = Runner(nlp, settings)
    except ValueError as error:
        send(ValueError(str(error)))
        return
    send(describe_model(runner, settings))
    # else each full collection walks through all of the model, for up to a second
    gc.collect()
    gc.freeze()
    while True:
        try:
            jobs = pickle.load(requests)
        except EOFError:
            return
        for outcome in runner(jobs):
            send(outcome)


def load_models(
    model: Path, settings: ServiceSettings
) -> Tuple[List[ModelProcess], Dict[str, Any]]:
    """Load a pipeline into as many processes as the settings say.

    model (Path): the folder of the pipeline.
    settings (ServiceSettings): the limits.
    RETURNS (Tuple[List[ModelProcess], Dict[str, Any]]): the processes, and a
        `ModelInfo`.
    RAISES (ValueError): if the pipeline can't be loaded or finds no relations, or there
        is no GPU where one is wanted.
    """
    models = [ModelProcess(model, settings) for _ in range(settings.workers)]
    try:
        found = [process.wait() for process in models]
    except (ModelEnded, ValueError) as error:
        for process in models:
            process.end()
        if not isinstance(error, ModelEnded):
            raise
        raise ValueError(
            f"The process that loads {model} ended; its messages say why. Is there "
            f"enough memory?"
        ) from None
    return models, found[0]

"""Run the pipeline in a separate process, so that the service stays responsive and can
stop it.

They communicate via pickles on stdin and stdout of the process, which calls `run`.
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

from ...model.numpy_blas import use_numpy_blas
from ...pipe.loading import load_pipeline
from .describe import describe_model
from .jobs import Job, ModelEnded
from .logs import get_log_config
from .runner import Outcome, Runner
from .settings import ServiceSettings


class ModelProcess:
    """A pipeline in another process.

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
        """Start or restart the process, which loads the pipeline in the background."""
        self.end()
        # same module search path, without the working folder
        path = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        self._process = subprocess.Popen(
            [sys.executable, "-c", f"from {__name__} import run; run()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **path, "PYTHONSAFEPATH": "1"},
            start_new_session=True,  # Ctrl-C only stops the service, which stops it
        )
        self._kill = weakref.finalize(self, _kill, self._process)
        self._send((self.model, self.settings))

    @property
    def pid(self) -> Optional[int]:
        """RETURNS (Optional[int]): id of the process."""
        return None if self._process is None else self._process.pid

    @property
    def has_ended(self) -> bool:
        """RETURNS (bool): whether the process has ended."""
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
        """RETURNS (Dict[str, Any]): a `ModelInfo`, after restarting the process."""
        self.begin()
        return self.wait()

    def __call__(self, jobs: Sequence[Job]) -> List[Outcome]:
        """RETURNS (List[Outcome]): an outcome per job. RAISES (ModelEnded)."""
        self._send(jobs)
        return [self._receive() for _ in jobs]

    def end(self) -> None:
        """Stop the process immediately; a pending call raises ModelEnded."""
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
        with suppress(OSError):  # there may be unsent data
            stream.close()


def run() -> None:
    """Main function of the process."""
    for number in (signal.SIGINT, signal.SIGTERM):  # stopped by the service only
        signal.signal(number, signal.SIG_IGN)
    # redirect prints of libraries to the log
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    dictConfig(get_log_config())
    captureWarnings(True)
    try:
        answer_jobs(sys.stdin.buffer, answers)
    except BrokenPipeError:
        pass  # the service has ended


def answer_jobs(requests: BinaryIO, answers: BinaryIO) -> None:
    """Load a pipeline and answer jobs until the end of the stream.

    requests (BinaryIO): pickles to read: folder and settings, then lists of jobs.
    answers (BinaryIO): pickles to write: a `ModelInfo` or an error, then an outcome per
        job.
    """

    def send(message: Any) -> None:
        pickle.dump(message, answers, pickle.HIGHEST_PROTOCOL)
        answers.flush()

    model, settings = pickle.load(requests)
    try:
        if settings.gpu:
            require_gpu()
        nlp = load_pipeline(model)
        use_numpy_blas(nlp)
        runner = Runner(nlp, settings)
    except ValueError as error:
        send(ValueError(str(error)))
        return
    send(describe_model(runner, settings))
    # otherwise a full collection traverses the whole model, for up to a second
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
    """Load a pipeline in `settings.workers` processes.

    model (Path): the folder of the pipeline.
    settings (ServiceSettings): the settings.
    RETURNS (Tuple[List[ModelProcess], Dict[str, Any]]): the processes, and a
        `ModelInfo`.
    RAISES (ValueError): if the pipeline can't be loaded or doesn't predict relations,
        or if `settings.gpu` is set and there is no GPU.
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
            f"The process ended while loading {model}; see its messages for the "
            f"reason. Is there enough memory?"
        ) from None
    return models, found[0]

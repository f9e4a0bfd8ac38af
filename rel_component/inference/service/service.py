"""State shared by the routes: models, batching and limits."""

import asyncio
import gc
import os
from itertools import islice
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple, Union

from fastapi import Request
from spacy.language import Language
from thinc.api import require_gpu

from ...pipe.loading import load_pipeline
from .batching import Batcher, unavailable
from .describe import describe_model
from .jobs import Job
from .logs import log
from .metrics import Metrics
from .model_process import load_models
from .problems import MAX_LISTED, Problem, ServiceError, invalid, list_names
from .runner import Runner
from .settings import ServiceSettings

# maximum size of bodies and answers in memory, as a multiple of the largest body
MAX_HELD = 64


class Service:
    """Answers requests.

    model (Union[Language, Path]): a pipeline, to run in a thread of this process; or
        its folder, to load in `settings.workers` processes.
    settings (ServiceSettings): the settings.
    """

    def __init__(self, model: Union[Language, Path], settings: ServiceSettings) -> None:
        self.settings = settings
        self.metrics = Metrics()
        self.models: List[Any]
        self.info: Dict[str, Any]
        self.is_local = isinstance(model, Language)
        if settings.gpu and self.is_local:
            require_gpu()
        self.models, self.info = self._load(model)
        self.batcher = Batcher(self.models, settings, self.metrics)
        # large bodies are parsed one at a time
        self.turn = asyncio.Lock()
        # called on shutdown, to stop other threads and processes
        self.at_close: List[Callable[[], Any]] = []
        self._held = 0

    def _load(self, model: Union[Language, Path]) -> Tuple[List[Any], Dict[str, Any]]:
        if isinstance(model, Path) and not self.is_local:
            return load_models(model, self.settings)
        nlp = load_pipeline(model) if isinstance(model, Path) else model
        runner = Runner(nlp, self.settings)
        return [runner], describe_model(runner, self.settings)

    def use_model(self, model: Path) -> None:
        """Switch to another pipeline from the next batch on. Can be called from any
        thread.

        model (Path): the folder of the pipeline.
        RAISES (ValueError): if it can't be loaded or doesn't predict relations; the old
            one is kept.
        """
        self.models, self.info = self._load(model)
        self.batcher.use_models(self.models)

    def start(self) -> None:
        """Start; must be called in the event loop."""
        self.batcher.start()
        # otherwise a full collection traverses everything loaded so far
        gc.collect()
        gc.freeze()
        log(
            "ready",
            model=self.info["name"],
            limits=self.info["limits"],
            processes=[getattr(model, "pid", os.getpid()) for model in self.models],
        )

    async def close(self) -> None:
        """Stop when the requests in progress are answered, or after the time limit."""
        for end in self.at_close:
            end()
        await self.batcher.close()
        gc.unfreeze()
        log("stopped")

    async def answer(
        self, request: Request, jobs: Sequence[Job], name: str
    ) -> List[bytes]:
        """Answer the jobs of a request.

        request (Request): the request.
        jobs (Sequence[Job]): its texts.
        name (str): name of the field with the texts.
        RETURNS (List[bytes]): JSON per job.
        RAISES (ServiceError): if a job can't be answered.
        """
        self.end_turn(request)
        fields = request.state.log
        fields["texts"] = len(jobs)
        fields["chars"] = sum(len(job.task.text) for job in jobs)
        if self.settings.log_texts:
            fields["text"] = [job.task.text for job in jobs]
        for i, job in enumerate(jobs):
            if job.task.entities is None and not self.info["finds_entities"]:
                pipes = ", ".join(self.info["pipeline"])
                raise ServiceError(
                    422,
                    f"{name}[{i}] has no entities, and the model ({pipes}) doesn't "
                    f"predict them; expected entities ([] for none), or a service "
                    f"with a model that predicts them.",
                )
        try:
            answers = await self.batcher.submit(jobs)
        except ServiceError as error:
            if error.job is not None:
                error.detail = f"{name}[{error.job}]: {error.detail}"
            raise
        self.hold(request, sum(len(answer.content) for answer in answers))
        return [answer.content for answer in answers]

    async def take_turn(self, request: Request) -> None:
        """Wait until no other large body is parsed or validated. The turn ends when the
        request's texts are passed to the model.

        request (Request): a request with a large body.
        RAISES (ServiceError): if the wait exceeds the time limit.
        """
        try:
            await asyncio.wait_for(self.turn.acquire(), self.settings.timeout)
        except asyncio.TimeoutError:
            raise unavailable(
                f"Other large requests took more than {self.settings.timeout:g} s to "
                f"parse. Send fewer texts per request, or try again later.",
                "timeout",
                self.batcher.guess_wait(),
            ) from None
        request.state.has_turn = True

    def end_turn(self, request: Request) -> None:
        """Let the next large body be parsed, if it's this request's turn."""
        if getattr(request.state, "has_turn", False):
            request.state.has_turn = False
            self.turn.release()

    def hold(self, request: Request, n_bytes: int) -> None:
        """Count bytes that stay in memory until the request is done.

        request (Request): the request.
        n_bytes (int): size of its body or answer.
        RAISES (ServiceError): if all requests together exceed the limit.
        """
        self._held += n_bytes
        request.state.held = getattr(request.state, "held", 0) + n_bytes
        if self._held > MAX_HELD * self.settings.max_body:
            raise ServiceError(
                503,
                "The requests in progress are too large in total. Try again later.",
                retry_after=1,
                reason="memory",
            )

    def release(self, n_bytes: int) -> None:
        """Release bytes counted by `hold`."""
        self._held -= n_bytes

    def check_labels(self, labels: Optional[Sequence[str]]) -> None:
        """RAISES (ServiceError): if the model doesn't have all of the labels."""
        known = self.info["labels"]
        if not labels or not self.info["knows_labels"]:
            return
        expected, names = f"one of {list_names(known)}", set(known)
        unknown = (i for i, label in enumerate(labels) if label not in names)
        problems = [
            Problem(f"labels[{i}]", repr(labels[i][:40]), expected)
            for i in islice(unknown, MAX_LISTED)
        ]
        if problems:
            raise invalid(problems)

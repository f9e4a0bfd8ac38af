"""What the routes share: the models, their batches, the limits."""

import asyncio
import gc
import os
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple, Union

from fastapi import Request
from spacy.language import Language
from thinc.api import require_gpu

from ...pipe.loading import load_pipeline
from .batching import Batcher
from .describe import describe_model
from .jobs import Job
from .logs import log
from .metrics import Metrics
from .model_process import load_models
from .problems import Problem, ServiceError, invalid, list_names
from .runner import Runner
from .settings import ServiceSettings

# bodies and answers that are held at one time, as a multiple of the largest body
MAX_HELD = 64


class Service:
    """Answers requests.

    model (Union[Language, Path]): a pipeline, which then runs in a thread of this
        process; or its folder, which `settings.workers` processes load.
    settings (ServiceSettings): the limits.
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
        # of the large bodies one at a time is taken apart
        self.turn = asyncio.Lock()
        # called at the end: what else was started
        self.at_close: List[Callable[[], Any]] = []
        self._held = 0

    def _load(self, model: Union[Language, Path]) -> Tuple[List[Any], Dict[str, Any]]:
        if isinstance(model, Path) and not self.is_local:
            return load_models(model, self.settings)
        nlp = load_pipeline(model) if isinstance(model, Path) else model
        runner = Runner(nlp, self.settings)
        return [runner], describe_model(runner, self.settings)

    def use_model(self, model: Path) -> None:
        """Answer with another pipeline, from the next batch on. From any thread.

        model (Path): its folder.
        RAISES (ValueError): if it can't be loaded or finds no relations; then the old
            one stays.
        """
        self.models, self.info = self._load(model)
        self.batcher.use_models(self.models)

    def start(self) -> None:
        """Begin to answer; within the event loop."""
        self.batcher.start()
        # else each full collection walks through all that is loaded
        gc.collect()
        gc.freeze()
        log(
            "ready",
            model=self.info["name"],
            limits=self.info["limits"],
            processes=[getattr(model, "pid", os.getpid()) for model in self.models],
        )

    async def close(self) -> None:
        """End when the requests in progress are answered, or after the time limit."""
        for end in self.at_close:
            end()
        await self.batcher.close()
        gc.unfreeze()
        log("stopped")

    async def answer(
        self, request: Request, jobs: Sequence[Job], name: str
    ) -> List[bytes]:
        """Let the model answer the jobs of a request.

        request (Request): the request.
        jobs (Sequence[Job]): its texts.
        name (str): of the field with the texts.
        RETURNS (List[bytes]): JSON, for each job.
        RAISES (ServiceError): if one can't be answered.
        """
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
                    f"{name}[{i}] has no entities given, and the model ({pipes}) does "
                    f"not find them; expected entities ([] for none), or a service "
                    f"with a model that finds them.",
                )
        answers = await self.batcher.submit(jobs)
        self.hold(request, sum(len(answer.content) for answer in answers))
        return [answer.content for answer in answers]

    def hold(self, request: Request, n_bytes: int) -> None:
        """Count bytes that are held in memory until the request is done.

        request (Request): the request.
        n_bytes (int): of its body or its answer.
        RAISES (ServiceError): if all requests together hold too much.
        """
        self._held += n_bytes
        request.state.held = getattr(request.state, "held", 0) + n_bytes
        if self._held > MAX_HELD * self.settings.max_body:
            raise ServiceError(
                503,
                "The requests in progress are too large together. Try again later.",
                retry_after=1,
                reason="memory",
            )

    def release(self, n_bytes: int) -> None:
        """Count bytes that are no longer held."""
        self._held -= n_bytes

    def check_labels(self, labels: Optional[Sequence[str]]) -> None:
        """RAISES (ServiceError): if the model does not have one of the labels."""
        known = self.info["labels"]
        problems = [
            Problem(f"labels[{i}]", repr(label[:40]), f"one of {list_names(known)}")
            for i, label in enumerate(labels or ())
            if label not in known and self.info["knows_labels"]
        ]
        if problems:
            raise invalid(problems)

"""Dynamic batching: requests that arrive at the same time are batched."""

import asyncio
import contextvars
import itertools
import logging
import math
import threading
import time
from collections import deque
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, Callable, Deque, List, Optional, Protocol, Sequence

from .jobs import Answer, Job, ModelEnded, ModelFailed, TooMuchAtOnce
from .logs import describe_error, log
from .metrics import Metrics
from .problems import ServiceError
from .runner import Outcome, too_many_rows
from .settings import ServiceSettings

# seconds before another attempt to load a model
RETRY = 5.0
# seconds between checks of an idle model
IDLE = 1.0


class Model(Protocol):
    """Answers a batch of jobs, in a thread."""

    def __call__(self, jobs: Sequence[Job]) -> List[Outcome]: ...


@dataclass
class Entry:
    """A job in the queue.

    job (Job): the job.
    answer (asyncio.Future): the future answer.
    is_alone (bool): whether to run it in a batch of its own, because its first batch
        was too large or the model process ended.
    """

    job: Job
    answer: "asyncio.Future[Answer]"
    is_alone: bool = False


class Batcher:
    """Batches jobs and distributes the batches to models, each in its own thread.

    Jobs that arrive while a batch is running form the next batch. So batch size grows
    with the load, and a single job is answered with hardly any delay.

    models (Sequence[Model]): the models; each answers one batch at a time.
    settings (ServiceSettings): limits on batches, queue and time.
    metrics (Metrics): the metrics to update.
    """

    def __init__(
        self, models: Sequence[Model], settings: ServiceSettings, metrics: Metrics
    ) -> None:
        self.settings = settings
        self.metrics = metrics
        self.waiting: Deque[Entry] = deque()
        self.news = asyncio.Condition()
        self.is_closing = False
        self.seconds_per_text = 0.01
        self._workers = [Worker(model, self) for model in models]

    def start(self) -> None:
        """Start; must be called in the event loop."""
        for worker in self._workers:
            worker.start()

    def use_models(self, models: Sequence[Model]) -> None:
        """Replace the models, each before its next batch. Can be called from any
        thread.

        models (Sequence[Model]): the new models, as many as before.
        """
        for worker, model in zip(self._workers, models):
            worker.next_model = model

    async def close(self) -> None:
        """Stop when all pending jobs are answered, or after the time limit."""
        self.is_closing = True
        await self.tell()
        latest = time.monotonic() + self.settings.shutdown_timeout
        while self._is_awaited() and time.monotonic() < latest:
            await asyncio.sleep(0.02)
        for worker in self._workers:
            worker.stop()

    def _is_awaited(self) -> bool:
        batches = (worker.batch for worker in self._workers)
        entries = itertools.chain(self.waiting, *batches)
        return any(not entry.answer.done() for entry in entries)

    @property
    def trouble(self) -> Optional[str]:
        """RETURNS (Optional[str]): why jobs can't be accepted; None if they can."""
        troubles = [worker.trouble for worker in self._workers]
        return "not running" if self.is_closing else min(troubles, key=bool)

    async def submit(self, jobs: Sequence[Job]) -> List[Answer]:
        """Queue the jobs of one request and wait for the answers.

        jobs (Sequence[Job]): the texts of the request.
        RETURNS (List[Answer]): the answers, in the same order.
        RAISES (ServiceError): if the queue is full, the time limit is exceeded, or a
            job fails.
        """
        if self.is_closing:
            raise unavailable("The service is shutting down.", "closing", 5)
        if len(self.waiting) + len(jobs) > self.settings.max_queue:
            raise ServiceError(
                429,
                f"{len(self.waiting)} texts are already waiting for the model; "
                f"expected at most {self.settings.max_queue}. Try again later.",
                retry_after=self.guess_wait(),
                reason="queue",
            )
        loop = asyncio.get_running_loop()
        entries = [Entry(job, loop.create_future()) for job in jobs]
        self.waiting.extend(entries)
        await self.tell()
        try:
            return await asyncio.wait_for(self._collect(entries), self.settings.timeout)
        except asyncio.TimeoutError:
            raise unavailable(
                f"The model did not answer within {self.settings.timeout:g} s. Send "
                f"fewer or shorter texts per request, or try again later.",
                "timeout",
                self.guess_wait(),
            ) from None
        finally:
            for entry in entries:
                if not entry.answer.cancel() and not entry.answer.cancelled():
                    entry.answer.exception()  # mark it as retrieved

    async def _collect(self, entries: Sequence[Entry]) -> List[Answer]:
        """Wait for all answers, but fail as soon as one fails."""
        limit, n_rows = self.settings.max_scores, 0
        for next_one in asyncio.as_completed([entry.answer for entry in entries]):
            try:
                n_rows += (await next_one).n_rows
            except ServiceError as error:
                failed = [x.answer.done() and x.answer.exception() for x in entries]
                error.job = failed.index(error)
                raise
            if n_rows > limit:
                raise too_many_rows("relations or scores", n_rows, limit, "min_score")
        return [entry.answer.result() for entry in entries]

    def guess_wait(self) -> int:
        """RETURNS (int): estimated seconds until the queue is empty."""
        return max(1, math.ceil(len(self.waiting) * self.seconds_per_text))

    async def tell(self) -> None:
        """Notify waiting workers of a change."""
        self.metrics.waiting.set(len(self.waiting))
        async with self.news:
            self.news.notify_all()

    async def take(self) -> List[Entry]:
        """RETURNS (List[Entry]): the next batch; empty on shutdown, or after a second
        without jobs."""
        async with self.news:
            there_is = self.news.wait_for(lambda: self.waiting or self.is_closing)
            try:
                await asyncio.wait_for(there_is, IDLE)
            except asyncio.TimeoutError:
                return []
        if self.settings.batch_wait and not self._is_full():
            await asyncio.sleep(self.settings.batch_wait)
        batch: List[Entry] = []
        room = self.settings.batch_chars
        while self.waiting and len(batch) < self.settings.batch_texts:
            size, is_alone = (
                len(self.waiting[0].job.task.text),
                self.waiting[0].is_alone,
            )
            if batch and (size > room or is_alone):
                break
            entry = self.waiting.popleft()
            if not entry.answer.done():  # skip abandoned jobs
                batch.append(entry)
                room = 0 if is_alone else room - size
        self.metrics.waiting.set(len(self.waiting))
        return batch

    def _is_full(self) -> bool:
        return len(self.waiting) >= self.settings.batch_texts or self.is_closing


class Worker:
    """Runs one model on batches.

    model (Model): the model.
    batcher (Batcher): provides the batches.
    """

    def __init__(self, model: Model, batcher: Batcher) -> None:
        self.model = model
        self.batcher = batcher
        self.next_model: Optional[Model] = None
        self.task: Optional[asyncio.Task] = None
        self.batch: List[Entry] = []
        self._inbox: SimpleQueue = SimpleQueue()
        self._begun: Optional[float] = None
        self._is_loading = False
        # includes Thinc's current ops and device
        self._context = contextvars.copy_context()

    def start(self) -> None:
        """Start; must be called in the event loop."""
        # a daemon, so that a hanging model doesn't block shutdown
        threading.Thread(
            target=self._context.run, args=(self._work,), name="model", daemon=True
        ).start()
        self.task = asyncio.get_running_loop().create_task(self._run())

    def stop(self) -> None:
        """Stop immediately, even if the model is busy."""
        if self.task is not None:
            self.task.cancel()
        self._inbox.put(None)
        self._end_model()

    @property
    def trouble(self) -> Optional[str]:
        """RETURNS (Optional[str]): why the model can't answer; None if it can."""
        if self.task is None or self.task.done():
            return "not running"
        if self._is_loading:
            return "the model is loading"
        if self._seconds_busy > self.batcher.settings.timeout:
            return (
                f"the model has been busy for {self._seconds_busy:.0f} s with a batch"
            )
        return None

    @property
    def _seconds_busy(self) -> float:
        return 0.0 if self._begun is None else time.monotonic() - self._begun

    async def _run(self) -> None:
        while not self._is_done:
            if self.next_model is not None:
                self._end_model()
                self.model, self.next_model = self.next_model, None
            if getattr(self.model, "has_ended", False):
                await self._replace_model([], "its process ended")
            self.batch = await self.batcher.take()
            if self.batch:
                await self._answer(self.batch)
            self.batch = []

    @property
    def _is_done(self) -> bool:
        return self.batcher.is_closing and not self.batcher.waiting

    async def _answer(self, batch: List[Entry]) -> None:
        self._begun = time.monotonic()
        jobs = [entry.job for entry in batch]
        call = asyncio.ensure_future(self._call(self.model, jobs))
        done, _ = await asyncio.wait([call], timeout=self.batcher.settings.timeout)
        if not done:
            self._end_model()  # its requests have timed out
        try:
            outcomes = await call
        except ModelEnded:
            reason = "its process ended" if done else "it took too long"
            await self._replace_model(batch, reason)
            return
        except Exception as error:  # of a component, of a type that isn't for errors
            fields = describe_error(error, self.batcher.settings.log_texts)
            for entry in batch:
                _settle(entry.answer, None, ModelFailed(fields))
            return
        finally:
            seconds, self._begun = self._seconds_busy, None
        self.batcher.seconds_per_text = seconds / len(batch)
        self.batcher.metrics.observe_batch(len(batch), seconds)
        for entry, outcome in reversed(list(zip(batch, outcomes))):
            if isinstance(outcome, TooMuchAtOnce):
                self._take_alone(entry)
            elif isinstance(outcome, Exception):
                _settle(entry.answer, None, outcome)
            else:
                _settle(entry.answer, outcome, None)
        if self.batcher.waiting:
            await self.batcher.tell()

    async def _replace_model(self, batch: List[Entry], reason: str) -> None:
        """Restart the model and retry the unfinished jobs one by one, since one of them
        may be the cause."""
        self._is_loading = True
        log(f"restarting the model: {reason}", logging.WARNING, texts=len(batch))
        self.batcher.metrics.observe_model_end()
        for entry in reversed(batch):
            if entry.answer.done():
                continue
            if entry.is_alone:
                entry.answer.set_exception(
                    unavailable(
                        "The model process ended while processing this text. If this "
                        "happens again, split the text.",
                        "model_ended",
                        self.batcher.guess_wait(),
                    )
                )
            else:
                self._take_alone(entry)
        await self.batcher.tell()
        while not self._is_done:
            try:
                await self._call(self.model.load)  # type: ignore[attr-defined]
            except (ModelEnded, ValueError, OSError) as error:
                log("the model can't be loaded", logging.ERROR, error=str(error))
                await asyncio.sleep(RETRY)
            else:
                self._is_loading = False
                pid = getattr(self.model, "pid", None)
                log("the model is loaded again", process=pid)
                return

    def _take_alone(self, entry: Entry) -> None:
        entry.is_alone = True
        self.batcher.waiting.appendleft(entry)

    def _end_model(self) -> None:
        end = getattr(self.model, "end", None)
        if end is not None:
            end()

    async def _call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call a function in the model's thread."""
        result: asyncio.Future = asyncio.get_running_loop().create_future()
        self._inbox.put((function, arguments, result))
        return await result

    def _work(self) -> None:
        while (item := self._inbox.get()) is not None:
            function, arguments, result = item
            value, error = None, None
            try:
                value = function(*arguments)
            except Exception as found:
                error = found
            except BaseException as found:  # a request is always waiting
                error = RuntimeError(f"{type(found).__name__}: {found}")
            try:
                result.get_loop().call_soon_threadsafe(_settle, result, value, error)
            except RuntimeError:  # the loop is closed, so no request is waiting
                return


def unavailable(detail: str, reason: str, retry_after: int) -> ServiceError:
    """RETURNS (ServiceError): 503."""
    return ServiceError(503, detail, retry_after=retry_after, reason=reason)


def _settle(future: asyncio.Future, value: Any, error: Optional[Exception]) -> None:
    if future.done():
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(value)

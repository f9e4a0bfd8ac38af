"""Requests that come at the same time share the runs of the model."""

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

from .jobs import Answer, Job, ModelEnded, TooMuchAtOnce
from .logs import log
from .metrics import Metrics
from .problems import ServiceError
from .runner import Outcome, too_many_rows
from .settings import ServiceSettings

# seconds until a model that could not be loaded is tried again
RETRY = 5.0
# seconds after which an idle model is looked after
IDLE = 1.0


class Model(Protocol):
    """What answers a batch, in a thread."""

    def __call__(self, jobs: Sequence[Job]) -> List[Outcome]: ...


@dataclass
class Entry:
    """A job that waits.

    job (Job): the job.
    answer (asyncio.Future): of the answer.
    is_alone (bool): whether a batch with it was too much, or the model ended in it: it
        gets no other one.
    """

    job: Job
    answer: "asyncio.Future[Answer]"
    is_alone: bool = False


class Batcher:
    """Gathers jobs into batches, and gives these to models, each in a thread of its
    own.

    While a batch runs the next one gathers, so that batches are the larger the more
    there is to do, and a single job hardly waits.

    models (Sequence[Model]): each answers one batch after the other.
    settings (ServiceSettings): how large batches are, how many jobs may wait, how long.
    metrics (Metrics): what is counted.
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
        """Begin; within the event loop."""
        for worker in self._workers:
            worker.start()

    def use_models(self, models: Sequence[Model]) -> None:
        """Take other models, each from its next batch on; those before are ended.

        models (Sequence[Model]): as many as there are. From any thread.
        """
        for worker, model in zip(self._workers, models):
            worker.next_model = model

    async def close(self) -> None:
        """End when nobody waits for a job any more, or after the time limit."""
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
        """RETURNS (Optional[str]): why no jobs can be taken; None if they can."""
        troubles = [worker.trouble for worker in self._workers]
        return "not running" if self.is_closing else min(troubles, key=bool)

    async def submit(self, jobs: Sequence[Job]) -> List[Answer]:
        """Wait for the answers to the jobs of one request.

        jobs (Sequence[Job]): the texts of the request.
        RETURNS (List[Answer]): in their order.
        RAISES (ServiceError): if there is no room or no time, or a job failed.
        """
        if self.is_closing:
            raise unavailable("The service is shutting down.", "closing", 5)
        if len(self.waiting) + len(jobs) > self.settings.max_queue:
            raise ServiceError(
                429,
                f"{len(self.waiting)} texts wait for the model already and at most "
                f"{self.settings.max_queue} may. Try again later.",
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
                f"fewer or shorter texts at one time, or try again later.",
                "timeout",
                self.guess_wait(),
            ) from None
        finally:
            for entry in entries:
                if not entry.answer.cancel() and not entry.answer.cancelled():
                    entry.answer.exception()  # it is known that it failed

    async def _collect(self, entries: Sequence[Entry]) -> List[Answer]:
        """Fail with the first that fails: nobody waits for the others."""
        limit, n_rows = self.settings.max_scores, 0
        for next_one in asyncio.as_completed([entry.answer for entry in entries]):
            n_rows += (await next_one).n_rows
            if n_rows > limit:
                raise too_many_rows("relations or scores", n_rows, limit, "min_score")
        return [entry.answer.result() for entry in entries]

    def guess_wait(self) -> int:
        """RETURNS (int): seconds until those that wait may be done."""
        return max(1, math.ceil(len(self.waiting) * self.seconds_per_text))

    async def tell(self) -> None:
        """Say that something has changed, to the models that wait."""
        self.metrics.waiting.set(len(self.waiting))
        async with self.news:
            self.news.notify_all()

    async def take(self) -> List[Entry]:
        """RETURNS (List[Entry]): a batch, as soon as there is one; none at the end, and
        none after a second without one."""
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
            if not entry.answer.done():  # else nobody waits for it any more
                batch.append(entry)
                room = 0 if is_alone else room - size
        self.metrics.waiting.set(len(self.waiting))
        return batch

    def _is_full(self) -> bool:
        return len(self.waiting) >= self.settings.batch_texts or self.is_closing


class Worker:
    """Gives one model its batches.

    model (Model): answers them.
    batcher (Batcher): has them.
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
        # in it Thinc keeps where it computes
        self._context = contextvars.copy_context()

    def start(self) -> None:
        """Begin; within the event loop."""
        # a daemon: a model that hangs must not keep the process from ending
        threading.Thread(
            target=self._context.run, args=(self._work,), name="model", daemon=True
        ).start()
        self.task = asyncio.get_running_loop().create_task(self._run())

    def stop(self) -> None:
        """End, whatever the model does."""
        if self.task is not None:
            self.task.cancel()
        self._inbox.put(None)
        self._end_model()

    @property
    def trouble(self) -> Optional[str]:
        """RETURNS (Optional[str]): why it does not answer; None if it does."""
        if self.task is None or self.task.done():
            return "not running"
        if self._is_loading:
            return "the model is being loaded"
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
            self._end_model()  # nobody waits for it any more
        try:
            outcomes = await call
        except ModelEnded:
            reason = "its process ended" if done else "it took too long"
            await self._replace_model(batch, reason)
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
        """Load the model anew, and do again what it had not done; each text alone, for
        one of them may be the cause."""
        self._is_loading = True
        log(f"the model is loaded anew: {reason}", logging.WARNING, texts=len(batch))
        self.batcher.metrics.observe_model_end()
        for entry in reversed(batch):
            if entry.answer.done():
                continue
            if entry.is_alone:
                entry.answer.set_exception(
                    unavailable(
                        "The model ended while it worked on this text. If it does so "
                        "again, send the text in parts.",
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
                log("the model is there again", process=pid)
                return

    def _take_alone(self, entry: Entry) -> None:
        entry.is_alone = True
        self.batcher.waiting.appendleft(entry)

    def _end_model(self) -> None:
        end = getattr(self.model, "end", None)
        if end is not None:
            end()

    async def _call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call a function in the thread."""
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
            except BaseException as found:  # whatever it is, somebody waits
                error = RuntimeError(f"{type(found).__name__}: {found}")
            try:
                result.get_loop().call_soon_threadsafe(_settle, result, value, error)
            except RuntimeError:  # the loop is closed: nobody waits
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

"""Requests that come at the same time share the runs of the model."""

import asyncio
import contextvars
import math
import threading
import time
from collections import deque
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Callable, Deque, List, Optional, Sequence

from .metrics import Metrics
from .problems import ServiceError
from .runner import Answer, Job, Outcome
from .settings import ServiceSettings

Run = Callable[[Sequence[Job]], List[Outcome]]


@dataclass
class Entry:
    """A job that waits.

    job (Job): the job.
    answer (asyncio.Future): of the answer.
    """

    job: Job
    answer: "asyncio.Future[Answer]"


class Batcher:
    """Gathers jobs into batches, and runs these in one thread, one after the other.

    While a batch runs the next one gathers, so that batches are the larger the more
    there is to do, and a single job hardly waits.

    run (Callable): answers a batch; is called in the thread.
    settings (ServiceSettings): how large batches are, how many jobs may wait, how long.
    metrics (Metrics): what is counted.
    """

    def __init__(self, run: Run, settings: ServiceSettings, metrics: Metrics) -> None:
        self.settings = settings
        self.metrics = metrics
        self._run = run
        self._waiting: Deque[Entry] = deque()
        self._news = asyncio.Event()
        self._inbox: SimpleQueue = SimpleQueue()
        self._is_closing = False
        self._loop_task: Optional[asyncio.Task] = None
        self._begun: Optional[float] = None
        self._seconds_per_text = 0.01
        # in it Thinc keeps where it computes
        self._context = contextvars.copy_context()

    def start(self) -> None:
        """Begin; within the event loop."""
        # a daemon: a model that hangs must not keep the process from ending
        thread = threading.Thread(
            target=self._context.run, args=(self._work,), name="model", daemon=True
        )
        thread.start()
        self._loop_task = asyncio.get_running_loop().create_task(self._gather())

    async def close(self) -> None:
        """End when the jobs that wait are done, or after the time limit."""
        self._is_closing = True
        self._news.set()
        if self._loop_task is not None:
            await asyncio.wait([self._loop_task], timeout=self.settings.timeout)
            self._loop_task.cancel()
        self._inbox.put(None)

    @property
    def trouble(self) -> Optional[str]:
        """RETURNS (Optional[str]): why no jobs can be taken; None if they can."""
        if self._is_closing or self._loop_task is None or self._loop_task.done():
            return "not running"
        if self.seconds_busy > self.settings.timeout:
            return f"the model has been busy for {self.seconds_busy:.0f} s with a batch"
        return None

    @property
    def seconds_busy(self) -> float:
        """RETURNS (float): since when the model works on its batch, in seconds."""
        return 0.0 if self._begun is None else time.monotonic() - self._begun

    async def submit(self, jobs: Sequence[Job]) -> List[Answer]:
        """Wait for the answers to the jobs of one request.

        jobs (Sequence[Job]): the texts of the request.
        RETURNS (List[Answer]): in their order.
        RAISES (ServiceError): if there is no room or no time, or a job failed.
        """
        if self._is_closing:
            raise _unavailable("The service is shutting down.", "closing", 5)
        if len(self._waiting) + len(jobs) > self.settings.max_queue:
            raise ServiceError(
                429,
                f"{len(self._waiting)} texts wait for the model already and at most "
                f"{self.settings.max_queue} may. Try again later.",
                retry_after=self._guess_wait(),
                reason="queue",
            )
        loop = asyncio.get_running_loop()
        entries = [Entry(job, loop.create_future()) for job in jobs]
        self._waiting.extend(entries)
        self.metrics.waiting.set(len(self._waiting))
        self._news.set()
        answers = [entry.answer for entry in entries]
        try:
            done, late = await asyncio.wait(
                answers,
                timeout=self.settings.timeout,
                return_when=asyncio.FIRST_EXCEPTION,
            )
            errors = [error for x in done if (error := x.exception()) is not None]
            if errors:
                raise errors[0]
            if late:
                raise _unavailable(
                    f"The model did not answer within {self.settings.timeout:g} s.",
                    "timeout",
                    self._guess_wait(),
                )
            return [answer.result() for answer in answers]
        finally:
            for answer in answers:
                answer.cancel()

    def _guess_wait(self) -> int:
        return max(1, math.ceil(len(self._waiting) * self._seconds_per_text))

    async def _gather(self) -> None:
        while not (self._is_closing and not self._waiting):
            await self._news.wait()
            if self.settings.batch_wait and not self._is_full():
                await asyncio.sleep(self.settings.batch_wait)
            batch = self._take()
            if batch:
                await self._answer(batch)
            if not self._waiting and not self._is_closing:
                self._news.clear()

    def _is_full(self) -> bool:
        return len(self._waiting) >= self.settings.batch_texts or self._is_closing

    def _take(self) -> List[Entry]:
        batch: List[Entry] = []
        room = self.settings.batch_chars
        while self._waiting and len(batch) < self.settings.batch_texts:
            size = len(self._waiting[0].job.task.text)
            if batch and size > room:
                break
            entry = self._waiting.popleft()
            if not entry.answer.done():  # else nobody waits for it any more
                batch.append(entry)
                room -= size
        self.metrics.waiting.set(len(self._waiting))
        return batch

    async def _answer(self, batch: List[Entry]) -> None:
        outcome: asyncio.Future[List[Outcome]]
        outcome = asyncio.get_running_loop().create_future()
        self._begun = time.monotonic()
        self._inbox.put((batch, outcome))
        outcomes = await outcome
        seconds, self._begun = self.seconds_busy, None
        self._seconds_per_text = seconds / len(batch)
        self.metrics.observe_batch(len(batch), seconds)
        for entry, result in zip(batch, outcomes):
            if entry.answer.done():
                continue
            if isinstance(result, Exception):
                entry.answer.set_exception(result)
            else:
                entry.answer.set_result(result)

    def _work(self) -> None:
        while (item := self._inbox.get()) is not None:
            batch, outcome = item
            try:
                outcomes = self._run([entry.job for entry in batch])
            except BaseException as error:  # whatever it is, somebody waits
                outcomes = [RuntimeError(f"{type(error).__name__}: {error}")] * len(
                    batch
                )
            loop = outcome.get_loop()
            try:
                loop.call_soon_threadsafe(_set, outcome, outcomes)
            except RuntimeError:  # the loop is closed: nobody waits
                return


def _unavailable(detail: str, reason: str, retry_after: int) -> ServiceError:
    return ServiceError(503, detail, retry_after=retry_after, reason=reason)


def _set(outcome: "asyncio.Future[List[Outcome]]", outcomes: List[Outcome]) -> None:
    if not outcome.done():
        outcome.set_result(outcomes)

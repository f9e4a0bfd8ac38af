"""Concurrent requests share runs of the model, and none waits for ever."""

import asyncio
import json
import threading
import time

import httpx
import pytest
import spacy

from rel_component.inference.service import ServiceSettings, batching, create_app
from rel_component.inference.service.batching import Batcher
from rel_component.inference.service.jobs import Answer, Job, ModelEnded, ModelFailed
from rel_component.inference.service.metrics import Metrics
from rel_component.inference.service.problems import ServiceError
from rel_component.inference.service.runner import Runner
from rel_component.inference.tasks import Task

from .conftest import TEXT
from .server import run_server


class Model:
    """Answers with the length of the text, when it is allowed to. It ends with a text
    "end", and can be ended and loaded, as a process can."""

    def __init__(self):
        self.batches = []
        self.gate = threading.Event()
        self.is_ended = threading.Event()
        self.n_loaded = 0

    def __call__(self, jobs):
        self.batches.append([job.task.text for job in jobs])
        while not self.gate.wait(0.01):
            if self.is_ended.is_set():
                raise ModelEnded()
        if "end" in self.batches[-1]:
            raise ModelEnded()
        return [
            ValueError("bad") if job.task.text == "bad" else answer(job.task.text)
            for job in jobs
        ]


class Process(Model):
    """One that can be ended."""

    def end(self):
        self.is_ended.set()

    def load(self):
        self.n_loaded += 1
        if self.n_loaded == 1:
            raise ValueError("not yet")
        self.is_ended.clear()


def answer(text):
    return Answer(str(len(text)).encode(), len(text))


def make_jobs(*texts):
    return [Job(Task(text)) for text in texts]


def run(test, model=None, **settings):
    """Runs a test with a batcher, which must end."""

    async def main():
        model_ = model or Model()
        chosen = ServiceSettings(batch_wait=0, **settings)
        batcher = Batcher([model_], chosen, Metrics())
        assert batcher.trouble == "not running"
        batcher.start()
        assert batcher.trouble is None
        try:
            await test(batcher, model_)
        finally:
            model_.gate.set()
            await batcher.close()
        assert batcher.trouble == "not running"

    asyncio.run(main())


async def begin(batcher, *texts):
    """A request, which waits."""
    task = asyncio.create_task(batcher.submit(make_jobs(*texts)))
    for _ in range(3):
        await asyncio.sleep(0)
    return task


async def until(condition, seconds=60):
    latest = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < latest, f"not within {seconds} s"
        await asyncio.sleep(0.001)


def test_requests_during_a_batch_form_the_next_one():
    async def test(batcher, model):
        first = await begin(batcher, "a")
        await until(lambda: model.batches)
        others = [
            await begin(batcher, *texts) for texts in (["bb"], ["ccc", "d"], ["e"])
        ]
        model.gate.set()
        assert await first == [answer("x")]
        assert await asyncio.gather(*others) == [
            [answer("xx")],
            [answer("xxx"), answer("x")],
            [answer("x")],
        ]
        assert model.batches == [["a"], ["bb", "ccc", "d"], ["e"]]

    run(test, batch_texts=3)


def test_batches_are_limited_by_characters():
    async def test(batcher, model):
        model.gate.set()
        jobs = make_jobs("x" * 9, "aaa", "bb", "cc")
        answers = await batcher.submit(jobs)
        assert [x.n_rows for x in answers] == [9, 3, 2, 2]
        assert model.batches == [["x" * 9], ["aaa", "bb"], ["cc"]]

    run(test, batch_chars=6)


def test_full_queue_rejects_requests():
    async def test(batcher, model):
        first = await begin(batcher, "a")
        await until(lambda: model.batches)
        waiting = await begin(batcher, "b", "c")
        with pytest.raises(ServiceError, match="2 texts are already waiting") as error:
            await batcher.submit(make_jobs("d", "e"))
        assert error.value.status_code == 429
        assert int(error.value.headers["Retry-After"]) >= 1
        model.gate.set()
        assert len(await first) + len(await waiting) == 3
        assert await batcher.submit(make_jobs("d", "e", "f")) == [answer("x")] * 3

    run(test, max_queue=3, max_texts=3)


def test_timed_out_jobs_are_skipped():
    async def test(batcher, model):
        first = await begin(batcher, "a")
        await until(lambda: model.batches)
        with pytest.raises(ServiceError, match="did not answer within") as error:
            await batcher.submit(make_jobs("late"))
        assert error.value.status_code == 503 and "Retry-After" in error.value.headers
        with pytest.raises(ServiceError):
            await first
        await until(lambda: batcher.trouble is not None)
        assert "the model has been busy" in batcher.trouble
        model.gate.set()
        await until(lambda: batcher.trouble is None)
        assert await batcher.submit(make_jobs("b")) == [answer("x")]
        assert model.batches == [["a"], ["b"]]

    run(test, timeout=0.2)


def test_closing_finishes_waiting_jobs():
    async def test(batcher, model):
        requests = [await begin(batcher, text) for text in ("a", "b", "c")]
        await until(lambda: model.batches)
        closing = asyncio.create_task(batcher.close())
        await asyncio.sleep(0)
        with pytest.raises(ServiceError, match="shutting down") as error:
            await batcher.submit(make_jobs("d"))
        assert error.value.status_code == 503
        model.gate.set()
        assert await asyncio.gather(*requests) == [[answer("x")]] * 3
        await closing

    run(test)


def test_failing_text_does_not_affect_others():
    async def test(batcher, model):
        model.gate.set()
        requests = [await begin(batcher, text) for text in ("a", "bad", "c")]
        found = await asyncio.gather(*requests, return_exceptions=True)
        assert [found[0], found[2]] == [[answer("x")]] * 2
        assert isinstance(found[1], ValueError)

    run(test)


def test_a_model_that_fails_for_a_whole_batch_goes_on():
    class Broken(Model):
        def __call__(self, jobs):
            if any(job.task.text == "boom" for job in jobs):
                raise RuntimeError("boom")
            return super().__call__(jobs)

    async def test(batcher, model):
        model.gate.set()
        with pytest.raises(ModelFailed):
            await batcher.submit(make_jobs("boom"))
        assert await batcher.submit(make_jobs("abc")) == [answer("abc")]
        assert batcher.trouble is None

    run(test, Broken())


def test_number_of_rows_is_limited():
    async def test(batcher, model):
        model.gate.set()
        with pytest.raises(ServiceError, match="expected at most 5 in one") as error:
            await batcher.submit(make_jobs("aaa", "bbb"))
        assert error.value.status_code == 422
        assert len(await batcher.submit(make_jobs("aaa", "bb"))) == 2

    run(test, max_scores=5)


def test_slow_model_is_stopped(monkeypatch):
    monkeypatch.setattr(batching, "RETRY", 0.1)

    async def test(batcher, model):
        late = await begin(batcher, "a")
        with pytest.raises(ServiceError, match="did not answer within") as error:
            await late
        assert error.value.reason == "timeout"
        await until(lambda: model.n_loaded)
        assert batcher.trouble == "the model is loading"
        model.gate.set()
        await until(lambda: batcher.trouble is None)
        assert model.n_loaded == 2  # it was tried again
        assert await batcher.submit(make_jobs("bb")) == [answer("xx")]

    run(test, Process(), timeout=0.2)


def test_crashing_model_does_not_affect_other_texts():
    async def test(batcher, model):
        first = await begin(batcher, "a")
        await until(lambda: model.batches)
        others = [await begin(batcher, text) for text in ("bb", "end", "ccc")]
        model.gate.set()
        found = await asyncio.gather(first, *others, return_exceptions=True)
        assert found[:2] == [[answer("x")], [answer("xx")]]
        assert found[3] == [answer("xxx")]
        assert found[2].status_code == 503 and "process ended while" in found[2].detail
        assert model.batches == [["a"], ["bb", "end", "ccc"], ["bb"], ["end"], ["ccc"]]

    run(test, Process())


def test_each_model_has_its_own_batches():
    async def main():
        models = [Model(), Model()]
        batcher = Batcher(models, ServiceSettings(batch_wait=0), Metrics())
        batcher.start()
        requests = [await begin(batcher, "a")]
        await until(lambda: sum(len(model.batches) for model in models) == 1)
        requests.append(await begin(batcher, "b"))
        await until(lambda: all(len(model.batches) == 1 for model in models))
        for model in models:
            model.gate.set()
        assert await asyncio.gather(*requests) == [[answer("x")]] * 2
        await batcher.close()

    asyncio.run(main())


@spacy.Language.component("test_service_poison")
def poison(doc):
    if "poison" in doc.text:
        raise RuntimeError(doc.text)
    return doc


@pytest.fixture(scope="module")
def poisoned(model):
    nlp = spacy.load(model)
    nlp.add_pipe("test_service_poison", first=True)
    return nlp


def test_runner_retries_failed_batches_one_by_one(poisoned):
    runner = Runner(poisoned, ServiceSettings())
    given = [{"start": 0, "end": 3, "label": "PERSON"}]
    tasks = [Task(TEXT), Task("poison"), Task(TEXT, given), Task("a poison", [])]
    first, second, third, fourth = runner([Job(task) for task in tasks])
    assert len(json.loads(first.content)["relations"]) == 1
    assert len(json.loads(third.content)["entities"]) == 1
    assert isinstance(second, ModelFailed) and isinstance(fourth, ModelFailed)
    assert fourth.fields["error"] == "RuntimeError" and "a poison" not in str(fourth)


def test_failure_is_500_without_text(poisoned, caplog):
    async def post_all(url):
        async with httpx.AsyncClient(
            base_url=url, trust_env=False, timeout=300
        ) as client:
            texts = [TEXT, "poison Secret", TEXT]
            requests = [client.post("/predict", json={"chunks": [x]}) for x in texts]
            return await asyncio.gather(*requests)

    with caplog.at_level("INFO", "rel_component.service"):
        with run_server(create_app(poisoned)) as url:
            answers = asyncio.run(post_all(url))
    assert [answer.status_code for answer in answers] == [200, 500, 200]
    assert len(answers[0].json()) == len(answers[2].json()) == 1
    assert answers[1].json()["request_id"] in str([x.fields for x in caplog.records])
    assert "Secret" not in answers[1].text + caplog.text
    assert "Secret" not in str([record.fields for record in caplog.records])


def test_concurrent_requests_get_their_own_answers(url):
    async def post_all():
        async with httpx.AsyncClient(
            base_url=url, trust_env=False, timeout=300
        ) as client:
            return await asyncio.gather(*map(lambda i: post(client, i), range(40)))

    async def post(client, i):
        entities = [[0, 3, "PERSON"], [14, 18, f"T{i}"]]
        request = {"text": TEXT, "id": str(i)}
        if i % 2:
            names = ("start", "end", "label")
            request["entities"] = [dict(zip(names, row)) for row in entities]
        answer = await client.post("/extract", json={"documents": [request]})
        return answer.json()["documents"][0]

    found = asyncio.run(post_all())
    assert [row["id"] for row in found] == [str(i) for i in range(40)]
    for i, row in enumerate(found):
        assert row["entities"][1]["label"] == (f"T{i}" if i % 2 else "ORG")
    metrics = httpx.get(f"{url}/metrics", trust_env=False).text
    counts = dict(line.rsplit(" ", 1) for line in metrics.splitlines())
    batches = float(counts["rel_component_batch_texts_count"])
    assert batches < float(counts["rel_component_batch_texts_sum"])

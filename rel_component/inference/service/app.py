"""The app: its routes, its description, its start and its end."""

import asyncio
import gc
import os
from contextlib import asynccontextmanager
from importlib.metadata import version
from logging.config import dictConfig
from pathlib import Path
from typing import Any, AsyncIterator, Dict, List, Optional, Sequence, Type, Union

from fastapi import FastAPI, Request, Response
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from pydantic_core import to_json
from spacy.language import Language
from starlette.exceptions import HTTPException
from thinc.api import require_gpu

from ...about import __version__
from ...pipe.loading import list_entity_labels, load_pipeline
from .batching import Batcher
from .logs import get_log_config, log
from .messages import (
    ErrorResponse,
    ExtractRequest,
    ExtractResponse,
    ModelInfo,
    PredictedRelation,
    PredictRequest,
    Status,
)
from .metrics import Metrics
from .middleware import OPEN_PATHS, PATHS, Requests
from .page import read_page
from .problems import Problem, ServiceError, invalid, list_names
from .reading import read_extract, read_message, read_predict
from .runner import Answer, ExtractOptions, Job, Outcome, Runner
from .settings import MODEL, ServiceSettings

REF = "#/components/schemas/{model}"
DESCRIPTION = (
    "Entities and the relations between them. The limits of a request are in `/model`."
)
ERRORS: Dict[Union[int, str], Dict[str, Any]] = {
    status: {"model": ErrorResponse, "description": description}
    for status, description in {
        400: "The body is no JSON.",
        401: "The key is missing or wrong.",
        408: "The body did not arrive in time.",
        413: "Too large.",
        415: "No JSON is promised.",
        422: "A field is wrong.",
        429: "Too many texts wait; try again after the seconds in Retry-After.",
        500: "The model failed on a text.",
        503: "No time or no room; try again after the seconds in Retry-After.",
    }.items()
}


def create_app(
    model: Union[Language, str, Path], settings: Optional[ServiceSettings] = None
) -> FastAPI:
    """An ASGI app that finds entities and relations.

    model (Union[Language, str, Path]): a pipeline that finds relations, or its
        folder. A pipeline must not be used elsewhere while the app runs.
    settings (Optional[ServiceSettings]): None: the defaults.
    RETURNS (FastAPI): for uvicorn.
    RAISES (ValueError): if the pipeline can't be loaded or finds no relations, or there
        is no GPU where one is wanted.
    """
    settings = settings or ServiceSettings()
    if settings.gpu:
        require_gpu()
    nlp = model if isinstance(model, Language) else load_pipeline(Path(model))
    service = Service(nlp, settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        service.batcher.start()
        # else each full collection walks through all of the model, for up to a second
        gc.collect()
        gc.freeze()
        log("ready", model=service.info["name"], limits=service.info["limits"])
        yield
        await service.batcher.close()
        gc.unfreeze()
        log("stopped")

    app = FastAPI(
        title="rel_component",
        version=__version__,
        description=DESCRIPTION,
        lifespan=lifespan,
        docs_url="/docs" if settings.docs else None,
        redoc_url=None,
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.service = service
    app.add_middleware(Requests, settings=settings, metrics=service.metrics)
    app.add_exception_handler(HTTPException, _answer_http_exception)
    _add_routes(app, service)
    return app


def create_app_from_environment() -> FastAPI:
    """The app of a worker process, whose settings stand in the environment, and which
    logs as `scripts/serve.py` does.

    RETURNS (FastAPI): for uvicorn, as a factory.
    """
    if MODEL not in os.environ:
        raise ValueError(f"{MODEL} is not set; expected the folder of a pipeline.")
    dictConfig(get_log_config())
    return create_app(os.environ[MODEL], ServiceSettings.from_environment())


class Service:
    """What the routes share: the model, its batches, its limits.

    nlp (Language): the pipeline.
    settings (ServiceSettings): the limits.
    """

    def __init__(self, nlp: Language, settings: ServiceSettings) -> None:
        self.settings = settings
        self.metrics = Metrics()
        self.runner = Runner(
            nlp, max_scores=settings.max_scores, max_entities=settings.max_entities
        )
        self.info = describe_model(self.runner, settings)
        self.batcher = Batcher(self._run, settings, self.metrics)

    def _run(self, jobs: Sequence[Job]) -> List[Outcome]:
        return self.runner(jobs)

    def use_model(self, nlp: Language) -> None:
        """Answer with another pipeline, from the next batch on.

        nlp (Language): the pipeline; not to be used elsewhere.
        RAISES (ValueError): if it finds no relations; then the old one stays.
        """
        runner = Runner(
            nlp,
            max_scores=self.settings.max_scores,
            max_entities=self.settings.max_entities,
        )
        self.info = describe_model(runner, self.settings)
        self.runner = runner

    async def answer(
        self, request: Request, jobs: Sequence[Job], name: str
    ) -> List[Answer]:
        """RETURNS (List[Answer]): to the jobs of a request. RAISES (ServiceError)."""
        request.state.log["texts"] = len(jobs)
        request.state.log["chars"] = sum(len(job.task.text) for job in jobs)
        if self.settings.log_texts:
            request.state.log["text"] = [job.task.text for job in jobs]
        for i, job in enumerate(jobs):
            if job.task.entities is None and not self.runner.finders:
                pipes = ", ".join(self.runner.nlp.pipe_names)
                raise ServiceError(
                    422,
                    f"{name}[{i}] has no entities given, and the model ({pipes}) does "
                    f"not find them; expected entities ([] for none), or a service "
                    f"with a model that finds them.",
                )
        return await self.batcher.submit(jobs)

    def check_labels(self, labels: Optional[Sequence[str]]) -> None:
        """RAISES (ServiceError): if the model does not have one of the labels."""
        known = self.info["labels"]
        problems = [
            Problem(f"labels[{i}]", repr(label[:40]), f"one of {list_names(known)}")
            for i, label in enumerate(labels or ())
            if label not in known and self.runner.pipes.knows_labels
        ]
        if problems:
            raise invalid(problems)


def describe_model(runner: Runner, settings: ServiceSettings) -> Dict[str, Any]:
    """RETURNS (Dict[str, Any]): a `ModelInfo`."""
    nlp, pipes = runner.nlp, runner.pipes
    limits = ("max_body", "max_texts", "max_chars", "max_entities", "max_scores")
    schema = pipes.schema
    return {
        "name": f"{nlp.meta['lang']}_{nlp.meta['name']}-{nlp.meta['version']}",
        "lang": nlp.lang,
        "pipeline": list(nlp.pipe_names),
        "labels": list(pipes.labels),
        "entity_types": sorted(list_entity_labels(nlp)),
        "finds_entities": bool(runner.finders),
        "symmetric": sorted(pipes.symmetric),
        "schema": None if schema is None else schema.to_dict(),
        "threshold": pipes.threshold,
        "thresholds": pipes.thresholds,
        "single_label": pipes.single_label,
        "versions": {
            "rel_component": __version__,
            **{name: version(name) for name in ("spacy", "thinc", "fastapi")},
        },
        "limits": {
            **{name: getattr(settings, name) for name in limits},
            "timeout": settings.timeout,
        },
    }


def _add_routes(app: FastAPI, service: Service) -> None:
    settings = service.settings

    @app.post(
        "/predict",
        response_model=List[PredictedRelation],
        responses=ERRORS,
        openapi_extra=_describe_body(PredictRequest),
        tags=["relations"],
    )
    async def predict(request: Request) -> Response:
        """Relations of texts, as the Russian R-BERT service takes and gives them:
        one list for all texts. Without `entities_list` the entities are found first."""
        message = await read_message(request, PredictRequest, settings)
        jobs = [Job(task) for task in read_predict(message, settings)]
        answers = await service.answer(request, jobs, "chunks")
        relations = [
            {
                "source_entity": relation["head"]["text"],
                "target_entity": relation["tail"]["text"],
                "relationship_type": relation["label"],
                "relationship_description": None,
                "relationship_strength": relation["score"],
                "chunk_id": chunk_id,
            }
            for chunk_id, answer in enumerate(answers)
            for relation in answer["relations"]
        ]
        return _to_response(relations)

    @app.post(
        "/extract",
        response_model=ExtractResponse,
        responses=ERRORS,
        openapi_extra=_describe_body(ExtractRequest),
        tags=["relations"],
    )
    async def extract(request: Request) -> Response:
        """Entities and relations of documents, with their places in the text; and on
        request the scores of all pairs."""
        message = await read_message(request, ExtractRequest, settings)
        tasks = read_extract(message, settings)
        service.check_labels(message.labels)
        wanted = ExtractOptions(
            threshold=message.threshold,
            labels=None if message.labels is None else frozenset(message.labels),
            min_score=message.min_score if message.all_scores else None,
        )
        jobs = [Job(task, wanted) for task in tasks]
        answers = await service.answer(request, jobs, "documents")
        documents = [
            {"id": document.id, "text": document.text, **answer}
            for document, answer in zip(message.documents, answers)
        ]
        return _to_response({"documents": documents})

    @app.get("/model", response_model=ModelInfo, responses=_errors(401), tags=["model"])
    async def model() -> Response:
        """The model: its labels, its schema, its threshold; versions and limits."""
        return _to_response(service.info)

    @app.get("/health", response_model=Status, tags=["operation"])
    async def health() -> Response:
        """Whether the process answers."""
        return _to_response({"status": "ok"})

    @app.get(
        "/ready", response_model=Status, responses=_errors(503), tags=["operation"]
    )
    async def ready() -> Response:
        """Whether requests are taken."""
        trouble = service.batcher.trouble
        if trouble is not None:
            raise ServiceError(
                503, f"Not ready: {trouble}.", retry_after=5, reason="not_ready"
            )
        return _to_response({"status": "ready"})

    @app.get(
        "/metrics",
        response_class=Response,
        responses={
            200: {"content": {"text/plain": {}}, "description": "For Prometheus."},
            **_errors(401),
        },
        tags=["operation"],
    )
    async def metrics() -> Response:
        """Counts of requests, batches and waiting texts, for Prometheus."""
        content = await asyncio.to_thread(service.metrics.render)
        return Response(content, media_type="text/plain; version=0.0.4; charset=utf-8")

    page, headers = read_page()

    @app.get("/", include_in_schema=False)
    async def look() -> Response:
        """A page to try the model."""
        return Response(page, media_type="text/html; charset=utf-8", headers=headers)

    app.openapi = lambda: _describe_app(app)  # type: ignore[method-assign]


def _errors(*statuses: int) -> Dict[Union[int, str], Dict[str, Any]]:
    return {status: ERRORS[status] for status in statuses}


def _to_response(content: Any) -> Response:
    return Response(to_json(content), media_type="application/json")


async def _answer_http_exception(request: Request, error: Exception) -> Response:
    """404 and 405, in the form of all errors: the middleware answers them."""
    assert isinstance(error, HTTPException)
    details = {
        404: f"Nothing is at this path; expected one of {', '.join(sorted(PATHS))}.",
        405: f"{request.method} is not for this path.",
    }
    detail = details.get(error.status_code, str(error.detail))
    found = ServiceError(error.status_code, detail, reason="path")
    found.headers.update(error.headers or {})
    raise found


def _describe_body(kind: Type[BaseModel]) -> Dict[str, Any]:
    schema = {"$ref": REF.format(model=kind.__name__)}
    content = {"application/json": {"schema": schema}}
    return {"requestBody": {"required": True, "content": content}}


def _describe_app(app: FastAPI) -> Dict[str, Any]:
    """The OpenAPI document, with the bodies that we read ourselves."""
    if app.openapi_schema is None:
        found = FastAPI.openapi(app)
        _, definitions = models_json_schema(
            [(kind, "validation") for kind in (PredictRequest, ExtractRequest)],
            ref_template=REF,
        )
        found["components"]["schemas"].update(definitions["$defs"])
        if app.state.service.settings.api_key is not None:
            _describe_key(found)
        app.openapi_schema = found
    return app.openapi_schema


def _describe_key(found: Dict[str, Any]) -> None:
    schemes = {
        "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
        "bearer": {"type": "http", "scheme": "bearer"},
    }
    found["components"]["securitySchemes"] = schemes
    for path, methods in found["paths"].items():
        if path not in OPEN_PATHS:
            for operation in methods.values():
                operation["security"] = [{"key": []}, {"bearer": []}]

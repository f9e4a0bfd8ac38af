"""The routes of the ML backend, beside those of the service."""

import gc
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Sequence

from fastapi import APIRouter, FastAPI, Request
from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import from_json

from ...inference.service.app import add_router
from ...inference.service.body import LimitedRoute
from ...inference.service.jobs import Job
from ...inference.service.logs import log
from ...inference.service.problems import ServiceError
from ...inference.service.routes.answers import list_errors
from ...inference.service.service import Service
from ...inference.service.settings import ServiceSettings
from ...inference.tasks import Task
from .config import LabelConfig, read_config
from .results import to_prediction
from .retraining import Trainer, TrainingJob

PREFIX = "/label-studio"
TRAIN = "START_TRAINING"
ANNOTATED = ("ANNOTATION_CREATED", "ANNOTATION_UPDATED", "ANNOTATIONS_CREATED")


@dataclass(frozen=True)
class BackendSettings:
    """What an operator may set.

    url (Optional[str]): of Label Studio, which annotations are exported from. Without
        it nothing is trained: the address that a request names is not trusted.
    key (Optional[str]): an access token of Label Studio; None takes the one that it
        sends.
    config (Optional[Path]): the config to train; None trains nothing.
    folder (Path): for the models that are trained.
    base (Optional[Path]): further training documents, `.spacy`.
    train_after (int): annotations after which a training begins by itself; 0 waits for
        the button in Label Studio.
    overrides (Sequence[str]): further arguments of `spacy train`.
    """

    url: Optional[str] = None
    key: Optional[str] = None
    config: Optional[Path] = None
    folder: Path = Path("training/label_studio")
    base: Optional[Path] = None
    train_after: int = 0
    overrides: Sequence[str] = ()


class LabelStudioMessage(BaseModel):
    """What Label Studio sends, of which fields that are not known are passed over."""

    model_config = ConfigDict(extra="ignore")


class LabelStudioTask(LabelStudioMessage):
    """A task.

    data (Dict[str, Any]): its fields, one of which is the text.
    """

    data: Dict[str, Any] = Field(default_factory=dict)


class LabelStudioPredict(LabelStudioMessage):
    """A request for predictions."""

    tasks: List[LabelStudioTask] = Field(min_length=1, fail_fast=True)
    label_config: Optional[str] = None
    project: Any = None


class LabelStudioSetup(LabelStudioMessage):
    """A project that is connected."""

    project: Any = None
    label_config: Optional[str] = Field(default=None, alias="schema")
    access_token: Optional[str] = None


class LabelStudioEvent(LabelStudioMessage):
    """A webhook: something has happened in a project."""

    action: str = ""
    project: Any = None


class LabelStudioJob(LabelStudioMessage):
    """A question about a training."""

    job: Optional[str] = None


class Backend:
    """What the routes share.

    service (Service): has the model.
    settings (BackendSettings): where annotations come from, and what is trained.
    """

    def __init__(self, service: Service, settings: BackendSettings) -> None:
        self.service = service
        self.settings = settings
        self.version = str(service.info["name"])
        self.versions = [self.version]
        self.configs: Dict[str, str] = {}
        self.keys: Dict[str, str] = {}
        self.n_annotated: Dict[str, int] = {}
        self.trainer: Optional[Trainer] = None
        if settings.config is not None:
            self.trainer = Trainer(
                settings.config,
                settings.folder,
                settings.overrides,
                self.use_model,
                settings.base,
            )
            service.at_close.append(self.trainer.stop)

    def use_model(self, path: Path, job: TrainingJob) -> None:
        """Answer with another model from the next batch on; the old one's folder stays.

        path (Path): its folder.
        job (TrainingJob): what it comes from.
        RAISES (ValueError): if it can't be used; then the old one stays.
        """
        self.service.use_model(path)
        self.version = f"{self.service.info['name']}-{job.id}"
        self.versions.append(self.version)
        gc.collect()
        gc.freeze()  # as at the start: full collections walk through all of it
        log("model", version=self.version, documents=job.documents, score=job.score)

    def find_config(self, project: str, text: Optional[str]) -> LabelConfig:
        """The labeling config of a project, from the request or from when it was
        connected."""
        found = text or self.configs.get(project)
        if found is None:
            raise ServiceError(
                422,
                "label_config: found nothing; expected the labeling config of the "
                "project.",
            )
        try:
            return read_config(found)
        except ValueError as error:
            raise ServiceError(422, f"label_config: {error}") from None

    def start_training(self, project: str) -> TrainingJob:
        """Begin to train on the annotations of a project, unless a training runs.

        RAISES (ServiceError): if nothing can be trained here.
        """
        key = self.settings.key or self.keys.get(project)
        if self.trainer is None or self.settings.url is None:
            raise ServiceError(
                409,
                "This service does not train: start it with --train-config and "
                "--label-studio URL.",
                reason="training",
            )
        number = project.partition(".")[0]
        if key is None or not number.isdecimal():
            raise ServiceError(
                409,
                f"project {project[:40]!r} is not connected, or gave no access token; "
                f"expected LABEL_STUDIO_API_KEY, or the project connected again.",
                reason="training",
            )
        self.n_annotated[project] = 0
        return self.trainer.start(self.settings.url, key, int(number))

    def note_annotation(self, project: str) -> Optional[TrainingJob]:
        """Count an annotation; every so many a training begins."""
        n = self.n_annotated[project] = self.n_annotated.get(project, 0) + 1
        limit = self.settings.train_after
        if not limit or n < limit or self.trainer is None or self.trainer.running:
            return None
        return self.start_training(project)

    def describe_jobs(self) -> List[Dict[str, Any]]:
        """RETURNS (List[Dict[str, Any]]): the trainings, the last one first."""
        jobs = [] if self.trainer is None else self.trainer.jobs
        return [job.to_json() for job in reversed(jobs)]


def add_label_studio(app: FastAPI, settings: BackendSettings) -> Backend:
    """Add the ML backend to a service.

    app (FastAPI): of `create_app`.
    settings (BackendSettings): where annotations come from, and what is trained.
    RETURNS (Backend): its state.
    """
    backend = Backend(app.state.service, settings)
    app.state.label_studio = backend
    add_router(app, _make_router(backend), prefix=PREFIX)
    return backend


class LabelStudioRoute(LimitedRoute):
    """All tasks of a project come in one request."""

    max_body = 32_000_000
    max_values = 2_000_000


def _make_router(backend: Backend) -> APIRouter:
    router = APIRouter(
        route_class=LabelStudioRoute,
        tags=["label studio"],
        responses=list_errors(400, 401, 404, 408, 409, 413, 415, 422, 429, 500, 503),
    )
    limits = backend.service.settings

    @router.get("/health")
    @router.get("/", include_in_schema=False)
    async def health_of_backend() -> Dict[str, Any]:
        """Whether the backend answers."""
        return {"status": "UP", "model_class": "rel_component", "v2": False}

    @router.post("/setup")
    async def setup(message: LabelStudioSetup) -> Dict[str, Any]:
        """A project is connected: its labeling config and access token are kept."""
        project = _name(message.project)
        if message.label_config:
            backend.find_config(project, message.label_config)
            backend.configs[project] = message.label_config
        if message.access_token:
            backend.keys[project] = message.access_token
        return {"model_version": backend.version}

    @router.post("/predict")
    async def predict_tasks(
        request: Request, message: LabelStudioPredict
    ) -> Dict[str, Any]:
        """Predictions for tasks, in their order."""
        config = backend.find_config(_name(message.project), message.label_config)
        version = backend.version
        texts = [
            _get_text(task, i, config, limits.max_chars)
            for i, task in enumerate(message.tasks)
        ]
        answers: List[bytes] = []
        for part in _divide(texts, limits):
            jobs = [Job(Task(text)) for text in part]
            answers += await backend.service.answer(request, jobs, "tasks")
        symmetric = frozenset(backend.service.info["symmetric"])
        found = map(from_json, answers)
        predictions = [to_prediction(x, config, version, symmetric) for x in found]
        return {"results": predictions, "model_version": version}

    @router.post("/webhook")
    async def webhook(message: LabelStudioEvent) -> Dict[str, Any]:
        """A training begins when Label Studio asks for one, and perhaps after so many
        annotations."""
        project = _name(message.project)
        job = None
        if message.action == TRAIN:
            job = backend.start_training(project)
        elif message.action in ANNOTATED:
            job = backend.note_annotation(project)
        return {"status": "ok", "job": job and job.id}

    @router.post("/train")
    async def train(message: LabelStudioEvent) -> Dict[str, Any]:
        """As the webhook of a training, for older versions of Label Studio."""
        return {"job": backend.start_training(_name(message.project)).id}

    @router.post("/job_status")
    async def job_status(message: LabelStudioJob) -> Dict[str, Any]:
        """How far a training is."""
        for job in backend.describe_jobs():
            if job["id"] == message.job:
                return {**job, "job_status": job["state"]}
        found = "nothing" if message.job is None else repr(message.job[:40])
        raise ServiceError(404, f"job: found {found}; there is no training of this id.")

    @router.get("/jobs")
    async def jobs() -> List[Dict[str, Any]]:
        """All trainings, the last one first."""
        return backend.describe_jobs()

    @router.get("/versions")
    async def versions() -> Dict[str, Any]:
        """The models that were used, the present one last."""
        return {"versions": backend.versions}

    return router


def _name(project: Any) -> str:
    """A project is named `ID.TIME` by most requests, and is an object with `id` in
    webhooks; its id is the same."""
    id_ = project.get("id") if isinstance(project, dict) else project
    return str(id_).partition(".")[0]


def _divide(texts: Sequence[str], limits: ServiceSettings) -> Iterator[List[str]]:
    """Label Studio sends all tasks of a project at one time: as many as the service
    takes in one request, one after another."""
    part: List[str] = []
    for text in texts:
        n_chars = sum(map(len, part)) + len(text)
        if part and (len(part) >= limits.max_texts or n_chars > limits.max_chars):
            yield part
            part = []
        part.append(text)
    if part:
        yield part


def _get_text(task: LabelStudioTask, i: int, config: LabelConfig, limit: int) -> str:
    text = task.data.get(config.field)
    if not isinstance(text, str):
        raise ServiceError(
            422,
            f"tasks[{i}].data.{config.field}: found {type(text).__name__}; expected "
            f"the text, as the labeling config says (value='${config.field}').",
        )
    if len(text) > limit:
        raise ServiceError(
            413,
            f"tasks[{i}].data.{config.field}: found {len(text)} characters; expected "
            f"at most {limit}. Divide such texts, or raise max_chars.",
            reason="size",
        )
    return text

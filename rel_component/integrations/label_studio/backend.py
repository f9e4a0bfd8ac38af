"""Routes of the ML backend, in addition to those of the service."""

import gc
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Dict, Iterator, List, Optional, Sequence

from fastapi import APIRouter, Depends, FastAPI, Request
from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import from_json

from ...inference.service.app import add_router
from ...inference.service.body import LimitedRoute
from ...inference.service.jobs import ExtractOptions, Job
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
OPTIONS = ExtractOptions(uncertainty=True)
TRAIN = "START_TRAINING"
# characters of the id of a project
MAX_ID = 40
ANNOTATED = ("ANNOTATION_CREATED", "ANNOTATION_UPDATED", "ANNOTATIONS_CREATED")


@dataclass(frozen=True)
class BackendSettings:
    """Settings of the backend.

    url (Optional[str]): URL of Label Studio, to export annotations from; None to
        disable training, since URLs in requests are not trusted.
    key (Optional[str]): access token of Label Studio; None to use the one in its
        requests.
    config (Optional[Path]): config to train; None to disable training.
    folder (Path): folder for the trained models.
    base (Optional[Path]): additional training data, `.spacy`.
    train_after (int): number of annotations after which to start training; 0 to only
        train on request from Label Studio.
    overrides (Sequence[str]): additional arguments of `spacy train`.
    """

    url: Optional[str] = None
    key: Optional[str] = None
    config: Optional[Path] = None
    folder: Path = Path("training/label_studio")
    base: Optional[Path] = None
    train_after: int = 0
    overrides: Sequence[str] = ()


class LabelStudioMessage(BaseModel):
    """A message from Label Studio; unknown fields are ignored."""

    model_config = ConfigDict(extra="ignore")


class LabelStudioTask(LabelStudioMessage):
    """A task.

    data (Dict[str, Any]): its fields, including the text.
    """

    data: Dict[str, Any] = Field(default_factory=dict)


class LabelStudioPredict(LabelStudioMessage):
    """A request for predictions."""

    tasks: List[LabelStudioTask] = Field(min_length=1, fail_fast=True)
    label_config: Optional[str] = None
    project: Any = None


class LabelStudioSetup(LabelStudioMessage):
    """A connected project."""

    project: Any = None
    label_config: Optional[str] = Field(default=None, alias="schema")
    access_token: Optional[str] = None


class LabelStudioEvent(LabelStudioMessage):
    """A webhook on an event in a project."""

    action: str = ""
    project: Any = None


class LabelStudioJob(LabelStudioMessage):
    """A request for the status of a training job."""

    job: Optional[str] = None


class Backend:
    """State shared by the routes.

    service (Service): the service, which runs the model.
    settings (BackendSettings): the settings.
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
        """Switch to another model from the next batch on; the old one is not deleted.

        path (Path): the folder of the model.
        job (TrainingJob): the training job that produced it.
        RAISES (ValueError): if it can't be used; the old one is kept.
        """
        self.service.use_model(path)
        self.version = f"{self.service.info['name']}-{job.id}"
        self.versions.append(self.version)
        gc.collect()
        gc.freeze()  # as on startup, to exclude the model from full collections
        log("model", version=self.version, documents=job.documents, score=job.score)

    def find_config(self, project: str, text: Optional[str]) -> LabelConfig:
        """Get the labeling config of a project, from the request or from its setup."""
        found = text or self.configs.get(project)
        if found is None:
            raise ServiceError(
                422,
                "label_config: not found; expected the labeling config of the project.",
            )
        try:
            return read_config(found)
        except ValueError as error:
            raise ServiceError(422, f"label_config: {error}") from None

    def start_training(self, project: str) -> TrainingJob:
        """Start training on the annotations of a project, unless already running.

        RAISES (ServiceError): if training is disabled, or the project is unknown.
        """
        key = self.settings.key or self.keys.get(project)
        if self.trainer is None or self.settings.url is None:
            raise ServiceError(
                409,
                "Training is disabled; start the service with --train-config and "
                "--label-studio URL to enable it.",
                reason="training",
            )
        number = project.partition(".")[0]
        if key is None or not number.isdecimal():
            raise ServiceError(
                409,
                f"project {project[:40]!r} is not connected, or without access token; "
                f"set LABEL_STUDIO_API_KEY, or connect the project again.",
                reason="training",
            )
        self.n_annotated[project] = 0
        return self.trainer.start(self.settings.url, key, int(number))

    def note_annotation(self, project: str) -> Optional[TrainingJob]:
        """Count an annotation, and start training after every `train_after`."""
        n = self.n_annotated[project] = self.n_annotated.get(project, 0) + 1
        limit = self.settings.train_after
        if not limit or n < limit or self.trainer is None or self.trainer.running:
            return None
        return self.start_training(project)

    def describe_jobs(self) -> List[Dict[str, Any]]:
        """RETURNS (List[Dict[str, Any]]): all training jobs, the latest first."""
        jobs = [] if self.trainer is None else self.trainer.jobs
        return [job.to_json() for job in reversed(jobs)]


def add_label_studio(app: FastAPI, settings: BackendSettings) -> Backend:
    """Add the ML backend to a service.

    app (FastAPI): the output of `create_app`.
    settings (BackendSettings): the settings.
    RETURNS (Backend): the state of the backend.
    """
    backend = Backend(app.state.service, settings)
    app.state.label_studio = backend
    add_router(app, router, prefix=PREFIX)
    return backend


class LabelStudioRoute(LimitedRoute):
    """Allows larger requests, since they contain all tasks of a project."""

    max_body = 32_000_000
    max_values = 2_000_000


async def get_backend(request: Request) -> Backend:
    """RETURNS (Backend): the backend of the app, for the routes."""
    return request.app.state.label_studio


CurrentBackend = Annotated[Backend, Depends(get_backend)]
router = APIRouter(
    route_class=LabelStudioRoute,
    tags=["label studio"],
    responses=list_errors(400, 401, 404, 408, 409, 413, 415, 422, 429, 500, 503),
)


@router.get("/health")
@router.get("/", include_in_schema=False)
async def health_of_backend() -> Dict[str, Any]:
    """Whether the backend is running."""
    return {"status": "UP", "model_class": "rel_component", "v2": False}


@router.post("/setup")
async def setup(message: LabelStudioSetup, backend: CurrentBackend) -> Dict[str, Any]:
    """Connect a project, with its labeling config and access token."""
    project = _name(message.project)
    if message.label_config:
        backend.find_config(project, message.label_config)
        backend.configs[project] = message.label_config
    if message.access_token:
        backend.keys[project] = message.access_token
    return {"model_version": backend.version}


@router.post("/predict")
async def predict_tasks(
    request: Request, message: LabelStudioPredict, backend: CurrentBackend
) -> Dict[str, Any]:
    """Predictions for tasks, in the same order."""
    config = backend.find_config(_name(message.project), message.label_config)
    version, limits = backend.version, backend.service.settings
    texts = [
        _get_text(task, i, config, limits.max_chars)
        for i, task in enumerate(message.tasks)
    ]
    answers: List[bytes] = []
    for part in _divide(texts, limits):
        jobs = [Job(Task(text), OPTIONS) for text in part]
        answers += await backend.service.answer(request, jobs, "tasks")
    symmetric = frozenset(backend.service.info["symmetric"])
    found = map(from_json, answers)
    predictions = [to_prediction(x, config, version, symmetric) for x in found]
    return {"results": predictions, "model_version": version}


@router.post("/webhook")
async def webhook(message: LabelStudioEvent, backend: CurrentBackend) -> Dict[str, Any]:
    """Start training on request from Label Studio, and after a number of
    annotations if configured."""
    project = _name(message.project)
    job = None
    if message.action == TRAIN:
        job = backend.start_training(project)
    elif message.action in ANNOTATED:
        job = backend.note_annotation(project)
    return {"status": "ok", "job": job and job.id}


@router.post("/train")
async def train(message: LabelStudioEvent, backend: CurrentBackend) -> Dict[str, Any]:
    """Start training; for older versions of Label Studio without webhooks."""
    return {"job": backend.start_training(_name(message.project)).id}


@router.post("/job_status")
async def job_status(
    message: LabelStudioJob, backend: CurrentBackend
) -> Dict[str, Any]:
    """Status of a training job."""
    for job in backend.describe_jobs():
        if job["id"] == message.job:
            return {**job, "job_status": job["state"]}
    found = "nothing" if message.job is None else repr(message.job[:40])
    raise ServiceError(404, f"job: found {found}; expected the id of a job.")


@router.get("/jobs")
async def jobs(backend: CurrentBackend) -> List[Dict[str, Any]]:
    """All training jobs, the latest first."""
    return backend.describe_jobs()


@router.get("/versions")
async def versions(backend: CurrentBackend) -> Dict[str, Any]:
    """The models used so far, the current one last."""
    return {"versions": backend.versions}


def _name(project: Any) -> str:
    """Get the id of a project, from `ID.TIME` in most requests, or an object with `id`
    in webhooks."""
    id_ = project.get("id") if isinstance(project, dict) else project
    name = str(id_).partition(".")[0]
    if len(name) > MAX_ID:  # ids are kept
        raise ServiceError(
            422,
            f"project: found an id of {len(name)} characters; expected a number.",
        )
    return name


def _divide(texts: Sequence[str], limits: ServiceSettings) -> Iterator[List[str]]:
    """Split the tasks of a project, which Label Studio sends all at once, by the limits
    of the service."""
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
            f"the text, due to value='${config.field}' in the labeling config.",
        )
    if len(text) > limit:
        raise ServiceError(
            413,
            f"tasks[{i}].data.{config.field}: found {len(text)} characters; expected "
            f"at most {limit}. Split the text, or raise max_chars.",
            reason="size",
        )
    return text

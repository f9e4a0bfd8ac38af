"""Train a new model on the annotations of a project, in a separate process."""

import shutil
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Sequence

import srsly

from ...corpus.convert import convert
from ...corpus.docbin import list_corpus
from ...formats import Options
from .client import download_annotations

# shares of the annotated documents for training and development
SPLIT = "0.8,0.2"
WAITING, RUNNING, DONE, FAILED = "waiting", "running", "done", "failed"
MODEL = "model-best"


@dataclass
class TrainingJob:
    """A training job.

    id (str): its id, which is also the name of its folder.
    state (str): `waiting`, `running`, `done` or `failed`.
    documents (int): number of annotated documents.
    step (int): the progress.
    score (Optional[float]): the best score so far, on the development documents.
    error (Optional[str]): the error message if it failed.
    """

    id: str
    state: str = WAITING
    documents: int = 0
    step: int = 0
    score: Optional[float] = None
    error: Optional[str] = None
    begun: float = field(default_factory=time.time)
    seconds: float = 0.0

    def to_json(self) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): the job, as returned by the API."""
        return {**self.__dict__, "begun": round(self.begun, 1)}


class Trainer:
    """Trains models on the annotations of projects, one at a time.

    config (Path): the config to train.
    folder (Path): output folder, with a subfolder per job, which contains `model-best`
        and `log.jsonl`; they are never deleted.
    overrides (Sequence[str]): additional arguments of `spacy train`.
    base (Optional[Path]): additional training data, `.spacy`.
    on_model (Callable[[Path, TrainingJob], None]): called with each trained model.
    """

    def __init__(
        self,
        config: Path,
        folder: Path,
        overrides: Sequence[str],
        on_model: Callable[[Path, TrainingJob], None],
        base: Optional[Path] = None,
    ) -> None:
        self.base = base
        self.config = config
        self.folder = folder
        self.overrides = list(overrides)
        self.on_model = on_model
        self.jobs: List[TrainingJob] = []
        self._lock = threading.Lock()
        self._process: Optional[subprocess.Popen] = None
        self._is_stopped = False

    @property
    def running(self) -> Optional[TrainingJob]:
        """RETURNS (Optional[TrainingJob]): the current job, if any."""
        jobs = (job for job in self.jobs if job.state in (WAITING, RUNNING))
        return next(jobs, None)

    def start(self, url: str, key: str, project: int) -> TrainingJob:
        """Start training, unless already running.

        url (str), key (str), project (int): see `download_annotations`.
        RETURNS (TrainingJob): the current job.
        """
        with self._lock:
            running = self.running
            if running is not None:
                return running
            name = time.strftime("%Y%m%d-%H%M%S")
            taken = {job.id for job in self.jobs}
            while name in taken or (self.folder / name).exists():
                name += "x"
            job = TrainingJob(name)
            self.jobs.append(job)
        arguments = (job, url, key, project)
        threading.Thread(target=self._run, args=arguments, daemon=True).start()
        return job

    def stop(self) -> None:
        """Stop the training process, if any, and start no other one."""
        with self._lock:
            self._is_stopped = True
            if self._process is not None and self._process.poll() is None:
                self._process.terminate()

    def _run(self, job: TrainingJob, url: str, key: str, project: int) -> None:
        begun = time.monotonic()
        job.state = RUNNING
        try:
            folder = self.folder / job.id
            folder.mkdir(parents=True)
            download_annotations(url, key, project, folder / "annotations.json")
            job.documents = convert_annotations(folder)
            self._train(job, folder)
            self.on_model(folder / MODEL, job)
            job.state = DONE
        except Exception as error:  # must not affect the service
            job.error, job.state = str(error) or repr(error), FAILED
        job.seconds = round(time.monotonic() - begun, 1)

    def _train(self, job: TrainingJob, folder: Path) -> None:
        log = folder / "log.jsonl"
        train = folder / "train.spacy"
        if self.base is not None:
            train = add_documents(train, self.base)
        paths = [("train", train), ("dev", folder / "dev.spacy")]
        command = [sys.executable, "-m", "spacy", "train", str(self.config)]
        command += ["--output", str(folder), "--paths.log", str(log)]
        for name, path in paths:
            command += [f"--paths.{name}", str(path)]
        with open(folder / "output.txt", "w", encoding="utf8") as output:
            with self._lock:
                if self._is_stopped:
                    raise ValueError("The service was stopped before the training.")
                self._process = subprocess.Popen(
                    [*command, *self.overrides], stdout=output, stderr=output
                )
            while self._process.poll() is None:
                read_progress(log, job)
                time.sleep(0.2)
        read_progress(log, job)
        if self._process.returncode or not (folder / MODEL).is_dir():
            raise ValueError(
                f"Training failed with exit code {self._process.returncode}; see "
                f"{folder / 'output.txt'}."
            )


def convert_annotations(folder: Path) -> int:
    """Convert an export to train.spacy and dev.spacy.

    folder (Path): folder that contains annotations.json.
    RETURNS (int): number of annotated documents.
    RAISES (ValueError): if there are not enough documents.
    """
    found = convert(
        [folder / "annotations.json"],
        folder,
        format_name="label_studio",
        options=Options(),
        split=SPLIT,
        on_error="skip",
    )
    counts = {path.stem: n for path, n in found.written.items()}
    if not counts.get("train") or not counts.get("dev"):
        raise ValueError(
            f"Only {sum(counts.values())} annotated documents, which are not enough to "
            f"split into training and development data. Annotate more."
        )
    return sum(counts.values())


def add_documents(path: Path, base: Path) -> Path:
    """Combine a file with additional documents.

    path (Path): the file, `.spacy`.
    base (Path): another file, or a folder of files.
    RETURNS (Path): a folder with all files, to read as one corpus.
    """
    folder = path.with_name("train")
    folder.mkdir()
    shutil.move(path, folder / path.name)
    for number, part in enumerate(list_corpus(base)):
        shutil.copy(part, folder / f"base-{number}.spacy")
    return folder


def read_progress(log: Path, job: TrainingJob) -> None:
    """Update a job with the progress of training.

    log (Path): JSON lines of spaCy's logger; the last one may be incomplete.
    job (TrainingJob): the job, modified in place.
    """
    if not log.is_file():
        return
    lines = log.read_text(encoding="utf8").splitlines()
    for line in lines:
        try:
            row = srsly.json_loads(line)
        except ValueError:
            continue
        job.step = int(row.get("step", job.step))
        score = row.get("score")
        if isinstance(score, (int, float)):
            job.score = max(score, job.score or 0.0)

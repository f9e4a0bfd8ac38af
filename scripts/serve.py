"""Serve a trained pipeline over HTTP, with a page to try it."""

import os
import shlex
import shutil
import tempfile
from contextlib import contextmanager
from logging.config import dictConfig
from pathlib import Path
from typing import Any, Dict, Iterator, Optional

import typer
from command import run_command
from wasabi import msg

from rel_component.wording import get_command

KEY = "REL_COMPONENT_API_KEY"
LABEL_STUDIO_KEY = "LABEL_STUDIO_API_KEY"


def main(
    model: Path = typer.Argument(..., help="Trained pipeline"),
    host: str = typer.Option(
        "127.0.0.1", help="Address to listen on; 0.0.0.0 lets other machines in"
    ),
    port: int = typer.Option(8000, help="Port to listen on"),
    workers: int = typer.Option(1, help="Processes, each with the model", min=1),
    max_body: Optional[int] = typer.Option(None, help="Largest request, in bytes"),
    max_texts: Optional[int] = typer.Option(None, help="Most texts in a request"),
    max_chars: Optional[int] = typer.Option(None, help="Most characters in a request"),
    max_queue: Optional[int] = typer.Option(None, help="Most texts that may wait"),
    batch_texts: Optional[int] = typer.Option(
        None, help="Most texts that the model gets at one time; 1: no batching"
    ),
    timeout: Optional[float] = typer.Option(None, help="Seconds to answer within"),
    gpu: bool = typer.Option(False, help="Load the model on the GPU"),
    log_texts: bool = typer.Option(False, help="Write texts into the log"),
    docs: bool = typer.Option(False, help="Swagger's page at /docs, from a CDN"),
    label_studio: Optional[str] = typer.Option(
        None,
        help="Be an ML backend, at /label-studio, for Label Studio at this address",
    ),
    train_config: Optional[Path] = typer.Option(
        None, help="With --label-studio: config to train when Label Studio asks for it"
    ),
    train_data: Optional[Path] = typer.Option(
        None, help="Further training documents beside the annotations, .spacy"
    ),
    train_after: int = typer.Option(
        0, min=0, help="Train after so many annotations; 0: only when asked"
    ),
    train_output: Path = typer.Option(
        Path("training/label_studio"), help="Folder for the models that are trained"
    ),
    train_options: str = typer.Option(
        "", help='Further options of spacy train: "--training.max_steps 500"'
    ),
) -> None:
    """Serve a trained pipeline over HTTP, with a page to try it.

    Where the variable REL_COMPONENT_API_KEY is set, requests need that key. Further
    limits are variables too, such as REL_COMPONENT_MAX_ENTITIES; LABEL_STUDIO_API_KEY
    holds an access token of Label Studio, for its annotations.
    """
    try:
        import uvicorn

        from rel_component.inference.service import ServiceSettings, create_app
        from rel_component.inference.service.logs import get_log_config
        from rel_component.inference.service.settings import MODEL
    except ImportError as error:
        msg.fail(
            f"The service needs the package {error.name}: {get_command('service')}.",
            exits=1,
        )
    given: Dict[str, Any] = {
        "max_body": max_body,
        "max_texts": max_texts,
        "max_chars": max_chars,
        "max_queue": max_queue,
        "batch_texts": batch_texts,
        "timeout": timeout,
        "gpu": gpu or None,
        "log_texts": log_texts or None,
        "docs": docs or None,
    }
    try:
        settings = ServiceSettings.from_environment(overrides=given)
        check_training(label_studio, train_config, workers)
        app = create_app(model, settings)
    except ValueError as error:
        msg.fail(str(error), exits=1)
    if label_studio is not None:
        from rel_component.integrations.label_studio import (
            BackendSettings,
            add_label_studio,
        )

        backend = BackendSettings(
            url=label_studio,
            key=os.environ.get(LABEL_STUDIO_KEY),
            config=train_config,
            folder=train_output,
            base=train_data,
            train_after=train_after,
            overrides=shlex.split(train_options),
        )
        add_label_studio(app, backend)
    options: Dict[str, Any] = {
        "host": host,
        "port": port,
        "access_log": False,
        "server_header": False,
        "ws": "none",
        "timeout_graceful_shutdown": int(settings.timeout) + 1,
        # more connections than requests that are taken, to refuse those kindly
        "backlog": 2 * settings.max_requests,
    }
    if settings.api_key is None and host not in ("127.0.0.1", "::1", "localhost"):
        msg.warn(f"Whoever reaches {host}:{port} may use the service: {KEY} is not set")
    if workers == 1:
        uvicorn.run(app, log_config=get_log_config(), **options)
        return
    del app  # it was only tried: each worker loads its own
    os.environ.update({MODEL: str(model.resolve()), **settings.to_environment()})
    dictConfig(get_log_config())
    with share_metrics():
        uvicorn.run(
            "rel_component.inference.service:create_app_from_environment",
            factory=True,
            workers=workers,
            # done by the factory: a worker that imports all libraries for it does not
            # answer its supervisor meanwhile, and is killed
            log_config=None,
            timeout_worker_healthcheck=60,
            **options,
        )


def check_training(
    label_studio: Optional[str], config: Optional[Path], workers: int
) -> None:
    """RAISES (ValueError): if the options of Label Studio do not fit together."""
    if label_studio is None and config is not None:
        raise ValueError(
            "--train-config needs --label-studio, which is asked for data."
        )
    if label_studio is not None and workers > 1:
        raise ValueError(
            "--label-studio needs one worker: others would keep their old models."
        )
    if config is not None and not config.is_file():
        raise ValueError(f"--train-config {config}: there is no such file.")


@contextmanager
def share_metrics() -> Iterator[None]:
    """A folder in which the workers add up their counts."""
    folder = tempfile.mkdtemp(prefix="rel_component_metrics_")
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    run_command(main)

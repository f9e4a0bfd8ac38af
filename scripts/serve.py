"""Serve a trained pipeline over HTTP, with a demo page."""

import os
import shlex
from pathlib import Path
from typing import Any, Callable, Optional

import typer
from command import run_command
from wasabi import msg

KEY = "REL_COMPONENT_API_KEY"
LABEL_STUDIO_KEY = "LABEL_STUDIO_API_KEY"


def main(
    model: Path = typer.Argument(..., help="Trained pipeline"),
    host: str = typer.Option(
        "127.0.0.1", help="Address to listen on; 0.0.0.0 for access from other machines"
    ),
    port: int = typer.Option(8000, min=0, max=65535, help="Port; 0 for any free port"),
    workers: Optional[int] = typer.Option(
        None, min=1, help="Number of processes; each loads the model"
    ),
    max_body: Optional[int] = typer.Option(
        None, help="Maximum size of a request, in bytes"
    ),
    max_texts: Optional[int] = typer.Option(None, help="Maximum texts per request"),
    max_chars: Optional[int] = typer.Option(
        None, help="Maximum characters per request"
    ),
    max_queue: Optional[int] = typer.Option(
        None, help="Maximum number of waiting texts"
    ),
    batch_texts: Optional[int] = typer.Option(
        None, help="Maximum texts per batch; 1 for no batching"
    ),
    timeout: Optional[float] = typer.Option(
        None, help="Timeout of a request, in seconds"
    ),
    gpu: bool = typer.Option(False, help="Load the model on the GPU"),
    log_texts: bool = typer.Option(False, help="Log the texts"),
    docs: bool = typer.Option(
        False, help="Serve Swagger UI at /docs, loaded from a CDN"
    ),
    label_studio: Optional[str] = typer.Option(
        None,
        help="Act as ML backend, at /label-studio, for the Label Studio at this "
        "address",
    ),
    train_config: Optional[Path] = typer.Option(
        None,
        help="With --label-studio: config for training when Label Studio requests it",
    ),
    train_data: Optional[Path] = typer.Option(
        None, help="Additional training documents, .spacy"
    ),
    train_after: int = typer.Option(
        0, min=0, help="Train after this many annotations; 0: only on request"
    ),
    train_output: Path = typer.Option(
        Path("training/label_studio"), help="Output folder for trained models"
    ),
    train_options: str = typer.Option(
        "", help='Additional options of spacy train: "--training.max_steps 500"'
    ),
) -> None:
    """Serve a trained pipeline over HTTP, with a demo page.

    If the environment variable REL_COMPONENT_API_KEY is set, requests need that key.
    Further limits are set by variables such as REL_COMPONENT_MAX_ENTITIES.
    LABEL_STUDIO_API_KEY is an access token for Label Studio's annotations.
    """
    from rel_component.wording import get_command

    try:
        from rel_component.inference.service.server import LOCAL, serve
        from rel_component.inference.service.settings import load_settings
    except ImportError as error:
        msg.fail(
            f"The service needs the package {error.name}: {get_command('service')}.",
            exits=1,
        )
    try:
        settings = load_settings(
            workers=workers,
            max_body=max_body,
            max_texts=max_texts,
            max_chars=max_chars,
            max_queue=max_queue,
            batch_texts=batch_texts,
            timeout=timeout,
            gpu=gpu or None,
            log_texts=log_texts or None,
            docs=docs or None,
        )
        if settings.api_key is None and host not in LOCAL:
            place = f"{host}:{port}"
            msg.warn(
                f"Anyone with access to {place} can use the service: {KEY} is not set"
            )
        extend = extend_with_label_studio(
            label_studio,
            key=os.environ.get(LABEL_STUDIO_KEY),
            config=train_config,
            folder=train_output,
            base=train_data,
            train_after=train_after,
            overrides=shlex.split(train_options),
        )
        serve(model, settings, host, port, extend)
    except ValueError as error:
        msg.fail(str(error), exits=1)


def extend_with_label_studio(
    url: Optional[str], config: Optional[Path], **options: Any
) -> Callable[[Any], Any]:
    """Create the ML backend's extension of the service if Label Studio is used."""
    if url is None and config is not None:
        raise ValueError(
            "--train-config needs --label-studio, the source of the annotations."
        )
    if config is not None and not config.is_file():
        raise ValueError(f"--train-config {config}: file not found.")
    if url is None:
        return lambda app: None
    from rel_component.integrations.label_studio import (
        BackendSettings,
        add_label_studio,
    )

    settings = BackendSettings(url=url, config=config, **options)
    return lambda app: add_label_studio(app, settings)


if __name__ == "__main__":
    run_command(main)

"""Serve a trained pipeline over HTTP, with a page to try it."""

import os
import shlex
from pathlib import Path
from typing import Any, Callable, Optional

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
    port: int = typer.Option(8000, min=0, max=65535, help="Port; 0: one that is free"),
    workers: Optional[int] = typer.Option(
        None, min=1, help="Processes that each hold the model"
    ),
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
            msg.warn(f"Whoever reaches {place} may use the service: {KEY} is not set")
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
    """What makes the service an ML backend, if there is a Label Studio."""
    if url is None and config is not None:
        raise ValueError(
            "--train-config needs --label-studio, which is asked for data."
        )
    if config is not None and not config.is_file():
        raise ValueError(f"--train-config {config}: there is no such file.")
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

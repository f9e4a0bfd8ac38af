"""Make an installable package of a trained pipeline, with a model card.

    python scripts/package.py training/model-best packages --name rel_job_ads \
        --version 0.0.1 --metrics training/metrics.json

As `spacy package`, whose README.md is the card; `spacy huggingface-hub push` puts it
on the model's page.
"""

import shutil
import tempfile
from pathlib import Path
from typing import Any, Dict, Optional

import typer
from command import run_command
from spacy.cli.package import package
from wasabi import msg

from rel_component.evaluation.card import make_card
from rel_component.evaluation.report.attachments import read_result
from rel_component.evaluation.report.build import describe_pipeline
from rel_component.pipe.loading import find_extractor, load_pipeline


def main(
    model: Path = typer.Argument(..., help="Trained pipeline"),
    output: Path = typer.Argument(..., help="Folder for packages"),
    name: str = typer.Option(..., help="Name of the package, without the language"),
    version: str = typer.Option("0.0.1", help="Version of the package"),
    metrics: Optional[Path] = typer.Option(
        None, help="What evaluate.py has written, for the card"
    ),
    build: bool = typer.Option(True, help="Build a wheel"),
) -> None:
    """Make an installable package of a trained pipeline, with a model card."""
    try:
        nlp = load_pipeline(model)
        described = describe_pipeline(nlp, find_extractor(nlp))
        report = read_report(metrics, model, described)
    except ValueError as error:
        msg.fail(str(error), exits=1)
    full_name = name if name.startswith(f"{nlp.lang}_") else f"{nlp.lang}_{name}"
    card = make_card(nlp.meta, described, report, name=full_name, version=version)
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        # a copy: project commands run anew when the outputs of others have changed
        copy = Path(folder) / "model"
        shutil.copytree(model, copy)
        (copy / "README.md").write_text(card, encoding="utf8")
        package(
            copy,
            output,
            name=name,
            version=version,
            create_sdist=False,
            create_wheel=build,
            require_parent=True,
            force=True,
            silent=False,
        )
    msg.good(f"Model card: {output / f'{full_name}-{version}' / 'README.md'}")


def read_report(
    path: Optional[Path], model: Path, described: Dict[str, Any]
) -> Optional[Dict[str, Any]]:
    """The figures of this pipeline; None, with a warning, if there are no such."""
    report = read_result(path, "all_gold")
    if report is None:
        if path is not None:
            msg.warn(
                f"No {path}: the card has no figures. Evaluate first: python -m spacy "
                f"project run evaluate"
            )
        return None
    if report.get("model") != str(model) or report.get("pipeline") != described:
        msg.warn(
            f"{path} is of {report.get('model')}, or of an earlier {model}: the card "
            f"has no figures. Evaluate again: python -m spacy project run evaluate"
        )
        return None
    assert path is not None
    if path.stat().st_mtime < (model / "meta.json").stat().st_mtime:
        msg.warn(
            f"{path} is older than {model}: the card has no figures. Evaluate again: "
            f"python -m spacy project run evaluate"
        )
        return None
    return report


if __name__ == "__main__":
    run_command(main)

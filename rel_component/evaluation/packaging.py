"""Installable packages of trained pipelines, with a model card."""

import shutil
import tempfile
from pathlib import Path
from typing import Any, Dict, NamedTuple, Optional, Tuple

from packaging.version import InvalidVersion, Version
from spacy.cli.package import package

from ..pipe.loading import find_relation_pipes, load_pipeline
from .card import make_card
from .report.build import describe_pipeline
from .report.files import read_result

EVALUATE = "python -m spacy project run evaluate"


class Packaged(NamedTuple):
    """A created package.

    card (Path): its model card.
    warning (str): why the card has no scores, or empty.
    """

    card: Path
    warning: str


def package_pipeline(
    model: Path,
    output: Path,
    *,
    name: str,
    version: str = "0.0.1",
    metrics: Optional[Path] = None,
    build: bool = True,
) -> Packaged:
    """Create an installable package with a model card as README.md.

    model (Path): folder of the pipeline, not modified.
    output (Path): output folder.
    name (str): the package's name, without the language.
    version (str): the package's version.
    metrics (Optional[Path]): output of the pipeline's evaluation, for the card; ignored
        with a warning if it's of another pipeline.
    build (bool): build a wheel.
    RETURNS (Packaged): the package.
    RAISES (ValueError): if the pipeline or the metrics can't be read, or the version is
        invalid.
    """
    try:
        Version(version)
    except InvalidVersion:
        raise ValueError(
            f"--version {version}: not a version of a Python package; expected one "
            "such as 0.0.1."
        ) from None
    nlp = load_pipeline(model)
    described = describe_pipeline(nlp, find_relation_pipes(nlp))
    report, warning = _read_report(metrics, model, described)
    full_name = name if name.startswith(f"{nlp.lang}_") else f"{nlp.lang}_{name}"
    card = make_card(nlp.meta, described, report, name=full_name, version=version)
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        # a copy, since changed outputs cause project commands to run again
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
    return Packaged(output / f"{full_name}-{version}" / "README.md", warning)


def _read_report(
    path: Optional[Path], model: Path, described: Dict[str, Any]
) -> Tuple[Optional[Dict[str, Any]], str]:
    """RETURNS (Tuple[Optional[Dict], str]): the scores of this pipeline, or why they
    are missing."""
    if path is None:
        return None, ""
    report = read_result(path, "all_gold")
    again = f"the card has no scores. Evaluate again: {EVALUATE}"
    if report is None:
        return (
            None,
            f"{path} not found: the card has no scores. Evaluate first: {EVALUATE}",
        )
    if not _is_of(report, model, described):
        found = report.get("model")
        return (
            None,
            f"{path} is an evaluation of {found}, or of an earlier {model}: {again}",
        )
    if path.stat().st_mtime < (model / "meta.json").stat().st_mtime:
        return None, f"{path} is older than {model}: {again}"
    return report, ""


def _is_of(report: Dict[str, Any], model: Path, described: Dict[str, Any]) -> bool:
    path = report.get("model")
    is_same = path is not None and Path(path).resolve() == model.resolve()
    return is_same and report.get("pipeline") == described

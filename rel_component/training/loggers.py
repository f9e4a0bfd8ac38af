"""Loggers for the console and TensorBoard; see spacy-loggers for W&B, MLflow and
others."""

import sys
from pathlib import Path
from typing import IO, Any, Callable, Dict, List, Mapping, Optional, Tuple

from spacy.language import Language
from spacy.training.loggers import console_logger_v3
from spacy.util import registry
from wasabi import Printer

from ..wording import join_names, plural

LogStep = Callable[[Optional[Dict[str, Any]]], None]
Logger = Callable[[Language, IO, IO], Tuple[LogStep, Callable[[], None]]]

# training is still improving with this gain in this last portion of its steps
LAST_PART = 0.25
LEAST_GAIN = 0.01
# or if one of the scores that make up the weighted one has this gain
LEAST_GAIN_OF_ONE = 0.02

LEAST_EVALUATIONS = 3

# step and scores of each evaluation
Curve = List[Tuple[int, Dict[str, float]]]


@registry.loggers("rel_component.ConsoleLogger.v1")
def create_console_logger(
    progress_bar: Optional[str] = None,
    console_output: bool = True,
    output_file: Optional[Path] = None,
) -> Logger:
    """Like spaCy's ConsoleLogger.v3, but replaces the file of an earlier training, and
    reports at the end if training was stopped while scores were still improving.

    progress_bar (Optional[str]): "train", "eval" or None.
    console_output (bool): print the table.
    output_file (Optional[Path]): file to write the scores to, as JSON lines.
    RETURNS (Callable): the logger.
    """

    def setup_logger(
        nlp: Language, stdout: IO = sys.stdout, stderr: IO = sys.stderr
    ) -> Tuple[LogStep, Callable[[], None]]:
        if output_file:
            Path(output_file).unlink(missing_ok=True)
        setup_table = console_logger_v3(progress_bar, console_output, output_file)
        log_table, finalize_table = setup_table(nlp, stdout, stderr)
        settings = nlp.config.interpolate()["training"]  # they may be variables
        names = sorted(k for k, v in settings["score_weights"].items() if v)
        curve: Curve = []

        def show(advice: Optional[str]) -> None:
            if advice is not None:
                text = Printer(no_print=True).warn(advice)
                print(text, file=stdout, flush=True)

        def log_step(info: Optional[Dict[str, Any]]) -> None:
            log_table(info)
            if info is not None:
                found = {k: info["other_scores"].get(k) for k in names}
                if not curve:
                    show(describe_missing(found))
                scores = {k: v for k, v in found.items() if isinstance(v, float)}
                curve.append((info["step"], {**scores, "score": info["score"]}))

        def finalize() -> None:
            finalize_table()
            show(describe_zeros(curve) or describe_rise(curve, settings))

        return log_step, finalize

    return setup_logger


def describe_missing(scores: Mapping[str, Any]) -> Optional[str]:
    """RETURNS (Optional[str]): that scores are undefined for the dev documents, if so.

    scores (Mapping[str, Any]): the scores that the model is selected by; None for
        undefined ones.
    """
    missing = [name for name, score in scores.items() if score is None]
    if not missing:
        return None
    others = [name for name in scores if name not in missing]
    chosen = f"by {join_names(others)} only" if others else "at random"
    return (
        f"The dev documents contain nothing to compute {join_names(missing)} from (no "
        f"annotated relations or entities), so the best model is selected {chosen}. "
        "Use annotated documents for dev."
    )


def describe_zeros(curve: Curve) -> Optional[str]:
    """RETURNS (Optional[str]): which scores were never above 0, if any, and if there
    were enough evaluations to say so.

    curve (List[Tuple[int, Dict[str, float]]]): as for `describe_rise`.
    """
    names = sorted({name for _, scores in curve for name in scores} - {"score"})
    zeros = [
        name
        for name in names
        if not any(scores.get(name, 0.0) > 0.0 for _, scores in curve)
    ]
    if not zeros or len(curve) < LEAST_EVALUATIONS:
        return None
    return (
        f"{join_names(zeros)}: 0 in all {len(curve)} evaluations, so nothing "
        "of this was learned. Train longer, or look for mistakes in the data with "
        "scripts/inspect_data.py."
    )


def describe_rise(curve: Curve, settings: Mapping[str, Any]) -> Optional[str]:
    """Advise to train longer if scores were still improving.

    curve (List[Tuple[int, Dict[str, float]]]): step and scores in [0, 1] of each
        evaluation, including the weighted "score".
    settings (Mapping[str, Any]): the config's [training]: `max_steps`, `max_epochs`
        (0: no limit), `patience` and `eval_frequency`.
    RETURNS (Optional[str]): the advice, or None.
    """
    max_steps, max_epochs = settings["max_steps"], settings["max_epochs"]
    if not curve or not (max_steps or max_epochs):
        return None
    last, patience = curve[-1][0], settings["patience"]
    is_whole = max_steps and last + settings["eval_frequency"] >= max_steps
    best = max(curve, key=lambda evaluation: evaluation[1]["score"])[0]
    if not is_whole and (not max_epochs or (patience and last - best >= patience)):
        return None  # stopped by patience
    name, limit = ("max_steps", max_steps) if is_whole else ("max_epochs", max_epochs)
    if len(curve) < LEAST_EVALUATIONS:
        return (
            f"Only {plural(len(curve), 'evaluation')} before the end of the training, "
            "too few to select the best model or to notice that scores still rise: "
            "reduce training.eval_frequency to a tenth of the steps."
        )
    border = (1 - LAST_PART) * last
    gains = {}
    for key in curve[-1][1]:
        # spaCy, too, counts a score that is not there yet as 0
        values = [(step, scores.get(key, 0.0)) for step, scores in curve]
        before = max(value for step, value in values if step <= border)
        gains[key] = max(value for _, value in values) - before
    gain = gains.pop("score")
    if gain < LEAST_GAIN and max(gains.values(), default=0.0) < LEAST_GAIN_OF_ONE:
        return None
    named = ", ".join(
        f"{key} {100 * gain:.1f}" for key, gain in gains.items() if gain > 0
    )
    return (
        f"Stopped at training.{name} = {limit} while scores were still rising "
        f"(points gained in the last quarter: {named}). Train longer, e.g. with "
        f"--training.{name} {2 * limit}."
    )


@registry.loggers("rel_component.TensorBoardLogger.v1")
def create_tensorboard_logger(
    log_dir: Path = Path("training/tensorboard"),
) -> Callable[[Language, IO, IO], Tuple[LogStep, Callable[[], None]]]:
    """Log losses and scores to TensorBoard.

    To combine it with the console: `@loggers = "spacy.ChainLogger.v1"`, with this and
    rel_component.ConsoleLogger.v1.

    log_dir (Path): the folder for `tensorboard --logdir`.
    RETURNS (Callable): the logger.
    RAISES (ImportError): if tensorboardX (extra `tensorboard`) is not installed.
    """

    def setup_logger(
        nlp: Language, stdout: IO = sys.stdout, stderr: IO = sys.stderr
    ) -> Tuple[LogStep, Callable[[], None]]:
        from tensorboardX import SummaryWriter

        writer = SummaryWriter(str(log_dir))

        def log_step(info: Optional[Dict[str, Any]]) -> None:
            if info is None:  # a step without evaluation
                return
            step = info["step"]
            for name, loss in info["losses"].items():
                writer.add_scalar(f"loss/{name}", float(loss), step)
            for name, score in info["other_scores"].items():
                if isinstance(score, (int, float)):
                    writer.add_scalar(f"score/{name}", score, step)
            writer.add_scalar("score", float(info["score"]), step)
            writer.flush()

        return log_step, writer.close

    return setup_logger

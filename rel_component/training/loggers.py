"""Loggers for the console and TensorBoard; see spacy-loggers for W&B, MLflow and
others."""

import sys
from pathlib import Path
from typing import IO, Any, Callable, Dict, List, Optional, Tuple

from spacy.language import Language
from spacy.training.loggers import console_logger_v3
from spacy.util import registry
from wasabi import Printer

LogStep = Callable[[Optional[Dict[str, Any]]], None]
Logger = Callable[[Language, IO, IO], Tuple[LogStep, Callable[[], None]]]

# training is still improving with this gain in this last portion of its steps
LAST_PART = 0.25
LEAST_GAIN = 0.01


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
        names = {k for k, v in settings["score_weights"].items() if v}
        max_steps = settings["max_steps"]
        curve: List[Tuple[int, Dict[str, float]]] = []

        def log_step(info: Optional[Dict[str, Any]]) -> None:
            log_table(info)
            if info is not None:
                found = {k: info["other_scores"].get(k) for k in sorted(names)}
                scores = {k: v for k, v in found.items() if isinstance(v, float)}
                curve.append((info["step"], {**scores, "score": info["score"]}))

        def finalize() -> None:
            finalize_table()
            advice = describe_rise(curve, max_steps)
            if advice is not None:
                text = Printer(no_print=True).warn(advice)
                print(text, file=stdout, flush=True)

        return log_step, finalize

    return setup_logger


def describe_rise(
    curve: List[Tuple[int, Dict[str, float]]], max_steps: int
) -> Optional[str]:
    """Advise to train longer if scores were still improving.

    curve (List[Tuple[int, Dict[str, float]]]): step and scores in [0, 1] of each
        evaluation, including the weighted "score".
    max_steps (int): the maximum number of steps; 0 for no limit.
    RETURNS (Optional[str]): the advice, or None.
    """
    if len(curve) < 3 or not max_steps:
        return None
    last, eval_frequency = curve[-1][0], curve[-1][0] - curve[-2][0]
    if last + eval_frequency < max_steps:
        return None  # stopped by patience or epochs
    border = (1 - LAST_PART) * last
    gains = {}
    for name in curve[-1][1]:
        # spaCy, too, counts a score that is not there yet as 0
        values = [(step, scores.get(name, 0.0)) for step, scores in curve]
        before = max(value for step, value in values if step <= border)
        gains[name] = max(value for _, value in values) - before
    if gains.pop("score") < LEAST_GAIN:
        return None
    named = ", ".join(
        f"{name} {100 * gain:.1f}" for name, gain in gains.items() if gain > 0
    )
    return (
        f"Stopped at training.max_steps = {max_steps} while scores were still rising "
        f"(points gained in the last quarter: {named}). Train longer, e.g. with "
        f"--training.max_steps {2 * max_steps}."
    )


@registry.loggers("rel_component.TensorBoardLogger.v1")
def create_tensorboard_logger(
    log_dir: Path = Path("training/tensorboard"),
) -> Callable[[Language, IO, IO], Tuple[LogStep, Callable[[], None]]]:
    """Log losses and scores to TensorBoard.

    To combine it with the console: `@loggers = "spacy.ChainLogger.v1"`, with this and
    spacy.ConsoleLogger.v3.

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

"""Metrics of a training for TensorBoard; spacy-loggers has W&B, MLflow and others."""

import sys
from pathlib import Path
from typing import IO, Any, Callable, Dict, List, Optional, Tuple

from spacy.language import Language
from spacy.training.loggers import console_logger_v3
from spacy.util import registry
from wasabi import Printer

LogStep = Callable[[Optional[Dict[str, Any]]], None]
Logger = Callable[[Language, IO, IO], Tuple[LogStep, Callable[[], None]]]

# a training that gained so much in so large a last part of its steps would gain more
LAST_PART = 0.25
LEAST_GAIN = 0.01


@registry.loggers("rel_component.ConsoleLogger.v1")
def create_console_logger(
    progress_bar: Optional[str] = None,
    console_output: bool = True,
    output_file: Optional[Path] = None,
) -> Logger:
    """The table of spaCy's ConsoleLogger.v3; at the end it says if the training was
    stopped while its scores were still rising.

    progress_bar (Optional[str]): "train" or "eval"; null for none.
    console_output (bool): print the table.
    output_file (Optional[Path]): also write the scores as JSON lines.
    RETURNS (Callable): the logger.
    """
    setup_table = console_logger_v3(progress_bar, console_output, output_file)

    def setup_logger(
        nlp: Language, stdout: IO = sys.stdout, stderr: IO = sys.stderr
    ) -> Tuple[LogStep, Callable[[], None]]:
        log_table, finalize_table = setup_table(nlp, stdout, stderr)
        names = {k for k, v in nlp.config["training"]["score_weights"].items() if v}
        max_steps = nlp.config["training"]["max_steps"]
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
    """Advice where a training was stopped by its number of steps, but still gained.

    curve (List[Tuple[int, Dict[str, float]]]): step and scores in [0, 1] of each
        evaluation, among them the weighted "score".
    max_steps (int): the training's limit; 0 for none.
    RETURNS (Optional[str]): None where it was not.
    """
    if len(curve) < 3 or not max_steps:
        return None
    last, eval_frequency = curve[-1][0], curve[-1][0] - curve[-2][0]
    if last + eval_frequency < max_steps:
        return None  # patience or epochs ended it
    border = (1 - LAST_PART) * last
    gains = {}
    for name in curve[-1][1]:
        before = max(x[name] for step, x in curve if step <= border and name in x)
        gains[name] = max(x[name] for _, x in curve if name in x) - before
    if gains.pop("score") < LEAST_GAIN:
        return None
    named = ", ".join(
        f"{name} {100 * gain:.1f}" for name, gain in gains.items() if gain > 0
    )
    return (
        f"Stopped at training.max_steps = {max_steps} while scores were rising (points "
        f"gained in the last quarter: {named}): a longer training is likely to be "
        f"better, e.g. with --training.max_steps {2 * max_steps}."
    )


@registry.loggers("rel_component.TensorBoardLogger.v1")
def create_tensorboard_logger(
    log_dir: Path = Path("training/tensorboard"),
) -> Callable[[Language, IO, IO], Tuple[LogStep, Callable[[], None]]]:
    """Write losses and scores for TensorBoard.

    Beside the table on the screen: `@loggers = "spacy.ChainLogger.v1"`, with this and
    spacy.ConsoleLogger.v3.

    log_dir (Path): the folder that `tensorboard --logdir` reads.
    RETURNS (Callable): the logger.
    RAISES (ImportError): without the package tensorboardX, of the extra `tensorboard`.
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

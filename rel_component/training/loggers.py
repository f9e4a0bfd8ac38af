"""Metrics of a training for TensorBoard; spacy-loggers has W&B, MLflow and others."""

import sys
from pathlib import Path
from typing import IO, Any, Callable, Dict, Optional, Tuple

from spacy.language import Language
from spacy.util import registry

LogStep = Callable[[Optional[Dict[str, Any]]], None]


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

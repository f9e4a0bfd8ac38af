"""What other commands have left for a report: training log, learning curve, folds."""

from pathlib import Path
from typing import Any, Dict, List, Optional

import srsly


def read_training_log(path: Path) -> List[Dict[str, Any]]:
    """Read what spaCy's console logger writes to its `output_file`.

    path (Path): JSON lines.
    RETURNS (List[Dict[str, Any]]): `step`, `epoch`, `losses`, `scores` and `score` of
        each evaluation.
    RAISES (ValueError): if it is another file.
    """
    try:
        rows = list(srsly.read_jsonl(path))
        return [
            {x: row[x] for x in ("step", "epoch", "losses", "scores", "score")}
            for row in rows
        ]
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise ValueError(
            f"{path} can't be read as the log of a training ({error!r}); expected JSON "
            f"lines as spaCy's ConsoleLogger.v3 writes them to its output_file."
        ) from error


def read_result(path: Optional[Path], field: str) -> Optional[Dict[str, Any]]:
    """Read what `cross_validate.py` or `learning_curve.py` has written.

    path (Optional[Path]): None, or a file that is not there, for nothing.
    field (str): that has to be in it.
    RETURNS (Optional[Dict[str, Any]]): its content.
    RAISES (ValueError): if it is another file.
    """
    if path is None or not path.is_file():
        return None
    try:
        found = srsly.read_json(path)
    except ValueError as error:
        raise ValueError(f"{path} is no JSON: {error}") from error
    if isinstance(found, dict) and "honest" in found:  # its name up to 0.1
        found["all_gold"] = found.pop("honest")
    if not isinstance(found, dict) or field not in found:
        raise ValueError(f"{path}: found no field {field!r}; was it written for this?")
    return found

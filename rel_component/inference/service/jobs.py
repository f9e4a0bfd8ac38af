"""What the model is asked, and what it says: passed between processes."""

from dataclasses import dataclass
from typing import Any, Dict, FrozenSet, NamedTuple, Optional

from ..tasks import Task


@dataclass(frozen=True)
class ExtractOptions:
    """What is asked of a text.

    threshold (Optional[float]): relations from this score on; None: the model's.
    labels (Optional[FrozenSet[str]]): of relations; None: all.
    min_score (Optional[float]): also all scores from this one on; None: no scores.
    """

    threshold: Optional[float] = None
    labels: Optional[FrozenSet[str]] = None
    min_score: Optional[float] = None


@dataclass(frozen=True)
class Job:
    """One text.

    task (Task): the text and perhaps its entities, within the text; its meta goes into
        the answer.
    options (ExtractOptions): what is asked of it.
    is_flat (bool): whether the answer is a list of relations, as of `/predict`; else
        it is a document, as of `/extract`.
    """

    task: Task
    options: ExtractOptions = ExtractOptions()
    is_flat: bool = False


class Answer(NamedTuple):
    """What the model found in a text.

    content (bytes): JSON, of an object or a list, as the client gets it.
    n_rows (int): how many relations there are, or scores, if these are more.
    """

    content: bytes
    n_rows: int


class ModelFailed(RuntimeError):
    """The model raised an error.

    fields (Dict[str, Any]): for the log.
    """

    def __init__(self, fields: Dict[str, Any]) -> None:
        super().__init__(fields)
        self.fields = fields


class TooMuchAtOnce(RuntimeError):
    """A batch is too large: its texts have to be taken one by one."""


class ModelEnded(RuntimeError):
    """The process of the model has ended, or was ended, while it worked."""

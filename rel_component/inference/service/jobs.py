"""Jobs for the model and its answers, which are passed between processes."""

from dataclasses import dataclass
from typing import Any, Dict, FrozenSet, NamedTuple, Optional

from ..tasks import Task


@dataclass(frozen=True)
class ExtractOptions:
    """Options of the extraction.

    threshold (Optional[float]): minimum score of relations; None for the model's.
    labels (Optional[FrozenSet[str]]): relation labels to return; None for all.
    min_score (Optional[float]): also return all scores above this one; None for no
        scores.
    uncertainty (bool): also return the model's uncertainty, see `get_uncertainty`.
    """

    threshold: Optional[float] = None
    labels: Optional[FrozenSet[str]] = None
    min_score: Optional[float] = None
    uncertainty: bool = False


@dataclass(frozen=True)
class Job:
    """A text to process.

    task (Task): the text, optionally with entities, which must be within the text; its
        meta is included in the answer.
    options (ExtractOptions): the options.
    is_flat (bool): whether to return a list of relations, as in `/predict`; otherwise
        a document, as in `/extract`.
    """

    task: Task
    options: ExtractOptions = ExtractOptions()
    is_flat: bool = False


class Answer(NamedTuple):
    """Entities and relations of a text.

    content (bytes): JSON object or list, as sent to the client.
    n_rows (int): number of relations or scores, whichever is higher.
    """

    content: bytes
    n_rows: int


class ModelFailed(RuntimeError):
    """The model raised an error.

    fields (Dict[str, Any]): fields for the log.
    """

    def __init__(self, fields: Dict[str, Any]) -> None:
        super().__init__(fields)
        self.fields = fields


class TooMuchAtOnce(RuntimeError):
    """A batch is too large: its texts have to be processed one by one."""


class ModelEnded(RuntimeError):
    """The model process ended, or was stopped, while processing."""

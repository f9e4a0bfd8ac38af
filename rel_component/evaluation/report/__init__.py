"""A report on a trained pipeline: what it does well, what not, and how sure that is."""

from .build import Evaluation, evaluate_pipeline
from .markdown import make_markdown
from .page import make_page, write_reports

__all__ = [
    "Evaluation",
    "evaluate_pipeline",
    "make_markdown",
    "make_page",
    "write_reports",
]

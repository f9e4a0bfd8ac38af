"""The evaluation report of a trained pipeline."""

from .build import Evaluation, evaluate_pipeline
from .files import evaluate_files, format_report, write_reports
from .sections import list_sections

__all__ = [
    "Evaluation",
    "evaluate_files",
    "evaluate_pipeline",
    "format_report",
    "list_sections",
    "write_reports",
]

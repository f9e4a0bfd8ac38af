"""A report on a trained pipeline: what it does well, what not, and how sure that is."""

from .build import Report, evaluate_pipeline
from .markdown import make_markdown
from .page import make_page, write_reports

__all__ = ["Report", "evaluate_pipeline", "make_markdown", "make_page", "write_reports"]

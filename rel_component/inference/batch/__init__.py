"""Extraction from a corpus in chunks, which can be interrupted and resumed."""

from .job import ENGINES, Progress, Summary, extract_corpus
from .settings import ExtractSettings

__all__ = ["ENGINES", "ExtractSettings", "Progress", "Summary", "extract_corpus"]

"""Extraction from a corpus, in chunks: it may be killed and resumed at any moment."""

from .job import ENGINES, Progress, Summary, extract_corpus
from .settings import ExtractSettings

__all__ = ["ENGINES", "ExtractSettings", "Progress", "Summary", "extract_corpus"]

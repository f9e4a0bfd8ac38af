"""Extraction from a corpus: chunks in, parts out, killed and resumed at any moment."""

from .job import ENGINES, Progress, Summary, extract_corpus
from .settings import Settings

__all__ = ["ENGINES", "Progress", "Settings", "Summary", "extract_corpus"]

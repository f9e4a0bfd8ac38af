"""Imported by the process that workers are forked from, so that they start fast.

Loading a pipeline imports all of spaCy's entry points, including torch, which takes
seconds for each worker.
"""

import spacy

from . import extractor  # noqa: F401

spacy.blank("xx")

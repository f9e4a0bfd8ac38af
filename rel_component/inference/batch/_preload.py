"""Imported once by the process that workers are forked from, so that they start fast.

Loading a pipeline imports whatever stands behind spaCy's entry points, torch too; that
takes seconds, and a worker that is replaced after a crash should not.
"""

import spacy

from . import extractor  # noqa: F401

spacy.blank("xx")

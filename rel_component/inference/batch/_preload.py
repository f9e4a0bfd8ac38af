"""Imported once by the process that workers are forked from, so that they start fast.

Loading a pipeline imports all that spaCy's entry points name, torch included. That
takes seconds, which a worker that replaces a crashed one should not need.
"""

import spacy

from . import extractor  # noqa: F401

spacy.blank("xx")

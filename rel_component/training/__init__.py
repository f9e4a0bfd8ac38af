"""Optimizers, callbacks and loggers for `spacy train`."""

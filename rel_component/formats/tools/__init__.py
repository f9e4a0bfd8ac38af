"""Readers, which convert the files of a tool or data set to records."""

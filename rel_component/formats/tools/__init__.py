"""Readers: the files of one tool or data set to records, one small module each."""

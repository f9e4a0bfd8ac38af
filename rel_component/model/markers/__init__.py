"""Levitated markers of each pair, encoded in addition to the text (PL-Marker)."""

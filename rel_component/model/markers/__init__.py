"""Markers of each pair, read by the transformer beside the text (PL-Marker)."""

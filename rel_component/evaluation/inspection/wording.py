"""Numbers and lists in sentences."""

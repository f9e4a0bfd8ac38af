"""LUKE: the encoder reads words and entities, and classifies entity pairs."""

"""LUKE: an encoder of words and entities, for the classification of entity pairs."""

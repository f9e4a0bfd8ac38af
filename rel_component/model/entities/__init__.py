"""The entity tagger's model: token tags, and valid tag sequences."""

"""The entity tagger's model: tags of tokens, and the paths through them."""

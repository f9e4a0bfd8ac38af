"""What `spacy train` is given besides readers: optimizers, callbacks, loggers."""

"""Transformers: checkpoints, windows of word pieces, batches of equal length."""

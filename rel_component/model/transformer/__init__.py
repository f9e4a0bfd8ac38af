"""Transformers: checkpoints, windows of word pieces, batching by length."""

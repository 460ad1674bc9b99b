"""The embedded language model: a tiny decoder-only transformer in NumPy that really samples and really fine-tunes.

`transformer` (shape, weights, gradients), `sampling` (KV-cached generation and scoring), `learning` (Adam, fine-tuning,
the pre-training driver), `checkpoint` (weights to bytes and back), `workers` (the same calls in other processes).
Importing this package loads nothing.
"""

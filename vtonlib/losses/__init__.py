"""Losses: pure functions of tensors and attention records. They know nothing of models."""

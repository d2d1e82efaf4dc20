"""Losses as functions of tensors: no networks, no mean over samples."""

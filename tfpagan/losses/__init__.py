"""Losses as functions of tensors: no networks, no means over samples."""

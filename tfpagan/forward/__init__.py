"""One forward pass: its random numbers, its augmentation, its tensors."""

"""One forward pass: random numbers, augmentation, condition, tensors."""

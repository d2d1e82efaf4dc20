"""Class probabilities of logits, in float64."""

import numpy as np


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """[n, K] float64; finite for every finite logit."""
    logits = np.asarray(logits, np.float64)
    logits = logits - logits.max(1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(1, keepdims=True))

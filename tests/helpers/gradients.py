"""Gradients of a step, and when two of them are the same."""

import numpy as np
import tensorflow as tf
from helpers import tiny

from tfpagan.objectives import Objective
from tfpagan.settings.sections import NetworkConfig
from tfpagan.training.gradients import Backward, Gradients

Networks = dict[str, tf.keras.Model]


def compute(
    mode: str, objective: Objective, built: Networks, augmentation: str = "pad_crop", config: NetworkConfig = tiny.CONFIG
) -> Gradients:
    return getattr(Backward(objective, built), mode)(
        lambda: tiny.new_pass(built, augmentation, config=config), objective.players
    )


def assert_same_gradients(given: Gradients, oracle: Gradients, *, relative: float = 1e-5) -> None:
    """To 1e-5 of the tensor's largest entry; where that itself is a rest of cancelled terms, of the player's largest."""
    assert given.of.keys() == oracle.of.keys()
    for player, expected in oracle.of.items():
        largest = max(np.abs(e).max() for e in expected)
        for gradient, e in zip(given.of[player], expected, strict=True):
            tolerance = relative * max(np.abs(e).max(), 1e-2 * largest) + 1e-7
            np.testing.assert_allclose(gradient, e, rtol=0, atol=tolerance, err_msg=player)
    for name, values in (("losses", oracle.losses), ("logits", oracle.logits), ("loss_terms", oracle.loss_terms)):
        for key, expected in values.items():
            np.testing.assert_allclose(getattr(given, name)[key], expected, rtol=1e-5, atol=1e-6, err_msg=key)

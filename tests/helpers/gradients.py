"""Gradients of a step, and their comparison."""

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
        lambda: tiny.new_pass(built, augmentation, config=config, condition=objective.condition), objective.players
    )


def assert_fakes_are_their_adversaries_own(objective: Objective, built: Networks, config: NetworkConfig = tiny.CONFIG) -> None:
    """What `why_not_fused = None` declares: only adversaries have gradients through a fake, and players through a loss term."""
    with tf.GradientTape(persistent=True) as tape:
        p = tiny.new_pass(built, config=config, condition=objective.condition)
        made = [(game.fake, game.adversaries) for game in objective.games(p)]
        made += [(term.values(), term.players) for term in objective.loss_terms(p)]
    for tensors, makers in made:
        for player in set(objective.players) - set(makers):
            gradients = tape.gradient(tensors, built[player].trainable_variables)
            assert all(g is None for g in gradients), f"{player} is no adversary, but a fake of {makers} depends on it"


def assert_same_gradients(given: Gradients, oracle: Gradients, *, relative: float = 1e-5) -> None:
    """Agree to 1e-5 of the tensor's largest entry, or, if that is small from cancellation, to 1e-7 of the player's largest."""
    assert given.of.keys() == oracle.of.keys()
    for player, expected in oracle.of.items():
        largest = max(np.abs(e).max() for e in expected)
        for gradient, e in zip(given.of[player], expected, strict=True):
            tolerance = relative * max(np.abs(e).max(), 1e-2 * largest) + 1e-7
            np.testing.assert_allclose(gradient, e, rtol=0, atol=tolerance, err_msg=player)
    for name, values in (("losses", oracle.losses), ("logits", oracle.logits), ("loss_terms", oracle.loss_terms)):
        for key, expected in values.items():
            np.testing.assert_allclose(getattr(given, name)[key], expected, rtol=1e-5, atol=1e-6, err_msg=key)

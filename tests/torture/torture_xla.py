"""XLA: two replicas with it train as two without, every system; it takes minutes to compile them."""

import pytest
import tensorflow as tf
from helpers import tiny

from tfpagan.config import Config
from tfpagan.errors import UserError
from tfpagan.objectives import OBJECTIVES
from tfpagan.training.trainer import Trainer

STEPS = 5


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_two_compiled_replicas_train_as_two_others(objective: str, two_replicas: tf.distribute.Strategy) -> None:
    """The first step's scalars to 1e-4, and losses over five more to 1e-2, as Adam's first steps are signs of gradients."""
    sizes = {
        "architecture": "dcgan" if objective == "conditional_age" else "color_mnist",
        "channels": 8,
        "latent_dim": tiny.Z,
        "batch_size": 4,
        "ema_decay": 0.9,
    }
    shape = tiny.shape_of(OBJECTIVES.get(objective)().condition)
    first, rest = {}, {}
    for xla in ("false", "true"):
        config = Config().with_changes(sizes | {"objective": objective, "xla": xla})
        if xla == "true" and config.objective.reads_whole_batch:
            with pytest.raises(UserError, match="several replicas, whose passes wait for each other"):
                Trainer(config=config, image_shape=shape, strategy=two_replicas)
            return
        trainer, batches = Trainer(config=config, image_shape=shape, strategy=two_replicas), tiny.feed(shape)
        first[xla] = trainer.advance(batches, 1).totals
        rest[xla] = trainer.advance(batches, STEPS).totals
        assert trainer._loop.experimental_get_tracing_count() == 1
        for copies in (v for network in trainer.networks.values() for v in network.trainable_variables):
            one, two = (copy.numpy() for copy in trainer.strategy.experimental_local_results(copies))
            assert (one == two).all()
    assert first["true"] == pytest.approx(first["false"], rel=1e-4, abs=1e-5)
    losses = ({tag: value for tag, value in rest[xla].items() if "loss/" in tag} for xla in ("true", "false"))
    assert next(losses) == pytest.approx(next(losses), rel=1e-2, abs=1e-2)

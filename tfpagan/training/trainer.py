"""The trainer: players by name, one traced loop, moving averages. It knows no loss and no file."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import tensorflow as tf

from tfpagan import networks
from tfpagan.config import Config
from tfpagan.errors import UserError
from tfpagan.evaluation.errors import EvaluationError
from tfpagan.forward import augment
from tfpagan.forward.forward_pass import Pass
from tfpagan.forward.noise import Noise, own_rows
from tfpagan.images import normalize
from tfpagan.training import adam, devices, step

STATISTICS_EVERY_STEPS = 10
"""How often the averages are shown a batch.

The players' batch statistics do not fit them: averaged weights have smaller activations, and would generate shapeless images.
"""


@dataclass(frozen=True)
class Progress:
    """The result of some steps of the loop.

    Attributes:
      steps: number of steps done; fewer than requested when a loss was not finite.
      totals: sums over these steps by TensorBoard tag.
      not_finite: the losses of the last step that were NaN or infinite, by tag; empty when all were finite.
    """

    steps: int
    totals: Mapping[str, float]
    not_finite: Mapping[str, float]


def _in_words(spec: tf.TypeSpec | Sequence | Mapping) -> str:
    """The types and shapes of a batch, and how they come if not alone."""
    kind = "" if isinstance(spec, tf.TensorSpec | tuple) else f"{type(spec).__name__} of "
    return kind + ", ".join(f"{s.dtype.name} {s.shape}" for s in tf.nest.flatten(spec) if isinstance(s, tf.TensorSpec)) or str(
        spec
    )


def _replica() -> int:
    """The index of the replica whose graph is being made."""
    return int(tf.get_static_value(tf.distribute.get_replica_context().replica_id_in_sync_group))


class Trainer:
    """Networks, optimizers and counters of a run, and the loop that advances them.

    Args:
      config: of the run.
      image_shape: (H, W, C).
      strategy: distribution strategy.
      images: training images, uint8 [N, H, W, C]; where `--data_on_device` keeps them, batches are of their places.

    Attributes:
      keeps_images: whether they are kept.

    Raises:
      UserError: when the batch size is not a multiple of the number of replicas, or `--gradients` or `--xla` is not possible.
    """

    def __init__(
        self,
        *,
        config: Config,
        image_shape: tuple[int, int, int],
        strategy: tf.distribute.Strategy,
        images: np.ndarray | None = None,
    ):
        self.config, self.image_shape, self.strategy = config, image_shape, strategy
        self.objective, training = config.objective, config.training
        self.replicas = strategy.num_replicas_in_sync
        self.several_workers = isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)
        if training.batch_size % self.replicas:
            raise UserError(f"--batch_size={training.batch_size} does not divide among {self.replicas} replicas")
        self.objective.condition.require(image_shape)
        waits_in = f"--objective={self.objective.name}" if self.objective.reads_whole_batch else ""
        waits_in = waits_in or ("--sync_batch_norm" if config.networks.sync_batch_norm else "")
        self.xla = devices.compiles(training.xla, strategy, waits_in=waits_in)
        self.keeps_images = images is not None and devices.keep_images(
            training.data_on_device, strategy, images.nbytes, xla=self.xla
        )
        with strategy.scope():
            self.step = tf.Variable(0, dtype=tf.int64, trainable=False, name="step")
            self.networks = {role: self._build(role) for role in self.objective.players}
            decay = self._decay if training.decay_fraction else None
            self.optimizers = {role: adam.of_player(role, network, training, decay) for role, network in self.networks.items()}
            averaged = [role for role in networks.INFERENCE_ROLES if training.ema_decay and role in self.networks]
            self.averages = {role: self._build(role) for role in averaged}
            self.position = tf.Variable(0, dtype=tf.int64, trainable=False, name="position")  # number of images drawn
            # A copy on each device; not in checkpoints.
            self._kept = tf.Variable(images, trainable=False, name="images") if self.keeps_images else None
        joint, precision = config.networks.joint_batch_norm, training.mixed_precision
        self.mode = step.choose(training.gradients, self.objective, self.networks, precision, joint_batch_norm=joint)
        self._make_pass = partial(
            Pass,
            augmentation=augment.build(config.augmentation),
            config=config.networks,
            condition=self.objective.condition,
            dequantise=training.dequantise,
            features=self._features(),
        )
        self.update = step.Update(
            objective=self.objective,
            networks=self.networks,
            optimizers=self.optimizers,
            make_pass=self._make_pass,
            images_of=self._images_of,
            mode=self.mode,
            seed=training.seed,
            replicas=self.replicas,
            xla=self.xla,
        )
        self._following = step.PerReplica(self._follow, self.replicas, xla=self.xla)
        self._taking = step.PerReplica(self._take_statistics, self.replicas, xla=self.xla)

    def _features(self) -> Callable[[tf.Tensor], tf.Tensor] | None:
        if not self.objective.classifier:
            return None
        from tfpagan.scoring import prepare

        try:
            return prepare.features(self.objective.classifier, self.image_shape[2])  # outside the scope: it has no copies
        except EvaluationError as e:
            raise UserError(f"--perceptual_classifier={self.objective.classifier}: {e}") from None

    def _images_of(self, batch: tf.Tensor) -> tf.Tensor:
        return batch if self._kept is None else tf.gather(self._kept, batch)

    def checkpoint(self, **beside: tf.train.Checkpoint) -> tf.train.Checkpoint:
        """Everything that a resumed run needs; `beside`: of what learns beside the networks, by name."""
        return tf.train.Checkpoint(
            step=self.step,
            position=self.position,
            networks=self.networks,
            optimizers=self.optimizers,
            averages=self.averages,
            **beside,
        )

    def inference(self, role: str) -> tf.keras.Model:
        """The network for inference: the moving average of a player where one is kept, else the player itself."""
        network, condition = self.averages.get(role, self.networks[role]), self.objective.condition
        return condition.generator_in_use(network) if role == "generator" else condition.encoder_in_use(network)

    def advance(self, batches: Iterator[tf.Tensor], steps: int) -> Progress:
        """Run `steps` steps in one graph call; stops early after a loss that is not finite.

        Args:
          batches: of uint8 images [batch_size, H, W, C], or of places int64 [batch_size] in the images that are kept on the
              devices, the same ones on every worker; each replica takes its own rows.
              (The time to destroy TensorFlow's distributed iterators grows with the steps they served.)
          steps: at least 1.

        Raises:
          UserError: when the batches are not of that type and shape, or the number of steps is not legal.
        """
        if not isinstance(steps, int | np.integer) or isinstance(steps, bool) or steps < 1:
            raise UserError(f"{steps!r} steps cannot be run; expected a whole number, at least 1")
        self._require_images(batches)
        before = int(self.step.numpy())
        try:
            with devices.running(self.strategy, xla=self.xla):
                sums, last = self._loop(batches, tf.constant(steps))
        except tf.errors.OutOfRangeError:
            raise UserError(f"the batches ended before {steps} steps were done; repeat() the data set") from None
        totals, values = ({tag: float(scalars[tag]) for tag in sorted(scalars)} for scalars in (sums, last))
        return Progress(
            steps=int(self.step.numpy()) - before,
            totals=totals,
            not_finite={tag: value for tag, value in values.items() if tag.startswith("loss/") and not math.isfinite(value)},
        )

    def trace(self, batches: Iterator[tf.Tensor]) -> tf.Graph:
        """Trace the graph that `advance` runs, so that its first call takes no longer than the others; errors as `advance`."""
        self._require_images(batches)
        return self._loop.get_concrete_function(batches, tf.constant(1)).graph

    def any_worker(self, flag: bool) -> bool:
        """Whether the flag is set on any worker; all workers must call this."""
        return bool(devices.sum_over(self.strategy, tf.constant(float(flag))) > 0) if self.several_workers else flag

    def not_finite(self) -> list[str]:
        """Names of the variables that contain NaN or infinity; a checkpoint of them would be useless."""
        variables = [v for network in self.networks.values() for v in network.variables]
        return [v.name for v in variables if not tf.reduce_all(tf.math.is_finite(v))]

    def _require_images(self, batches: Iterator[tf.Tensor]) -> None:
        size = self.config.training.batch_size
        shape, dtype = ([size], tf.int64) if self.keeps_images else ([size, *self.image_shape], tf.uint8)
        wanted = tf.TensorSpec(shape, dtype)
        given = getattr(batches, "element_spec", None)
        if given is None or not isinstance(batches, Iterator):
            raise UserError(
                f"batches of type {type(batches).__name__} cannot be trained on; expected an iterator of a tf.data.Dataset"
            )
        if (
            not isinstance(given, tf.TensorSpec)
            or given.dtype != wanted.dtype
            or given.shape.as_list() != wanted.shape.as_list()
        ):
            what = "places of images" if self.keeps_images else "images"
            raise UserError(f"batches of {_in_words(given)} cannot be trained on; expected {what} alone, {_in_words(wanted)}")

    @tf.function(autograph=False)
    def _loop(self, batches: Iterator[tf.Tensor], steps: tf.Tensor) -> tuple[dict[str, tf.Tensor], dict[str, tf.Tensor]]:
        """Sums over the steps, and the last step's values, by tag.

        Without AutoGraph, here and below: to convert these functions takes as long as a fifth of the tracing.
        """
        tags = list(self._one_step.get_concrete_function(batches).structured_outputs)  # what the loop carries, in one tensor
        is_loss = tf.constant([tag.startswith("loss/") for tag in tags])

        def go_on(done: tf.Tensor, totals: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
            return tf.logical_and(done < steps, tf.reduce_all(tf.math.is_finite(values) | ~is_loss))

        def step(done: tf.Tensor, totals: tf.Tensor, values: tf.Tensor) -> tuple[tf.Tensor, ...]:
            scalars = self._one_step(batches)
            values = tf.stack([scalars[tag] for tag in tags])
            return done + 1, totals + values, values

        _, totals, values = tf.while_loop(go_on, step, (tf.constant(0), tf.zeros([len(tags)]), tf.zeros([len(tags)])))
        return dict(zip(tags, tf.unstack(totals), strict=True)), dict(zip(tags, tf.unstack(values), strict=True))

    @tf.function(autograph=False)
    def _one_step(self, batches: Iterator[tf.Tensor]) -> dict[str, tf.Tensor]:
        """All phases once; scalars by tag."""
        scalars: dict[str, tf.Tensor] = {}
        phases = self.objective.phases
        for i, players in enumerate(phases):
            images = next(batches)
            scalars |= self._phase(players, images, self.step * len(phases) + i)
        self.step.assign_add(1)
        self.position.assign_add(self.config.training.batch_size * len(phases))
        if self.averages:
            self.strategy.run(lambda: self._following[_replica()]())
            due = tf.equal(self.step % STATISTICS_EVERY_STEPS, 0)
            tf.cond(due, partial(self._show, images), lambda: tf.constant(False))
        return scalars

    def _show(self, images: tf.Tensor) -> tf.Tensor:
        """Show the averages a batch."""
        self.strategy.run(lambda batch: self._taking[_replica()](batch, self.step.read_value(), _replica()), args=(images,))
        return tf.constant(True)

    @tf.function(autograph=False, experimental_attributes={"_noinline": True})
    def _phase(self, players: tuple[str, ...], images: tf.Tensor, draw: tf.Tensor) -> dict[str, tf.Tensor]:
        """Traced once for all phases of the same players: the graph has ten critic steps once.

        If inlined, each would be optimised separately, which takes as long as tracing it.
        """
        scalars = self.strategy.run(partial(self._replica_phase, players), args=(images, draw))
        return {tag: self.strategy.experimental_local_results(value)[0] for tag, value in scalars.items()}

    def _replica_phase(self, players: tuple[str, ...], images: tf.Tensor, draw: tf.Tensor) -> dict[str, tf.Tensor]:
        replica = _replica()
        return self.update(players, own_rows(images, replica, self.replicas), draw, replica)

    def _follow(self) -> None:
        """Move this replica's copies of the averages towards the players."""
        decay = self.config.training.ema_decay
        for role, average in self.averages.items():
            for kept, live in zip(average.trainable_variables, self.networks[role].trainable_variables, strict=True):
                # Not `assign`, which would communicate: the copies of all replicas are the same, before and after.
                tf.raw_ops.AssignVariableOp(resource=kept.handle, value=decay * kept + (1.0 - decay) * live)

    def _take_statistics(self, batch: tf.Tensor, draw: tf.Tensor, replica: int) -> None:
        """One pass through the averages, which updates the batch statistics that inference uses."""
        own = own_rows(batch, replica, self.replicas)
        noise = Noise(self.config.training.seed, draw, own.shape[0], replica=replica, replicas=self.replicas)
        p = self._make_pass(self.averages, normalize(self._images_of(own)), noise)
        for made in ("x_gen", "x_rec") if "encoder" in self.averages else ("x_gen",):
            getattr(p, made)  # for its effect on the batch statistics

    def _build(self, role: str) -> tf.keras.Model:
        training = self.config.training
        return networks.build(
            role,
            self.config.networks,
            self.image_shape,
            condition=self.objective.condition,
            seed=training.seed,
            mixed_precision=training.mixed_precision,
        )

    def _decay(self) -> tf.Tensor:
        """The factor of the learning rates in this step: 1, then falling to nearly 0 in the last one."""
        training = self.config.training
        left = training.train_steps - tf.cast(self.step.read_value(), tf.float32)
        return tf.clip_by_value(left / (training.decay_fraction * training.train_steps), 0.0, 1.0)

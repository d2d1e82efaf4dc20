"""From an objective to gradients, three ways.

`reference` takes a fresh pass and a fresh tape per player: slow, obviously right, the oracle of the tests.
`simultaneous` takes one pass and one tape, and goes back through it once per player. Valid for every objective.
`fused` goes back once. A discriminator that does not couple its samples sends every fake its own gradient, and the
faker's loss and the discriminator's loss are functions of the same logit l, so that what the faker should receive is

    d faker(l) / d fake  =  (faker'(l) / disc_fake'(l))  *  d disc_fake(l) / d fake,

the gradient that is computed anyway for the discriminator, times one number per sample.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import tensorflow as tf

from tfpagan import networks as nets
from tfpagan.forward.forward_pass import Pass
from tfpagan.objectives.base import Duel, Objective

SLOPE_FLOOR = 1e-12
"""Slopes of `disc_fake` below this are taken as this in the fused backward: the ratio stays finite for logits of -100.

The discriminator's gradient is off by at most this times d logit / d weight, and what is pushed back to the fakes, this
times d logit / d pixel, is still 26 orders of magnitude above the smallest float32 and bfloat16.
"""


Networks = Mapping[str, tf.keras.Model]


@dataclass
class Gradients:
    """What one pass gives: gradients and loss per player, the mean logits of every game, the direct losses by name.

    All but the gradients are this replica's share: their sum over replicas is the mean over the global batch.
    """

    of: dict[str, list[tf.Tensor]] = field(default_factory=dict)
    losses: dict[str, tf.Tensor] = field(default_factory=dict)
    logits: dict[str, tf.Tensor] = field(default_factory=dict)
    directs: dict[str, tf.Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class Backward:
    """Everything that turns a pass into gradients.

    Attributes:
      objective: duels and direct losses.
      networks: by role.
      replicas: how many replicas share the batch. The division by it, here, is the only one: gradients and losses of
        replicas are summed.
      loss_scales: per player, for float16; absent players have 1. The gradients come back multiplied by it.
    """

    objective: Objective
    networks: Networks
    replicas: int = 1
    loss_scales: Mapping[str, tf.Tensor] = field(default_factory=dict)

    def mean(self, values: tf.Tensor) -> tf.Tensor:
        """This replica's share of the mean over the global batch of values [N]."""
        return tf.reduce_mean(values) / self.replicas

    def reference(self, new_pass: Callable[[], Pass], players: Sequence[str]) -> Gradients:
        """A fresh pass and a fresh tape for every player."""
        result = Gradients()
        for player in players:
            averages = [v for n in self.networks.values() for v in nets.moving_averages(n)]
            before = [tf.identity(v) for v in averages]
            with tf.GradientTape() as tape:
                one = self._forward(new_pass(), (player,))
                loss = one.losses[player] * self.loss_scales.get(player, 1.0)
            result.of[player] = tape.gradient(loss, self._variables(player))
            result.losses |= one.losses
            result.logits |= one.logits
            result.directs |= one.directs
            if player != players[-1]:  # one pass's worth of batch statistics, however many passes
                for variable, value in zip(averages, before, strict=True):
                    variable.assign(value)
        return result

    def simultaneous(self, new_pass: Callable[[], Pass], players: Sequence[str]) -> Gradients:
        """One pass, one tape, one way back per player."""
        with tf.GradientTape(persistent=True) as tape:
            result = self._forward(new_pass(), players)
            scaled = {p: loss * self.loss_scales.get(p, 1.0) for p, loss in result.losses.items()}
        for player in players:
            result.of[player] = tape.gradient(scaled[player], self._variables(player))
        return result

    def _forward(self, p: Pass, players: Sequence[str]) -> Gradients:
        """The losses of some players; real and fake go through a discriminator as two batches."""
        result, judged = Gradients(losses={player: tf.constant(0.0) for player in players}), _Judged(self.networks, p)
        for duel in self.objective.duels(p):
            loss, moves = duel.loss, duel.disc in players
            fakers, hiders = ([m for m in makers if m in players] for makers in (duel.fakers, duel.hiders))
            if moves or fakers:
                fake = judged(duel.disc, duel.fake, duel.called)  # logits [N]
                result.logits[f"{duel.disc}/{duel.called}"] = self.mean(fake)
                for faker in fakers:
                    result.losses[faker] += self.mean(loss.faker(fake))
            if moves or hiders:
                real = judged(duel.disc, duel.real, "real")
                result.logits[f"{duel.disc}/real"] = self.mean(real)
                for hider in hiders:
                    result.losses[hider] += self.mean(loss.faker(-real))
            if moves:
                result.losses[duel.disc] += self.mean(loss.disc_real(real)) + self.mean(loss.disc_fake(fake))
            if moves and duel.penalty:
                penalty = result.directs[f"penalty_{duel.disc}"] = self.mean(duel.penalty(self.networks[duel.disc]))
                result.losses[duel.disc] += penalty
        for direct in self.objective.directs(p):
            if payers := [d for d in direct.players if d in players]:
                value = result.directs[direct.name] = self.mean(direct.values())
                for player in payers:
                    result.losses[player] += value
        return result

    def fused(self, new_pass: Callable[[], Pass], players: Sequence[str]) -> Gradients:
        """One pass and one way back for all players; exact where `why_not_fused` has nothing to say."""
        result = Gradients(losses={player: tf.constant(0.0) for player in players})
        # Persistent only for `_assert_own`, which adds no operation to the graph.
        with tf.GradientTape(persistent=True) as making:
            p = new_pass()
            duels, directs = list(self.objective.duels(p)), list(self.objective.directs(p))
            direct_losses = [self.mean(d.values()) for d in directs]
        assert all(d.loss.fusable or d.loss.minimax for d in duels), "fused is wrong here: a loss is flat somewhere"
        assert not any(d.penalty or d.hiders for d in duels), "fused is wrong here: it knows no penalties and no hiders"
        for duel in duels:
            self._assert_own(making, duel.fake, duel.fakers)
        for direct, loss in zip(directs, direct_losses, strict=True):
            self._assert_own(making, loss, direct.players)

        # Copies, so that a fake that two discriminators judge gets each one's gradient by itself.
        fakes = [[tf.identity(t) for t in tf.nest.flatten(d.fake)] for d in duels]
        discs = [self._variables(d.disc) for d in duels]
        with tf.GradientTape(watch_accessed_variables=False) as judging:
            judging.watch([discs, fakes])
            logits = [
                self.networks[d.disc](_stacked(d.real, f), partial(_for_dropout, p, d.disc, ("real", d.called)))
                for d, f in zip(duels, fakes, strict=True)
            ]  # [2 N]
        slopes, ratios = [], []
        for duel, both in zip(duels, logits, strict=True):
            slope, ratio = self._play(duel, both, result)
            slopes.append(slope)
            ratios.append(ratio)
        judged, pushes = judging.gradient(logits, (discs, fakes), output_gradients=slopes)
        result.of = {d.disc: gradient for d, gradient in zip(duels, judged, strict=True)}
        assert len(result.of) == len(duels), "a discriminator plays two duels: fused knows one each"

        targets, pulls = list(direct_losses), [tf.ones_like(loss) for loss in direct_losses]
        for duel, push, ratio in zip(duels, pushes, ratios, strict=True):
            targets += tf.nest.flatten(duel.fake)
            pulls += [_per_sample(ratio, gradient) for gradient in push]
        makers = [player for player in players if player not in result.of]
        made = making.gradient(targets, [self._variables(m) for m in makers], output_gradients=pulls)
        result.of |= zip(makers, made, strict=True)
        for direct, loss in zip(directs, direct_losses, strict=True):
            result.directs[direct.name] = loss
            for player in direct.players:
                result.losses[player] += loss
        return result

    def _play(self, duel: Duel, both: tf.Tensor, result: Gradients) -> tuple[tf.Tensor, tf.Tensor]:
        """Adds a duel's losses to the result; returns the slopes of the discriminator's loss [2 N], the ratios [N]."""
        real, fake = tf.split(both, 2)
        loss = duel.loss
        result.logits |= {f"{duel.disc}/real": self.mean(real), f"{duel.disc}/{duel.called}": self.mean(fake)}
        result.losses[duel.disc] += self.mean(loss.disc_real(real)) + self.mean(loss.disc_fake(fake))
        for faker in duel.fakers:
            result.losses[faker] += self.mean(loss.faker(fake))
        disc_fake = _slope(loss.disc_fake, fake)
        if loss.minimax:
            ratios = -tf.ones_like(fake)
        else:
            disc_fake = tf.maximum(disc_fake, SLOPE_FLOOR)
            ratios = _slope(loss.faker, fake) / disc_fake
        share = 1.0 / (fake.shape[0] * self.replicas)  # d mean(values) / d value
        return tf.concat([_slope(loss.disc_real, real), disc_fake], 0) * share, ratios

    def _assert_own(self, tape: tf.GradientTape, made: tf.Tensor, makers: Sequence[str]) -> None:
        for player in set(self.objective.players) - set(makers):
            gradients = tape.gradient(made, self._variables(player))
            assert all(g is None for g in gradients), f"fused is wrong here: {player} is no faker, yet made a fake"

    def _variables(self, player: str) -> list[tf.Variable]:
        return self.networks[player].trainable_variables


class _Judged:
    """The logits of discriminators; what several duels share goes through once."""

    def __init__(self, networks: Networks, p: Pass):
        self._networks, self._pass = networks, p
        self._known: dict[tuple[object, ...], tuple[tf.Tensor, object]] = {}  # logits, and what was judged

    def __call__(self, disc: str, judged: tf.Tensor | tuple[tf.Tensor, ...], called: str) -> tf.Tensor:
        key = (disc, *(id(t) for t in tf.nest.flatten(judged)))
        if key not in self._known:
            logits = self._networks[disc](judged, partial(_for_dropout, self._pass, disc, [called]))
            self._known[key] = (logits, judged)  # kept with it, so that no id is given twice
        return self._known[key][0]


def _for_dropout(p: Pass, disc: str, batches: Sequence[str], size: int) -> tf.Tensor:
    """Uniform numbers for what a discriminator drops of batches one after another, [M N, size]."""
    return tf.concat([p.uniform(f"dropout_{disc}_{batch}", size) for batch in batches], 0)


def _slope(function: Callable[[tf.Tensor], tf.Tensor], at: tf.Tensor) -> tf.Tensor:
    """The derivative of an elementwise function."""
    with tf.GradientTape() as tape:
        tape.watch(at)
        values = function(at)
    return tape.gradient(values, at)


def _stacked(real: tf.Tensor | tuple[tf.Tensor, ...], fake: Sequence[tf.Tensor]) -> tf.Tensor | tuple[tf.Tensor, ...]:
    """Real and fake as one batch [2 N, ...], with the structure of `real`."""
    both = [tf.concat([r, f], 0) for r, f in zip(tf.nest.flatten(real), fake, strict=True)]
    return tf.nest.pack_sequence_as(real, both)


def _per_sample(numbers: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
    """Numbers [N] times values [N, ...], sample by sample."""
    return tf.reshape(numbers, [-1] + [1] * (values.shape.rank - 1)) * values

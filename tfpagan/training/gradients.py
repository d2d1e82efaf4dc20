"""From an objective to gradients, in three ways.

`reference` uses a fresh pass and a fresh tape per player: slow, obviously correct, the oracle of the tests.
`simultaneous` uses one pass and one tape, and one backward pass per player. Valid for every objective.
`fused` uses one backward pass. A discriminator that does not couple its samples sends each fake its own gradient, and the
adversary's loss and the discriminator's loss are functions of the same logit l, so that the adversary should receive

    d adversary(l) / d fake  =  (adversary'(l) / disc_fake'(l))  *  d disc_fake(l) / d fake,

the gradient computed anyway for the discriminator, times one number per sample.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import tensorflow as tf

from tfpagan import networks as nets
from tfpagan.forward.forward_pass import Pass
from tfpagan.objectives.contract import Game, Objective

SLOPE_FLOOR = 1e-12
"""Smaller slopes of `disc_fake` are replaced by this in the fused backward pass: the ratio stays finite for logits of -100.

The discriminator's gradient is off by at most this times d logit / d weight, and the gradient of the fakes, this times
d logit / d pixel, is still 26 orders of magnitude above the smallest float32 and bfloat16.
"""


Networks = Mapping[str, tf.keras.Model]


@dataclass
class Gradients:
    """The result of one pass: gradients and loss per player, mean logits of every game, loss terms, statistics of the codes.

    All but the gradients are this replica's share: their sum over replicas is the mean over the global batch.
    """

    of: dict[str, list[tf.Tensor]] = field(default_factory=dict)
    losses: dict[str, tf.Tensor] = field(default_factory=dict)
    logits: dict[str, tf.Tensor] = field(default_factory=dict)
    loss_terms: dict[str, tf.Tensor] = field(default_factory=dict)
    latents: dict[str, tf.Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class Backward:
    """Turns a pass into gradients.

    Attributes:
      objective: games and loss terms.
      networks: by role.
      replicas: number of replicas that share the batch. This is the only place that divides by it: gradients and losses of
        replicas are summed.
      loss_scales: per player, for float16; 1 for absent players. The gradients are multiplied by it.
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
            result.loss_terms |= one.loss_terms
            result.latents = one.latents
            if player != players[-1]:  # batch statistics change as by one pass, however many there are
                for variable, value in zip(averages, before, strict=True):
                    variable.assign(value)
        return result

    def simultaneous(self, new_pass: Callable[[], Pass], players: Sequence[str]) -> Gradients:
        """One pass, one tape, one backward pass per player."""
        with tf.GradientTape(persistent=True) as tape:
            result = self._forward(new_pass(), players)
            scaled = {p: loss * self.loss_scales.get(p, 1.0) for p, loss in result.losses.items()}
        for player in players:
            result.of[player] = tape.gradient(scaled[player], self._variables(player))
        return result

    def _forward(self, p: Pass, players: Sequence[str]) -> Gradients:
        """The losses of some players; a discriminator takes real and fake as two batches."""
        result, judged = _without_losses(players), _Judged(self.networks, p)
        for game in self.objective.games(p):
            loss, moves = game.loss, game.disc in players
            of_fake = [role for role in game.adversaries if role in players]
            of_real = [role for role in game.real_adversaries if role in players]
            if moves or of_fake:
                fake = judged(game.disc, game.fake, game.fake_name)  # logits [N]
                result.logits[f"{game.disc}/{game.fake_name}"] = self.mean(fake)
                for adversary in of_fake:
                    result.losses[adversary] += self.mean(loss.adversary(fake))
            if moves or of_real:
                real = judged(game.disc, game.real, "real")
                result.logits[f"{game.disc}/real"] = self.mean(real)
                for adversary in of_real:
                    result.losses[adversary] += self.mean(loss.adversary(-real))
            if moves:
                result.losses[game.disc] += self.mean(loss.disc_real(real)) + self.mean(loss.disc_fake(fake))
            if moves and game.penalty:
                penalty = result.loss_terms[f"penalty_{game.disc}"] = self.mean(game.penalty(self.networks[game.disc]))
                result.losses[game.disc] += penalty
        for term in self.objective.loss_terms(p):
            if minimizers := [role for role in term.players if role in players]:
                value = result.loss_terms[term.name] = self.mean(term.values())
                for player in minimizers:
                    result.losses[player] += value
        result.latents = self._latents(p)
        return result

    def fused(self, new_pass: Callable[[], Pass], players: Sequence[str]) -> Gradients:
        """One pass and one backward pass for all players; exact where `why_not_fused` is None."""
        result = _without_losses(players)
        with tf.GradientTape() as making:
            p = new_pass()
            games, terms = list(self.objective.games(p)), list(self.objective.loss_terms(p))
            term_losses = [self.mean(term.values()) for term in terms]
        assert all(g.loss.fusable or g.loss.minimax for g in games), "fused is wrong here: a loss is flat somewhere"
        assert not any(g.penalty or g.real_adversaries for g in games), "fused knows no penalties and no real adversaries"

        # Copies, so that a fake judged by two discriminators gets a gradient from each.
        fakes = [[tf.identity(t) for t in tf.nest.flatten(g.fake)] for g in games]
        discs = [self._variables(g.disc) for g in games]
        with tf.GradientTape(watch_accessed_variables=False) as judging:
            judging.watch([discs, fakes])
            logits = [
                self.networks[g.disc](_stacked(g.real, f), partial(_uniform, p, g.disc, ("real", g.fake_name)))
                for g, f in zip(games, fakes, strict=True)
            ]  # [2 N]
        slopes, ratios = [], []
        for game, both in zip(games, logits, strict=True):
            slope, ratio = self._play(game, both, result)
            slopes.append(slope)
            ratios.append(ratio)
        judged, pushes = judging.gradient(logits, (discs, fakes), output_gradients=slopes)
        result.of = {g.disc: gradient for g, gradient in zip(games, judged, strict=True)}
        assert len(result.of) == len(games), "a discriminator plays two games: fused knows one each"

        targets, pulls = list(term_losses), [tf.ones_like(loss) for loss in term_losses]
        for game, push, ratio in zip(games, pushes, ratios, strict=True):
            targets += tf.nest.flatten(game.fake)
            pulls += [_per_sample(ratio, gradient) for gradient in push]
        makers = [player for player in players if player not in result.of]
        made = making.gradient(targets, [self._variables(m) for m in makers], output_gradients=pulls)
        result.of |= zip(makers, made, strict=True)
        for term, loss in zip(terms, term_losses, strict=True):
            result.loss_terms[term.name] = loss
            for player in term.players:
                result.losses[player] += loss
        result.latents = self._latents(p)
        return result

    def _latents(self, p: Pass) -> dict[str, tf.Tensor]:
        return {name: self.mean(values) for name, values in p.statistics().items()}

    def _play(self, game: Game, both: tf.Tensor, result: Gradients) -> tuple[tf.Tensor, tf.Tensor]:
        """Adds a game's losses to the result; returns the slopes of the discriminator's loss [2 N] and the ratios [N]."""
        real, fake = tf.split(both, 2)
        loss = game.loss
        result.logits |= {f"{game.disc}/real": self.mean(real), f"{game.disc}/{game.fake_name}": self.mean(fake)}
        result.losses[game.disc] += self.mean(loss.disc_real(real)) + self.mean(loss.disc_fake(fake))
        for adversary in game.adversaries:
            result.losses[adversary] += self.mean(loss.adversary(fake))
        disc_fake = _slope(loss.disc_fake, fake)
        if loss.minimax:
            ratios = -tf.ones_like(fake)
        else:
            disc_fake = tf.maximum(disc_fake, SLOPE_FLOOR)
            ratios = _slope(loss.adversary, fake) / disc_fake
        share = 1.0 / (fake.shape[0] * self.replicas)  # d mean(values) / d value
        return tf.concat([_slope(loss.disc_real, real), disc_fake], 0) * share, ratios

    def _variables(self, player: str) -> list[tf.Variable]:
        return self.networks[player].trainable_variables


def _without_losses(players: Sequence[str]) -> Gradients:
    return Gradients(losses={player: tf.constant(0.0) for player in players})


class _Judged:
    """The logits of discriminators; tensors that several games share are judged once."""

    def __init__(self, networks: Networks, p: Pass):
        self._networks, self._pass = networks, p
        self._known: dict[tuple[object, ...], tuple[tf.Tensor, object]] = {}  # logits, and the judged tensors

    def __call__(self, disc: str, judged: tf.Tensor | tuple[tf.Tensor, ...], fake_name: str) -> tf.Tensor:
        key = (disc, *(id(t) for t in tf.nest.flatten(judged)))
        if key not in self._known:
            logits = self._networks[disc](judged, partial(_uniform, self._pass, disc, [fake_name]))
            self._known[key] = (logits, judged)  # the tensors are kept, so that no id is reused
        return self._known[key][0]


def _uniform(p: Pass, disc: str, batches: Sequence[str], purpose: str, size: int) -> tf.Tensor:
    """Uniform numbers for a discriminator's dropout or augmentation of consecutive batches, [M N, size]."""
    return tf.concat([p.uniform(f"{purpose}_{disc}_{batch}", size) for batch in batches], 0)


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

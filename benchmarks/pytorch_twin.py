"""PAGAN in eager PyTorch, with the networks and the weights of ours: what `against_pytorch.py` measures ours against.

Written as one writes it there: channels_last, one forward pass whose fakes all losses share, `torch.autograd.grad` once for
each loss, Adam's fused kernel. Spectral normalisation is that of `tfpagan.networks.blocks`, one power iteration per step.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from tfpagan.networks.blocks import LEAK

AXES = {1: (0,), 2: (1, 0), 4: (3, 2, 0, 1)}
"""PyTorch's order of the axes of our biases, dense kernels and convolutions, of which a transposed one swaps in and out."""


def _parameter(ours: tf.Variable) -> nn.Parameter:
    return nn.Parameter(torch.from_numpy(np.array(ours.numpy().transpose(AXES[len(ours.shape)]))))


class Spectral(nn.Module):
    """A convolution or dense layer with W / sigma, from one of ours."""

    def __init__(self, ours: Any):
        super().__init__()
        self.strides = getattr(ours, "strides", 0)
        self.kernel, self.bias = _parameter(ours.kernel), _parameter(ours.bias)
        self.u, self.v = torch.from_numpy(ours.u.numpy()), torch.from_numpy(ours.v.numpy())

    @torch.no_grad()
    def power_iteration(self) -> None:
        """One round of v <- W u / |W u|, u <- W' v / |W' v|."""
        matrix = self.kernel.flatten(1)  # [out, in]
        self.v = F.normalize(matrix.T @ self.u, dim=0)
        self.u = F.normalize(matrix @ self.v, dim=0)

    def forward(self, x: Tensor) -> Tensor:
        weight = self.kernel / (self.u @ self.kernel.flatten(1) @ self.v)
        if not self.strides:
            return F.linear(x, weight, self.bias)
        return F.conv2d(x, weight, self.bias, self.strides, padding=1)  # 3 by stride 1, 4 by stride 2: the same as "same"


class Norm(nn.Module):
    """Batch normalisation in training, from one of ours."""

    def __init__(self, ours: Any):
        super().__init__()
        self.weight, self.bias = _parameter(ours.gamma) if ours.scale else None, _parameter(ours.beta)
        self.register_buffer("mean", torch.zeros(len(self.bias)))
        self.register_buffer("variance", torch.ones(len(self.bias)))

    def forward(self, x: Tensor) -> Tensor:
        return F.batch_norm(x, self.mean, self.variance, self.weight, self.bias, True, 0.1, 2e-5)


def _flat(h: Tensor) -> Tensor:
    return h.permute(0, 2, 3, 1).flatten(1)  # in the order of ours; with channels_last nothing moves


class Generator(nn.Module):
    """Codes [N, Z] to images [N, C, H, W]."""

    def __init__(self, ours: Any):
        super().__init__()
        self.bottom = ours.bottom
        self.dense, self.dense_norm = _parameter(ours.dense.kernel), Norm(ours.dense_norm)
        self.deconvs = nn.ParameterList([_parameter(layer.kernel) for layer in ours.deconvs])
        self.norms = nn.ModuleList([Norm(layer) for layer in ours.norms])
        self.to_image, self.bias = _parameter(ours.to_image.kernel), _parameter(ours.to_image.bias)

    def forward(self, z: Tensor) -> Tensor:
        h = F.relu(self.dense_norm(F.linear(z, self.dense)))
        h = h.view(-1, *self.bottom).permute(0, 3, 1, 2)  # channels_last
        for kernel, norm in zip(self.deconvs, self.norms, strict=True):
            h = F.relu(norm(F.conv_transpose2d(h, kernel, stride=2, padding=1)))
        return torch.tanh(F.conv2d(h, self.to_image, self.bias, padding=1).float())


class Encoder(nn.Module):
    """Images [N, C, H, W] to the moments of codes, each [N, Z]."""

    def __init__(self, ours: Any):
        super().__init__()
        self.strides = [layer.strides[0] for layer in ours.trunk.convs]
        self.convs = nn.ParameterList([_parameter(layer.kernel) for layer in ours.trunk.convs])
        self.first_bias = _parameter(ours.trunk.convs[0].bias)
        self.norms = nn.ModuleList([Norm(layer) for layer in ours.trunk.norms])
        self.moments, self.bias = _parameter(ours.moments.kernel), _parameter(ours.moments.bias)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = F.leaky_relu(F.conv2d(x, self.convs[0], self.first_bias, self.strides[0], padding=1), LEAK)
        for kernel, strides, norm in zip(list(self.convs)[1:], self.strides[1:], self.norms, strict=True):
            h = F.leaky_relu(norm(F.conv2d(h, kernel, None, strides, padding=1)), LEAK)
        mean, log_variance = F.linear(_flat(h), self.moments, self.bias).float().chunk(2, 1)
        return mean, log_variance


class Discriminator(nn.Module):
    """Images, pairs joined by width, or codes to logits [N]."""

    def __init__(self, layers: Iterable[Any], to_logit: Any):
        super().__init__()
        self.layers, self.to_logit = nn.ModuleList([Spectral(layer) for layer in layers]), Spectral(to_logit)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = F.leaky_relu(layer(x), LEAK)
        return self.to_logit(_flat(x) if x.ndim == 4 else x)[:, 0].float()


class Twin:
    """PAGAN's networks, optimizers and step.

    Args:
      ours: our networks, by role.
      bfloat16: whether convolutions and products are computed in it.
    """

    def __init__(self, ours: Mapping[str, Any], *, bfloat16: bool = False):
        self.networks: dict[str, nn.Module] = {"generator": Generator(ours["generator"]), "encoder": Encoder(ours["encoder"])}
        for role in ("disc_x", "disc_xx"):
            self.networks[role] = Discriminator(ours[role].trunk.convs, ours[role].to_logit)
        self.networks["disc_z"] = Discriminator(ours["disc_z"].hidden, ours["disc_z"].to_logit)
        for network in self.networks.values():
            network.to(memory_format=torch.channels_last)
        self.spectral = [m for network in self.networks.values() for m in network.modules() if isinstance(m, Spectral)]
        self._adam = {
            role: torch.optim.Adam(network.parameters(), 2e-4, (0.5, 0.999), 1e-8, fused=True)
            for role, network in self.networks.items()
        }
        self._bfloat16 = bfloat16

    def losses(self, x: Tensor, x_aug: Tensor, z: Tensor, noise: Tensor) -> dict[str, Tensor]:
        """By role, from images and augmented images [N, C, H, W] in [-1, 1], prior codes and normal noise [N, Z]."""
        n = self.networks
        with torch.autocast("cpu", torch.bfloat16, enabled=self._bfloat16):
            mean, log_variance = n["encoder"](x)
            z_enc = mean + torch.exp(0.5 * log_variance) * noise
            x_gen, x_rec = n["generator"](z), n["generator"](z_enc)
            pairs = torch.cat([torch.cat([x, x_aug], 3), torch.cat([x, x_rec], 3)])
            of_x, of_z = n["disc_x"](torch.cat([x, x_gen])), n["disc_z"](torch.cat([z, z_enc]))
            games = {"disc_x": of_x, "disc_z": of_z, "disc_xx": n["disc_xx"](pairs)}
        halves = {role: logits.chunk(2) for role, logits in games.items()}
        fooled = {role: F.softplus(-fake).mean() for role, (_, fake) in halves.items()}
        losses = {role: F.softplus(-real).mean() + F.softplus(fake).mean() for role, (real, fake) in halves.items()}
        losses["generator"] = fooled["disc_x"] + fooled["disc_xx"]
        losses["encoder"] = fooled["disc_z"] + fooled["disc_xx"]
        return losses

    def step(self, images: Tensor) -> None:
        """Update every player once, all from the same parameters; uint8 images [N, H, W, C]."""
        x = (images.permute(0, 3, 1, 2).float() / 127.5 - 1.0).contiguous(memory_format=torch.channels_last)
        for layer in self.spectral:
            layer.power_iteration()
        latent = self.networks["encoder"].bias.shape[0] // 2
        losses = self.losses(x, pad_crop(x, 3), torch.randn(len(x), latent), torch.randn(len(x), latent))
        gradients = {}
        for role, loss in losses.items():
            parameters = list(self.networks[role].parameters())
            gradients[role] = torch.autograd.grad(loss, parameters, retain_graph=True)
        for role, network in self.networks.items():
            for parameter, gradient in zip(network.parameters(), gradients[role], strict=True):
                parameter.grad = gradient
            self._adam[role].step()


def pad_crop(x: Tensor, border: int) -> Tensor:
    """Reflect-pad and crop back at a random position; each image [C, H, W] for itself."""
    height, width = x.shape[2:]
    padded = F.pad(x, (border,) * 4, mode="reflect")
    top, left = torch.randint(0, 2 * border + 1, (2, len(x)))
    rows = (top[:, None] + torch.arange(height))[:, :, None]
    columns = (left[:, None] + torch.arange(width))[:, None, :]
    of = torch.arange(len(x))[:, None, None]
    return padded.permute(0, 2, 3, 1)[of, rows, columns].permute(0, 3, 1, 2)

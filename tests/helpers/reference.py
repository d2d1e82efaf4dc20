"""Slow reference implementations in numpy, written from the papers' formulas and not from the package's code."""

import numpy as np


def largest_singular_value(kernel: np.ndarray) -> float:
    """The largest singular value of a kernel [..., out], reshaped to a matrix [in, out]."""
    return float(np.linalg.svd(kernel.reshape(-1, kernel.shape[-1]), compute_uv=False)[0])


def power_iteration(kernel: np.ndarray, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """New u and v (Miyato et al., 2018, Algorithm 1), with W [in, out] the transpose of theirs."""
    matrix = kernel.reshape(-1, kernel.shape[-1]).astype(np.float64)
    v = matrix @ u
    v /= np.linalg.norm(v)
    u = matrix.T @ v
    return u / np.linalg.norm(u), v


def pad_crop(x: np.ndarray, border: int, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Reflect-pad x [N, H, W, C], and crop [H, W] from rows [N] and columns [N] of the padded images on."""
    height, width = x.shape[1:3]
    padded = np.pad(x, [(0, 0), (border, border), (border, border), (0, 0)], mode="reflect")
    return np.stack([p[r : r + height, c : c + width] for p, r, c in zip(padded, rows, columns, strict=True)])


def gaussian_blur(image: np.ndarray, sigma: float, size: int) -> np.ndarray:
    """Blur one image [H, W, C] with a kernel size x size and reflected borders, in float64."""
    reach = size // 2
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    kernel = np.outer(weights, weights) / weights.sum() ** 2
    padded = np.pad(image.astype(np.float64), [(reach, reach), (reach, reach), (0, 0)], mode="reflect")
    height, width = image.shape[:2]
    out = np.zeros_like(image, np.float64)
    for i in range(size):
        for j in range(size):
            out += kernel[i, j] * padded[i : i + height, j : j + width]
    return out


def minus_log_sigmoid(logit: np.ndarray) -> np.ndarray:
    """-log sigmoid(l) by its definition, in float64; correct as long as exp(-l) does not overflow."""
    return np.log1p(np.exp(-logit.astype(np.float64)))


def squared_distance_to_nearest(codes: np.ndarray) -> np.ndarray:
    """Squared distance [N] of every code [N, M] to the nearest other one, pair by pair."""
    return np.array([min(((a - b) ** 2).sum() for j, b in enumerate(codes) if j != i) for i, a in enumerate(codes)])


def kl_of_fitted_normal(codes: np.ndarray, floor: float = 0.0) -> float:
    """KL per dimension of N(mean, diag variance) of codes [N, M] from N(0, I), dimension by dimension."""
    terms = [0.5 * (c.var() + c.mean() ** 2 - 1.0 - np.log(c.var() + floor)) for c in codes.astype(np.float64).T]
    return float(np.mean(terms))


def log_normal(x: np.ndarray, mean: np.ndarray, deviation: np.ndarray | float) -> np.ndarray:
    """Log-density [N] of independent normals, by its definition."""
    density = np.exp(-0.5 * ((x - mean) / deviation) ** 2) / (deviation * np.sqrt(2 * np.pi))
    return np.log(density.astype(np.float64)).reshape(len(x), -1).sum(1)


# Nowozin et al. (2016), tables 1, 2 and 6: f(u), its conjugate f*(t), and the activation g(v), as printed except for reverse
# KL and squared Hellinger, whose activations here are increasing, as the text requires.
F_DIVERGENCES = {
    "jensen_shannon": (
        lambda u: u * np.log(u) - (u + 1) * np.log((u + 1) / 2),
        lambda t: -np.log(2 - np.exp(t)),
        lambda v: np.log(2) - np.log1p(np.exp(-v)),
    ),
    "kl": (lambda u: u * np.log(u), lambda t: np.exp(t - 1), lambda v: v),
    "reverse_kl": (lambda u: -np.log(u), lambda t: -1 - np.log(-t), lambda v: -np.exp(-v)),
    "pearson": (lambda u: (u - 1) ** 2, lambda t: t**2 / 4 + t, lambda v: v),
    "squared_hellinger": (lambda u: (np.sqrt(u) - 1) ** 2, lambda t: t / (1 - t), lambda v: 1 - np.exp(-v)),
    "total_variation": (lambda u: np.abs(u - 1) / 2, lambda t: t, lambda v: np.tanh(v) / 2),
}

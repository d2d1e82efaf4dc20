"""Slow oracles in numpy, written from the papers' formulas and not from the package's code."""

import numpy as np


def largest_singular_value(kernel: np.ndarray) -> float:
    """Of a kernel [..., out] read as a matrix [in, out]."""
    return float(np.linalg.svd(kernel.reshape(-1, kernel.shape[-1]), compute_uv=False)[0])


def power_iteration(kernel: np.ndarray, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Miyato et al. (2018), Algorithm 1, with W [in, out] the transpose of theirs: new u and v."""
    matrix = kernel.reshape(-1, kernel.shape[-1]).astype(np.float64)
    v = matrix @ u
    v /= np.linalg.norm(v)
    u = matrix.T @ v
    return u / np.linalg.norm(u), v


def pad_crop(x: np.ndarray, border: int, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Reflect-pad x [N, H, W, C] and crop [H, W] beginning at rows [N], columns [N] of the padded image."""
    height, width = x.shape[1:3]
    padded = np.pad(x, [(0, 0), (border, border), (border, border), (0, 0)], mode="reflect")
    return np.stack([p[r : r + height, c : c + width] for p, r, c in zip(padded, rows, columns, strict=True)])


def gaussian_blur(image: np.ndarray, sigma: float, size: int) -> np.ndarray:
    """One image [H, W, C], kernel size x size, borders reflected, in float64."""
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
    """-log sigmoid(l), by the definition, in float64: correct while exp(-l) does not overflow."""
    return np.log1p(np.exp(-logit.astype(np.float64)))

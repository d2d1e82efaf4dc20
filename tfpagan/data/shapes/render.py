"""Images of one coloured shape each, by signed distance; in numpy, N images at a time.

A signed distance is negative inside a shape and positive outside, in units of the shape's radius; x grows to the right
and y upwards. The coverage of a pixel is the clipped distance in px, which antialiases the edge.
"""

from collections.abc import Callable

import numpy as np

SIZE_PX = 32
NAMES = ("circle", "ring", "half_disc", "crescent", "triangle", "square", "pentagon", "star", "cross", "heart")
TEXTURES = ("plain", "gradient", "stripes", "checks", "dots", "clouds")

Distance = Callable[[np.ndarray, np.ndarray], np.ndarray]


def render(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Images [N, 32, 32, 3] uint8 and labels [N] int64 (indices into `NAMES`, in turn), always the same.

    >>> render(20, seed=0)[1].tolist() == list(range(10)) * 2
    True
    """
    # RandomState, not default_rng: numpy promises never to change its stream, and these pixels are pinned by a test.
    random = np.random.RandomState(seed)
    labels = np.arange(count) % len(NAMES)
    hue = random.uniform(size=count)
    tint = _rgb(hue, random.uniform(0.65, 1.0, count), random.uniform(0.75, 1.0, count))
    ground = _background(count, hue, random)
    inside, light = _coverage(labels, random)
    lit = np.clip(tint[:, None, None, :] * light[..., None], 0.0, 1.0)
    picture = ground + inside[..., None] * (lit - ground)
    return np.floor(picture * 255.0 + 0.5).astype(np.uint8), labels


def _coverage(labels: np.ndarray, random: np.random.RandomState) -> tuple[np.ndarray, np.ndarray]:
    """Coverage of each pixel by the shape, in [0, 1], and its brightness, about 1; both [N, H, W]."""
    n = len(labels)
    radius_px = random.uniform(0.22, 0.40, n) * SIZE_PX
    room_px = SIZE_PX / 2 - radius_px - 1
    right, up = (random.uniform(-1, 1, n) * room_px for _ in "xy")
    tilt = random.uniform(-0.35, 0.35, n)  # radians; small, so that a square never looks like a diamond
    axis = np.arange(SIZE_PX) - (SIZE_PX - 1) / 2
    x = (axis[None, None, :] - right[:, None, None]) / radius_px[:, None, None]
    y = (-axis[None, :, None] - up[:, None, None]) / radius_px[:, None, None]
    cos, sin = np.cos(tilt)[:, None, None], np.sin(tilt)[:, None, None]
    u, v = cos * x + sin * y, cos * y - sin * x  # [N, H, W]
    distance = np.empty_like(u)
    for label, name in enumerate(NAMES):
        chosen = labels == label
        distance[chosen] = DISTANCES[name](u[chosen], v[chosen])
    light = 1.0 + 0.18 * np.clip(y - x, -1.5, 1.5) / 1.5  # from the upper left
    return np.clip(0.5 - distance * radius_px[:, None, None], 0.0, 1.0), np.broadcast_to(light, u.shape)


def _polygon(corners: int) -> Distance:
    """A regular polygon on the unit circle, one corner on top."""

    def distance(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        wedge = 2 * np.pi / corners
        angle = np.mod(np.arctan2(x, y), wedge) - wedge / 2
        return np.hypot(x, y) * np.cos(angle) - np.cos(wedge / 2)

    return distance


def _star(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    wedge, waist = np.pi / 5, 0.45
    angle = np.abs(np.mod(np.arctan2(x, y) + wedge, 2 * wedge) - wedge)  # from the nearest tip
    radius = np.hypot(x, y)
    along, across = radius * np.cos(angle), radius * np.sin(angle)
    # The edge runs from the tip (1, 0) to the waist; its outward normal is the edge turned by 90 degrees.
    normal = np.array([waist * np.sin(wedge), 1 - waist * np.cos(wedge)])
    normal /= np.sqrt(normal @ normal)
    return (along - 1) * normal[0] + across * normal[1]


def _heart(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    half = 0.55  # a square on its corner, with a disc on each upper side
    u, v = (x + y + 0.1) / np.sqrt(2), (y - x + 0.1) / np.sqrt(2)
    square = np.maximum(np.abs(u), np.abs(v)) - half
    return np.minimum(square, np.minimum(np.hypot(u - half, v), np.hypot(u, v - half)) - half)


def _cross(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    arm, width = 0.95, 0.33
    across = np.maximum(np.abs(x) - arm, np.abs(y) - width)
    return np.minimum(across, np.maximum(np.abs(x) - width, np.abs(y) - arm))


def _crescent(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.maximum(np.hypot(x, y) - 1, 0.8 - np.hypot(x - 0.5, y - 0.2))


DISTANCES: dict[str, Distance] = {
    "circle": lambda x, y: np.hypot(x, y) - 0.95,
    "ring": lambda x, y: np.abs(np.hypot(x, y) - 0.72) - 0.25,
    "half_disc": lambda x, y: np.maximum(np.hypot(x, y + 0.4) - 1, -0.4 - y),
    "crescent": _crescent,
    "triangle": _polygon(3),
    "square": lambda x, y: np.maximum(np.abs(x), np.abs(y)) - 0.8,
    "pentagon": _polygon(5),
    "star": _star,
    "cross": _cross,
    "heart": _heart,
}


def _background(count: int, hue: np.ndarray, random: np.random.RandomState) -> np.ndarray:
    """Textures [N, H, W, 3] between two muted colours, both far in hue from the shape's."""
    shades = [
        _rgb(hue + random.uniform(0.25, 0.75, count), random.uniform(0.1, 0.5, count), random.uniform(*value, count))
        for value in ((0.15, 0.45), (0.4, 0.7))
    ]
    dark, bright = (shade[:, None, None, :] for shade in shades)
    kind = random.randint(len(TEXTURES), size=count)
    angle, phase = random.uniform(0, 2 * np.pi, count), random.uniform(0, 2 * np.pi, (2, count))
    period_px = random.uniform(6, 12, count)
    knots = random.uniform(size=(count, 6, 6))
    axis = np.arange(SIZE_PX) - (SIZE_PX - 1) / 2
    cos, sin = np.cos(angle)[:, None, None], np.sin(angle)[:, None, None]
    along, across = cos * axis + sin * axis[:, None], cos * axis[:, None] - sin * axis  # [N, H, W], px
    mix = np.zeros((count, SIZE_PX, SIZE_PX))
    for texture, name in enumerate(TEXTURES):
        i = kind == texture
        wave = (2 * np.pi / period_px[i])[:, None, None]
        a, b = np.sin(wave * along[i] + phase[0, i, None, None]), np.sin(wave * across[i] + phase[1, i, None, None])
        mix[i] = _texture(name, a, b, along[i], knots[i])
    return dark + mix[..., None] * (bright - dark)


def _texture(name: str, a: np.ndarray, b: np.ndarray, along: np.ndarray, knots: np.ndarray) -> np.ndarray:
    """Weights [N, H, W] in [0, 1] from two crossed sines, the position along the texture in px, and random knots."""
    if name == "gradient":
        return 0.5 + along / (1.5 * SIZE_PX)
    if name == "stripes":
        return np.clip(0.5 + 2 * a, 0, 1)
    if name == "checks":
        return np.clip(0.5 + 3 * a * b, 0, 1)
    if name == "dots":
        return np.clip(2 * (a + b) - 1.5, 0, 1)
    if name == "clouds":
        spread = _interpolation(knots.shape[1])  # [H, knots]
        return spread @ knots @ spread.T
    return np.zeros_like(a)


def _interpolation(knots: int) -> np.ndarray:
    """Weights [SIZE_PX, knots] of smooth interpolation between evenly spaced knots."""
    place = np.linspace(0, knots - 1, SIZE_PX)
    near = np.clip(1 - np.abs(place[:, None] - np.arange(knots)), 0, 1)
    return near * near * (3 - 2 * near)


def _rgb(hue: np.ndarray, saturation: np.ndarray, value: np.ndarray) -> np.ndarray:
    """Colours [N, 3] in [0, 1]; the hue is in turns, red at 0, green at a third."""
    turns = np.mod(hue[:, None] + np.array([0.0, 2 / 3, 1 / 3]), 1.0)
    pure = np.clip(np.abs(6 * turns - 3) - 1, 0, 1)
    return value[:, None] * (1 + saturation[:, None] * (pure - 1))

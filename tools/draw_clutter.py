"""What a drawn picture holds besides faces: backgrounds, and things that a weak detector takes for a face.

NumPy and OpenCV only. Colours are BGR, positions are pixels, and everything is drawn from the generator
that is passed in, so that one seed gives one picture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Image = NDArray[np.uint8]
    Color = tuple[float, float, float]
    Point = tuple[float, float]

_SUBPIXEL_BITS = 4
_SUBPIXEL = 1 << _SUBPIXEL_BITS


class Pen(NamedTuple):
    """Draws on an image in units of its own: ``pixel = origin + scale * unit``."""

    image: Image
    origin: Point
    scale: float

    def points(self, units: Sequence[Point] | NDArray[np.float64]) -> NDArray[np.int32]:
        """Return the positions as OpenCV's fixed-point pixels, of shape (N, 1, 2)."""
        pixels = np.asarray(self.origin) + self.scale * np.asarray(units, dtype=np.float64)
        return np.round(pixels * _SUBPIXEL).astype(np.int32).reshape(-1, 1, 2)

    def width(self, units: float) -> int:
        """Return a line width in whole pixels, at least one."""
        return max(1, round(units * self.scale))

    def fill(self, units: Sequence[Point] | NDArray[np.float64], color: Color) -> None:
        """Fill a polygon."""
        cv2.fillPoly(self.image, [self.points(units)], color, cv2.LINE_AA, _SUBPIXEL_BITS)

    def line(self, units: Sequence[Point] | NDArray[np.float64], color: Color, width: float) -> None:
        """Draw an open line through the positions."""
        path, closed = self.points(units), False
        cv2.polylines(self.image, [path], closed, color, self.width(width), cv2.LINE_AA, _SUBPIXEL_BITS)

    def oval(self, centre: Point, radii: Point, color: Color, turn: float = 0.0, width: float = 0.0) -> None:
        """Fill an ellipse, or draw its outline where a width is given. ``turn`` is in degrees."""
        outline = oval_points(centre, radii, turn)
        if width:
            self.line(np.vstack([outline, outline[:1]]), color, width)
        else:
            self.fill(outline, color)


def oval_points(centre: Point, radii: Point, turn: float = 0.0, count: int = 40) -> NDArray[np.float64]:
    """Return ``count`` positions on an ellipse, of shape (count, 2)."""
    angle = np.linspace(0.0, 2.0 * np.pi, count, endpoint=False)
    x, y = radii[0] * np.cos(angle), radii[1] * np.sin(angle)
    cos, sin = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    return np.stack([centre[0] + x * cos - y * sin, centre[1] + x * sin + y * cos], axis=1)


def pick(rng: np.random.Generator, low: float, high: float) -> float:
    """Return a number of a uniform distribution."""
    return float(rng.uniform(low, high))


def any_color(rng: np.random.Generator) -> Color:
    """Return any BGR colour."""
    blue, green, red = rng.integers(0, 256, 3)
    return float(blue), float(green), float(red)


_SKINS = ((205, 224, 250), (180, 205, 241), (150, 180, 224), (125, 160, 208), (96, 134, 190), (70, 104, 158),
          (55, 80, 124), (42, 58, 92))  # fmt: skip
_HAIRS = ((25, 22, 20), (40, 45, 60), (45, 70, 105), (70, 110, 160), (110, 170, 215), (150, 205, 235),
          (60, 80, 170), (175, 175, 178), (225, 225, 225))  # fmt: skip


def shade(color: Color, factor: float) -> Color:
    """Return the colour made darker (below 1) or lighter."""
    blue, green, red = (float(min(255.0, max(0.0, channel * factor))) for channel in color)
    return blue, green, red


def _varied(rng: np.random.Generator, palette: tuple[Color, ...]) -> Color:
    blue, green, red = np.clip(np.array(palette[rng.integers(len(palette))]) + rng.normal(0, 7, 3), 0, 255)
    return float(blue), float(green), float(red)


def skin_color(rng: np.random.Generator) -> Color:
    """Return a skin tone, from light to dark."""
    return _varied(rng, _SKINS)


def hair_color(rng: np.random.Generator) -> Color:
    """Return a natural hair colour, sometimes a dyed one."""
    return any_color(rng) if rng.random() < 0.08 else _varied(rng, _HAIRS)


def background(rng: np.random.Generator, width: int, height: int) -> Image:
    """Return a picture (height, width, 3) with a gradient, clouds, stripes or tiles."""
    first, second = np.array(any_color(rng)), np.array(any_color(rng))
    across, down = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    kind = rng.integers(5)
    if kind == 0:
        share = np.full((height, width), 0.0)
    elif kind == 1:
        angle = pick(rng, 0, 2 * np.pi)
        share = np.clip(0.5 + (across - 0.5) * np.cos(angle) + (down - 0.5) * np.sin(angle), 0, 1)
    elif kind == 2:
        grid = rng.random((int(rng.integers(3, 14)), int(rng.integers(3, 14))))
        share = np.clip(cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC), 0, 1)
    elif kind == 3:
        angle, count = pick(rng, 0, np.pi), pick(rng, 4, 40)
        share = ((across * np.cos(angle) + down * np.sin(angle)) * count % 1.0 < 0.5).astype(np.float64)
    else:
        count = pick(rng, 3, 20)
        share = ((np.floor(across * count) + np.floor(down * count)) % 2).astype(np.float64)
    if kind >= 3:
        share *= pick(rng, 0.1, 0.7)
    mixed = first + share[..., None] * (second - first)
    return np.asarray(mixed, np.uint8)


def _shape(rng: np.random.Generator, pen: Pen) -> None:
    color = skin_color(rng) if rng.random() < 0.3 else any_color(rng)
    kind = rng.integers(5)
    if kind == 0:
        pen.oval((0, 0), (pick(rng, 0.3, 1), pick(rng, 0.3, 1)), color, pick(rng, 0, 180))
    elif kind == 1:
        pen.oval(
            (0, 0), (pick(rng, 0.3, 1), pick(rng, 0.3, 1)), color, pick(rng, 0, 180), pick(rng, 0.02, 0.3)
        )
    elif kind == 2:
        pen.fill(oval_points((0, 0), (1, pick(rng, 0.2, 1)), pick(rng, 0, 180), 4), color)
    elif kind == 3:
        pen.fill(rng.uniform(-1, 1, (int(rng.integers(3, 7)), 2)), color)
    else:
        pen.line(rng.uniform(-1.5, 1.5, (int(rng.integers(2, 7)), 2)), color, pick(rng, 0.02, 0.25))


def _plain_oval(rng: np.random.Generator, pen: Pen) -> None:
    """Draw a head-like oval in a skin tone that holds no face, at times with hair around it."""
    skin = skin_color(rng)
    if rng.random() < 0.5:
        pen.oval((0, -0.15), (0.95, 1.1), hair_color(rng))
    pen.oval((0, 0), (pick(rng, 0.65, 0.9), 1), skin)
    if rng.random() < 0.4:
        pen.line(rng.uniform(-0.6, 0.6, (3, 2)), shade(skin, 0.7), 0.06)


def _back_of_head(rng: np.random.Generator, pen: Pen) -> None:
    hair, skin = hair_color(rng), skin_color(rng)
    pen.fill([(-0.3, 0.5), (0.3, 0.5), (0.35, 1.4), (-0.35, 1.4)], shade(skin, 0.9))
    for side in (-1.0, 1.0):
        pen.oval((side * 0.85, 0.05), (0.14, 0.24), skin)
    pen.oval((0, -0.1), (0.85, 1.0), hair)
    for x in np.linspace(-0.5, 0.5, 5):
        pen.line([(x * 0.3, -0.9), (x, -0.2), (x * 0.9, 0.7)], shade(hair, 1.25), 0.03)


def _dog(rng: np.random.Generator, pen: Pen) -> None:
    fur = hair_color(rng) if rng.random() < 0.5 else skin_color(rng)
    ear = shade(fur, pick(rng, 0.5, 0.9))
    pen.oval((0, 0), (0.8, 0.9), fur)
    droop = pick(rng, 0.1, 0.6)
    for side in (-1.0, 1.0):
        pen.oval((side * 0.8, -0.4 + droop), (0.25, 0.6), ear, side * -15)
        pen.oval((side * 0.33, -0.25), (0.11, 0.13), (20, 20, 25))
    pen.oval((0, 0.4), (0.45, 0.42), shade(fur, 1.25))
    pen.oval((0, 0.2), (0.2, 0.14), (25, 20, 20))
    pen.line([(0, 0.3), (0, 0.55), (-0.25, 0.65)], (30, 30, 40), 0.04)
    pen.line([(0, 0.55), (0.25, 0.65)], (30, 30, 40), 0.04)


def _cat(rng: np.random.Generator, pen: Pen) -> None:
    fur = hair_color(rng)
    for side in (-1.0, 1.0):
        pen.fill([(side * 0.15, -0.7), (side * 0.85, -0.35), (side * 0.75, -1.25)], fur)
    pen.oval((0, 0), (0.9, 0.8), fur)
    for side in (-1.0, 1.0):
        pen.oval((side * 0.36, -0.12), (0.17, 0.2), (60, 200, 160))
        pen.oval((side * 0.36, -0.12), (0.05, 0.18), (10, 10, 10))
        for tilt in (-0.1, 0.05, 0.2):
            pen.line([(side * 0.2, 0.35), (side * 1.1, 0.3 + tilt)], (230, 230, 230), 0.02)
    pen.fill([(-0.1, 0.2), (0.1, 0.2), (0, 0.33)], (120, 110, 230))


def _clock(rng: np.random.Generator, pen: Pen) -> None:
    pen.oval((0, 0), (1, 1), any_color(rng))
    pen.oval((0, 0), (0.88, 0.88), (235, 240, 245) if rng.random() < 0.6 else skin_color(rng))
    for angle in np.linspace(0, 2 * np.pi, 12, endpoint=False):
        ray = (float(np.cos(angle)), float(np.sin(angle)))
        pen.line([(0.72 * ray[0], 0.72 * ray[1]), (0.82 * ray[0], 0.82 * ray[1])], (30, 30, 30), 0.05)
    for length in (0.45, 0.65):
        angle = pick(rng, 0, 2 * np.pi)
        pen.line([(0, 0), (length * float(np.cos(angle)), length * float(np.sin(angle)))], (20, 20, 20), 0.07)


def _button(rng: np.random.Generator, pen: Pen) -> None:
    color = skin_color(rng) if rng.random() < 0.5 else any_color(rng)
    pen.oval((0, 0), (1, 1), color)
    pen.oval((0, 0), (0.8, 0.8), shade(color, 0.85), width=0.06)
    for x, y in ((-0.28, -0.28), (0.28, -0.28), (-0.28, 0.28), (0.28, 0.28)):
        pen.oval((x, y), (0.13, 0.13), shade(color, 0.3))


def _window(rng: np.random.Generator, pen: Pen) -> None:
    frame, glass = any_color(rng), any_color(rng)
    pen.fill([(-1, -1), (1, -1), (1, 1), (-1, 1)], frame)
    for x in (-0.9, 0.05):
        for y in (-0.9, 0.05):
            pen.fill([(x, y), (x + 0.85, y), (x + 0.85, y + 0.85), (x, y + 0.85)], glass)


def _two_dots(rng: np.random.Generator, pen: Pen) -> None:
    """Draw a socket: two dots and a bar on a plate, not in the proportions of a face."""
    pen.fill([(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)], shade(any_color(rng), 1.3))
    pen.oval((0, 0), (0.7, 0.7), (200, 205, 210))
    for side in (-1.0, 1.0):
        pen.oval((side * 0.3, 0), (0.1, 0.1), (30, 30, 30))


THINGS: tuple[Callable[[np.random.Generator, Pen], None], ...] = (
    _shape, _shape, _shape, _plain_oval, _plain_oval, _back_of_head, _dog, _dog, _cat, _clock, _button,
    _window, _two_dots,
)  # fmt: skip


def scatter(rng: np.random.Generator, image: Image, count: int) -> None:
    """Draw ``count`` things at random places and sizes on the image, in place."""
    height, width = image.shape[:2]
    for _ in range(count):
        radius = float(np.exp(rng.uniform(np.log(0.012), np.log(0.22)))) * min(width, height)
        thing = THINGS[rng.integers(len(THINGS))]
        thing(rng, Pen(image, (pick(rng, 0, width), pick(rng, 0, height)), radius))

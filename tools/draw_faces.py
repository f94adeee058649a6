"""Draw pictures with cartoon faces, and say where the faces and their five keypoints are.

The data that the sample model is trained and measured on: no photograph and no real person is in it.
NumPy and OpenCV only. ``draw_scene(seed, ..)`` is a pure function of its arguments.

A face is described in units of half its height around the middle of its oval (x to the right, y down),
drawn upright on a patch of its own, then turned and put on the picture. The box is the tight axis-aligned
box of the turned oval, without hair and ears. Keypoints are, as seen in the picture: left eye, right eye,
tip of the nose, left and right corner of the mouth.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np

from tools.draw_clutter import (
    Pen,
    any_color,
    background,
    hair_color,
    oval_points,
    pick,
    scatter,
    shade,
    skin_color,
)  # fmt: skip

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tools.draw_clutter import Color, Image

    Array = NDArray[np.float64]

_PATCH = (2.0, 2.1)  # a patch reaches this far, left and up of the middle, in units
_INK = (35.0, 30.0, 40.0)


class Scene(NamedTuple):
    """A drawn picture: BGR (H, W, 3), boxes (N, 4) as x1 y1 x2 y2, keypoints (N, 5, 2), all in pixels."""

    image: Image
    boxes: Array
    keypoints: Array


class _Place(NamedTuple):
    """Where a face goes: the middle of its oval, its height in pixels and its turn in degrees."""

    x: float
    y: float
    height: float
    turn: float

    def to_picture(self, units: Array) -> Array:
        cos, sin = np.cos(np.radians(self.turn)), np.sin(np.radians(self.turn))
        turned = units @ np.array([[cos, sin], [-sin, cos]])
        return np.asarray(turned * (self.height / 2) + np.array([self.x, self.y]), np.float64)


class _Look(NamedTuple):
    """The form of one face in units: outline (N, 2), keypoints (5, 2), colours and the gaze."""

    outline: Array
    keypoints: Array
    skin: Color
    hair: Color
    half_width: float
    yaw: float


def _look(rng: np.random.Generator) -> _Look:
    half_width, jaw = pick(rng, 0.68, 0.84), pick(rng, 0.0, 0.28)
    outline = oval_points((0, 0), (half_width, 1.0), count=64)
    outline[:, 0] *= 1.0 - jaw * np.clip(outline[:, 1], 0, 1) ** 2
    yaw, pitch = float(np.clip(rng.normal(0, 0.4), -1, 1)), pick(rng, -0.08, 0.08)
    spread = half_width * (1.0 - 0.15 * abs(yaw))
    shift = 0.24 * half_width * yaw
    eyes, mouth = pick(rng, 0.42, 0.5) * spread, pick(rng, 0.3, 0.44) * spread
    eye_y, nose_y, mouth_y = (pick(rng, *span) + pitch for span in ((-0.2, -0.05), (0.2, 0.32), (0.48, 0.6)))
    keypoints = np.array([
        (shift - eyes, eye_y), (shift + eyes, eye_y), (shift * 1.7, nose_y),
        (shift - mouth, mouth_y), (shift + mouth, mouth_y),
    ])  # fmt: skip
    return _Look(outline, keypoints, skin_color(rng), hair_color(rng), half_width, yaw)


def _hair_behind(rng: np.random.Generator, pens: tuple[Pen, Pen], look: _Look) -> None:
    style, wide = rng.integers(5), look.half_width
    for pen, color in zip(pens, (look.hair, (255.0, 255.0, 255.0)), strict=True):
        if style == 1:
            pen.oval((0, -0.15), (wide * 1.2, 1.12), color)
        elif style == 2:
            pen.oval((0, -0.2), (wide * 1.25, 1.15), color)
            pen.fill(
                [(-wide * 1.25, -0.2), (wide * 1.25, -0.2), (wide * 1.3, 1.3), (-wide * 1.3, 1.3)], color
            )
        elif style == 3:
            pen.oval((0, -0.35), (wide * 1.55, 1.2), color)
        elif style == 4:
            pen.oval((0, -1.15), (0.4, 0.35), color)
            pen.oval((0, -0.2), (wide * 1.1, 1.05), color)


def _hair_front(rng: np.random.Generator, pens: tuple[Pen, Pen], look: _Look) -> None:
    """Draw a fringe, a cap or nothing, above the eyes."""
    style, wide = rng.integers(5), look.half_width
    brim = float(look.keypoints[0, 1]) - pick(rng, 0.3, 0.5)
    color = any_color(rng) if style == 3 else look.hair
    lean = pick(rng, -0.3, 0.3)
    top = [point for point in oval_points((0, -0.05), (wide * 1.08, 1.08), count=64) if point[1] < brim]
    for pen, paint in zip(pens, (color, (255.0, 255.0, 255.0)), strict=True):
        if style in {1, 3} and len(top) > 2:
            pen.fill(np.array(top), paint)
        elif style == 2 and len(top) > 2:
            pen.fill(np.array([*top, (lean, brim - 0.25)]), paint)
        if style == 3:
            pen.fill(
                [(-wide, brim), (wide, brim), (wide * 1.3 + lean, brim + 0.1), (-wide * 1.1, brim + 0.08)],
                paint,
            )


def _eyes(rng: np.random.Generator, pen: Pen, look: _Look) -> None:
    iris = shade(any_color(rng), 0.6)
    wide, tall = pick(rng, 0.13, 0.19), pick(rng, 0.06, 0.12)
    gaze, brow = pick(rng, -0.05, 0.05), pick(rng, 0.17, 0.28)
    closed = rng.random() < 0.08
    for side, (x, y) in zip((-1.0, 1.0), look.keypoints[:2], strict=True):
        narrow = 1.0 - 0.3 * max(0.0, look.yaw * side)
        if closed:
            pen.line([(x - wide, y), (x, y + 0.04), (x + wide, y)], _INK, 0.05)
        else:
            pen.oval((x, y), (wide * narrow, tall), (240, 243, 245))
            pen.oval((x + gaze, y), (tall * 0.95, tall * 0.95), iris)
            pen.oval((x + gaze, y), (tall * 0.5, tall * 0.5), (15, 15, 15))
            pen.line([(x - wide * narrow, y), (x, y - tall), (x + wide * narrow, y)], _INK, 0.035)
        ends = [
            (x - 0.2 * narrow, y - brow + 0.03),
            (x, y - brow - 0.03),
            (x + 0.2 * narrow, y - brow + 0.03),
        ]
        pen.line(ends, shade(look.hair, 0.8), pick(rng, 0.04, 0.09))


def _nose_and_mouth(rng: np.random.Generator, pen: Pen, look: _Look) -> None:
    (nose_x, nose_y), left, right = look.keypoints[2], look.keypoints[3], look.keypoints[4]
    middle = look.keypoints[:2].mean(axis=0)
    dark = shade(look.skin, pick(rng, 0.6, 0.8))
    pen.line([(middle[0], middle[1] + 0.08), (nose_x + 0.1 * look.yaw, nose_y - 0.06)], dark, 0.05)
    pen.oval((nose_x, nose_y), (0.14, 0.09), shade(look.skin, 0.88))
    pen.line(
        [(nose_x - 0.13, nose_y + 0.05), (nose_x, nose_y + 0.09), (nose_x + 0.13, nose_y + 0.05)], dark, 0.05
    )
    lips = shade((110.0, 100.0, 190.0), pick(rng, 0.6, 1.1))
    curve, middle = pick(rng, -0.05, 0.16), (left + right) / 2
    bow = (middle[0], middle[1] + curve)
    kind = rng.integers(3)
    if kind == 0:
        pen.line([tuple(left), bow, tuple(right)], lips, 0.08)
    else:
        opening = pick(rng, 0.08, 0.22)
        outline = [tuple(left), (middle[0], middle[1] - 0.04), tuple(right), (middle[0], bow[1] + opening)]
        pen.fill(outline, lips)
        if kind == 2:
            pen.line(
                [tuple(left * 0.75 + right * 0.25), tuple(left * 0.25 + right * 0.75)], (240, 240, 240), 0.06
            )


def _extras(rng: np.random.Generator, pen: Pen, look: _Look) -> None:
    """Draw what a face may wear: beard, glasses or sunglasses, a mask over mouth and nose."""
    eyes, mouth = look.keypoints[:2], look.keypoints[3:].mean(axis=0)
    chance = rng.random()
    if chance < 0.3:
        tinted = rng.random() < 0.3
        rim = any_color(rng) if rng.random() < 0.3 else _INK
        radii = (pick(rng, 0.2, 0.27), pick(rng, 0.14, 0.24))
        for x, y in eyes:
            pen.oval((x, y), radii, rim, width=0.0 if tinted else 0.05)
        inner = [(eyes[0, 0] + radii[0], eyes[0, 1]), (eyes[1, 0] - radii[0], eyes[1, 1])]
        pen.line(inner, rim, 0.05)
    elif chance < 0.38:
        low = look.outline[look.outline[:, 1] > look.keypoints[2, 1] - 0.1]
        pen.fill(low, (230, 225, 200) if rng.random() < 0.7 else any_color(rng))
    elif chance < 0.45:
        for _ in range(12):
            spot = (pick(rng, -0.5, 0.5) * look.half_width, pick(rng, 0, 0.4))
            pen.oval(spot, (0.025, 0.025), shade(look.skin, 0.7))
    elif chance < 0.5:
        pen.oval((mouth[0], mouth[1] - 0.16), (0.3, 0.07), look.hair)


def _beard(pen: Pen, look: _Look) -> None:
    low = look.outline[look.outline[:, 1] > look.keypoints[3:, 1].mean() - 0.12]
    pen.fill(low, look.hair)


def _patch(rng: np.random.Generator, look: _Look, scale: float) -> tuple[Image, Image]:
    """Draw one upright face at ``scale`` pixels a unit: its colours (H, W, 3) and its opacity (H, W)."""
    size = (round(2 * _PATCH[1] * scale), round(2 * _PATCH[0] * scale))
    image = np.empty((*size, 3), np.uint8)
    image[:] = np.array(look.hair).astype(np.uint8)
    cover = np.zeros(size, np.uint8)
    origin = (_PATCH[0] * scale, _PATCH[1] * scale)
    pen, mask = Pen(image, origin, scale), Pen(cover, origin, scale)
    white = (255.0, 255.0, 255.0)
    _hair_behind(rng, (pen, mask), look)
    for side in (-1.0, 1.0):
        ear = (side * look.half_width * (1.0 - 0.12 * max(0.0, look.yaw * side)), 0.05)
        pen.oval(ear, (0.13, 0.22), shade(look.skin, 0.92))
        mask.oval(ear, (0.13, 0.22), white)
    pen.fill(look.outline, look.skin)
    mask.fill(look.outline, white)
    if rng.random() < 0.12:
        _beard(pen, look)
    _eyes(rng, pen, look)
    _nose_and_mouth(rng, pen, look)
    _extras(rng, pen, look)
    _hair_front(rng, (pen, mask), look)
    angle, strength = pick(rng, 0, 2 * np.pi), pick(rng, 0, 0.5)
    across = np.linspace(-1, 1, size[1], dtype=np.float32) * np.float32(strength * np.cos(angle))
    down = np.linspace(-1, 1, size[0], dtype=np.float32) * np.float32(strength * np.sin(angle))
    light = 1.0 + across[None, :, None] + down[:, None, None]
    return np.minimum(image * light, 255.0).astype(np.uint8), cover


def _pixels(image: NDArray[Any]) -> Image:
    return np.asarray(image, np.uint8)


def _put(image: Image, patch: tuple[Image, Image], place: _Place) -> None:
    """Turn a patch drawn at some scale and lay it over the picture, in place."""
    colors, cover = patch
    target = place.height / 2
    shrunk = (max(2, round(2 * _PATCH[0] * target)), max(2, round(2 * _PATCH[1] * target)))
    if shrunk[0] < colors.shape[1]:
        colors, cover = (_pixels(cv2.resize(part, shrunk, interpolation=cv2.INTER_AREA)) for part in patch)
    reach = int(np.ceil(1.45 * _PATCH[1] * target)) + 1
    left, top = int(np.floor(place.x)) - reach, int(np.floor(place.y)) - reach
    side = 2 * reach + 1
    turn = cv2.getRotationMatrix2D((colors.shape[1] / 2, colors.shape[0] / 2), -place.turn, 1.0)
    turn[:, 2] += np.array([place.x - left - colors.shape[1] / 2, place.y - top - colors.shape[0] / 2])
    colors = _pixels(cv2.warpAffine(colors, turn, (side, side), borderMode=cv2.BORDER_REPLICATE))
    cover = _pixels(cv2.warpAffine(cover, turn, (side, side)))
    height, width = image.shape[:2]
    x1, y1, x2, y2 = max(0, left), max(0, top), min(width, left + side), min(height, top + side)
    inside = (slice(y1 - top, y2 - top), slice(x1 - left, x2 - left))
    share = cover[inside][..., None].astype(np.float32) / 255.0
    under = image[y1:y2, x1:x2].astype(np.float32)
    image[y1:y2, x1:x2] = np.round(under + share * (colors[inside] - under)).astype(np.uint8)


def _body(rng: np.random.Generator, image: Image, place: _Place, skin: Color) -> None:
    pen = Pen(image, (place.x, place.y), place.height / 2)
    pen.fill([(-0.3, 0.4), (0.3, 0.4), (0.36, 1.5), (-0.36, 1.5)], shade(skin, 0.85))
    pen.oval((0, 2.4), (pick(rng, 1.2, 1.8), 1.25), any_color(rng))


def _occlude(rng: np.random.Generator, image: Image, box: Array) -> None:
    """Cover up to a quarter of a face from one side."""
    x1, y1, x2, y2 = (float(value) for value in box)
    part = pick(rng, 0.08, 0.25)
    x, y = part * (x2 - x1), part * (y2 - y1)
    strips = (
        (x1 - 2, y1, x1 + x, y2),
        (x2 - x, y1, x2 + 2, y2),
        (x1, y1 - 2, x2, y1 + y),
        (x1, y2 - y, x2, y2 + 2),
    )
    left, top, right, bottom = strips[rng.integers(4)]
    corners = np.array([(left, top), (right, top), (right, bottom), (left, bottom)])
    color = skin_color(rng) if rng.random() < 0.3 else any_color(rng)
    Pen(image, (0, 0), 1.0).fill(corners + rng.normal(0, 0.03, (4, 2)) * (x2 - x1), color)


def _places(
    rng: np.random.Generator, width: int, height: int, count: int, sizes: tuple[float, float]
) -> list[_Place]:
    """Find room for up to ``count`` faces that do not cover one another, big ones first."""
    found: list[_Place] = []
    heights = np.sort(np.exp(rng.uniform(np.log(sizes[0]), np.log(sizes[1]), count)))[::-1]
    for tall in heights:
        for _ in range(12):
            x, y = pick(rng, 0.42 * tall, width - 0.42 * tall), pick(rng, 0.5 * tall, height - 0.45 * tall)
            if all(np.hypot(x - other.x, y - other.y) > 0.75 * (tall + other.height) for other in found):
                found.append(_Place(x, y, float(tall), float(np.clip(rng.normal(0, 14), -40, 40))))
                break
    return found


def _finish(rng: np.random.Generator, image: Image) -> Image:
    """Blur, darken, bleach and add noise, as a camera might."""
    if rng.random() < 0.25:
        image = _pixels(cv2.GaussianBlur(image, (0, 0), pick(rng, 0.4, 1.2)))
    levels = np.asarray(image, np.float32) * pick(rng, 0.65, 1.2) + pick(rng, -20, 25)
    if rng.random() < 0.1:
        levels[:] = levels.mean(axis=2, keepdims=True)
    if rng.random() < 0.5:
        levels += rng.standard_normal(levels.shape, np.float32) * pick(rng, 1, 10)
    return _pixels(np.clip(levels, 0, 255))


def draw_scene(
    seed: int, width: int = 640, height: int = 480, faces: int | None = None,
    sizes: tuple[float, float] = (32.0, 400.0),
) -> Scene:  # fmt: skip
    """Draw a picture.

    ``faces`` is how many to find room for (0 to 8 where not given), ``sizes`` the smallest and the largest
    height of a face in pixels; none is taller than 90 % of the picture. Faces come out smallest last.
    """
    rng = np.random.default_rng(seed)
    image = background(rng, width, height)
    scatter(rng, image, int(rng.integers(4, 30)))
    count = int(rng.integers(0, 9)) if faces is None else faces
    places = _places(rng, width, height, count, (sizes[0], min(sizes[1], 0.9 * height, 0.9 * width)))
    looks = [_look(rng) for _ in places]
    for place, look in zip(places, looks, strict=True):
        if rng.random() < 0.5:
            _body(rng, image, place, look.skin)
    boxes, keypoints = np.zeros((len(places), 4)), np.zeros((len(places), 5, 2))
    for index, (place, look) in enumerate(zip(places, looks, strict=True)):
        finer = 1.0 if place.height > 120 else 2.0 if place.height > 60 else 4.0
        _put(image, _patch(rng, look, finer * place.height / 2), place)
        outline = place.to_picture(look.outline)
        limits = np.array([outline.min(axis=0), outline.max(axis=0)])
        boxes[index] = np.clip(limits, 0, (width - 1, height - 1)).ravel()
        keypoints[index] = place.to_picture(look.keypoints)
        if rng.random() < 0.15:
            _occlude(rng, image, boxes[index])
    return Scene(_finish(rng, image), boxes, keypoints)

"""Bodies of traced objects: grids of points in mm, and the skin of each part.

A body's axes are the object's own: x along its length, z up in its usual position, origin at its
centre. Every primitive is one grid of points, closed by its own first and last rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from twin.drawn.labels import Print
from twin.drawn.shading import Colour

Points = NDArray[np.float32]
Profile = Sequence[tuple[float, float]]


@dataclass
class Skin:
    """Appearance of a part. `cover`: one colour or wrapped artwork (fourth channel: metal).

    rough: 0 mirror .. 1 chalk. clear: share (0..1) of light that is transmitted. steel: it rusts.
    grain_mm: depth of the fine unevenness. bends: depth of the coarse unevenness.
    """

    cover: Print | Colour
    metal: float = 0.0
    rough: float = 0.4
    clear: float = 0.0
    steel: bool = False
    grain_mm: float = 0.0
    grain_size_mm: float = 3.0
    cloth: bool = False


@dataclass
class Part:
    """One grid of points `(rows, columns, 3)` mm with `uv` `(rows, columns, 2)` 0..1."""

    points: Points
    uv: Points
    skin: Skin
    flat: bool = False

    def translated(self, x: float = 0, y: float = 0, z: float = 0) -> "Part":
        self.points = self.points + np.array((x, y, z), np.float32)
        return self

    def rotate(self, turn: NDArray[np.float64]) -> "Part":
        self.points = (self.points @ turn.T).astype(np.float32)
        return self


@dataclass
class Wear:
    """Wear of the whole object, each 0..1."""

    dirt: float = 0.0
    rust: float = 0.0
    scratches: float = 0.0
    fade: float = 0.0


@dataclass
class Body:
    """An object: its parts and its wear.

    upright_share: probability (0..1) that it rests on its end. drapes: it follows the surface
    below it.
    """

    kind: str
    parts: list[Part]
    wear: Wear = field(default_factory=Wear)
    upright_share: float = 0.0
    drapes: bool = False

    @property
    def clear(self) -> float:
        """Transparency, 0..1: that of its first part, the shell."""
        return self.parts[0].skin.clear

    def points(self) -> Points:
        """All points, `(n, 3)` mm."""
        return np.concatenate([part.points.reshape(-1, 3) for part in self.parts])

    def size_mm(self) -> tuple[float, float, float]:
        """Length, width, height along the object's own axes, mm."""
        points = self.points()
        length, width, height = np.ptp(points, axis=0)
        return float(length), float(width), float(height)

    def rotate(self, turn: NDArray[np.float64]) -> "Body":
        for part in self.parts:
            part.rotate(turn)
        return self


def turn_about(axis: str, degrees: float) -> NDArray[np.float64]:
    """A rotation matrix `(3, 3)` about one axis."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    i, j = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    turn = np.eye(3)
    turn[i, i] = turn[j, j] = c
    turn[i, j], turn[j, i] = -s, s
    return turn


def circle(corners: int = 48) -> Points:
    """A unit outline `(n, 2)` (y, z), from the bottom via -y, top and +y back to the bottom."""
    turn = np.linspace(-np.pi, np.pi, corners + 1)
    return np.stack((np.sin(turn), np.cos(turn)), 1).astype(np.float32)


def rounded_rectangle(width: float, height: float, corner: float, fine: int = 5) -> Points:
    """A rounded rectangle's outline `(n, 2)` mm, from its bottom centre via -y."""
    corner = min(corner, width / 2 - 1e-3, height / 2 - 1e-3)
    out: list[tuple[float, float]] = [(0.0, -height / 2)]
    for side, up, first in ((-1, -1, 270), (-1, 1, 180), (1, 1, 90), (1, -1, 0)):
        cy, cz = side * (width / 2 - corner), up * (height / 2 - corner)
        for turn in np.linspace(first, first - 90, fine):
            a = np.radians(turn)
            out.append((cy + corner * np.cos(a), cz + corner * np.sin(a)))
        if (side, up) == (-1, 1):  # a point in the centre of each long face keeps bumps even
            out.append((0.0, height / 2))
    out.append((0.0, -height / 2))
    return np.array(out, np.float32)


def subdivide(line: Points, step: float) -> Points:
    """The same polyline, subdivided so that points are at most `step` apart."""
    pieces = []
    for a, b in pairwise(line):
        count = max(1, int(np.ceil(float(np.linalg.norm(b - a)) / step)))
        pieces.append(a + (b - a) * np.linspace(0, 1, count, endpoint=False)[:, None])
    pieces.append(line[-1:])
    return np.concatenate(pieces).astype(np.float32)


def loft(
    profile: Profile,
    outline: Points,
    skin: Skin,
    *,
    step_mm: float = 0.0,
    flat: bool = False,
    round_mm: float | None = None,
) -> Part:
    """Cross-sections along x: `outline` scaled by each corner's second value.

    With `round_mm` the outline is in mm and the second value is its inset.
    """
    corners = np.array(profile, np.float32)
    if step_mm:
        corners = subdivide(corners, step_mm)
    steps = np.linalg.norm(np.diff(outline, axis=0), axis=1)
    share = np.concatenate(([0.0], np.cumsum(steps))) / max(float(steps.sum()), 1e-6)
    x, scale = corners[:, :1], corners[:, 1:]
    if round_mm is None:
        y, z = scale * outline[:, 0], scale * outline[:, 1]
    else:
        reach = np.maximum(np.abs(outline).max(axis=0), 1e-6)
        shrink = [np.maximum(reach[k] - scale, 0.02) / reach[k] for k in (0, 1)]
        y, z = shrink[0] * outline[:, 0], shrink[1] * outline[:, 1]
    points = np.stack((np.broadcast_to(x, y.shape), y, z), 2).astype(np.float32)
    span = max(float(np.ptp(corners[:, 0])), 1e-6)
    u = (corners[:, 0] - corners[:, 0].min()) / span
    uv = np.stack(np.broadcast_arrays(u[:, None], share[None, :]), 2).astype(np.float32)
    return Part(points, uv, skin, flat)


def turned_body(profile: Profile, skin: Skin, *, corners: int = 48, step_mm: float = 0.0) -> Part:
    """A body of revolution about x from (x_mm, radius_mm) corners."""
    return loft([(x, max(r, 0.01)) for x, r in profile], circle(corners), skin, step_mm=step_mm)


def upright(part: Part) -> Part:
    """Rotates a lathe's axis upright: its x becomes z."""
    return part.rotate(turn_about("y", -90))


def block(
    size_mm: tuple[float, float, float],
    skin: Skin,
    *,
    corner: float = 2.0,
    bevel: float = 1.0,
    step_mm: float = 0.0,
) -> Part:
    """A box along x with rounded long edges and bevelled ends; artwork wraps it."""
    length, width, height = size_mm
    half = length / 2
    bevel = min(bevel, length / 2 - 0.01, width / 2 - 0.1, height / 2 - 0.1)
    turns = np.linspace(0, np.pi / 2, 5)
    start = [(-half + bevel * (1 - np.cos(t)), bevel * (1 - np.sin(t))) for t in turns]
    reach = max(width, height)
    ends: list[tuple[float, float]] = [(-half, reach), *start]
    ends += [(-x, r) for x, r in reversed(ends)]
    outline = rounded_rectangle(width, height, corner)
    if step_mm:
        outline = subdivide(outline, step_mm)
    return loft(ends, outline, skin, step_mm=step_mm, round_mm=0.0)


def tube(path: Points, radius: float, skin: Skin, corners: int = 10) -> Part:
    """A cable along `path` `(n, 3)` mm."""
    ahead = np.gradient(path, axis=0)
    ahead /= np.maximum(np.linalg.norm(ahead, axis=1, keepdims=True), 1e-6)
    side = np.cross(ahead, np.array((0.0, 0.0, 1.0)))
    weak = np.linalg.norm(side, axis=1) < 1e-3
    side[weak] = (0, 1, 0)
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    up = np.cross(side, ahead)
    ring = circle(corners) * radius
    points = path[:, None] + side[:, None] * ring[None, :, :1] + up[:, None] * ring[None, :, 1:]
    u = np.linspace(0, 1, len(path))[:, None]
    v = np.linspace(0, 1, corners + 1)[None, :]
    uv = np.stack(np.broadcast_arrays(u, v), 2)
    return Part(points.astype(np.float32), uv.astype(np.float32), skin)

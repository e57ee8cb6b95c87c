"""Deformation of bodies: dents, crumpling, flattening, folds and kinks."""

import numpy as np
from numpy.typing import NDArray

from twin.traced.bodies import Body, Points


def _set_points(body: Body, points: Points) -> None:
    first = 0
    for part in body.parts:
        count = part.points.shape[0] * part.points.shape[1]
        part.points = points[first : first + count].reshape(part.points.shape).astype(np.float32)
        first += count


def dent(body: Body, count: int, depth_mm: float, rng: np.random.Generator) -> Body:
    """Dents the surface in `count` places, as corners of other objects do."""
    points = body.points()
    middle = (points.max(axis=0) + points.min(axis=0)) / 2
    size = np.sort(np.ptp(points, axis=0))[1]
    for _ in range(count):
        at = points[rng.integers(len(points))]
        inwards = middle * np.array((0, 1, 1)) + at * np.array((1, 0, 0)) - at
        inwards = inwards + rng.normal(0, 0.2, 3) * size / 2
        inwards /= max(float(np.linalg.norm(inwards)), 1e-6)
        reach = rng.uniform(0.1, 0.3) * size
        along = rng.normal(0, 1, 3)
        along /= np.linalg.norm(along)
        away = points - at
        far = np.linalg.norm(away, axis=1) - 0.6 * np.abs(away @ along)
        fall = np.exp(-((far / reach) ** 2)) * depth_mm * rng.uniform(0.3, 1)
        points = points + fall[:, None] * inwards
    _set_points(body, points)
    return body


def facets(points: Points, count: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """A field over points, about -1..1: flat between `count` random planes, creased at them."""
    low, high = points.min(axis=0), points.max(axis=0)
    size = float((high - low).max())
    total = np.zeros(len(points), np.float32)
    for _ in range(count):
        normal = rng.normal(0, 1, 3)
        normal /= np.linalg.norm(normal)
        at = rng.uniform(low, high)
        total += np.abs((points - at) @ normal).astype(np.float32) * np.float32(
            rng.choice((-1.0, 1.0)) * rng.uniform(0.4, 1) / size
        )
    total -= total.mean()
    return total / max(float(np.abs(total).max()), 1e-6)


def ridges(
    points: Points, longest_mm: float, shortest_mm: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Sharp folds in all directions, mm: from `longest_mm` apart down to `shortest_mm`.

    Triangle waves along random directions, distorted by slow waves so that no two folds are
    parallel. A fold is about a fifth as high as it is wide.
    """
    total = np.zeros(len(points), np.float32)
    apart = longest_mm
    while apart >= shortest_mm:
        for _ in range(2):
            direction, slow = rng.normal(0, 1, 3), rng.normal(0, 1, 3)
            direction /= np.linalg.norm(direction)
            slow *= 2.2 / (np.linalg.norm(slow) * apart)
            bend = 0.45 * np.sin(points @ slow + rng.uniform(0, 6))
            phase = points @ direction / apart + bend + rng.uniform(0, 1)
            # Folds fade in and out; continuous folds would look like corrugated sheet.
            here = 0.5 + 0.5 * np.sin(points @ (slow[::-1] * 0.7) + rng.uniform(0, 6))
            total += (np.abs(phase % 1 - 0.5) * here * (0.36 * apart)).astype(np.float32)
        apart *= 0.6
    return np.asarray(total - total.mean(), np.float32)


def fold(
    body: Body, longest_mm: float, shortest_mm: float, share: float, rng: np.random.Generator
) -> Body:
    """Folds all surfaces sharply, as paper, foil and film; `share` 1 is balled, 0.2 is used."""
    points = body.points()
    for axis, part in ((2, 1.0), (0, 0.4), (1, 0.4)):
        points[:, axis] += np.float32(share * part) * ridges(points, longest_mm, shortest_mm, rng)
    _set_points(body, points)
    return body


def crumple(body: Body, folds: int, depth_mm: float, rng: np.random.Generator) -> Body:
    """Breaks all surfaces into facets displaced by up to `depth_mm`."""
    points = body.points()
    for axis in range(3):
        points[:, axis] += np.float32(depth_mm) * facets(points, folds, rng)
    _set_points(body, points)
    return body


def squash(body: Body, share: float, rng: np.random.Generator) -> Body:
    """Flattens the body along z to `share` of its height, unevenly; it expands along y."""
    points = body.points()
    x = points[:, 0]
    span = float(np.ptp(x))
    wave = share * (
        1 + 0.35 * np.sin(x / span * 2 * np.pi * rng.uniform(0.5, 1.5) + rng.uniform(0, 6))
    )
    points[:, 2] *= wave.astype(np.float32)
    points[:, 1] *= np.float32(1 + 0.42 * (1 - share))
    bow = rng.normal(0, 0.05) * span
    points[:, 1] += (bow * np.cos(x / span * np.pi)).astype(np.float32)
    points[:, 1] += (rng.normal(0, 0.08) * points[:, 2]).astype(np.float32)
    _set_points(body, points)
    return body


def kink(body: Body, degrees: float) -> Body:
    """Kinks the body at its centre, about z."""
    points = body.points()
    right = points[:, 0] > 0
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    x, y = points[right, 0], points[right, 1]
    points[right, 0], points[right, 1] = c * x - s * y, s * x + c * y
    _set_points(body, points)
    return body

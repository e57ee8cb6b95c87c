"""Minimises a smooth function of many variables: L-BFGS, after Nocedal and Wright, chapter 7."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Function = Callable[[Vector], tuple[float, Vector]]
"""Value and gradient at a point."""

_SUFFICIENT = 1e-4
_SHORTEST = 1e-10


def minimise(
    function: Function,
    start: Vector,
    *,
    most_steps: int = 300,
    memory: int = 10,
    tolerance: float = 1e-7,
) -> Vector:
    """The lowest point found; never above `start`, and `start` itself where the gradient is 0.

    Ends when a step gains less than `tolerance` of the value, or after `most_steps`.
    """
    at, (value, gradient) = start, function(start)
    pairs: deque[tuple[Vector, Vector, float]] = deque(maxlen=memory)
    for _ in range(most_steps):
        norm = float(np.linalg.norm(gradient))
        if norm == 0 or not np.isfinite(norm):
            break
        direction = -_inverse_hessian_times(gradient, pairs)
        slope = float(direction @ gradient)
        if slope >= 0:  # no direction of descent: what has been learned of the curvature is wrong
            pairs.clear()
            direction, slope = -gradient, -(norm**2)
        length = 1.0 if pairs else min(1.0, 1.0 / norm)
        while True:
            there = at + length * direction
            new_value, new_gradient = function(there)
            if new_value <= value + _SUFFICIENT * length * slope:
                break
            length /= 2
            if length < _SHORTEST:
                return at
        step, change = there - at, new_gradient - gradient
        curvature = float(step @ change)
        if curvature > 1e-12 * float(change @ change):
            pairs.append((step, change, 1 / curvature))
        gained = value - new_value
        at, value, gradient = there, new_value, new_gradient
        if gained <= tolerance * max(1.0, abs(value)):
            break
    return at


def _inverse_hessian_times(gradient: Vector, pairs: deque[tuple[Vector, Vector, float]]) -> Vector:
    """The two-loop recursion."""
    result = gradient.copy()
    weights = []
    for step, change, inverse in reversed(pairs):
        weight = inverse * float(step @ result)
        weights.append(weight)
        result -= weight * change
    if pairs:
        step, change, inverse = pairs[-1]
        result *= 1 / (inverse * float(change @ change))
    for (step, change, inverse), weight in zip(pairs, reversed(weights), strict=True):
        result += (weight - inverse * float(change @ result)) * step
    return result

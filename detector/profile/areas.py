"""Areas of the camera's image, as a profile's key."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

Polygon = tuple[tuple[float, float], ...]
"""Corners x, y; image px."""


def _with_corners(areas: tuple[Polygon, ...]) -> tuple[Polygon, ...]:
    if any(len(area) < 3 for area in areas):
        raise ValueError("an area needs three or more corners")
    return areas


Areas = Annotated[tuple[Polygon, ...], AfterValidator(_with_corners)]

"""Basic bodies of drawn objects: bodies of revolution (horizontal or upright), slabs, sheets.

Each returns a `Surface` on the caller's grid; lengths in mm, x along the object's length.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from twin.drawn.labels import Print
from twin.drawn.noise import Field, creases, noise
from twin.drawn.shading import Colour, Grid, Surface, surface

Profile = tuple[tuple[float, float], ...]


def radii(profile: Profile, grid: Grid, smooth_mm: float) -> Field:
    """Radius in mm at every column, `(1, w)`, from (x_mm, radius_mm) corners, slightly rounded."""
    xs, rs = zip(*profile, strict=True)
    radius = np.interp(grid.x_mm[0], xs, rs, left=0.0, right=0.0).astype(np.float32)
    window = max(1, int(smooth_mm * grid.scale) | 1)
    if window > 1:
        rounded = cv2.blur(radius[None, :], (window, 1))[0]
        radius = np.where(radius > 0, rounded, 0)
    return np.asarray(radius, np.float32)[None, :]


def lathe(
    grid: Grid,
    profile: Profile,
    cover: Print | Colour,
    *,
    metal: float = 0.0,
    gloss: float = 0.5,
    roll: float = 0.0,
    smooth_mm: float = 0.6,
    centre_y_mm: float = 0.0,
    opacity: float = 1.0,
) -> Surface:
    """A horizontal body of revolution. `cover` is wrapped around it, `roll` (turns) about its axis.

    The print's length starts at the profile's first corner; its width is the circumference.
    """
    radius = radii(profile, grid, smooth_mm)
    across = grid.y_mm - np.float32(centre_y_mm)
    ratio = across / np.maximum(radius, 1e-3)
    inside = ((np.abs(ratio) < 1) & (radius > 0)).astype(np.float32)
    ratio = np.clip(ratio, -1, 1)
    top = max(r for _, r in profile)
    height = radius * np.sqrt(np.maximum(1 - ratio * ratio, 0)) + np.float32(top)
    if not isinstance(cover, Print):
        return surface(grid, height, inside, cover, metal=metal, gloss=gloss, opacity=opacity)
    rows, columns = cover.art.shape[:2]
    turn = np.arcsin(ratio) * np.float32(1 / (2 * np.pi)) + np.float32(roll + 0.5)
    map_y = np.mod(turn, 1.0) * np.float32(rows - 1)
    first = profile[0][0]
    map_x = np.broadcast_to((grid.x_mm - np.float32(first)) * np.float32(cover.scale), map_y.shape)
    map_x = np.ascontiguousarray(np.clip(map_x, 0, columns - 1), dtype=np.float32)
    print_px = cv2.remap(
        cover.art,
        map_x,
        map_y.astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return _printed_surface(
        grid, height, inside, print_px, metal=metal, gloss=gloss, opacity=opacity
    )


def lathe_upright(
    grid: Grid,
    profile: Profile,
    cover: Print | Colour,
    *,
    metal: float = 0.0,
    gloss: float = 0.5,
    centre_mm: tuple[float, float] = (0.0, 0.0),
) -> Surface:
    """An upright body of revolution; `profile`: (radius_mm, height_mm) from the axis outwards."""
    x, y = grid.x_mm - np.float32(centre_mm[0]), grid.y_mm - np.float32(centre_mm[1])
    radius = np.sqrt(x * x + y * y)
    rs, heights = zip(*profile, strict=True)
    height = np.interp(radius, rs, heights).astype(np.float32)
    inside = (radius < rs[-1]).astype(np.float32)
    if isinstance(cover, Print):
        return _printed_surface(
            grid, height, inside, _lay_print(cover, grid), metal=metal, gloss=gloss, opacity=1.0
        )
    return surface(grid, height, inside, cover, metal=metal, gloss=gloss)


def round_box(
    grid: Grid, length: float, width: float, corner: float, centre_mm: tuple[float, float] = (0, 0)
) -> Field:
    """Signed distance in mm to a rectangle with rounded corners; negative inside."""
    x = np.abs(grid.x_mm - np.float32(centre_mm[0])) - np.float32(length / 2 - corner)
    y = np.abs(grid.y_mm - np.float32(centre_mm[1])) - np.float32(width / 2 - corner)
    outer = np.sqrt(np.maximum(x, 0) ** 2 + np.maximum(y, 0) ** 2)
    return np.asarray(outer + np.minimum(np.maximum(x, y), 0) - np.float32(corner), np.float32)


def slab(
    grid: Grid,
    size_mm: tuple[float, float, float],
    cover: Print | Colour,
    *,
    corner: float = 1.5,
    bevel: float = 1.5,
    metal: float = 0.0,
    gloss: float = 0.3,
    centre_mm: tuple[float, float] = (0.0, 0.0),
    opacity: float = 1.0,
) -> Surface:
    """A flat-topped block with rounded edges; `cover` is on its top."""
    distance = round_box(grid, size_mm[0], size_mm[1], corner, centre_mm)
    inside = (distance < 0).astype(np.float32)
    rest = np.clip(1 + distance / np.float32(bevel), 0, 1)
    height = np.float32(size_mm[2]) - np.float32(bevel) * (
        1 - np.sqrt(np.maximum(1 - rest * rest, 0))
    )
    if isinstance(cover, Print):
        return _printed_surface(
            grid,
            height,
            inside,
            _lay_print(cover, grid, centre_mm),
            metal=metal,
            gloss=gloss,
            opacity=opacity,
        )
    return surface(grid, height, inside, cover, metal=metal, gloss=gloss, opacity=opacity)


def sheet(
    grid: Grid,
    outline: Field,
    cover: Print | Colour,
    rng: np.random.Generator,
    *,
    folds: int,
    depth_mm: float,
    gloss: float = 0.1,
    metal: float = 0.0,
    opacity: float = 1.0,
    wobble: float = 0.15,
) -> Surface:
    """Paper, film or cloth: `outline` is its mask, `folds` creases of `depth_mm`."""
    height = np.float32(depth_mm) * creases(grid.shape, folds, wobble, rng)
    if isinstance(cover, Print):
        return _printed_surface(
            grid,
            height,
            outline,
            _lay_print(cover, grid),
            metal=metal,
            gloss=gloss,
            opacity=opacity,
        )
    return surface(grid, height, outline, cover, metal=metal, gloss=gloss, opacity=opacity)


def ragged_mask(
    grid: Grid, length: float, width: float, rough_mm: float, rng: np.random.Generator
) -> Field:
    """Mask of a torn or cut piece: a rectangle with straight and torn edges."""
    distance = round_box(grid, length, width, min(length, width) * 0.02)
    torn = np.clip(noise(grid.shape, 90 * grid.scale, rng) * 2.4 - 0.9, 0, 1)
    wander = noise(grid.shape, 24 * grid.scale, rng) + 0.3 * noise(grid.shape, 6 * grid.scale, rng)
    bite = np.clip(wander, 0, 1.3) * torn * np.float32(1.2 * rough_mm)
    return np.asarray(distance + bite < 0, np.float32)


def blob(grid: Grid, rng: np.random.Generator, corners: int = 14, rough: float = 0.25) -> Field:
    """Mask of a crushed object: a rounded outline that fills the grid's length and width."""
    turns = np.sort(rng.uniform(0, 2 * np.pi, corners))
    reach = 1 - rough * rng.random(corners)
    power = rng.uniform(0.55, 0.9)  # below one pushes the outline into the corners
    cos, sin = np.cos(turns), np.sin(turns)
    points = np.stack((np.sign(cos) * np.abs(cos) ** power, np.sign(sin) * np.abs(sin) ** power), 1)
    points *= reach[:, None]
    span = np.maximum(np.ptp(points, axis=0), 0.3)
    points = (points - points.min(axis=0)) / span
    height, width = grid.shape
    margin = grid.fine
    points = points * (width - 2 * margin - 1, height - 2 * margin - 1) + margin
    mask = np.zeros(grid.shape, np.uint8)
    cv2.fillPoly(mask, [points.round().astype(np.int32)], 255)
    window = max(3, int(min(height, width) * 0.07) | 1)
    return np.asarray(
        cv2.blur(mask, (window, window), borderType=cv2.BORDER_CONSTANT) > 127, np.float32
    )


def _lay_print(
    cover: Print, grid: Grid, centre_mm: tuple[float, float] = (0.0, 0.0)
) -> NDArray[np.uint8]:
    """The print laid flat, centred on `centre_mm`; its border colour extends outside."""
    rows, columns = cover.art.shape[:2]
    ratio = cover.scale / grid.scale
    height, width = grid.shape
    shift_x = columns / 2 - (width / 2 + centre_mm[0] * grid.scale) * ratio
    shift_y = rows / 2 - (height / 2 + centre_mm[1] * grid.scale) * ratio
    back = np.array([[ratio, 0, shift_x], [0, ratio, shift_y]], np.float32)
    laid = cv2.warpAffine(
        cover.art,
        back,
        (width, height),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(laid, np.uint8)


def _printed_surface(
    grid: Grid,
    height: Field,
    inside: Field,
    print_px: NDArray[np.uint8] | cv2.typing.MatLike,
    *,
    metal: float,
    gloss: float,
    opacity: float,
) -> Surface:
    art = np.asarray(print_px, np.float32) * np.float32(1 / 255)
    foil = np.maximum(art[..., 3], np.float32(metal))
    return surface(grid, height, inside, art[..., :3], metal=foil, gloss=gloss, opacity=opacity)

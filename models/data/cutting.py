"""Random changes of a cut-out before it is placed: size, rotation, skew, colour, dirt, edge."""

from __future__ import annotations

import cv2
import numpy as np

from models.data.sources import BATTERY, GAS, Image
from models.data.textures import Rng, clouds


def recoloured(rng: Rng, image: Image, hue: float, pale: float) -> Image:
    """Turn the hue with chance `hue`, or bleach towards grey with chance `pale`. BGR in and out.

    Gas bottles are blue, grey, red, orange, green, white or yellow by gas and maker; the
    photographs show few of these.
    """
    draw = rng.random()
    if draw >= hue + pale:
        return image
    hsv = cv2.cvtColor(image, cv2.COLOR_BGR2HSV)
    if draw < hue:
        hsv[..., 0] = (hsv[..., 0].astype(np.int16) + int(rng.integers(10, 170))) % 180
    else:
        hsv[..., 1] = (hsv[..., 1] * rng.uniform(0.05, 0.4)).astype(np.uint8)
        value = hsv[..., 2].astype(np.float32)
        hsv[..., 2] = (value * rng.uniform(0.7, 1.4) + rng.uniform(-20, 40)).clip(0, 255)
    return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR), np.uint8)


def posed(rng: Rng, pixels: Image, longest_px: float) -> Image:
    """Scale to a longest side of about `longest_px`, skew a little, rotate at random: BGRA uint8.

    Shrinks by area first: warpAffine alone would alias a 400 px cut-out at 40 px.
    """
    scale = longest_px / max(pixels.shape[:2])
    if scale < 0.9:
        size = (max(3, round(pixels.shape[1] * scale)), max(3, round(pixels.shape[0] * scale)))
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
        scale = 1.0
    if rng.random() < 0.5:
        pixels = np.ascontiguousarray(pixels[:, ::-1])
    height, width = pixels.shape[:2]
    angle = rng.uniform(0, 2 * np.pi)
    skew = rng.normal(0, 0.06, (2, 2)) + np.eye(2)
    rotate = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = rotate @ skew * scale
    corners = matrix @ np.array([[0, width, 0, width], [0, 0, height, height]], float)
    low, high = corners.min(1), corners.max(1)
    affine = np.hstack([matrix, (1 - low)[:, None]])
    size = (int(np.ceil(high[0] - low[0])) + 2, int(np.ceil(high[1] - low[1])) + 2)
    # The files have colour beyond the outline, so only alpha needs an empty border.
    colour = cv2.warpAffine(
        pixels[..., :3], affine, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    alpha = cv2.warpAffine(pixels[..., 3], affine, size, flags=cv2.INTER_LINEAR)
    return np.dstack([colour, alpha]).astype(np.uint8)


def weathered(rng: Rng, cutout: Image, label: int, ground_level: float) -> Image:
    """Colour, light partly matched to the background's, dirt, and a soft or hard edge.

    One cut-out in five stays unchanged, because clean objects in good light occur too.
    """
    if rng.random() < 0.2:
        return cutout
    hue, pale = {GAS: (0.45, 0.2), BATTERY: (0.3, 0.1)}.get(label, (0.25, 0.1))
    colour = recoloured(rng, np.ascontiguousarray(cutout[..., :3]), hue, pale).astype(np.float32)
    alpha = cutout[..., 3].astype(np.float32) / 255
    level = float((colour.mean(2) * alpha).sum() / (alpha.sum() + 1e-3))
    wanted = (0.35 * ground_level + 0.65 * level) / (level + 1)
    gain = (wanted ** rng.uniform(0, 1)) * rng.uniform(0.65, 1.25)
    colour = colour * gain * (1 + rng.normal(0, 0.04, 3).astype(np.float32))
    colour = (colour - 90) * rng.uniform(0.75, 1.15) + 90
    if rng.random() < 0.35:
        patches = (clouds(rng, alpha.shape, (6, 6)) - rng.uniform(-0.3, 0.8)).clip(0, 1)
        tint = np.array([45, 62, 75], np.float32) * rng.uniform(0.4, 1.8)
        colour += (patches * rng.uniform(0.2, 0.8))[..., None] * (tint - colour)
    if rng.random() < 0.3:  # a lamp's gradient over the object
        across = np.linspace(-1, 1, colour.shape[1], dtype=np.float32)[None, :, None]
        down = np.linspace(-1, 1, colour.shape[0], dtype=np.float32)[:, None, None]
        colour *= 1 + rng.uniform(-0.25, 0.25) * across + rng.uniform(-0.25, 0.25) * down
    alpha = cv2.GaussianBlur(alpha, (0, 0), float(rng.uniform(0.4, 1.2))).astype(np.float32)
    alpha = np.clip(alpha * 1.6 - rng.uniform(0.3, 0.6), 0, 1)
    return np.dstack([colour.clip(0, 255), alpha * 255]).astype(np.uint8)

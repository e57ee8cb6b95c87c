"""Calibration sections of a line profile, with author, date and hash.

`vigitri calibrate` writes them.
"""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AwareDatetime, Field, model_validator

from detector.profile.section import Section, setting

_BY_COMMAND = "do not edit this section; `vigitri calibrate` writes it"

Row = tuple[float, float, float]
Pixels = Annotated[int, Field(gt=0, le=65_536)]


class CalibrationSection(Section):
    """Origin of a calibration: date, author, camera, hash."""

    made: AwareDatetime = setting(..., "date and time of the calibration", fix=_BY_COMMAND)
    operator: str = setting(..., "person who calibrated", fix=_BY_COMMAND, min_length=1)
    camera: str | None = setting(
        None,
        "calibrated camera: camera.id, or the identity that the source reports; absent for a "
        "recording",
        fix=_BY_COMMAND,
    )
    size_px: tuple[Pixels, Pixels] = setting(
        ..., "image size of that camera: width, height; px", fix=_BY_COMMAND
    )
    sha256: str = setting(
        "", "hash of the rest of this section; manual changes are refused", fix=_BY_COMMAND
    )
    _later: ClassVar[tuple[str, ...]] = ()
    """Keys that older calibrations do not have: where absent, the hash does not cover them."""

    def digest(self) -> str:
        """SHA-256 of the rest of this section, hexadecimal."""
        absent = {key for key in self._later if getattr(self, key) is None}
        content = self.model_dump(mode="json", exclude={"sha256"} | absent)
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def with_digest(self) -> Self:
        """A copy with its hash set."""
        return self.model_copy(update={"sha256": self.digest()})


class LensCalibration(CalibrationSection):
    """Lens distortion: OpenCV's pinhole model with k1, k2, p1, p2, k3."""

    focal_px: tuple[float, float] = setting(..., "focal length along x and y, px", fix=_BY_COMMAND)
    centre_px: tuple[float, float] = setting(
        ..., "principal point: the optical axis in the image, px", fix=_BY_COMMAND
    )
    distortion: tuple[float, float, float, float, float] = setting(
        ..., "distortion coefficients k1, k2, p1, p2, k3", fix=_BY_COMMAND
    )
    views: int = setting(..., "number of board images used in the fit", fix=_BY_COMMAND, ge=1)
    covered: float = setting(
        ..., "share of the image area in which the board was seen", fix=_BY_COMMAND, ge=0, le=1
    )
    held_back_px: float = setting(
        ...,
        "reprojection error (rms) in images held back from the fit, px",
        fix=_BY_COMMAND,
        ge=0,
    )
    rms_px: float = setting(
        ..., "reprojection error (rms) in the fitted images, px", fix=_BY_COMMAND, ge=0
    )


class PlaneCalibration(CalibrationSection):
    """The belt's plane: from the undistorted image to mm on the belt."""

    basis: Literal["board", "points"] = setting(
        ..., '"board": a board laid on the belt; "points": surveyed points', fix=_BY_COMMAND
    )
    scale_by: Literal["ruler", "belt width", "camera height"] | None = setting(
        None,
        "length measured on site that verifies the scale of the printed board; absent: the scale "
        'is unverified, unless basis is "points"',
        fix=_BY_COMMAND,
    )
    straight_to_belt: tuple[Row, Row, Row] = setting(
        ..., "homography from undistorted px to belt mm", fix=_BY_COMMAND
    )
    lens_sha256: str = setting(
        "", "hash of the calibration.lens that was used; empty: none", fix=_BY_COMMAND
    )
    used: int = setting(..., "number of points used in the fit", fix=_BY_COMMAND, ge=4)
    rms_mm: float = setting(..., "error (rms) of the fitted points, mm", fix=_BY_COMMAND, ge=0)
    held_back_mm: float = setting(
        ..., "error (p95) of points held back from the fit, mm", fix=_BY_COMMAND, ge=0
    )
    camera_mm: Row | None = setting(
        None,
        "camera position, belt mm: across, along, above; absent if unknown",
        fix=_BY_COMMAND,
    )
    parallax_150_mm: float | None = setting(
        None,
        "maximum parallax on this belt: apparent displacement of the top of an object 150 mm high, "
        "mm",
        fix=_BY_COMMAND,
        ge=0,
    )
    _later = ("scale_by",)

    @property
    def scale_is_measured(self) -> bool:
        """A length on the belt or on the board was measured."""
        return self.basis == "points" or self.scale_by is not None


class SpeedCalibration(CalibrationSection):
    """Belt motion: the encoder's counts per mm, or one fixed speed."""

    encoder_counts_per_mm: float | None = setting(
        None, "encoder scale measured from the image; absent: no encoder", fix=_BY_COMMAND
    )
    speed_mm_s: float | None = setting(
        None,
        "speed measured from the image, mm/s, for a belt with one fixed speed",
        fix=_BY_COMMAND,
        ge=0,
        le=5000,
    )
    plane_sha256: str = setting(
        "", "hash of the calibration.plane that gave the millimetres; empty: none", fix=_BY_COMMAND
    )
    travelled_mm: float = setting(..., "belt travel in the footage, mm", fix=_BY_COMMAND, ge=0)
    held_back_percent: float = setting(
        ...,
        "difference (p95) between image and encoder, or the fixed speed, over 1 s in footage held "
        "back from the fit, %",
        fix=_BY_COMMAND,
        ge=0,
    )

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.encoder_counts_per_mm is None) == (self.speed_mm_s is None):
            raise ValueError("needs either encoder_counts_per_mm or speed_mm_s")
        return self


Share = Annotated[float, Field(gt=0, le=1)]


class HealthCalibration(CalibrationSection):
    """Limits of the image's condition on this line, and the fixed structures beside its belt."""

    minutes: float = setting(..., "length of the footage, min", fix=_BY_COMMAND, gt=0)
    overexposed_share: Share | None = setting(
        None, "limit: share of the belt that is white; absent: the fixed limit", fix=_BY_COMMAND
    )
    flicker: Share | None = setting(
        None,
        "limit: change of brightness from frame to frame, as a share of it; absent: the fixed "
        "limit, as the footage was too short",
        fix=_BY_COMMAND,
    )
    sharpness: float | None = setting(
        None,
        "limit: steepness of edges, 1 (blurred) to 4; absent: the fixed limit, as too few objects "
        "passed",
        fix=_BY_COMMAND,
        ge=1,
        le=4,
    )
    dirt_share: Share | None = setting(
        None,
        "limit: share of the view that is dull; absent: the fixed limit, as no full belt length "
        "passed",
        fix=_BY_COMMAND,
    )
    landmarks: str | None = setting(
        None,
        "file beside the profile with the fixed structures by which a camera that was moved is "
        "found; absent: there are too few",
        fix=_BY_COMMAND,
    )
    landmarks_sha256: str = setting("", "hash of that file", fix=_BY_COMMAND)
    landmarks_px: tuple[tuple[int, int], ...] = setting(
        (),
        "left and top of each structure, px of the image as reduced to at most 1280 px of width",
        fix=_BY_COMMAND,
    )


class Calibration(Section):
    """Results of `vigitri calibrate intrinsics`, `plane`, `speed` and `health`."""

    lens: LensCalibration | None = setting(
        None, "the lens", fix="run `vigitri calibrate intrinsics LINE.toml`"
    )
    plane: PlaneCalibration | None = setting(
        None,
        "the belt's plane; overrides belt.points and belt.px_per_mm",
        fix="run `vigitri calibrate plane LINE.toml`",
    )
    speed: SpeedCalibration | None = setting(
        None,
        "belt motion; overrides belt.encoder_counts_per_mm or belt.speed_mm_s, whichever it gives",
        fix="run `vigitri calibrate speed LINE.toml`",
    )
    health: HealthCalibration | None = setting(
        None,
        "condition of the image on this line: its limits, and the reference by which a moved "
        "camera is found",
        fix="run `vigitri calibrate health LINE.toml`",
    )

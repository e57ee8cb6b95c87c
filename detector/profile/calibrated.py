"""What `vigitri calibrate` writes into a line profile, sealed by who, when and a hash."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, Field, model_validator

from detector.profile.section import Section, setting

_BY_COMMAND = "leave this section to `vigitri calibrate`, which writes it"

Row = tuple[float, float, float]
Pixels = Annotated[int, Field(gt=0, le=65_536)]


class Calibrated(Section):
    """What each calibration says of itself."""

    made: AwareDatetime = setting(..., "when it was made", mend=_BY_COMMAND)
    operator: str = setting(..., "who made it", mend=_BY_COMMAND, min_length=1)
    camera: str | None = setting(
        None,
        "the camera that it was made with: camera.id, or what the source itself tells; left out "
        "where it was a recording",
        mend=_BY_COMMAND,
    )
    size_px: tuple[Pixels, Pixels] = setting(
        ..., "width and height of that camera's pictures", mend=_BY_COMMAND
    )
    sha256: str = setting(
        "", "over all else in this section: a change by hand is refused", mend=_BY_COMMAND
    )

    def digest(self) -> str:
        """The sha256 that belongs to the rest of this section."""
        content = self.model_dump(mode="json", exclude={"sha256"})
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def sealed(self) -> Self:
        """The same with its own hash."""
        return self.model_copy(update={"sha256": self.digest()})


class LensCalibration(Calibrated):
    """How the lens bends the picture: OpenCV's pinhole model with k1, k2, p1, p2, k3."""

    focal_px: tuple[float, float] = setting(..., "focal length along x and y, px", mend=_BY_COMMAND)
    centre_px: tuple[float, float] = setting(
        ..., "where the optical axis meets the picture, px", mend=_BY_COMMAND
    )
    distortion: tuple[float, float, float, float, float] = setting(
        ..., "k1, k2, p1, p2, k3", mend=_BY_COMMAND
    )
    views: int = setting(..., "pictures of the board that it was fitted to", mend=_BY_COMMAND, ge=1)
    covered: float = setting(
        ..., "share of the picture that the board was seen in", mend=_BY_COMMAND, ge=0, le=1
    )
    held_out_px: float = setting(
        ...,
        "error (rms) in pictures that the fit had not seen, px",
        mend=_BY_COMMAND,
        ge=0,
    )
    rms_px: float = setting(..., "error (rms) in those it was fitted to", mend=_BY_COMMAND, ge=0)


class PlaneCalibration(Calibrated):
    """Where the belt lies: from the picture, freed of its distortion, to mm on the belt."""

    basis: Literal["board", "points"] = setting(
        ..., "a board laid on the belt, or surveyed points", mend=_BY_COMMAND
    )
    straight_to_belt: tuple[Row, Row, Row] = setting(
        ..., "homography from straight px to belt mm", mend=_BY_COMMAND
    )
    lens_sha256: str = setting(
        "", "the calibration.lens that it was made through; empty: none", mend=_BY_COMMAND
    )
    used: int = setting(..., "points that it was fitted to", mend=_BY_COMMAND, ge=4)
    rms_mm: float = setting(..., "what they miss it by (rms)", mend=_BY_COMMAND, ge=0)
    held_out_mm: float = setting(
        ..., "what points that a fit had not seen miss it by (p95)", mend=_BY_COMMAND, ge=0
    )
    camera_mm: Row | None = setting(
        None,
        "where the camera hangs, belt mm: across, along, above; left out where it isn't known",
        mend=_BY_COMMAND,
    )
    parallax_150_mm: float | None = setting(
        None,
        "how far the top of an object 150 mm high seems displaced at most on this belt, mm",
        mend=_BY_COMMAND,
        ge=0,
    )


class SpeedCalibration(Calibrated):
    """How the belt's way is told: the encoder's counts per mm, or one speed that it always has."""

    encoder_counts_per_mm: float | None = setting(
        None, "by the picture; left out: there was no encoder", mend=_BY_COMMAND
    )
    speed_mm_s: float | None = setting(
        None, "by the picture, of a belt that has one speed", mend=_BY_COMMAND, ge=0, le=5000
    )
    plane_sha256: str = setting(
        "", "the calibration.plane whose millimetres they are; empty: none", mend=_BY_COMMAND
    )
    travelled_mm: float = setting(..., "belt that came by", mend=_BY_COMMAND, ge=0)
    held_out_percent: float = setting(
        ...,
        "how far picture and encoder (or the one speed) lie apart over 1 s (p95), in footage that "
        "the fit had not used",
        mend=_BY_COMMAND,
        ge=0,
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.encoder_counts_per_mm is None) == (self.speed_mm_s is None):
            raise ValueError("gives encoder_counts_per_mm or speed_mm_s, not both")
        return self


class Calibration(Section):
    """What `vigitri calibrate intrinsics`, `plane` and `speed` found."""

    lens: LensCalibration | None = setting(
        None, "the lens", mend="run `vigitri calibrate intrinsics LINE.toml`"
    )
    plane: PlaneCalibration | None = setting(
        None,
        "the belt's plane; where it is, belt.points and belt.px_per_mm are not used",
        mend="run `vigitri calibrate plane LINE.toml`",
    )
    speed: SpeedCalibration | None = setting(
        None,
        "how the belt's way is told; where it is, belt.encoder_counts_per_mm or belt.speed_mm_s, "
        "whichever it gives, is not used",
        mend="run `vigitri calibrate speed LINE.toml`",
    )

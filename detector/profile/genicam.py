"""Settings of a GenICam camera."""

from __future__ import annotations

from urllib.parse import urlencode

from pydantic import field_validator

from detector.profile.section import Section, setting

_KEYS = ("pixel_format", "exposure_us", "gain", "trigger", "packet_size")


class Genicam(Section):
    """What the camera is set to each time it is opened. What is left out stays as it is."""

    pixel_format: str | None = setting(
        None,
        "GenICam's name of an 8-bit pixel format: Mono8, BayerRG8 (GR, GB, BG), RGB8, BGR8, "
        "YUV422_8, YUV422_8_UYVY",
        fix='e.g. pixel_format = "BayerRG8"',
        min_length=1,
    )
    exposure_us: float | None = setting(
        None,
        "exposure time (µs); switches automatic exposure off. Shorter: less motion blur "
        "(1 ms at 2.5 m/s is 2.5 mm)",
        fix="e.g. exposure_us = 1000",
        gt=0,
    )
    gain: float | None = setting(
        None,
        "gain in the camera's unit, usually dB; switches automatic gain off",
        fix="e.g. gain = 6",
        ge=0,
    )
    trigger: str | None = setting(
        None,
        'input that triggers each image, e.g. "Line1", or "off" for images at camera.fps',
        fix='e.g. trigger = "Line1"',
        min_length=1,
    )
    packet_size: int | None = setting(
        None,
        "bytes per packet of a GigE camera; above 1500 every switch on the way needs jumbo frames",
        fix="e.g. packet_size = 1400, or leave it out",
        ge=576,
        le=16_000,
    )
    features: dict[str, str | bool | int | float] = setting(
        {},
        "any other feature of the camera by its GenICam name, written in this order, e.g. "
        '{ Width = 1280, BalanceWhiteAuto = "Once" }',
        fix="use the names in the camera's manual, e.g. features = { Width = 1280 }",
    )

    @field_validator("features")
    @classmethod
    def _genicam_names(cls, features: dict[str, object]) -> dict[str, object]:
        for name, value in features.items():
            if not (name.isidentifier() and name[:1].isupper()):
                raise ValueError(f"{name!r} is no feature: GenICam's names begin with a capital")
            if "'" in str(value):
                raise ValueError(f"{name}: a value has no apostrophe")
        return features

    def query(self) -> str:
        """The settings as the query of a `genicam://` URL, which the capture process reads."""
        named = {key: getattr(self, key) for key in _KEYS}
        given: dict[str, object] = {**self.features, **named}
        return urlencode({key: _text(value) for key, value in given.items() if value is not None})


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)

"""Sets and reads the features of a GenICam camera."""

from __future__ import annotations

import time
from typing import Any

from detector.ingest.source import SourceError
from detector.ingest.sources.aravis import NOT_CONTROLLER, Aravis, AravisError
from detector.ingest.sources.device_clock import DeviceClock
from detector.ingest.sources.genicam_settings import GenicamSettings
from detector.ingest.sources.pixel_formats import is_known

BUSY = (
    "another program controls this camera",
    "end it; a program that was killed keeps the camera for about 3 s",
)
_OFF = 0  # ARV_AUTO_OFF

_LATCHES = (
    # command, value; the value's ticks per second, or nothing: nanoseconds
    ("TimestampLatch", "TimestampLatchValue", ""),
    ("GevTimestampControlLatch", "GevTimestampValue", "GevTimestampTickFrequency"),
)
"""By GenICam's SFNC 2 and by GigE Vision 1."""


class GenicamFeatures:
    """The features of one open camera. Errors are one line with the key of the profile."""

    def __init__(self, aravis: Aravis, camera: int, name: str) -> None:
        self._aravis, self._camera, self._name = aravis, camera, name

    def check_control(self) -> None:
        """Raises `SourceError` if another program has the camera: settings would have no effect."""
        if not self._call("camera_is_gv_device"):
            return
        device = self._call("camera_get_device")
        if not self._aravis.call("gv_device_is_controller", device):
            raise SourceError(self._name, *BUSY)

    def apply(self, settings: GenicamSettings, fps: float | None) -> None:
        """Write `settings` and the frame rate; what is None stays as the camera has it.

        Raises `SourceError`, and `AravisError` if the camera does not answer.
        """
        self._aravis.check_ranges(self._camera)
        # First: size and format decide which rates and exposures are possible.
        for feature, value in settings.features.items():
            self._write(feature, value)
        if settings.pixel_format is not None:
            self._choose("pixel_format", "PixelFormat", settings.pixel_format)
        self.pixel_format()
        if settings.trigger is not None:
            self._call("camera_clear_triggers")
        if settings.trigger is not None and settings.trigger.lower() != "off":
            self._check_entry("trigger", "TriggerSource", settings.trigger)
            self._call("camera_set_trigger", settings.trigger)
        if fps is not None and self._call("camera_is_frame_rate_available"):
            self._set_within("camera.fps", "frame_rate", fps)
        if settings.exposure_us is not None:
            if self._call("camera_is_exposure_auto_available"):
                self._call("camera_set_exposure_time_auto", _OFF)
            self._set_within("exposure_us", "exposure_time", settings.exposure_us)
        if settings.gain is not None:
            if self._call("camera_is_gain_auto_available"):
                self._call("camera_set_gain_auto", _OFF)
            self._set_within("gain", "gain", settings.gain)
        if settings.packet_size is not None and self._call("camera_is_gv_device"):
            self._call("camera_gv_set_packet_size", settings.packet_size)
            taken = self._call("camera_gv_get_packet_size")
            if taken != settings.packet_size:
                raise self._refused(
                    f"packet_size = {settings.packet_size}: the camera takes {taken}",
                    "set it to that, or leave it out",
                )

    def pixel_format(self) -> str:
        """The camera's pixel format; raises `SourceError` if it cannot be converted."""
        name = str(self._call("camera_get_pixel_format_as_string") or "")
        if not is_known(name):
            possible = [one for one in self._entries("PixelFormat") if is_known(one)]
            raise self._refused(
                f"pixel format {name or 'unknown'} cannot be converted",
                f"set camera.genicam.pixel_format to {' or '.join(possible) or 'one of 8 bits'}",
            )
        return name

    def fps(self) -> float | None:
        """Images per second that the camera states; None: unknown, or it is triggered."""
        if self._has("TriggerMode") and self._call("camera_get_string", "TriggerMode") == "On":
            return None
        if not self._call("camera_is_frame_rate_available"):
            return None
        rate: float = self._call("camera_get_frame_rate")
        return rate if 0 < rate < 1000 else None

    def clock(self) -> DeviceClock | None:
        """The camera's clock; None: it has none that can be compared with ours."""
        for command, value, frequency in _LATCHES:
            if self._has(command) and self._has(value):
                clock = DeviceClock(self._latch(command, value, frequency), time.monotonic_ns)
                return clock if clock.start() else None
        return None

    def _latch(self, command: str, value: str, frequency: str) -> Latch:
        per_s = self._call("camera_get_integer", frequency) if self._has(frequency) else 0
        return Latch(self._aravis, self._camera, command, value, per_s or 1_000_000_000)

    def _has(self, feature: str) -> bool:
        return bool(feature and self._call("camera_is_feature_available", feature))

    def _write(self, feature: str, value: str) -> None:
        if not self._has(feature):
            raise self._refused(
                f"the camera has no feature {feature}", "see its manual for the name"
            )
        device = self._call("camera_get_device")
        try:
            self._aravis.call("device_set_features_from_string", device, f"{feature}='{value}'")
        except AravisError as error:
            reason = self._entries(feature)
            fix = f"it takes {', '.join(reason)}" if reason else "see the camera's manual"
            raise self._refused(f"{feature} = {value}: {_lowered(error)}", fix) from None

    def _choose(self, key: str, feature: str, value: str) -> None:
        self._check_entry(key, feature, value)
        self._call("camera_set_string", feature, value)

    def _check_entry(self, key: str, feature: str, value: str) -> None:
        entries = self._entries(feature)
        if value not in entries:
            fix = f"it has {', '.join(entries)}" if entries else "leave it out"
            raise self._refused(f"{key} = {value}: the camera does not have this", fix)

    def _entries(self, feature: str) -> list[str]:
        try:
            return self._aravis.entries(self._camera, feature)
        except AravisError:  # it has no such enumeration
            return []

    def _set_within(self, key: str, feature: str, value: float) -> None:
        low, high = self._aravis.bounds(f"camera_get_{feature}_bounds", self._camera)
        if not low <= value <= high:
            raise self._refused(
                f"{key} = {value:g}: out of range", f"the camera takes {low:g} to {high:g}"
            )
        self._call(f"camera_set_{feature}", float(value))

    def _refused(self, why: str, fix: str) -> SourceError:
        return SourceError(self._name, why, fix)

    def _call(self, name: str, *arguments: object) -> Any:
        return self._aravis.call(name, self._camera, *arguments)


class Latch:
    """Has the camera note its time, and reads it: ns."""

    def __init__(
        self, aravis: Aravis, camera: int, command: str, value: str, ticks_per_s: int
    ) -> None:
        self._aravis, self._camera = aravis, camera
        self._command, self._value, self._ticks_per_s = command, value, ticks_per_s

    def __call__(self) -> int:
        self._aravis.call("camera_execute_command", self._camera, self._command)
        ticks = self._aravis.call("camera_get_integer", self._camera, self._value)
        return int(ticks) * 1_000_000_000 // self._ticks_per_s


def explained(error: AravisError) -> tuple[str, str]:
    """Reason and fix of an error of Aravis."""
    if error.code == NOT_CONTROLLER:
        return BUSY
    text = str(error)
    if "not found" in text or "Can't connect" in text:
        return "no camera answers there", "check its power, its cable and its IP address"
    return _lowered(error), "check [camera.genicam] against the camera's manual"


def _lowered(error: AravisError) -> str:
    text = str(error)
    return text[:1].lower() + text[1:]

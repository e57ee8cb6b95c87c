"""Aravis, the LGPL library for GenICam cameras (GigE Vision, USB3 Vision), by its C interface.

Its usual binding, PyGObject, must be compiled for this Python with the headers of GLib, and hands
out each image as a new `bytes`; `harvesters` needs a GenTL producer, which camera makers give out
with their own licences. Version 0.8 of the C interface has been stable since 2020. Only what
Vigitri calls is declared here. Imported by the capture process and by a search for cameras.
"""

from __future__ import annotations

import ctypes
import functools
import importlib.util
from ctypes import POINTER, byref, c_char_p, c_double, c_int, c_int64, c_size_t, c_uint, c_uint64
from ctypes import c_void_p as handle
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

SYSTEM_LIBRARY = "libaravis-0.8.so.0"
WHEEL = "aravis"
"""Import package of `aravis-python`, whose library is loaded where the system has none."""
WHEEL_LIBRARY = "lib/libaravis-0.8.so.0"

GIGE = "GigEVision"
"""Protocol of a camera on the network."""

WHOLE = 0
"""ARV_BUFFER_STATUS_SUCCESS: every packet of the image has arrived."""
FAULTS = {
    -1: "of unknown status",
    1: "empty",
    2: "packets did not arrive in time",
    3: "packets are missing",
    4: "packets are out of order",
    5: "larger than announced",
    6: "not finished",
    7: "aborted",
}
"""ARV_BUFFER_STATUS_* of a buffer that is not a whole image."""
NOT_CONTROLLER = 10
"""ARV_DEVICE_ERROR_NOT_CONTROLLER."""
_RANGE_CHECK = 1
"""ARV_RANGE_CHECK_POLICY_ENABLE. By default a value out of range is sent to the camera."""

_ERROR = "arv_error"  # stands for the last argument, GError **
_FUNCTIONS: dict[str, tuple[Any, ...]] = {
    # name: result, arguments
    "arv_update_device_list": (None,),
    "arv_get_n_devices": (c_uint,),
    "arv_get_device_id": (c_char_p, c_uint),
    "arv_get_device_vendor": (c_char_p, c_uint),
    "arv_get_device_model": (c_char_p, c_uint),
    "arv_get_device_serial_nbr": (c_char_p, c_uint),
    "arv_get_device_address": (c_char_p, c_uint),
    "arv_get_device_physical_id": (c_char_p, c_uint),
    "arv_get_device_protocol": (c_char_p, c_uint),
    "arv_camera_new": (handle, c_char_p, _ERROR),
    "arv_camera_get_device": (handle, handle),
    "arv_camera_is_gv_device": (c_int, handle),
    "arv_gv_device_is_controller": (c_int, handle),
    "arv_device_set_range_check_policy": (None, handle, c_int),
    "arv_device_set_features_from_string": (c_int, handle, c_char_p, _ERROR),
    "arv_camera_is_feature_available": (c_int, handle, c_char_p, _ERROR),
    "arv_camera_get_integer": (c_int64, handle, c_char_p, _ERROR),
    "arv_camera_execute_command": (None, handle, c_char_p, _ERROR),
    "arv_camera_get_string": (c_char_p, handle, c_char_p, _ERROR),
    "arv_camera_set_string": (None, handle, c_char_p, c_char_p, _ERROR),
    "arv_camera_get_pixel_format_as_string": (c_char_p, handle, _ERROR),
    "arv_camera_set_pixel_format_from_string": (None, handle, c_char_p, _ERROR),
    "arv_camera_dup_available_enumerations_as_strings": (
        handle, handle, c_char_p, POINTER(c_uint), _ERROR,
    ),
    "arv_camera_set_exposure_time_auto": (None, handle, c_int, _ERROR),
    "arv_camera_is_exposure_auto_available": (c_int, handle, _ERROR),
    "arv_camera_set_exposure_time": (None, handle, c_double, _ERROR),
    "arv_camera_get_exposure_time_bounds": (
        None, handle, POINTER(c_double), POINTER(c_double), _ERROR,
    ),
    "arv_camera_set_gain_auto": (None, handle, c_int, _ERROR),
    "arv_camera_is_gain_auto_available": (c_int, handle, _ERROR),
    "arv_camera_set_gain": (None, handle, c_double, _ERROR),
    "arv_camera_get_gain_bounds": (None, handle, POINTER(c_double), POINTER(c_double), _ERROR),
    "arv_camera_set_frame_rate": (None, handle, c_double, _ERROR),
    "arv_camera_get_frame_rate": (c_double, handle, _ERROR),
    "arv_camera_get_frame_rate_bounds": (
        None, handle, POINTER(c_double), POINTER(c_double), _ERROR,
    ),
    "arv_camera_is_frame_rate_available": (c_int, handle, _ERROR),
    "arv_camera_set_trigger": (None, handle, c_char_p, _ERROR),
    "arv_camera_clear_triggers": (None, handle, _ERROR),
    "arv_camera_gv_set_packet_size": (None, handle, c_int, _ERROR),
    "arv_camera_gv_get_packet_size": (c_uint, handle, _ERROR),
    "arv_camera_set_acquisition_mode": (None, handle, c_int, _ERROR),
    "arv_camera_get_payload": (c_uint, handle, _ERROR),
    "arv_camera_create_stream": (handle, handle, handle, handle, _ERROR),
    "arv_camera_start_acquisition": (None, handle, _ERROR),
    "arv_camera_stop_acquisition": (None, handle, _ERROR),
    "arv_buffer_new_allocate": (handle, c_size_t),
    "arv_buffer_get_status": (c_int, handle),
    "arv_buffer_get_image_data": (handle, handle, POINTER(c_size_t)),
    "arv_buffer_get_image_pixel_format": (c_uint, handle),
    "arv_buffer_get_image_width": (c_int, handle),
    "arv_buffer_get_image_height": (c_int, handle),
    "arv_buffer_get_image_padding": (None, handle, POINTER(c_int), POINTER(c_int)),
    "arv_buffer_get_timestamp": (c_uint64, handle),
    "arv_buffer_get_system_timestamp": (c_uint64, handle),
    "arv_buffer_get_frame_id": (c_uint64, handle),
    "arv_stream_push_buffer": (None, handle, handle),
    "arv_stream_try_pop_buffer": (handle, handle),
    "arv_stream_timeout_pop_buffer": (handle, handle, c_uint64),
    "g_object_unref": (None, handle),
    "g_error_free": (None, handle),
    "g_free": (None, handle),
}  # fmt: skip


class AravisMissingError(ImportError):
    """Neither the system nor this Python has Aravis."""


class AravisError(Exception):
    """What Aravis or the camera refused; `code`: ARV_DEVICE_ERROR_*."""

    def __init__(self, code: int, message: str) -> None:
        self.code = code
        super().__init__(message)


class _GError(ctypes.Structure):
    _fields_: ClassVar = [("domain", ctypes.c_uint32), ("code", c_int), ("message", c_char_p)]


class Aravis:
    """The library; `call("camera_set_gain", camera, 3.0)` is `arv_camera_set_gain`.

    A `GError` is raised as `AravisError`. Calls release the interpreter while they run.
    """

    def __init__(self, library: ctypes.CDLL) -> None:
        self._functions: dict[str, tuple[Any, bool]] = {}
        for name, (result, *arguments) in _FUNCTIONS.items():
            function = getattr(library, name)
            fails = _ERROR in arguments
            function.restype = result
            function.argtypes = [
                POINTER(POINTER(_GError)) if kind is _ERROR else kind for kind in arguments
            ]
            self._functions[name.removeprefix("arv_")] = function, fails

    def call(self, name: str, *arguments: Any) -> Any:
        function, fails = self._functions[name]
        values = [value.encode() if isinstance(value, str) else value for value in arguments]
        if not fails:
            result = function(*values)
        else:
            error = POINTER(_GError)()
            result = function(*values, byref(error))
            if error:
                code = error.contents.code
                message = (error.contents.message or b"").decode(errors="replace")
                self.call("g_error_free", ctypes.cast(error, handle))
                raise AravisError(code, message)
        return result.decode(errors="replace") if isinstance(result, bytes) else result

    def bounds(self, name: str, camera: int) -> tuple[float, float]:
        """Lowest and highest value of `camera_get_…_bounds`."""
        low, high = c_double(), c_double()
        self.call(name, camera, byref(low), byref(high))
        return low.value, high.value

    def entries(self, camera: int, feature: str) -> list[str]:
        """The values that an enumeration of the camera has now, such as its pixel formats."""
        count = c_uint()
        name = "camera_dup_available_enumerations_as_strings"
        array = self.call(name, camera, feature, byref(count))
        if not array:
            return []
        texts = ctypes.cast(array, POINTER(c_char_p))
        found = [(texts[place] or b"").decode(errors="replace") for place in range(count.value)]
        self.call("g_free", array)
        return found

    def check_ranges(self, camera: int) -> None:
        device = self.call("camera_get_device", camera)
        self.call("device_set_range_check_policy", device, _RANGE_CHECK)


@functools.cache
def load_aravis() -> Aravis:
    """The system's library, which the distribution keeps up to date, else that of the wheel.

    Raises `AravisMissingError`.
    """
    choices = [SYSTEM_LIBRARY]
    wheel = importlib.util.find_spec(WHEEL)
    if wheel is not None and wheel.submodule_search_locations:
        choices += [str(Path(wheel.submodule_search_locations[0]) / WHEEL_LIBRARY)]
    why = ""
    for choice in choices:
        try:
            return Aravis(ctypes.CDLL(choice))
        except (OSError, AttributeError) as error:  # no such file, or a version without a function
            why = str(error)
    raise AravisMissingError(why)


@dataclass(frozen=True, slots=True)
class GenicamDevice:
    """A camera that answered a search."""

    id: str
    """By Aravis: vendor, model and serial number, such as `Basler-acA1920-40123456`."""
    vendor: str
    model: str
    serial: str
    address: str
    """IP address of a GigE camera."""
    physical_id: str
    """MAC address of a GigE camera, or the USB address."""
    protocol: str
    """`GigEVision` or `USB3Vision`."""

    @property
    def url(self) -> str:
        return f"genicam://{self.serial or self.address or self.id}"

    @property
    def where(self) -> str:
        return self.address or self.physical_id or self.protocol

    @property
    def identity(self) -> str:
        """Vendor, model and serial number."""
        return " ".join(part for part in (self.vendor, self.model, self.serial) if part)

    def has_name(self, name: str) -> bool:
        """Whether a profile may call this camera `name`."""
        names = (self.id, self.serial, self.address, self.physical_id)
        return name.lower() in {own.lower() for own in names if own}


def list_genicam_devices() -> list[GenicamDevice]:
    """The cameras that answer within a second, by broadcast in this network and on USB.

    Raises `AravisMissingError`.
    """
    aravis = load_aravis()
    aravis.call("update_device_list")
    fields = ("id", "vendor", "model", "serial_nbr", "address", "physical_id", "protocol")
    return [
        GenicamDevice(*(aravis.call(f"get_device_{field}", place) or "" for field in fields))
        for place in range(aravis.call("get_n_devices"))
    ]

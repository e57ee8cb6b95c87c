"""The profile of one line: its keys, their bounds and what they mean."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from detector.profile.areas import Areas
from detector.profile.belt import Belt
from detector.profile.belt_load import Jam, Overload
from detector.profile.calibration import Calibration
from detector.profile.genicam import Genicam
from detector.profile.hazards import Hazards
from detector.profile.section import Section, setting
from detector.profile.view import View
from detector.vocabulary import EngineName


class Camera(Section):
    """Source of the frames."""

    source: str = setting(
        ...,
        "a video file, a folder or glob of images, v4l2:///dev/video0, rtsp://..., "
        "genicam://SERIAL, or python://FILE.py:FUNCTION for a camera maker's own library",
        fix='name the camera, e.g. source = "v4l2:///dev/video0"',
        min_length=1,
    )
    id: str | None = setting(
        None,
        "identity of the camera, e.g. its serial number; a calibration of another camera is "
        "refused. Default: the name that a V4L2 or GenICam camera reports, the address of a "
        "network camera",
        fix='copy the number on the camera, e.g. id = "SN 40123456", or leave it out',
        min_length=1,
    )
    fps: float | None = setting(
        None,
        "frames per second; default: as the source reports; the frames of a video have their own "
        "times, which this overrides",
        fix="leave it out, or give frames per second, e.g. fps = 30",
        gt=0,
        le=1000,
    )
    frozen_after: int | None = setting(
        None,
        "number of identical images in a row (2 or more) after which the camera counts as frozen; "
        "0: never. Default: 50 for a network stream, never for a recording, else 3. While the belt "
        "is known to move, two that show it at rest are enough, whatever this says",
        fix="leave it out, or give a number of images, e.g. frozen_after = 10",
        ge=0,
        le=10_000,
    )
    mask: bool = setting(
        True,
        "mask everything outside belt.polygon_px, overload.marks_px and also_kept_px in the "
        "capture process: people work beside the belt. false: whole images reach the detector, "
        "which stores and sends the belt alone all the same",
        fix="write mask = true or mask = false",
    )
    also_kept_px: Areas = setting(
        (),
        "further areas of the image that are not masked, for a program of your own; the corners "
        "(x, y) of each, px",
        fix="write also_kept_px = [[[10, 0], [90, 0], [90, 40], [10, 40]]]",
    )
    loop: bool = setting(
        False, "restart a recording when it ends", fix="write loop = true or loop = false"
    )
    genicam: Genicam = setting(
        Genicam(), "a GenICam camera's settings", fix="write a [camera.genicam] section"
    )

    @model_validator(mode="after")
    def _settings_of_such_a_camera(self) -> Self:
        is_genicam = self.source.lower().startswith("genicam://")
        if not is_genicam and self.genicam != Genicam():
            raise ValueError(
                f"genicam: {self.source} is no GenICam camera. Leave out [camera.genicam], or "
                'write source = "genicam://SERIAL"'
            )
        return self

    @field_validator("frozen_after")
    @classmethod
    def _at_least_two_images(cls, count: int | None) -> int | None:
        if count == 1:
            raise ValueError("every image is identical to itself: use 0, or 2 and more")
        return count


LINE_NAME = "[A-Za-z0-9_-]{1,64}"
"""Pattern of a line's name, which is part of topics and folder names."""
DEPLOYED_MODEL = "vigitri-n7"
"""Default model: a folder of the catalogue."""


class ModelChoice(Section):
    """Model and inference engine."""

    name: str = setting(
        DEPLOYED_MODEL,
        "name of a model in the catalogue, or path of a model folder",
        fix="list the models with `vigitri model list`",
    )
    signed_by: Path | None = setting(
        None,
        "public key (PEM, Ed25519) that must have signed the model (extra `signing`); any other "
        "model, and one of which a file was changed, is refused before it is read. Default: every "
        "model whose files match its card is accepted",
        fix='make one with `vigitri model signing-key`; signed_by = "plant.signing.pub.pem"',
    )
    engine: EngineName = setting(
        "auto",
        "inference engine. openvino (extra `openvino`) computes in bfloat16 on CPUs that support "
        "it, which takes about 0.6 of the time. auto: openvino if it is installed and the CPU "
        "supports bfloat16, else onnxruntime",
        fix='write engine = "onnxruntime", "openvino" or "auto"',
    )
    providers: tuple[str, ...] = setting(
        ("CPUExecutionProvider",),
        "onnxruntime execution providers in order of preference; with any other than the CPU's, "
        "engine auto selects onnxruntime",
        fix="list the providers of this machine with `vigitri doctor`",
        min_length=1,
    )
    threads: int = setting(
        0,
        "threads of the inference engine; 0: one per core, at most four",
        fix="write threads = 0, or a number of threads",
        ge=0,
        le=64,
    )
    thresholds: dict[str, Annotated[float, Field(gt=0, lt=1)]] = setting(
        {},
        "detection threshold per class, compared with the model's score, e.g. "
        "{ gas_canister = 0.5, battery = 0.4 }; default: the model card's, which `vigitri model "
        "list` shows. Lower: higher recall, more false alarms. With a verifier it decides only on "
        "objects that the verifier could not see",
        fix="write thresholds = { battery = 0.4 }, each above 0 and below 1",
    )


class Tracking(Section):
    """When a track is confirmed and raises an alarm."""

    hits: int = setting(
        3,
        "minimum hits: inference passes that must detect an object to confirm its track (k of n); "
        "higher: fewer false alarms, lower recall",
        fix="write hits = 3",
        ge=1,
        le=30,
    )
    passes: int = setting(
        5,
        "number of latest inference passes among which the hits are counted (n)",
        fix="write passes = 5",
        ge=1,
        le=60,
    )
    size_tolerance: float = setting(
        1.5,
        "factor by which a measured length may be outside the plausible size of its class",
        fix="write size_tolerance = 1.5",
        ge=1,
        le=10,
    )

    @model_validator(mode="after")
    def _k_of_n(self) -> Self:
        if self.hits > self.passes:
            raise ValueError(f"hits = {self.hits} can't be reached in passes = {self.passes}")
        return self


class ActionPoint(Section):
    """A place where a picker, an ejector or a process stop acts."""

    name: str = setting(
        ...,
        "name of the action point, as the plant calls it",
        fix='write name = "picker 1"',
        min_length=1,
    )
    y_mm: float = setting(
        ...,
        "position along the travel, mm, with the same origin as the y of belt.points; without "
        "points, from the upstream end of belt.polygon_px",
        fix="measure along the belt from the origin of y, e.g. y_mm = 3000",
    )
    acting_ms: float = setting(
        1000.0,
        "time needed to act there, ms: PLC scan, actuator or hand",
        fix="give milliseconds, e.g. acting_ms = 1000",
        ge=0,
    )


class Alarms(Section):
    """When alarms call people. The PLC is notified of every object regardless."""

    pile_mm: float = setting(
        100.0,
        "maximum gap between objects of one hazard that are grouped into a single alarm, mm",
        fix="write pile_mm = 100",
        ge=0,
        le=1000,
    )
    cell_mm: float = setting(
        80.0,
        "a single battery up to this length, mm, is counted and its alarm is suppressed by design; "
        "0: every battery calls people",
        fix="write cell_mm = 80",
        ge=0,
        le=1000,
    )
    cells_per_minute: int = setting(
        10,
        "number of batteries per minute that raises an alarm",
        fix="write cells_per_minute = 10",
        ge=1,
        le=10_000,
    )
    battery_calls_per_10_min: int = setting(
        2,
        "maximum number of battery alarms per ten minutes that call people; the last one states "
        "that there are more. EEMUA-191: one is good, two are manageable, five are too many",
        fix="write battery_calls_per_10_min = 2",
        ge=1,
        le=100,
    )


class Wire(Section):
    """Endpoints, keys and the journal."""

    publish: str = setting(
        "tcp://127.0.0.1:5556",
        "endpoint for subscribers",
        fix='write publish = "tcp://127.0.0.1:5556"',
    )
    requests: str = setting(
        "tcp://127.0.0.1:5557",
        "endpoint for requests: snapshots, replays, deliveries, operators' answers",
        fix='write requests = "tcp://127.0.0.1:5557"',
    )
    evidence: str | None = setting(
        None,
        "endpoint for the images of alerts and of the running belt. Default: on loopback, at the "
        "port two above that of publish (tcp://127.0.0.1:5558); if that is taken, the line runs "
        "without images and logs it",
        fix='write evidence = "tcp://127.0.0.1:5558"',
    )
    journal: Path | None = setting(
        None,
        "folder of the alert journal; default: one named after the line, in the state folder of "
        "services",
        fix='name a folder that only this line uses, e.g. journal = "journal"',
    )
    keys: Path | None = setting(
        None,
        "file with the line's secret CURVE key; required for addresses that other machines can "
        "reach",
        fix='make one with `vigitri keys new`, then keys = "keys/line.secret.toml"',
    )
    allowed_keys: Path | None = setting(
        None,
        "folder with the public keys that may connect (allow-list)",
        fix='fill one with `vigitri keys allow`, then allowed_keys = "keys/allowed"',
    )
    detections: bool = setting(
        False,
        "also publish the raw detections of every frame",
        fix="write detections = true or detections = false",
    )

    @model_validator(mode="after")
    def _keys_go_together(self) -> Self:
        if (self.keys is None) != (self.allowed_keys is None):
            raise ValueError(
                "keys and allowed_keys go together: with only one of them, no client can connect"
            )
        return self


class LineProfile(Section):
    """One line, as its TOML file defines it. Relative paths start at that file's folder."""

    line: str = setting(
        ...,
        "name of the line; part of every topic",
        fix='use letters, digits, "-" and "_", e.g. line = "hall2-belt1"',
        pattern=f"^{LINE_NAME}$",
    )
    camera: Camera = setting(..., "the camera", fix="add a [camera] section with source = ...")
    belt: Belt = setting(..., "the belt", fix="add a [belt] section: polygon_px, travel, ...")
    view: View = setting(View(), "the belt view", fix="write a [view] section")
    model: ModelChoice = setting(ModelChoice(), "the model", fix="write a [model] section")
    tracking: Tracking = setting(Tracking(), "the tracker", fix="write a [tracking] section")
    overload: Overload = setting(Overload(), "overload", fix="write an [overload] section")
    jam: Jam = setting(Jam(), "jam", fix="write a [jam] section")
    action_points: tuple[ActionPoint, ...] = setting(
        (), "the action points", fix="write [[action_points]] with name and y_mm"
    )
    hazards: Hazards = setting(
        Hazards(), "gas and batteries", fix="write [hazards.gas] or [hazards.battery]"
    )
    alarms: Alarms = setting(Alarms(), "alarms", fix="write an [alarms] section")
    wire: Wire = setting(Wire(), "the endpoints", fix="write a [wire] section")
    calibration: Calibration = setting(
        Calibration(), "measured calibration", fix="leave it to `vigitri calibrate`"
    )

    @model_validator(mode="after")
    def _no_loop_with_a_recorded_encoder(self) -> Self:
        if self.belt.encoder_recording is not None and self.camera.loop:
            raise ValueError(
                "camera.loop = true: belt.encoder_recording ends with the footage and can't "
                "restart with it. Leave out one of the two"
            )
        return self

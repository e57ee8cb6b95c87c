"""The profile of one line: its keys, their bounds and what they mean."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from detector.profile.belt import Belt
from detector.profile.belt_load import Jam, Overload
from detector.profile.calibrated import Calibration
from detector.profile.section import Section, setting
from detector.profile.view import View
from detector.vocabulary import EngineName


class Camera(Section):
    """Where the pictures come from."""

    source: str = setting(
        ...,
        "a video file, a folder or glob of pictures, v4l2:///dev/video0 or rtsp://...",
        mend='name the camera, e.g. source = "v4l2:///dev/video0"',
        min_length=1,
    )
    id: str | None = setting(
        None,
        "which camera it is, e.g. its serial number, so that a calibration is never used with "
        "another; left out: a V4L2 camera's own name, a network camera's address",
        mend='give what is written on the camera, e.g. id = "SN 40123456", or leave it out',
        min_length=1,
    )
    fps: float | None = setting(
        None,
        "frames per second; null: what the source says",
        mend="leave it out, or give frames per second, e.g. fps = 30",
        gt=0,
        le=1000,
    )
    frozen_after: int | None = setting(
        None,
        "identical pictures in a row (2 or more) that count as a frozen camera, 0: never; left "
        "out: 3 for V4L2, 50 for a network stream, never for a recording",
        mend="leave it out, or give a number of pictures, e.g. frozen_after = 10",
        ge=0,
        le=10_000,
    )

    loop: bool = setting(
        False, "start a recording again when it ends", mend="write loop = true or loop = false"
    )

    @field_validator("frozen_after")
    @classmethod
    def _one_is_no_repeat(cls, count: int | None) -> int | None:
        if count == 1:
            raise ValueError("each picture is identical with itself: 0 or at least 2")
        return count


LINE_NAME = "[A-Za-z0-9_-]{1,64}"
"""A pattern: topics and folders are called after a line."""
DEPLOYED_MODEL = "vigitri-n6"
"""The folder of the catalogue that a line runs unless its profile names another."""


class ModelChoice(Section):
    """Which model, and how it runs."""

    name: str = setting(
        DEPLOYED_MODEL,
        "a folder of the catalogue, or the path of a model folder",
        mend="`vigitri model list` shows what there is",
    )
    engine: EngineName = setting(
        "auto",
        "what runs the model. openvino (extra `openvino`) multiplies in bfloat16 where the CPU "
        "can, which takes about 0.6 of the time; auto takes it where it is installed and the CPU "
        "can, else onnxruntime",
        mend='write engine = "onnxruntime", "openvino" or "auto"',
    )
    providers: tuple[str, ...] = setting(
        ("CPUExecutionProvider",),
        "onnxruntime execution providers, best first; with others than the CPU's, auto is "
        "onnxruntime",
        mend="`vigitri doctor` shows what this machine has",
        min_length=1,
    )
    threads: int = setting(
        0,
        "threads of the engine; 0: one for each core, four at most",
        mend="write threads = 0, or a number of threads",
        ge=0,
        le=64,
    )
    thresholds: dict[str, Annotated[float, Field(gt=0, lt=1)]] = setting(
        {},
        "operating threshold per class in place of the card's",
        mend="write thresholds = { battery = 0.4 }, each above 0 and below 1",
    )


class Tracking(Section):
    """When a track is sure enough for an alert."""

    hits: int = setting(
        3, "looks that must have seen the object (k of n)", mend="write hits = 3", ge=1, le=30
    )
    looks: int = setting(
        5, "the looks among which they must be (n)", mend="write looks = 5", ge=1, le=60
    )
    size_tolerance: float = setting(
        1.5,
        "how far a measured length may lie outside what the class can measure, as a factor",
        mend="write size_tolerance = 1.5",
        ge=1,
        le=10,
    )

    @model_validator(mode="after")
    def _k_of_n(self) -> Self:
        if self.hits > self.looks:
            raise ValueError(f"hits = {self.hits} can't be reached in looks = {self.looks}")
        return self


class ActionPoint(Section):
    """Where somebody or something can act: a picker, an ejector, a process stop."""

    name: str = setting(..., "what people call it", mend='write name = "picker 1"', min_length=1)
    y_mm: float = setting(
        ...,
        "place along the travel, mm, counted like the y of belt.points; without points, from the "
        "upstream end of belt.polygon_px",
        mend="measure along the belt from where y counts, e.g. y_mm = 3000",
    )
    acting_ms: float = setting(
        1000.0,
        "time that acting takes there: PLC scan, actuator or hand",
        mend="give milliseconds, e.g. acting_ms = 1000",
        ge=0,
    )


class Alarms(Section):
    """When people are called. The PLC is told of every object all the same."""

    pile_mm: float = setting(
        100.0,
        "objects of one hazard with no more room between them are a pile, which is one alarm",
        mend="write pile_mm = 100",
        ge=0,
        le=1000,
    )
    cell_mm: float = setting(
        80.0,
        "a single battery up to this length is counted and calls nobody; 0: every one calls",
        mend="write cell_mm = 80",
        ge=0,
        le=1000,
    )
    cells_per_minute: int = setting(
        10,
        "batteries in a minute from which their number is an alarm",
        mend="write cells_per_minute = 10",
        ge=1,
        le=10_000,
    )
    battery_calls_per_10_min: int = setting(
        2,
        "alarms about batteries that may call people in ten minutes, the last of which says that "
        "there are more; EEMUA-191: one is good, two can be handled, five are too many",
        mend="write battery_calls_per_10_min = 2",
        ge=1,
        le=100,
    )


class Wire(Section):
    """The sockets."""

    publish: str = setting(
        "tcp://127.0.0.1:5556",
        "where subscribers connect",
        mend='write publish = "tcp://127.0.0.1:5556"',
    )
    requests: str = setting(
        "tcp://127.0.0.1:5557",
        "where requests come in: snapshots, replays, deliveries, operators' answers",
        mend='write requests = "tcp://127.0.0.1:5557"',
    )
    journal: Path | None = setting(
        None,
        "the folder of the alerts' journal; without it, one named after the line in the folder "
        "where services keep their state",
        mend='name a folder that only this line uses, e.g. journal = "journal"',
    )
    keys: Path | None = setting(
        None,
        "the line's own secret key (CURVE); needed for addresses that other machines reach",
        mend='make one with `vigitri keys new`, then keys = "keys/line.secret.toml"',
    )
    allowed_keys: Path | None = setting(
        None,
        "the folder of public keys that may come in",
        mend='fill one with `vigitri keys allow`, then allowed_keys = "keys/allowed"',
    )
    detections: bool = setting(
        False,
        "publish every frame's raw detections too",
        mend="write detections = true or detections = false",
    )

    @model_validator(mode="after")
    def _keys_go_together(self) -> Self:
        if (self.keys is None) != (self.allowed_keys is None):
            raise ValueError("keys and allowed_keys go together: with one alone nobody comes in")
        return self


class LineProfile(Section):
    """One line, as its TOML file says it. All paths in it are relative to that file."""

    line: str = setting(
        ...,
        "name of the line, part of every topic",
        mend='use letters, digits, "-" and "_", e.g. line = "hall2-belt1"',
        pattern=f"^{LINE_NAME}$",
    )
    camera: Camera = setting(..., "the camera", mend="add a [camera] section with source = ...")
    belt: Belt = setting(..., "the belt", mend="add a [belt] section: polygon_px, travel, ...")
    view: View = setting(View(), "the belt view", mend="write a [view] section")
    model: ModelChoice = setting(ModelChoice(), "the model", mend="write a [model] section")
    tracking: Tracking = setting(Tracking(), "the tracker", mend="write a [tracking] section")
    overload: Overload = setting(Overload(), "overload", mend="write an [overload] section")
    jam: Jam = setting(Jam(), "jam", mend="write a [jam] section")
    action_points: tuple[ActionPoint, ...] = setting(
        (), "where to act", mend="write [[action_points]] with name and y_mm"
    )
    alarms: Alarms = setting(Alarms(), "alarms", mend="write an [alarms] section")
    wire: Wire = setting(Wire(), "the sockets", mend="write a [wire] section")
    calibration: Calibration = setting(
        Calibration(), "what was measured", mend="leave it to `vigitri calibrate`"
    )

    @model_validator(mode="after")
    def _a_recorded_encoder_ends(self) -> Self:
        if self.belt.encoder_recording is not None and self.camera.loop:
            raise ValueError(
                "camera.loop = true: belt.encoder_recording ends with the footage and can't go "
                "on where it begins again. Leave one of both out"
            )
        return self

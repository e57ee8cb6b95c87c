"""The belt view in a line profile: its scale, and how often the model runs on it."""

from __future__ import annotations

from detector.profile.section import Section, setting


class View(Section):
    """The belt view: the rectified belt that the model sees."""

    mm_per_px: float = setting(
        1.5,
        "scale of the belt view, mm per px, in which objects are proposed; the verifier sees the "
        "camera's own pixels. Finer: more small objects, at a cost that grows with its square",
        fix="give mm per pixel, e.g. mm_per_px = 1.5",
        gt=0.05,
        le=20,
    )
    strips: bool = setting(
        True,
        "run inference only on the strip of belt that is new since the last pass, as often as "
        "needed; false: on the whole view in every frame, which costs several times as much",
        fix="write strips = true or strips = false",
    )
    passes_per_object: int = setting(
        3,
        "minimum number of inference passes that see each object whole, if the frame rate allows; "
        "higher values raise recall and CPU cost",
        fix="write passes_per_object = 3",
        ge=1,
        le=20,
    )
    object_mm: float = setting(
        200.0,
        "length along the belt up to which an object gets these passes_per_object passes; a longer "
        "object gets them as soon as a part of it is detected",
        fix="give millimetres, e.g. object_mm = 200",
        gt=0,
        le=5000,
    )
    tile_px: int | None = setting(
        None,
        "maximum width of the view in one inference window, px; a wider belt is split into tiles "
        "side by side, which overlap by object_mm. Default: 1280",
        fix="give pixels of the view, e.g. tile_px = 1280, or leave it out",
        ge=160,
        le=4096,
    )
    max_wait_ms: float = setting(
        200.0,
        "maximum time between two inference passes, ms; new belt waits no longer than this",
        fix="give milliseconds, 200 or fewer (the PLC's heartbeat), e.g. max_wait_ms = 200",
        gt=0,
        le=200,
    )

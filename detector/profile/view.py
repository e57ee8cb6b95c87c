"""The rectified picture of the belt, and how often it is looked at, in a line's profile."""

from __future__ import annotations

from detector.profile.section import Section, setting


class View(Section):
    """The rectified picture of the belt that the model sees."""

    mm_per_px: float = setting(
        1.0,
        "scale of the belt view; 1 or finer keeps AA cells visible",
        mend="give mm per pixel, e.g. mm_per_px = 1.0",
        gt=0.05,
        le=20,
    )
    strips: bool = setting(
        True,
        "look at the belt that is new since the last look, as often as it takes; false: at the "
        "whole view in every frame, which costs several times as much",
        mend="write strips = true or strips = false",
    )
    looks_per_object: int = setting(
        3,
        "looks that see each object whole, at least, where the frames come fast enough for it; "
        "more find more and cost more",
        mend="write looks_per_object = 3",
        ge=1,
        le=20,
    )
    object_mm: float = setting(
        200.0,
        "length along the belt up to which an object is seen whole so often; a longer one is, as "
        "soon as a part of it is found",
        mend="give millimetres, e.g. object_mm = 200",
        gt=0,
        le=5000,
    )
    tile_px: int | None = setting(
        None,
        "most of the view's width that the model looks at at once; a wider belt is looked at in "
        "tiles side by side, which overlap by object_mm. null: 1280",
        mend="give pixels of the view, e.g. tile_px = 1280, or leave it out",
        ge=160,
        le=4096,
    )
    max_wait_ms: float = setting(
        200.0,
        "longest time from one look to the next: what is new waits so long at most",
        mend="give milliseconds, 200 or fewer (the PLC's heartbeat), e.g. max_wait_ms = 200",
        gt=0,
        le=200,
    )

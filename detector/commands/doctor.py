"""`vigitri doctor`: check this machine and, with a profile, one line."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import zmq
from rich.console import Console
from rich.markup import escape

from detector import __version__
from detector.cores import describe_cores
from detector.delivery.clocks import HostClocks
from detector.delivery.evidence import EvidenceSender
from detector.delivery.publisher import Publisher
from detector.delivery.request_server import RequestServer
from detector.ingest import SourceError, V4l2Device, describe_source, list_v4l2_devices
from detector.line_setup import Line
from detector.profile.line import LineProfile, ModelChoice, Wire
from detector.profile.loading import load_profile
from detector.vision.catalogue import ModelError, find_model, model_folders
from detector.vision.engines import chosen_engine, open_engine, open_verifier
from detector.vision.onnx_runtime import ort
from detector.wire.evidence import evidence_beside
from detector.wire.keys import AllowList, Guard, check_unknown_key_refused, line_guard

CLOCKS_SETTLE_S = 5.0
"""A network camera's clock is checked for two seconds, and its first report comes within five."""
FRAME_BUFFERS_BYTES = 3 * 1920 * 1080 * 3
"""The three frame buffers of a 1080p camera."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check; printed as it is with --json."""

    what: str
    ok: bool | None
    """None: for information, neither passed nor failed."""
    result: str
    """The result, or the reason for the failure, as one line."""


def examine(line: Path | None, *, as_json: bool) -> bool:
    """Print one line per check. Returns whether none failed.

    Raises:
        ProfileError: The profile itself is refused.
    """
    profile = None if line is None else load_profile(line)
    console, healthy = Console(), True
    for finding in _findings(profile):
        healthy = healthy and finding.ok is not False
        if as_json:
            print(json.dumps(asdict(finding)), flush=True)
        else:
            mark = {True: "[green]ok  [/]", False: "[bold red]FAIL[/]", None: "    "}[finding.ok]
            # Escaped, because rich would read the brackets of 'vigitri[openvino]' as a style.
            console.print(f"{mark} {escape(f'{finding.what}: {finding.result}')}", highlight=False)
    return healthy


def _findings(profile: LineProfile | None) -> Iterator[Finding]:
    yield Finding(
        "machine",
        None,
        f"{platform.machine()}, {describe_cores()}, Python {platform.python_version()}",
    )
    yield Finding(
        "versions",
        None,
        f"vigitri {__version__}, onnxruntime {ort.__version__}, OpenCV {cv2.__version__}, "
        f"libzmq {zmq.zmq_version()}",
    )
    yield Finding("engines", None, ", ".join(ort.get_available_providers()))
    choice = ModelChoice() if profile is None else profile.model
    runs_in, why = chosen_engine(choice)
    yield Finding("engine", None, f"a line uses {runs_in} on this machine ({why})")
    clock = HostClocks().sync()
    yield Finding(
        "clock",
        clock == "synchronised" or None,
        _clock_state(clock),
    )
    yield Finding("shared memory", *_checked(_shared_memory))
    for folder in model_folders():
        yield Finding(
            f"model {folder.name}",
            *_checked(lambda folder=folder: _model(folder, choice)),  # type: ignore[misc]
        )
    if profile is None:
        devices = list_v4l2_devices()
        yield Finding("cameras", None, ", ".join(map(_device, devices)) or "no V4L2 device found")
        return
    line: list[Line] = []
    yield Finding("profile", *_checked(lambda: _line(profile, line)))
    sizes_px: list[tuple[int, int]] = []
    yield Finding("camera", *_checked(lambda: _camera(profile, sizes_px)))
    # If either is missing, its own check has failed and gives the reason.
    for made, size_px in zip(line, sizes_px, strict=False):
        yield Finding("belt", *_checked(lambda made=made, size_px=size_px: _belt(made, size_px)))  # type: ignore[misc]
    guard = None
    if profile.wire.keys is not None and profile.wire.allowed_keys is not None:
        valid, result = _checked(lambda: _keys(profile.wire))
        yield Finding("wire.keys", valid, result)
        if not valid:
            return  # without valid keys the line binds no endpoint
        guard = line_guard(profile.wire.keys, profile.wire.allowed_keys)
    yield Finding("wire.publish", *_checked(lambda: _publish(profile, guard)))
    yield Finding("wire.requests", *_checked(lambda: _requests(profile, guard)))
    yield Finding("wire.evidence", *_checked(lambda: _evidence(profile, guard)))


def _clock_state(clock: str) -> str:
    if clock == "synchronised":
        return "UTC is synchronised"
    return f"UTC is {clock}; UTC times and deadlines may be wrong (start chrony or timesyncd)"


def _checked(check: Callable[[], str]) -> tuple[bool, str]:
    try:
        return True, check()
    except (ValueError, SourceError, OSError, RuntimeError) as error:
        return False, str(error)


def _shared_memory() -> str:
    descriptor = os.memfd_create("vigitri-doctor")  # as `detector.ingest.capture.latest_frame` does
    try:
        os.posix_fallocate(descriptor, 0, FRAME_BUFFERS_BYTES)
    except OSError as error:
        raise OSError(
            f"{FRAME_BUFFERS_BYTES / 1e6:.0f} MB for a camera's frames can't be allocated "
            f"({(error.strerror or str(error)).lower()}): free memory, or raise the limit"
        ) from None
    finally:
        os.close(descriptor)
    return f"{FRAME_BUFFERS_BYTES / 1e6:.0f} MB for a 1080p camera's frames can be allocated"


def _model(folder: Path, choice: ModelChoice) -> str:
    model = find_model(str(folder))
    engine, verifier = open_engine(model, choice), open_verifier(model, choice)
    size = engine.card.input.size
    image = np.zeros((size[0] or 448, size[1] or 576, 3), dtype=np.uint8)
    height, width = image.shape[:2]
    facts = [f"{_median_ms(lambda: engine.detect(image, 0.5)):.1f} ms for {width} x {height} px"]
    if verifier is not None:
        crops = verifier.card.batches[0]
        facts.append(
            f"{_median_ms(lambda: verifier.probabilities(crops)):.1f} ms for {crops} crops"
        )
    return f"valid; {', '.join(facts)} in {chosen_engine(choice)[0]}"


def _median_ms(run: Callable[[], object]) -> float:
    times_ms = []
    for _ in range(7):
        started = time.perf_counter()
        run()
        times_ms.append((time.perf_counter() - started) * 1000)
    return float(np.median(times_ms))


def _device(device: V4l2Device) -> str:
    return f"{device.url} ({device.model})" + (f": {device.fault}" if device.fault else "")


def _camera(profile: LineProfile, sizes_px: list[tuple[int, int]]) -> str:
    """Also appends the camera's image size to `sizes_px`."""
    found = describe_source(profile.camera.source, fps=profile.camera.fps, settle_s=CLOCKS_SETTLE_S)
    sizes_px.append(found.size_px)
    facts = [str(found)]
    if found.colours:
        facts.append(f"colours {found.colours}")
    if found.stamp_source is not None:
        facts.append(f"times of its images by {found.stamp_source}")
    return ", ".join(facts)


def _belt(line: Line, size_px: tuple[int, int]) -> str:
    """Builds the line's parts for this image size, as its first frame does."""
    rectifier = line.parts_for(size_px).rectifier
    width_px, height_px = rectifier.size_px
    return (
        f"inside the image; the belt view is {width_px} x {height_px} px "
        f"at {rectifier.mm_per_px:g} mm/px"
    )


def _line(profile: LineProfile, made: list[Line]) -> str:
    """Also appends the line that it sets up to `made`."""
    model = find_model(profile.model.name)
    engine = open_engine(model, profile.model)
    line = Line(profile, model, engine, "doctor", open_verifier(model, profile.model))
    made.append(line)
    low, high = model.card.input.mm_per_px
    if not low <= profile.view.mm_per_px <= high:
        raise ModelError(
            f"view.mm_per_px = {profile.view.mm_per_px:g}: {model.card.name} was trained for "
            f"{low:g} to {high:g} mm/px. Set view.mm_per_px in this range"
        )
    return f"line {profile.line}, millimetres are {line.facts.mm_basis}"


def _keys(wire: Wire) -> str:
    assert wire.keys is not None
    assert wire.allowed_keys is not None
    line_guard(wire.keys, wire.allowed_keys)
    allowed = ", ".join(AllowList(wire.allowed_keys).keys())
    return f"{wire.keys} is valid and private; may connect: {allowed}"


def _publish(profile: LineProfile, guard: Guard | None) -> str:
    with Publisher(
        profile.wire.publish, line=profile.line, boot_id="doctor", guard=guard
    ) as publisher:
        return _endpoint_state(publisher.endpoint, guard, "publish")


def _requests(profile: LineProfile, guard: Guard | None) -> str:
    with RequestServer(profile.wire.requests, guard=guard) as desk:
        return _endpoint_state(desk.endpoint, guard, "requests")


def _evidence(profile: LineProfile, guard: Guard | None) -> str:
    endpoint = profile.wire.evidence or evidence_beside(profile.wire.publish)
    with EvidenceSender(endpoint, line=profile.line, boot_id="doctor", guard=guard) as sender:
        return _endpoint_state(sender.endpoint, guard, "publish")


def _endpoint_state(
    endpoint: str, guard: Guard | None, kind: Literal["publish", "requests"]
) -> str:
    if guard is None:
        return f"{endpoint} is free"
    check_unknown_key_refused(endpoint, guard, kind)
    return f"{endpoint} is free, and refuses an unknown key"

"""The images of a line's alerts, over real sockets, while its loop runs in this process."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from detector import client
from detector.client import EvidenceFeed, Received, ReceivedEvidence, ReceivedLive
from detector.delivery.evidence import EvidenceSender
from detector.delivery.journal import Journal
from detector.delivery.outbox import Outbox
from detector.delivery.publisher import Publisher
from detector.delivery.request_server import RequestServer
from detector.evidence import looks_of
from detector.hazards.tracking import verifier_stage
from detector.hazards.tracking.tracker import Hit
from detector.hazards.tracking.verdict import CropLook, verifier_rules
from detector.ingest import CameraHealth, CameraState, Frame
from detector.line_setup import Line
from detector.live import LineRunner
from detector.profile.line import LineProfile
from detector.vision.belt_images import BeltImages
from detector.wire.messages import Alert, Hazard, LineFacts, LineState, Message, Metrics, Revision
from tests.delivery.conftest import ANY_PORT
from tests.fake_line import PROFILE
from tests.fakes import FakeEngine, bright_objects, folder_of, make_card
from tests.small_line import FPS, passing, wait_for
from tests.test_pipeline_verifier import card_with_verifier, weak_objects
from tests.verifiers import verifier, verifier_card

FRAME_NS = 1_000_000_000 // FPS
# The belt ends above row 40, and below row 230 of 240.
NARROW = [[0, 40], [319, 40], [319, 230], [0, 230]]


class Camera:
    """Gives frames that were grabbed 200 ms apart, the last one now, then stops the line."""

    shift_px: float | None = None

    def __init__(self, images: Sequence[NDArray[np.uint8]], stop: threading.Event) -> None:
        self.health = CameraHealth(CameraState.LIVE, "", 1, 0, 0, 3)
        self._stop, self._shared = stop, np.empty_like(images[0])
        first_ns = time.monotonic_ns() - len(images) * FRAME_NS
        utc_ns = time.time_ns() - time.monotonic_ns()
        self._frames = [
            (image, index, first_ns + index * FRAME_NS, first_ns + index * FRAME_NS + utc_ns)
            for index, image in enumerate(images)
        ]

    def read_latest(self, timeout_s: float) -> Frame:  # noqa: ARG002
        image, *stamps = self._frames.pop(0)
        if not self._frames:
            self._stop.set()
        # One buffer for all images, as the camera's process has.
        np.copyto(self._shared, image)
        return Frame(self._shared, *stamps, "fake")


class Plant:
    """A line with its sockets, a subscriber and a feed of images."""

    def __init__(self, stack: ExitStack, *, evidence: bool = True, live: bool = False) -> None:
        self.publisher = stack.enter_context(Publisher(ANY_PORT, line="belt-1", boot_id="boot"))
        self._server = stack.enter_context(RequestServer(ANY_PORT))
        self.subscriber = stack.enter_context(client.Line(self.publisher.endpoint))
        self.sender = EvidenceSender(ANY_PORT, line="belt-1", boot_id="boot", guard=None)
        stack.enter_context(self.sender)
        self.feed = stack.enter_context(
            EvidenceFeed(self.sender.endpoint, evidence=evidence, live=live)
        )
        assert self.publisher.wait_for_subscriber("alert", 60)
        wait_for(
            lambda: (
                self.feed.receive(0.001)
                or (self.sender.wanted, self.sender.live_wanted) == (evidence, live)
            )
        )

    def run(
        self,
        images: Sequence[NDArray[np.uint8]] | None = None,
        *,
        verified: bool = False,
        **belt: Any,
    ) -> None:
        profile = LineProfile.model_validate(
            PROFILE.model_dump() | {"belt": PROFILE.belt.model_dump() | belt}
        )
        card = card_with_verifier() if verified else make_card()
        engine = FakeEngine(weak_objects if verified else bright_objects, card)
        checked = verifier() if verified else None
        line = Line(profile, folder_of(card), engine, "boot", checked)
        stop = threading.Event()
        camera: Any = Camera(passing() if images is None else images, stop)
        outbox = Outbox(self.publisher, self._server, Journal(None))
        LineRunner(line, camera, self.publisher, outbox, evidence=self.sender).run(
            stop, until_end=False
        )

    def published(self, kind: type[Message]) -> list[Any]:
        """All messages of that kind so far, until the line's last state."""
        found = []
        while (item := self.subscriber.receive(0.3)) is not None:
            if isinstance(item, Received) and isinstance(item.payload, kind):
                found.append(item)
        return found

    def images(self) -> ReceivedEvidence:
        item = self.feed.receive(60)
        assert isinstance(item, ReceivedEvidence)
        return item


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as open_stack:
        yield open_stack


def decoded(jpeg: bytes) -> NDArray[Any]:
    return cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR).astype(int)


def raised(alerts: Sequence[Received]) -> list[Alert]:
    found = [item.payload for item in alerts if isinstance(item.payload, Alert)]
    return [each for each in found if each.kind is Revision.RAISED and each.track is not None]


@pytest.mark.parametrize("verified", [False, True], ids=["detector alone", "verifier"])
def test_each_raised_object_is_shown_with_its_box_and_its_looks(
    stack: ExitStack, verified: bool
) -> None:
    plant = Plant(stack)
    plant.run(verified=verified)
    shown = {item.evidence.evidence_id: item for item in (plant.images(), plant.images())}
    alerts = raised(plant.published(Alert))
    assert {alert.hazard for alert in alerts} == {Hazard.GAS, Hazard.BATTERY}
    assert set(shown) == {alert.evidence_id for alert in alerts}
    for alert in alerts:
        assert alert.evidence_id == f"boot-{alert.event_id}-1"
        item = shown[alert.evidence_id]
        evidence = item.evidence
        assert (evidence.event_id, evidence.revision) == (alert.event_id, alert.revision)
        assert evidence.frame_index == evidence.crop_frame_index == alert.frame_index
        assert evidence.t_capture_utc_ns == alert.t_capture_utc_ns
        assert alert.place is not None
        assert evidence.box_px == pytest.approx(alert.place.box_px, abs=2.5)
        assert evidence.frame_size_px == (320, 240)
        is_gas = alert.hazard is Hazard.GAS
        x0, y0, x1, y1 = (round(side) for side in evidence.box_px)
        assert evidence.crop_size_px == round(1.3 * max(x1 - x0, y1 - y0))
        middle = decoded(item.frame)[(y0 + y1) // 2, (x0 + x1) // 2]
        assert (middle.min() > 200) == is_gas
        assert middle[2] > 200
        assert decoded(item.crop).shape == (evidence.crop_size_px, evidence.crop_size_px, 3)
        assert [look.frame_index for look in evidence.looks][-1] == alert.frame_index
        assert evidence.looks[-1].box_px == pytest.approx(evidence.box_px, abs=1)
        kinds = [look.kinds[0].name for look in evidence.looks if look.kinds]
        name = "gas_bottle" if is_gas else "cell"
        assert kinds == ([name] * 2 if verified else [])  # two are enough for a sure hazard
        assert evidence.verifier_input_px == (32 if verified else None)


def test_the_alert_is_out_before_its_images_are_even_encoded(
    stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant = Plant(stack)
    encoding, proceed = threading.Event(), threading.Event()
    encode = BeltImages.frame

    def slow(images: BeltImages, masked: NDArray[np.uint8]) -> Any:
        encoding.set()
        assert proceed.wait(60)
        return encode(images, masked)

    monkeypatch.setattr(BeltImages, "frame", slow)
    plant.run()
    assert encoding.wait(60)
    published = plant.published(Alert)
    alerts = {alert.evidence_id: item for item in published for alert in raised([item])}
    assert len(alerts) == 2
    assert plant.feed.receive(0) is None
    proceed.set()
    for item in (plant.images(), plant.images()):
        alert = alerts[item.evidence.evidence_id].header
        assert item.header.t_capture_mono_ns == alert.t_capture_mono_ns
        assert item.header.age_ms > alert.age_ms


def test_an_image_shows_its_own_frame_however_late_it_is_encoded(
    stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant = Plant(stack)
    proceed, mask = threading.Event(), BeltImages.mask

    def slow(images: BeltImages, image: NDArray[np.uint8]) -> None:
        assert proceed.wait(60)
        mask(images, image)

    monkeypatch.setattr(BeltImages, "mask", slow)
    plant.run()
    proceed.set()
    for item in (plant.images(), plant.images()):
        x0, y0, x1, y1 = (round(side) for side in item.evidence.box_px)
        assert decoded(item.frame)[(y0 + y1) // 2, (x0 + x1) // 2, 2] > 200


def test_what_is_beside_the_belt_is_grey_in_every_image(stack: ExitStack) -> None:
    plant = Plant(stack, live=True)
    images = passing()
    for image in images:
        image[:39] = image[232:] = (0, 255, 0)  # people's clothes
    plant.run(images, polygon_px=NARROW)
    while (item := plant.feed.receive(1.0)) is not None:
        jpegs = [item.image] if isinstance(item, ReceivedLive) else [item.frame, item.crop]
        for shown in map(decoded, jpegs):
            # JPEG lends the edges of red objects a little of it; the clothes have 255.
            assert (shown[..., 1] - (shown[..., 0] + shown[..., 2]) // 2).max() < 40
    assert plant.sender.sent == 2


def test_alerts_name_no_images_while_these_are_not_subscribed_to(stack: ExitStack) -> None:
    plant = Plant(stack, evidence=False)
    plant.run()
    alerts = raised(plant.published(Alert))
    assert [alert.evidence_id for alert in alerts] == [None, None]
    assert (plant.sender.sent, plant.sender.dropped) == (0, 0)


def test_the_running_belt_is_shown_four_times_a_second_while_it_is_subscribed_to(
    stack: ExitStack,
) -> None:
    plant = Plant(stack, evidence=False, live=True)
    due: list[int] = []
    offer = plant.sender.offer_live
    plant.sender.offer_live = lambda sight: (due.append(sight.t_capture_mono_ns), offer(sight))  # type: ignore[method-assign,func-returns-value]
    plant.run(passing(22))
    item = plant.feed.receive(60)
    assert isinstance(item, ReceivedLive)
    assert item.live.frame_size_px == decoded(item.image).shape[1::-1] == (320, 240)
    # 22 frames at 5 a second: each second one.
    assert np.diff(due).tolist() == [2 * FRAME_NS] * 10


def test_the_running_belt_is_not_even_copied_while_it_is_not_subscribed_to(
    stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant = Plant(stack)
    monkeypatch.setattr(plant.sender, "offer_live", lambda _: pytest.fail("offered"))
    plant.run([image for image in passing(1) for _ in range(12)])
    assert plant.sender.sent == 0


def test_an_object_that_left_the_view_undecided_is_shown_by_its_last_crop(
    stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verifier_stage, "PASSES_ENOUGH", 100)
    monkeypatch.setattr(verifier_stage, "PASSES_MAX", 100)
    monkeypatch.setattr(verifier_stage, "_settled", lambda _: False)
    monkeypatch.setattr(verifier_stage, "_MARGIN", -1e9)  # its deadline is never near
    plant = Plant(stack)
    plant.run(verified=True)
    for item in (plant.images(), plant.images()):
        evidence = item.evidence
        assert evidence.crop_size_px == evidence.verifier_input_px == 32
        assert evidence.crop_frame_index == evidence.looks[-1].frame_index < evidence.frame_index
        assert decoded(item.crop)[16, 16, 2] > 150
        x0, y0, x1, y1 = evidence.crop_box_px
        left, top, right, bottom = evidence.looks[-1].box_px
        assert ((x0 + x1) / 2, (y0 + y1) / 2) == pytest.approx(
            ((left + right) / 2, (top + bottom) / 2), abs=1
        )


def test_metrics_facts_and_state_describe_the_line(stack: ExitStack) -> None:
    plant = Plant(stack)
    plant.run(verified=True)
    messages = plant.published(Message)
    (metrics,) = (item.payload for item in messages if isinstance(item.payload, Metrics))
    assert metrics.frames_unreadable == 3
    state = [item.payload for item in messages if isinstance(item.payload, LineState)][-1]
    assert state.camera_age_ms is not None
    assert state.latency_p99_ms is not None
    assert state.camera_age_ms >= 0
    assert state.latency_p99_ms > 0
    assert state.latency_budget_ms == 50
    facts = [item.payload for item in messages if isinstance(item.payload, LineFacts)][-1]
    assert (facts.belt_width_mm, facts.view_length_mm) == pytest.approx((478, 638), abs=3)
    assert facts.evidence == plant.sender.endpoint
    assert facts.image_size_px == (320, 240)
    assert [known.name for known in facts.classes] == ["gas_canister", "battery"]
    assert [(kind.name, kind.action) for kind in facts.kinds] == [
        ("gas_bottle", "call"), ("aerosol", "call"), ("cell", "call"), ("tin", "ignore"),
    ]  # fmt: skip


def test_looks_are_the_passes_that_detected_an_object_and_those_that_had_its_crop() -> None:
    rules = verifier_rules(verifier_card(), {}, {})
    box_px = (1.0, 2.0, 3.0, 4.0)
    hits = [Hit(4, 40, 0.5, box_px), Hit(6, 60, 0.7, box_px)]
    crop = CropLook(5, 50, (2.04, 2, 3, 4), np.array([0.1, 0.2, 0.6, 0.1], dtype=np.float32))
    looks = looks_of(hits, [crop], rules)
    assert [(look.frame_index, look.t_capture_utc_ns, look.score) for look in looks] == [
        (4, 40, 0.5), (5, 50, None), (6, 60, 0.7),
    ]  # fmt: skip
    assert [[kind.name for kind in look.kinds] for look in looks] == [
        [], ["cell", "aerosol", "tin"], [],
    ]  # fmt: skip
    assert looks[1].box_px == (2.0, 2, 3, 4)

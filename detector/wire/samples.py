"""A sample of each message: the examples in the schemas, also used in tests."""

from __future__ import annotations

from pydantic import BaseModel

from detector.vocabulary import StampSource
from detector.wire.evidence import Evidence, LiveImage, Look, evidence_name
from detector.wire.facts import (
    ClassFacts,
    HazardFacts,
    KindFacts,
    LineFacts,
    PointOfAction,
)
from detector.wire.messages import (
    AlarmState,
    Alert,
    Arrival,
    ConsumerState,
    CoverageState,
    DeliveryState,
    DetectedObject,
    FrameDetections,
    Hazard,
    Header,
    Heartbeat,
    Inference,
    KindProbability,
    LineState,
    Message,
    Metrics,
    ModelIdentity,
    Outcome,
    Place,
    Priority,
    Revision,
    StageTimes,
    SupportingDetection,
    VisionState,
    Why,
)
from detector.wire.requests import (
    Acknowledge,
    AlertMessage,
    BeltFromPlc,
    Consume,
    ConsumeReply,
    Delivery,
    Position,
    Replay,
    ReplayReply,
    Reply,
    ReportOutcome,
    Shelve,
    Snapshot,
    SnapshotReply,
)

LINE = "tapis-1"
BOOT_ID = "20260306T081500Z-7f3a"
FRAME = 1234
T_UTC_NS = 1_772_785_200_000_000_000
T_MONO_NS = 86_400_000_000_000
FRAME_NS = 33_333_333

HEADER = Header(
    schema_="alert/1",
    boot_id=BOOT_ID,
    seq=7,
    gseq=4210,
    alert_seq=61,
    t_capture_utc_ns=T_UTC_NS,
    t_capture_mono_ns=T_MONO_NS,
    age_ms=23.417,
    clock_sync="synchronised",
)

ALERT = Alert(
    line=LINE,
    boot_id=BOOT_ID,
    event_id="e-17",
    revision=1,
    kind=Revision.RAISED,
    hazard=Hazard.GAS,
    class_name="gas_bottle",
    priority=Priority.HIGH,
    state=AlarmState.UNACKNOWLEDGED,
    probability=0.91,
    t_capture_utc_ns=T_UTC_NS,
    t_capture_mono_ns=T_MONO_NS,
    frame_index=42,
    t_raised_utc_ns=T_UTC_NS,
    place=Place(
        box_px=(812.0, 340.5, 1004.0, 731.0),
        frame_index=FRAME,
        image_size_px=(1920, 1080),
        mm_basis="nominal",
        x_mm=412.0,
        y_mm=310.0,
        belt_position_mm=20600.0,
    ),
    arrivals=(
        Arrival(
            action_point="picker-1",
            distance_mm=1600.0,
            eta_ms=3200.0,
            act_by_ms=2400.0,
            t_deadline_utc_ns=T_UTC_NS + 2_400_000_000,
            speed_mm_s=500.0,
            speed_basis="image",
        ),
        Arrival(
            action_point="ejector",
            distance_mm=4000.0,
            eta_ms=8000.0,
            act_by_ms=7600.0,
            t_deadline_utc_ns=T_UTC_NS + 7_600_000_000,
            speed_mm_s=500.0,
            speed_basis="image",
        ),
    ),
    support=(
        SupportingDetection(
            frame_index=FRAME - 2, t_capture_utc_ns=T_UTC_NS - 2 * FRAME_NS, score=0.84
        ),
        SupportingDetection(
            frame_index=FRAME - 1, t_capture_utc_ns=T_UTC_NS - FRAME_NS, score=0.88
        ),
        SupportingDetection(frame_index=FRAME, t_capture_utc_ns=T_UTC_NS, score=0.91),
    ),
    why=Why(
        score=0.91,
        hits=3,
        passes=3,
        votes={"gas_bottle": 3},
        length_mm=244.0,
        width_mm=120.0,
        plausible_length_mm=(80.0, 700.0),
        size_plausible=True,
    ),
    detail=None,
    track=17,
    model=ModelIdentity(name="vigitri-n7", sha256="5b" * 32),
    outcome=None,
    evidence_id=evidence_name(BOOT_ID, "e-17", 1),
)

LINE_ALERT = ALERT.model_copy(
    update={
        "event_id": "s-3",
        "hazard": Hazard.OVERLOAD,
        "class_name": None,
        "priority": Priority.MEDIUM,
        "probability": None,
        "place": None,
        "arrivals": (),
        "support": (),
        "why": None,
        "detail": "coverage 88 % over 1.4 m of belt",
        "track": None,
        "evidence_id": None,
    }
)
"""The alert of a line state instead of an object."""

STATE = LineState(
    line=LINE,
    vision=VisionState.READY,
    reason=None,
    coverage_state=CoverageState.CLEAR,
    coverage=0.42,
    belt_speed_mm_s=500.0,
    speed_basis="image",
    belt_position_mm=20600.0,
    mm_basis="nominal",
    active_alerts=1,
    inferences=1230,
    frames_overwritten=4,
    camera_restarts=0,
    camera_age_ms=21.4,
    stamp_source=StampSource.MEDIA_CLOCK,
    frames_per_s=30.0,
    latency_p99_ms=38.2,
    latency_budget_ms=50.0,
)

HEARTBEAT = Heartbeat(line=LINE, inferences=1230, frame_index=FRAME)

INFERENCE = Inference(
    line=LINE,
    inferences=1230,
    frame_index=FRAME,
    next_within_ms=100.0,
    pass_within_ms=300.0,
)

DETECTIONS = FrameDetections(
    line=LINE,
    frame_index=FRAME,
    detections=(
        DetectedObject(class_name="gas_bottle", score=0.91, box_px=(812.0, 340.5, 1004.0, 731.0)),
    ),
)

_UP_TO_MS = (0, 0, 0, 0, 21, 148, 149, 149, 150, 150, 150, 150, 150, 150, 150, 150, 150)

METRICS = Metrics(
    line=LINE,
    period_s=5.0,
    inferences=150,
    frames_overwritten=0,
    stages=(
        StageTimes(
            stage="model",
            count=150,
            p50_ms=21.3,
            p95_ms=23.9,
            p99_ms=27.2,
            max_ms=51.0,
            buckets=_UP_TO_MS,
            total=150,
            sum_ms=3220.5,
        ),
    ),
    evidence_sent=1,
)

FACTS = LineFacts(
    line=LINE,
    version="0.1.0",
    model=ALERT.model,
    model_version=7,
    classes=(
        ClassFacts(
            name="gas_bottle", hazard="gas", threshold=0.4, plausible_length_mm=(80.0, 700.0)
        ),
    ),
    kinds=(
        KindFacts(name="gas_bottle", hazard="gas", action="call"),
        KindFacts(name="tin", hazard="none", action="ignore"),
    ),
    hazards=(HazardFacts(hazard="gas", threshold=0.5),),
    action_points=(
        PointOfAction(name="picker-1", y_mm=1910.0, acting_ms=800.0),
        PointOfAction(name="ejector", y_mm=4310.0, acting_ms=400.0),
    ),
    mm_basis="nominal",
    belt_width_mm=800.0,
    view_length_mm=700.0,
    view_from_mm=0.0,
    image_size_px=(1920, 1080),
    latency_budget_ms=50.0,
    evidence="tcp://127.0.0.1:5558",
)

DELIVERY = DeliveryState(
    line=LINE,
    consumers=(ConsumerState(consumer="bridge-1", present=True, waiting=0, expired=0),),
    expired=0,
    refused=2,
    throttled=0,
    repeated=0,
)

PAYLOADS: dict[str, tuple[Message, ...]] = {
    "alert": (ALERT, LINE_ALERT),
    "state": (STATE,),
    "heartbeat": (HEARTBEAT,),
    "inference": (INFERENCE,),
    "detections": (DETECTIONS,),
    "metrics": (METRICS,),
    "consumers": (DELIVERY,),
    "facts": (FACTS,),
}

EVIDENCE = Evidence(
    line=LINE,
    evidence_id=evidence_name(BOOT_ID, "e-17", 1),
    event_id="e-17",
    boot_id=BOOT_ID,
    revision=1,
    t_capture_utc_ns=T_UTC_NS,
    frame_index=FRAME,
    crop_frame_index=FRAME,
    crop_box_px=(654.2, 282.0, 1161.8, 789.5),
    crop_size_px=320,
    frame_size_px=(960, 540),
    frame_scale=0.5,
    box_px=(406.0, 170.2, 502.0, 365.5),
    looks=(
        Look(
            frame_index=FRAME - 1,
            t_capture_utc_ns=T_UTC_NS - FRAME_NS,
            score=0.88,
            box_px=(812.0, 323.9, 1004.0, 714.3),
            kinds=(
                KindProbability(name="gas_bottle", hazard="gas", probability=0.87),
                KindProbability(name="extinguisher", hazard="gas", probability=0.08),
                KindProbability(name="tin", hazard="none", probability=0.02),
            ),
        ),
        Look(
            frame_index=FRAME,
            t_capture_utc_ns=T_UTC_NS,
            score=0.91,
            box_px=(812.0, 340.5, 1004.0, 731.0),
        ),
    ),
    verifier_input_px=128,
)

LIVE = LiveImage(
    line=LINE,
    t_capture_utc_ns=T_UTC_NS,
    frame_index=FRAME,
    frame_size_px=(960, 540),
    frame_scale=0.5,
)

EVIDENCE_PAYLOADS: dict[str, tuple[Message, ...]] = {"evidence": (EVIDENCE,), "live": (LIVE,)}
"""On the socket for images; each is followed by its JPEGs."""

ANSWERS = (
    Acknowledge(operator="poste 2", boot_id=BOOT_ID, event_id="e-17"),
    ReportOutcome(operator="poste 2", boot_id=BOOT_ID, event_id="e-17", outcome=Outcome.REMOVED),
    Shelve(operator="chef d'équipe", hazard=Hazard.BATTERY, minutes=15),
)

REPLIES = (
    Reply(ok=True, reason=None),
    Reply(ok=False, reason="no active alert e-17"),
)

POSITION = Position(boot_id=BOOT_ID, alert_seq=61)
ALERT_MESSAGE = AlertMessage(topic=f"alert/{LINE}/gas", header=HEADER, payload=ALERT)

ROUTER: dict[str, tuple[BaseModel, ...]] = {
    "snapshot": (Snapshot(request_id="s-1"),),
    "snapshot-reply": (
        SnapshotReply(request_id="s-1", ok=True, at=POSITION, alerts=(ALERT_MESSAGE,), state=STATE),
    ),
    "replay": (Replay(request_id="r-1", after=POSITION),),
    "replay-reply": (
        ReplayReply(
            request_id="r-1",
            ok=True,
            alerts=(ALERT_MESSAGE,),
            complete=True,
            upto=POSITION,
            more=False,
        ),
    ),
    "consume": (Consume(request_id="c-1", consumer="bridge-1", after=POSITION),),
    "consume-reply": (ConsumeReply(request_id="c-1", ok=True, after=POSITION, expired=0),),
    "belt": (
        BeltFromPlc(
            source="wheel 1", run="unknown", encoder_counts=206_000, t_mono_ns=T_MONO_NS, age_ms=0.4
        ),
    ),
    "delivery": (Delivery(consumer="bridge-1", attempt=1, message=ALERT_MESSAGE),),
}

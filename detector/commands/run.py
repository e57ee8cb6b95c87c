"""`vigitri run`: one line, until it is stopped."""

from __future__ import annotations

import logging
import uuid
from contextlib import ExitStack, closing
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2

from detector.belt.plane import CalibrationError
from detector.commands.child_neighbour import child_bridge, child_station
from detector.cores import available_cores
from detector.delivery.evidence import EvidenceSender
from detector.delivery.journal import Journal, default_journal_folder
from detector.delivery.outbox import Outbox
from detector.delivery.publisher import Publisher
from detector.delivery.request_server import RequestServer
from detector.ingest import CameraProcess
from detector.ingest.capture.spec import LandmarkReference
from detector.line_setup import Line
from detector.live import LineRunner
from detector.log_output import name_line
from detector.profile.kept_areas import kept_polygons
from detector.profile.landmark_file import landmark_file
from detector.profile.line import LineProfile
from detector.profile.loading import load_profile
from detector.runtime.inference_lock import InferenceLock
from detector.runtime.stop_signals import stopped_by_signals
from detector.service_manager import ServiceManager
from detector.vision.catalogue import find_model
from detector.vision.engine import engine_threads
from detector.vision.engines import open_engine, open_verifier
from detector.wire.endpoints import EndpointError
from detector.wire.evidence import evidence_beside
from detector.wire.keys import (
    Guard,
    check_unknown_key_refused,
    line_guard,
    new_key_pair,
    write_key_pair,
)

logger = logging.getLogger(__name__)


def run_line(
    path: Path,
    *,
    until_end: bool,
    publish: str | None = None,
    requests: str | None = None,
    evidence: str | None = None,
    journal: Path | None = None,
    bridge_listen: str | None = None,
    station_listen: str | None = None,
    station_folder: Path | None = None,
) -> None:
    """Raises what refuses the profile, the model or an endpoint, one line each.

    `bridge_listen`, `station_listen`: run a bridge, a station too, that listens there.
    """
    service_manager = ServiceManager.of_this_process()  # before there are child processes
    profile = load_profile(path)
    name_line(profile.line)
    cv2.setNumThreads(1)  # the cores belong to the model
    # What only some lines need is loaded there: bridge and station take half of the start.
    if bridge_listen is not None:
        from detector.bridge.bridge import listen_address

        listen_address(bridge_listen, allow_remote=False)
    if station_listen is not None:
        from detector.commands.station import check_listen

        check_listen(station_listen)
    # The camera's process starts while the model loads.
    with (
        stopped_by_signals() as stop,
        CameraProcess(
            profile.camera.source,
            name=profile.line,
            fps=profile.camera.fps,
            loop=profile.camera.loop,
            frozen_after=profile.camera.frozen_after,
            kept_px=kept_polygons(profile),
            landmarks=_landmarks(path.parent, profile),
        ) as camera,
    ):
        model = find_model(profile.model.name, profile.model.signed_by)
        engine = open_engine(model, profile.model)
        boot_id = uuid.uuid4().hex[:12]
        verifier = open_verifier(model, profile.model)
        line = Line(profile, model, engine, boot_id, verifier)
        at_once = max(1, available_cores() // engine_threads(profile.model.threads))
        folder = journal or profile.wire.journal or default_journal_folder(profile.line)
        child_key = None
        with_children = bridge_listen is not None or station_listen is not None
        if with_children and profile.wire.keys is not None:
            child_key = new_key_pair("neighbours")  # of this start alone
        guard = line_guard(
            profile.wire.keys,
            profile.wire.allowed_keys,
            also=None if child_key is None else child_key.public,
        )
        with (
            Journal(folder) as kept,
            Publisher(
                publish or profile.wire.publish, line=profile.line, boot_id=boot_id, guard=guard
            ) as publisher,
            RequestServer(requests or profile.wire.requests, guard=guard) as server,
            ExitStack() as children,
            closing(InferenceLock(at_once)) as lock,
        ):
            if guard is not None:
                check_unknown_key_refused(publisher.endpoint, guard, "publish")
                check_unknown_key_refused(server.endpoint, guard, "requests")
            wanted = evidence or profile.wire.evidence
            sender = evidence_sender(
                wanted or evidence_beside(publish or profile.wire.publish),
                publisher,
                guard,
                required=wanted is not None,
            )
            if sender is not None:
                logger.info("sending images at %s", sender.endpoint)
                children.push(sender)
                if guard is not None:
                    check_unknown_key_refused(sender.endpoint, guard, "publish")
            logger.info(
                "publishing at %s, serving requests at %s", publisher.endpoint, server.endpoint
            )
            ends = publisher.endpoint, server.endpoint
            neighbours = [] if bridge_listen is None else [child_bridge(*ends, bridge_listen)]
            if station_listen is not None:
                images = None if sender is None else sender.endpoint
                station = child_station(profile, ends, images, station_listen, station_folder)
                neighbours.append(station)
            if neighbours and guard is not None and child_key is not None:
                folder = Path(children.enter_context(TemporaryDirectory(prefix="vigitri-")))
                own = write_key_pair(child_key, folder)[0]
                for neighbour in neighbours:
                    neighbour.use_keys(own, guard.public)
            for neighbour in neighbours:
                children.enter_context(neighbour)
            outbox = Outbox(publisher, server, kept)
            LineRunner(
                line,
                camera,
                publisher,
                outbox,
                inference_lock=lock,
                evidence=sender,
                service_manager=service_manager,
            ).run(stop, until_end=until_end)
    logger.info("stopped")


def evidence_sender(
    endpoint: str, publisher: Publisher, guard: Guard | None, *, required: bool
) -> EvidenceSender | None:
    """The running sender of images; None: the default endpoint is taken, and not `required`."""
    try:
        return EvidenceSender(
            endpoint, line=publisher.line, boot_id=publisher.boot_id, guard=guard
        ).__enter__()
    except EndpointError as error:
        if required:
            raise
        logger.warning("no images are sent: %s. Give this line its own wire.evidence", error)
        return None


def _landmarks(folder: Path, profile: LineProfile) -> LandmarkReference | None:
    """The structures by which a moved camera is found. Raises `CalibrationError`."""
    health = profile.calibration.health
    try:
        file = landmark_file(folder, profile)
    except ValueError as error:
        raise CalibrationError(str(error)) from None
    if health is None or file is None:
        return None
    return LandmarkReference(str(file), health.landmarks_px, health.size_px)

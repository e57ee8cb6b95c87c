"""`/metrics` for Prometheus, and the endpoints that tell whether the station works."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from detector.station.web.line_status import LineStatus
from detector.station.web.sign_in import check_reader
from detector.vocabulary import Hazard, VisionState
from detector.wire.messages import StageTimes

if TYPE_CHECKING:
    from detector.station.web.station import Station


class StationCollector(Collector):
    """What the station knows now, as metrics."""

    def __init__(self, station: Station) -> None:
        self._station = station

    def collect(self) -> Iterator[Metric]:
        yield from self._lines()
        yield from self._alarms()
        yield from self._latencies()
        station = self._station
        yield GaugeMetricFamily("vigitri_pages", "Open pages.", len(station.broadcast))
        yield CounterMetricFamily(
            "vigitri_pages_cut_off",
            "Pages cut off as they did not read.",
            station.broadcast.cut_off,
        )
        yield GaugeMetricFamily(
            "vigitri_store_healthy",
            "0: the store has a notice; see the page.",
            float(station.store.notice is None),
        )

    def _lines(self) -> Iterator[Metric]:
        vision = GaugeMetricFamily(
            "vigitri_vision", "1 for the line's vision state.", labels=["line", "vision"]
        )
        gauges = {
            "camera_age_ms": GaugeMetricFamily(
                "vigitri_camera_age_seconds", "Time since the last frame.", labels=["line"]
            ),
            "stale_ms": GaugeMetricFamily(
                "vigitri_detector_silent_seconds",
                "Time since the detector's last message.",
                labels=["line"],
            ),
            "latency_p99_ms": GaugeMetricFamily(
                "vigitri_latency_p99_seconds", "Capture to published, p99.", labels=["line"]
            ),
            "latency_budget_ms": GaugeMetricFamily(
                "vigitri_latency_budget_seconds", "What that p99 is meant to be.", labels=["line"]
            ),
            "fps": GaugeMetricFamily(
                "vigitri_frames_per_second", "Frames processed per second.", labels=["line"]
            ),
            "belt_speed_mm_s": GaugeMetricFamily(
                "vigitri_belt_speed_mm_per_second", "Belt speed in use.", labels=["line"]
            ),
            "coverage": GaugeMetricFamily(
                "vigitri_belt_coverage_ratio", "Share of the belt covered.", labels=["line"]
            ),
        }
        drops = CounterMetricFamily(
            "vigitri_frames_overwritten", "Frames replaced before processing.", labels=["line"]
        )
        inferences = CounterMetricFamily(
            "vigitri_inferences", "Completed inference passes.", labels=["line"]
        )
        camera = CounterMetricFamily(
            "vigitri_camera_restarts", "Restarts of the camera process.", labels=["line"]
        )
        images = CounterMetricFamily(
            "vigitri_evidence", "Alerts whose images were sent or dropped.", labels=["line", "what"]
        )
        for name, feed in self._station.lines.items():
            status = feed.status()
            for each in VisionState:
                vision.add_metric([name, each.value], float(status["vision"] == each.value))
            for key, gauge in gauges.items():
                if status[key] is not None:
                    scale = 1000.0 if key.endswith("_ms") else 1.0
                    gauge.add_metric([name], status[key] / scale)
            state = feed.status_of.state
            if state is not None:
                drops.add_metric([name], state.frames_overwritten)
                inferences.add_metric([name], state.inferences)
                camera.add_metric([name], state.camera_restarts)
            metrics = feed.status_of.metrics
            if metrics is not None:
                images.add_metric([name, "sent"], metrics.evidence_sent)
                images.add_metric([name, "dropped"], metrics.evidence_dropped)
        yield from (vision, *gauges.values(), drops, inferences, camera, images)

    def _alarms(self) -> Iterator[Metric]:
        open_now = GaugeMetricFamily(
            "vigitri_open_alarms", "Open alarms.", labels=["line", "hazard"]
        )
        raised = CounterMetricFamily(
            "vigitri_alarms_raised",
            "Alarms raised since the station's start.",
            labels=["line", "hazard"],
        )
        for name, feed in self._station.lines.items():
            alerts = feed.open_alerts()
            for hazard in Hazard:
                count = sum(alert.hazard is hazard for alert in alerts)
                open_now.add_metric([name, hazard.value], count)
                raised.add_metric([name, hazard.value], feed.raised.get(hazard, 0))
        yield from (open_now, raised)

    def _latencies(self) -> Iterator[Metric]:
        stages = HistogramMetricFamily(
            "vigitri_stage_seconds", "Duration of each stage of a frame.", labels=["line", "stage"]
        )
        published = HistogramMetricFamily(
            "vigitri_capture_to_published_seconds",
            "Capture of a frame until its alerts were published.",
            labels=["line"],
        )
        for name, feed in self._station.lines.items():
            status: LineStatus = feed.status_of
            if status.metrics is None:
                continue
            bounds = status.metrics.bucket_bounds_ms
            for stage in status.metrics.stages:
                _add(stages, [name, stage.stage], stage, bounds)
            if status.metrics.capture_to_published is not None:
                _add(published, [name], status.metrics.capture_to_published, bounds)
        yield from (stages, published)


def _add(
    family: HistogramMetricFamily,
    labels: list[str],
    times: StageTimes,
    bounds_ms: tuple[float, ...],
) -> None:
    if len(times.buckets) != len(bounds_ms) + 1:
        return  # a detector without histograms
    names = [*(f"{bound / 1000:g}" for bound in bounds_ms), "+Inf"]
    buckets = [(name, float(count)) for name, count in zip(names, times.buckets, strict=True)]
    family.add_metric(labels, buckets, times.sum_ms / 1000)


async def metrics(request: Request) -> Response:
    await check_reader(request)
    station = request.app.state.station
    registry = CollectorRegistry(auto_describe=False)
    registry.register(StationCollector(station))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


async def live(_: Request) -> JSONResponse:
    """The station answers."""
    return JSONResponse({"live": True})


async def ready(request: Request) -> JSONResponse:
    """200 while the store takes alerts and each line's detector is heard."""
    station = request.app.state.station
    problems = [
        f"{name}: {status['reason'] or status['vision']}"
        for name, status in ((name, feed.status()) for name, feed in station.lines.items())
        if status["stale_ms"] is None or status["stale_ms"] > 3000
    ]
    if station.store.notice is not None:
        problems.append(f"store: {station.store.notice}")
    content = {"ready": not problems, "problems": problems, "up_s": time.time() - station.started_s}
    return JSONResponse(content, 200 if not problems else 503)


ROUTES = [
    Route("/metrics", metrics),
    Route("/health/live", live),
    Route("/health/ready", ready),
]

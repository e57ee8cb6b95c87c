"""A station without a detector, for what the page shows: it has the paths and messages of the real
one, and the test decides what comes."""

from __future__ import annotations

import asyncio
import functools
import json
import socket
import threading
import time
from pathlib import Path
from typing import Any, Self

import cv2
import numpy as np
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

import detector.station
from detector.wire.samples import ALERT

PAGE = Path(detector.station.__file__).parent / "page"
CSP = "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'"
LINE = "tapis-1"
SPEED_MM_S = 400.0
FACTS = {
    "action_points": [
        {"name": "picker 1", "y_mm": 2500, "acting_ms": 1500},
        {"name": "ejector", "y_mm": 4000, "acting_ms": 300},
    ],
    "belt_width_mm": 600,
    "view_length_mm": 1200,
    "model_version": 7,
    "classes": [
        {
            "name": "gas_canister",
            "hazard": "gas",
            "threshold": 0.4,
            "plausible_length_mm": [80, 1500],
        },
        {
            "name": "battery",
            "hazard": "battery",
            "threshold": 0.4,
            "plausible_length_mm": [20, 400],
        },
    ],
    "hazards": [{"hazard": "gas", "threshold": 0.5}, {"hazard": "battery", "threshold": 0.5}],
}


def utc_ns() -> int:
    return time.time_ns()


class FakeStation:
    """Serves the page; its messages are set and sent by the test's thread."""

    def __init__(self) -> None:
        self.clock_runs = True
        self.role: str | None = "maintainer"
        self.password: str | None = None
        self.posted: list[tuple[str, dict[str, Any]]] = []
        self.requested: list[str] = []
        self.lines: dict[str, dict[str, Any]] = {}
        self.open: dict[str, dict[str, Any]] = {}
        self.canned: dict[str, Any] = {}
        self._pages: set[asyncio.Queue[bytes]] = set()
        self._started_ns = utc_ns()
        self._numbers = 0
        self.add_line(LINE)

    def __enter__(self) -> Self:
        listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        config = uvicorn.Config(
            self._app(), log_level="error", lifespan="off", timeout_graceful_shutdown=0
        )
        self._server = uvicorn.Server(config)
        self._server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
        self._ready = threading.Event()

        async def serve() -> None:
            self._loop = asyncio.get_running_loop()
            self._ready.set()
            beat = asyncio.create_task(self._beat())
            await self._server.serve(sockets=[listener])
            beat.cancel()

        self._thread = threading.Thread(target=lambda: asyncio.run(serve()))
        self._thread.start()
        self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._server.force_exit = True
        self._thread.join(10)

    def reset(self) -> None:
        """As it was at its start, for the next test."""
        self.clock_runs, self.role, self.password = True, "maintainer", None
        self.posted.clear()
        self.requested.clear()
        self.open.clear()
        self.canned.clear()
        self.lines.clear()
        self.add_line(LINE)

    def add_line(self, name: str, **changed: Any) -> None:
        self.lines[name] = {
            "line": name,
            "vision": "ready",
            "reason": None,
            "stale_ms": 40,
            "camera_age_ms": 62,
            "fps": 29.8,
            "latency_p99_ms": 41.0,
            "latency_budget_ms": 50.0,
            "drops": 4,
            "belt_speed_mm_s": SPEED_MM_S,
            "belt_state": "runs",
            "coverage": 0.42,
            "jam": False,
            "acknowledged_by": None,
            "shelved": [],
            "notice": None,
            "facts": FACTS,
            **changed,
        }

    # What the test sends.

    def send(self, event: str, content: Any) -> None:
        body = f"event: {event}\ndata: {json.dumps(content)}\n\n".encode()
        self._loop.call_soon_threadsafe(self._put, body)

    def alarm(
        self, hazard: str = "gas", *, evidence: bool = True, **changed: Any
    ) -> dict[str, Any]:
        """Raises an alarm, or sends a revision of one; returns the alert."""
        alert = self.alert(hazard, **changed)
        if not evidence:
            alert["evidence_id"] = None
        message = {"line": alert["line"], "alert": alert, "evidence": evidence}
        if alert["state"] == "normal":
            self.open.pop(alert["event_id"], None)
        else:
            self.open[alert["event_id"]] = message
        self.send("alarm", message)
        return alert

    def alert(self, hazard: str, *, line: str = LINE, y_mm: float = 600.0, **changed: Any) -> Any:
        self._numbers += 1
        event = changed.get("event_id", f"e-{self._numbers}")
        now = utc_ns()
        alert = ALERT.model_dump(mode="json")
        alert.update(line=line, event_id=event, hazard=hazard, t_raised_utc_ns=now)
        alert.update(t_capture_utc_ns=now, evidence_id=f"{event}-1", priority="high")
        alert["place"].update(y_mm=y_mm, x_mm=412.0, belt_position_mm=self.position_mm())
        alert["why"].update(length_mm=244.0, width_mm=90.0, plausible_length_mm=[80.0, 1500.0])
        kinds = [("cartridge", "gas", 0.91), ("aerosol", "gas", 0.06), ("tin", "none", 0.03)]
        if hazard == "battery":
            kinds = [("power_bank", "battery", 0.83), ("device", "none", 0.11)]
            alert["priority"] = "medium"
        alert["class_name"] = kinds[0][0]
        alert["why"]["verifier_passes"] = 3
        alert["why"]["kinds"] = [
            {"name": name, "hazard": of, "probability": p} for name, of, p in kinds
        ]
        alert["arrivals"] = [self._arrival(point, y_mm, now) for point in FACTS["action_points"]]
        if hazard in {"overload", "jam", "belt_stopped"}:
            alert.update(place=None, arrivals=[], why=None, class_name=None, probability=None)
            alert.update(detail="coverage 88 % over 1.4 m of belt", evidence_id=None)
        alert.update(changed)
        return alert

    def _arrival(self, point: Any, y_mm: float, now_ns: int) -> dict[str, Any]:
        distance = point["y_mm"] - y_mm
        eta_ms = distance / SPEED_MM_S * 1e3
        act_by_ms = eta_ms - point["acting_ms"]
        return {
            "action_point": point["name"],
            "distance_mm": distance,
            "eta_ms": eta_ms,
            "act_by_ms": act_by_ms,
            "t_deadline_utc_ns": now_ns + int(act_by_ms * 1e6),
            "speed_mm_s": SPEED_MM_S,
            "speed_basis": "encoder",
        }

    def position_mm(self) -> float:
        return (utc_ns() - self._started_ns) / 1e9 * SPEED_MM_S

    # What the page asks.

    def _app(self) -> Starlette:
        app = Starlette(
            routes=[
                Route("/", self._index),
                Route("/api/stream", self._stream),
                Route("/api/me", self._me),
                Route("/api/login", self._login, methods=["POST"]),
                Route("/api/evidence/{name}/{file}", self._picture),
                Route("/api/live/{name}", self._picture),
                Route("/api/{path:path}", self._posted, methods=["POST"]),
                Route("/api/{path:path}", self._canned),
                Mount("/static", StaticFiles(directory=PAGE)),
            ]
        )

        async def secured(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "http":
                self.requested.append(scope["path"])

            async def send_secured(message: Any) -> None:
                if message["type"] == "http.response.start":
                    message["headers"].append((b"content-security-policy", CSP.encode()))
                await send(message)

            await app(scope, receive, send_secured)

        return secured  # type: ignore[return-value]

    async def _beat(self) -> None:
        while True:
            if self.clock_runs:
                self._put(_event("clock", {"server_utc_ns": utc_ns()}))
                for line in self.lines.values():
                    self._put(_event("line", self._status(line)))
            await asyncio.sleep(0.25)

    def _status(self, line: dict[str, Any]) -> dict[str, Any]:
        at = {"belt_position_mm": self.position_mm(), "belt_t_utc_ns": utc_ns()}
        return {**at, **line}

    def _put(self, body: bytes) -> None:
        for page in self._pages:
            page.put_nowait(body)

    async def _index(self, _: Request) -> Response:
        return Response((PAGE / "index.html").read_text(encoding="utf-8"), media_type="text/html")

    async def _stream(self, _: Request) -> Response:
        page: asyncio.Queue[bytes] = asyncio.Queue()
        lines = [self._status(line) for line in self.lines.values()]
        page.put_nowait(_event("hello", {"server_utc_ns": utc_ns(), "lines": lines}))
        for line in lines:
            page.put_nowait(_event("line", line))
        page.put_nowait(_event("alarms", {"alarms": list(self.open.values())}))
        self._pages.add(page)

        async def events() -> Any:
            try:
                while True:
                    yield await page.get()
            finally:
                self._pages.discard(page)

        return StreamingResponse(events(), media_type="text/event-stream")

    async def _me(self, _: Request) -> Response:
        return JSONResponse(
            {
                "account": None,
                "role": None if self.password else self.role,
                "language": "en",
                "csrf": "token",
                "paired": False,
                "needs_login": bool(self.password),
            }
        )

    async def _login(self, request: Request) -> Response:
        body = await request.json()
        if body["password"] != self.password:
            return JSONResponse({"error": "wrong name or password"}, 401)
        self.password = None
        return JSONResponse({})

    async def _posted(self, request: Request) -> Response:
        body = await request.json()
        self.posted.append((request.url.path, body))
        if request.url.path == "/api/answer":
            until = None if body["what"] == "seen" else utc_ns() + 10 * 10**9
            answer = {**body, "operator": "Marie", "undo_until_utc_ns": until}
            self.send("answer", answer)
            return JSONResponse({"undo_until_utc_ns": until})
        if request.url.path == "/api/undo":  # sent to all screens, and after the answer's message
            self.send("answer", {**body, "state": "undone", "undone": True})
        return JSONResponse(self.canned.get(f"POST {request.url.path}", {}))

    async def _canned(self, request: Request) -> Response:
        path = request.url.path
        if path not in self.canned:
            return JSONResponse({"error": f"{path} is not known"}, 404)
        return JSONResponse(self.canned[path])

    async def _picture(self, request: Request) -> Response:
        file = request.path_params.get("file", "frame.jpg")
        kind = "image/png" if file.endswith("png") else "image/jpeg"
        return Response(_drawn(file), media_type=kind)


def _event(name: str, content: Any) -> bytes:
    return f"event: {name}\ndata: {json.dumps(content)}\n\n".encode()


@functools.cache
def _drawn(file: str) -> bytes:
    """A belt with a cartridge on it."""
    width, height = (320, 320) if file != "frame.jpg" else (960, 540)
    image = np.full((height, width, 3), 74, np.uint8)
    image[:, ::40] = 90
    x, y, r = width // 2, height // 2, height // 5
    cv2.ellipse(image, (x, y), (r, r // 2), 30, 0, 360, (60, 60, 190), -1)
    cv2.ellipse(image, (x + r // 2, y + r // 4), (r // 4, r // 4), 30, 0, 360, (200, 200, 200), -1)
    return cv2.imencode(Path(file).suffix, image)[1].tobytes()

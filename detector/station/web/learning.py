"""Answered alarms and their labels; the adaptation of the model to them.

The adaptation is `vigitri model adapt --head-only` in a process of its own: first on a copy of the
model, whose table is shown; to deploy, the same answers are learned by the model itself.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from detector.errors import VigitriError
from detector.station.store import EventFilter, Store
from detector.station.store.export import write_yolo
from detector.station.web.accounts import Role
from detector.station.web.bodies import body_of, text_of
from detector.station.web.child_command import run_command
from detector.station.web.history import asked
from detector.station.web.visitor import RefusedError, visitor

logger = logging.getLogger(__name__)

SHOWN = 200
ADAPT_S = 1800.0
DEPLOY_WITHIN_S = 3600.0
"""An adaptation that is not deployed within this is to be run again."""
FIXED_LABELS = ("harmless", "false_alarm", "ignore")
NO_VERIFIER = "verifier"


class Learning:
    """The adaptation of one model at a time."""

    def __init__(
        self, folder: Path, store: Store, announce: Callable[[dict[str, Any]], None]
    ) -> None:
        """`announce`: sends the event `learning`."""
        self._folder, self._store, self._announce = folder, store, announce
        self._task: asyncio.Task[None] | None = None
        shutil.rmtree(folder, ignore_errors=True)  # images are kept in the store alone
        self.run: dict[str, Any] = {"state": "idle"}
        """As `GET /api/learning/adapt` gives it."""

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        self._forget()

    def start(self, model: str, line: str | None) -> None:
        """Learn the answers in a copy of the model. Raises RefusedError."""
        self._refuse_if_running()
        self._begin(self._adapt(model, line), model)

    async def deploy(self) -> None:
        """Learn the same answers in the model itself. Raises RefusedError."""
        self._refuse_if_running()
        if not self.run.get("deployable"):
            raise RefusedError(409, "there is no adaptation to deploy: run one first")
        self._begin(self._deploy(self.run["model"]), self.run["model"])
        assert self._task is not None
        await asyncio.shield(self._task)  # goes on if the page leaves
        if self.run["state"] != "deployed":
            raise RefusedError(409, self.run["reason"])

    @property
    def _answers(self) -> Path:
        return self._folder / "answers"

    def _refuse_if_running(self) -> None:
        if self._task is not None and not self._task.done():
            raise RefusedError(409, "an adaptation is running; wait for its table")

    def _begin(self, work: Any, model: str) -> None:
        self._set({"state": "running", "model": model, "table": self.run.get("table")})
        self._task = asyncio.get_running_loop().create_task(self._guarded(work))

    async def _guarded(self, work: Any) -> None:
        try:
            await work
        except (VigitriError, RefusedError, OSError, TimeoutError) as error:
            reason = str(error) or "it took too long"
            self._set({"state": "failed", "reason": reason})
        except Exception:
            logger.exception("adaptation failed")
            self._set({"state": "failed", "reason": "see the station's log"})

    async def _adapt(self, model: str, line: str | None) -> None:
        self._forget()
        self._folder.mkdir(parents=True)
        await asyncio.to_thread(self._export, line)
        copy = self._folder / "model"
        done = await run_command(*self._words(model), "-o", str(copy), timeout_s=ADAPT_S)
        if done.code == 0:
            run = {"state": "done", "deployable": True, "table": done.output, "model": model}
            asyncio.get_running_loop().call_later(DEPLOY_WITHIN_S, self._forget)
        elif done.code == 1:  # learned, and worse: the command has deployed nothing
            run = {"state": "done", "deployable": False, "table": done.output}
            run |= {"reason": done.reason}
        else:
            state = "impossible" if NO_VERIFIER in done.reason else "failed"
            run = {"state": state, "reason": done.reason}
        self._set(run)

    async def _deploy(self, model: str) -> None:
        done = await run_command(*self._words(model), timeout_s=ADAPT_S)
        deployed = done.code == 0
        run = {"state": "deployed" if deployed else "failed", "table": done.output}
        if not deployed:
            run["reason"] = done.reason
        self._forget()
        self._set(run)

    def _forget(self) -> None:
        """Delete the images: they are kept in the store alone, and only as long as there."""
        if self.run["state"] == "done":
            self.run = self.run | {"deployable": False}
        shutil.rmtree(self._folder, ignore_errors=True)

    def _words(self, model: str) -> tuple[str, ...]:
        return ("model", "adapt", "--head-only", "--answers", str(self._answers), "--model", model)

    def _export(self, line: str | None) -> None:
        write_yolo(self._store, self._answers, EventFilter(line=line))

    def _set(self, run: dict[str, Any]) -> None:
        self.run = run
        self._announce(run)


async def sheet(request: Request) -> JSONResponse:
    visitor(request)
    station = request.app.state.station
    line = request.query_params.get("line") or None
    wanted = EventFilter(line=line, answered=True, limit=SHOWN)
    rows = await asked(lambda: station.store.events(wanted))
    kinds = station.kinds()
    return JSONResponse(
        {"answered": [asdict(row) for row in rows], "labels": [*kinds, *FIXED_LABELS]}
    )


async def label(request: Request) -> JSONResponse:
    who = visitor(request, Role.OPERATOR)
    station = request.app.state.station
    body = await body_of(request)
    alarm = text_of(body, "line"), text_of(body, "boot_id"), text_of(body, "event_id")
    chosen = text_of(body, "label")
    if chosen not in {*station.kinds(), *FIXED_LABELS, "gas", "gas_canister", "battery"}:
        raise RefusedError(400, f"label: {chosen!r} is not a kind of the line's model")
    await asked(lambda: station.store.record_label(*alarm, chosen))
    station.audit(who.operator, who.role, f"label {chosen}", "/".join(alarm), who.address)
    return JSONResponse({"label": chosen})


async def adapt(request: Request) -> JSONResponse:
    who = visitor(request, Role.OPERATOR)
    station = request.app.state.station
    body = await body_of(request)
    line = text_of(body, "line") if body.get("line") else next(iter(station.lines))
    station.line(line)
    model = station.model_of(line)
    station.learning.start(model, line)
    station.audit(who.operator, who.role, "adapt", f"{line}: {model}", who.address)
    return JSONResponse(station.learning.run, 202)


async def progress(request: Request) -> JSONResponse:
    visitor(request)
    return JSONResponse(request.app.state.station.learning.run)


async def deploy(request: Request) -> JSONResponse:
    who = visitor(request, Role.MAINTAINER)
    station = request.app.state.station
    model = station.learning.run.get("model", "")
    await station.learning.deploy()
    station.audit(who.operator, who.role, "deploy", model, who.address)
    return JSONResponse(station.learning.run)


ROUTES = [
    Route("/api/learning", sheet),
    Route("/api/learning/label", label, methods=["POST"]),
    Route("/api/learning/adapt", progress),
    Route("/api/learning/adapt", adapt, methods=["POST"]),
    Route("/api/learning/deploy", deploy, methods=["POST"]),
]

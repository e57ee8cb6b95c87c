"""`GET /api/evidence/{id}/attention.png`: what the verifier attended to, computed on demand."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from detector.station.web.child_command import run_command
from detector.station.web.history import IMMUTABLE, asked
from detector.station.web.visitor import RefusedError, visitor

KEPT = 32
TIMEOUT_S = 60.0
WAITING_MAX = 4


class AttentionImages:
    """Computes them one at a time, and keeps the last."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._one_at_a_time = asyncio.Lock()
        self._waiting = 0
        shutil.rmtree(folder, ignore_errors=True)  # images are kept in the store alone

    async def image(self, crop: Path, evidence_id: str, model: str, hazard: str) -> Path:
        """The image for a stored crop, by the alert's hazard. Raises RefusedError."""
        path = self._folder / f"{evidence_id}.png"
        if self._waiting >= WAITING_MAX:
            raise RefusedError(503, "others are being computed: ask again in a minute")
        self._waiting += 1
        try:
            async with self._one_at_a_time:
                if not path.is_file():
                    await self._compute(crop, path, model, hazard)
        finally:
            self._waiting -= 1
        return path

    async def _compute(self, crop: Path, path: Path, model: str, hazard: str) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        kept = sorted(self._folder.glob("*.png"), key=lambda each: each.stat().st_mtime)
        for old in kept[: max(0, len(kept) - KEPT + 1)]:
            old.unlink(missing_ok=True)
        try:
            words = ("model", "attend", model, str(crop), "--hazard", hazard, "-o", str(path))
            done = await run_command(*words, timeout_s=TIMEOUT_S)
        except (TimeoutError, OSError) as error:
            raise RefusedError(503, f"not computed: {error or 'it took too long'}") from None
        if done.code or not path.is_file():
            raise RefusedError(409, done.reason)


async def attention(request: Request) -> Response:
    visitor(request)
    station = request.app.state.station
    evidence_id = request.path_params["evidence_id"]
    row = await asked(lambda: station.store.evidence(evidence_id))
    crop = await asked(lambda: station.store.image(evidence_id, "crop"))
    if row is None or crop is None:
        raise RefusedError(404, "this image is not here, or not any more")
    detail = await asked(lambda: station.store.event(row.boot_id, row.event_id, row.line))
    model = station.model_of(row.line)
    path = await station.attention.image(crop, evidence_id, model, detail.event.hazard)
    return FileResponse(path, media_type="image/png", headers=IMMUTABLE)


ROUTES = [Route("/api/evidence/{evidence_id}/attention.png", attention)]

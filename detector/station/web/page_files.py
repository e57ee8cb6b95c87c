"""The page's own files: `/` and `/static/`."""

from __future__ import annotations

from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

PAGE = Path(__file__).parent.parent / "page"


class PageFiles(StaticFiles):
    """Checked again at each load: a new version of the station is a new page at once."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        return response


async def index(_: Request) -> Response:
    page = PAGE / "index.html"
    if not page.is_file():
        return PlainTextResponse("this installation has no page", 404)
    return FileResponse(page, headers={"Cache-Control": "no-cache"})


def routes() -> list[BaseRoute]:
    return [
        Route("/", index),
        Mount("/static", PageFiles(directory=PAGE, check_dir=False)),
    ]

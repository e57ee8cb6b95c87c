"""A source that a function of the plant opens, with a camera maker's own library."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import cast

from detector.ingest.source import Source, SourceError

SCHEME = "python"
_FORM = "write python://FILE.py:FUNCTION?… or python://MODULE:FUNCTION?…"


def open_own(
    url: str, *, fps: float | None, open_timeout_s: float, read_timeout_s: float
) -> Source:
    """Call the function that `python://WHERE:FUNCTION?…` names, with these arguments.

    WHERE is a file `*.py`, or a module that this Python can import. What follows the function's
    name is left to it. It returns a `Source` that is open, such as a subclass of `LiveSource`.

    Raises:
        SourceError: There is no such function, or it raised this itself.
    """
    where, _, function = url.partition("://")[2].partition("?")[0].rpartition(":")
    if not where or not function.isidentifier():
        raise SourceError(url, "names no function", _FORM)
    module = _file(url, Path(where)) if where.endswith(".py") else _module(url, where)
    opens = getattr(module, function, None)
    if not callable(opens):
        raise SourceError(url, f"{where} has no function {function}", "check its name")
    found = cast(Callable[..., object], opens)(
        url, fps=fps, open_timeout_s=open_timeout_s, read_timeout_s=read_timeout_s
    )
    missing = [name for name in _CONTRACT if not hasattr(found, name)]
    if missing:
        raise SourceError(
            url,
            f"{function} returned {type(found).__name__} without {', '.join(missing)}",
            "return a subclass of detector.ingest.LiveSource",
        )
    return cast(Source, found)


_CONTRACT = sorted(
    {*Source.__annotations__, *(name for name in vars(Source) if not name.startswith("_"))}
)


def _file(url: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise SourceError(url, f"no file {path}", "check the path (from the profile's folder)")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    try:
        spec.loader.exec_module(module)
    except (ImportError, SyntaxError) as error:
        raise SourceError(url, f"{path.name}: {error}", _INSTALL) from None
    return module


def _module(url: str, name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise SourceError(url, f"{name}: {error}", _INSTALL) from None


_INSTALL = "install what it imports into Vigitri's environment"

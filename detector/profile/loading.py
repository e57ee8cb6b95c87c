"""Reading a line profile: a TOML file, validated completely, one line per mistake."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from detector.errors import VigitriError
from detector.profile.line import LineProfile

OWN_FILE = "python://"
"""Start of a source that a Python file beside the profile opens."""


class ProfileError(VigitriError, ValueError):
    """An invalid profile; `mistakes` holds one line per mistake."""

    def __init__(self, path: str, mistakes: list[str]) -> None:
        self.mistakes = mistakes
        super().__init__("\n".join(f"{path}: {mistake}" for mistake in mistakes))


def load_profile(path: Path) -> LineProfile:
    """Read a line profile.

    Raises `ProfileError` with all mistakes of the file, one line each: key, value, reason, fix.
    """
    try:
        # "sig": editors on Windows start the file with a byte order mark, which is not TOML.
        document = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise ProfileError(str(path), ["no such file. Name a line profile (TOML)"]) from None
    except IsADirectoryError:
        raise ProfileError(str(path), ["is a folder. Name a line profile (TOML) in it"]) from None
    except UnicodeDecodeError:
        raise ProfileError(str(path), ["is not UTF-8 text. Save it as UTF-8"]) from None
    except OSError as error:
        raise ProfileError(str(path), [f"can't be read: {error.strerror}"]) from None
    except tomllib.TOMLDecodeError as error:
        raise ProfileError(str(path), [f"is not TOML: {error}"]) from None
    except RecursionError:
        raise ProfileError(str(path), ["is nested too deeply. Write it as documented"]) from None
    try:
        profile = LineProfile.model_validate(document)
    except ValidationError as error:
        raise ProfileError(
            str(path), [_mistake(each) for each in _joined(error.errors())]
        ) from None
    return _with_resolved_paths(path.parent, profile)


def _with_resolved_paths(folder: Path, profile: LineProfile) -> LineProfile:
    """Resolve paths from the profile's folder, so that it can be run from any folder."""
    camera, overload, model = profile.camera, profile.overload, profile.model
    if "://" not in camera.source:
        camera = camera.model_copy(update={"source": str(folder / camera.source)})
    elif settings := camera.genicam.query():
        joint = "&" if "?" in camera.source else "?"
        camera = camera.model_copy(update={"source": f"{camera.source}{joint}{settings}"})
    elif camera.source.startswith(OWN_FILE):
        own = folder.absolute() / camera.source.removeprefix(OWN_FILE)
        if ".py:" in camera.source:
            camera = camera.model_copy(update={"source": f"{OWN_FILE}{own}"})
    if overload.empty_belt is not None:
        overload = overload.model_copy(update={"empty_belt": folder / overload.empty_belt})
    belt = profile.belt
    if belt.encoder_recording is not None:
        belt = belt.model_copy(update={"encoder_recording": folder / belt.encoder_recording})
    if "/" in model.name:
        # Absolute: "./mine" beside the profile would lose its "/", and be looked up by name.
        model = model.model_copy(update={"name": str((folder / model.name).absolute())})
    if model.signed_by is not None:
        model = model.model_copy(update={"signed_by": folder / model.signed_by})
    named = {key: getattr(profile.wire, key) for key in ("journal", "keys", "allowed_keys")}
    wire = profile.wire.model_copy(
        update={key: folder / path for key, path in named.items() if path is not None}
    )
    return profile.model_copy(
        update={"camera": camera, "belt": belt, "overload": overload, "model": model, "wire": wire}
    )


_KINDS = {"str": "text", "bool": "true or false", "int": "an integer", "float": "a number"}


def _joined(details: Iterable[Any]) -> list[Any]:
    """One mistake per value: pydantic has one per type where several are allowed."""
    joined: dict[tuple[int | str, ...], Any] = {}
    for detail in details:
        *location, kind = detail["loc"] or (None,)
        if kind not in _KINDS:
            joined[detail["loc"]] = detail
            continue
        known = joined.get(tuple(location))
        message = f"{known['msg']}, or {_KINDS[kind]}" if known else f"should be {_KINDS[kind]}"
        joined[tuple(location)] = {**detail, "loc": tuple(location), "msg": message}
    return list(joined.values())


def _mistake(detail: Any) -> str:
    """One line: key, value, reason, fix."""
    location: tuple[int | str, ...] = detail["loc"]
    key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    key = key.lstrip(".")
    section, field = _field_at(location)
    if detail["type"] == "missing":
        return f"{key}: is missing. {_fix(field)}"
    if detail["type"] == "extra_forbidden":
        known = list(section.model_fields) if section else []
        close = difflib.get_close_matches(str(location[-1]), known, n=1)
        fix = f"Did you mean {close[0]}?" if close else f"Known here: {', '.join(known)}"
        return f"{key} = {_shown(detail['input'])}: no such key. {fix}"
    reason = detail["msg"].removeprefix("Value error, ")
    if detail["type"] == "value_error" and isinstance(detail["input"], Mapping):
        return f"{key}: {reason}"  # concerns several keys: the reason names them and the fix
    return f"{key} = {_shown(detail['input'])}: {reason[:1].lower()}{reason[1:]}. {_fix(field)}"


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _fix(field: Any) -> str:
    extra = getattr(field, "json_schema_extra", None)
    fix = extra.get("fix") if isinstance(extra, dict) else None
    return f"{str(fix)[:1].upper()}{str(fix)[1:]}" if fix else "See docs/profile.md"


def _field_at(location: tuple[int | str, ...]) -> tuple[type[BaseModel] | None, Any]:
    """The section of a location, and the innermost field along it."""
    section: type[BaseModel] | None = LineProfile
    field: Any = None
    for part in location:
        if isinstance(part, int) or section is None:
            continue
        inner = section.model_fields.get(part)
        if inner is None:
            break
        field = inner
        nested = section_of(inner.annotation)
        if nested is None and part != location[-1]:
            break
        if part != location[-1] or nested is not None:
            section = nested
    return section, field


def section_of(annotation: Any) -> type[BaseModel] | None:
    """The section type in an annotation such as `Belt` or `tuple[BeltPoint, ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in getattr(annotation, "__args__", ()):
        found = section_of(inner)
        if found is not None:
            return found
    return None

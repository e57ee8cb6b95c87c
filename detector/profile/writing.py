"""Writing a calibration into a line profile; all other lines stay unchanged."""

from __future__ import annotations

import json
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

from detector.profile.calibrated import Calibrated, Calibration
from detector.profile.loading import ProfileError, load_profile

_BEGIN = "# >>> written by `vigitri calibrate`: a change by hand is noticed by its hash and refused"
_END = "# <<< written by `vigitri calibrate`"


def write_calibration(path: Path, calibration: Calibration) -> None:
    """Write the calibration at the end of the profile, replacing an earlier one.

    The file is replaced atomically. Raises `ProfileError` if the result would not be a valid
    profile, `OSError`.
    """
    text = path.read_text(encoding="utf-8")
    if text.count(_BEGIN) != text.count(_END) or text.count(_BEGIN) > 1:
        raise ProfileError(
            str(path),
            [f'its lines "{_BEGIN[:40]}..." and "{_END}" do not match. Delete all between'],
        )
    if _BEGIN in text:
        before, _, rest = text.partition(_BEGIN)
        text = before + rest.partition(_END)[2].lstrip("\n")
    block = "\n".join([_BEGIN, *_tables(calibration), _END])
    partial = path.with_name(f"{path.name}.part")
    partial.write_text(f"{text.rstrip()}\n\n{block}\n", encoding="utf-8")
    try:
        written = load_profile(partial)
        if written.calibration != calibration:
            raise ProfileError(
                str(path),
                ["has a [calibration] that `vigitri calibrate` did not write. Delete it"],
            )
    except ProfileError as error:
        partial.unlink()
        raise ProfileError(
            str(path), [m.removeprefix(f"{partial}: ") for m in error.mistakes]
        ) from None
    shutil.copymode(path, partial)
    partial.replace(path)


def _tables(calibration: Calibration) -> list[str]:
    lines = []
    for name in type(calibration).model_fields:
        section: Calibrated | None = getattr(calibration, name)
        if section is None:
            continue
        lines.append(f"[calibration.{name}]")
        lines += [
            f"{key} = {_toml(value)}"
            for key, value in section.model_dump().items()
            if value is not None
        ]
    return lines


def _toml(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, list | tuple):
        return f"[{', '.join(_toml(each) for each in value)}]"
    # JSON strings and numbers are valid TOML; Python's shortest repr reads back as the same float.
    return json.dumps(value, ensure_ascii=False)

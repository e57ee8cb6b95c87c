"""Writing a calibration into a line profile; all other lines stay unchanged."""

from __future__ import annotations

import shutil
from pathlib import Path

import tomlkit

from detector.profile.calibration import Calibration
from detector.profile.loading import ProfileError, load_profile

_BEGIN = "# >>> written by `vigitri calibrate`: a change by hand is noticed by its hash and refused"
_END = "# <<< written by `vigitri calibrate`"
_LINE_ENDS = "\r\n"


def write_calibration(path: Path, calibration: Calibration) -> None:
    """Write the calibration at the end of the profile, replacing an earlier one.

    Lines outside the two marks are copied and not parsed: tomlkit would move a table that stands
    between two `[[action_points]]`. The file is replaced atomically. Raises `ProfileError` if the
    result would not be a valid profile or would lose a key, `OSError`.
    """
    with path.open(encoding="utf-8", newline="") as file:
        text = file.read()
    if text.count(_BEGIN) != text.count(_END) or text.count(_BEGIN) > 1:
        raise ProfileError(
            str(path),
            [f'its lines "{_BEGIN[:40]}..." and "{_END}" do not match. Delete all between'],
        )
    if _BEGIN in text:
        before, _, rest = text.partition(_BEGIN)
        text = before + rest.partition(_END)[2].lstrip(_LINE_ENDS)
    tables = tomlkit.dumps({"calibration": calibration.model_dump(exclude_none=True)})
    text = f"{text.rstrip(_LINE_ENDS)}\n\n{_BEGIN}\n{tables}{_END}\n"
    if "\r\n" in text:  # written on Windows
        text = text.replace("\r\n", "\n").replace("\n", "\r\n")
    partial = path.with_name(f"{path.name}.part")
    partial.write_text(text, encoding="utf-8", newline="")
    try:
        expected = load_profile(path).model_copy(update={"calibration": calibration})
        if load_profile(partial) != expected:
            raise ProfileError(
                str(path),
                [
                    "has keys that `vigitri calibrate` did not write, in [calibration] or between "
                    "its marks. Delete them, or move them above the first mark"
                ],
            )
    except ProfileError as error:
        partial.unlink()
        raise ProfileError(
            str(path), [m.removeprefix(f"{partial}: ") for m in error.mistakes]
        ) from None
    shutil.copymode(path, partial)
    partial.replace(path)

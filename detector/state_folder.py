"""Where a process keeps what it must know after a restart."""

from __future__ import annotations

import os
from pathlib import Path


def state_folder() -> Path:
    """The service's state folder (systemd's StateDirectory=), else the user's state folder."""
    state = os.environ.get("STATE_DIRECTORY", "").split(":")[0]
    if state:
        return Path(state)
    home = os.environ.get("XDG_STATE_HOME") or str(Path("~/.local/state").expanduser())
    return Path(home) / "vigitri"

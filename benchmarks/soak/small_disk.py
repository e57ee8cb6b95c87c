"""A small disk (tmpfs) that can be filled; needs root."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import Self

SIZE = "48m"
"""More than a journal ever takes."""
CHUNK = bytes(1 << 16)


class SmallDisk:
    """A tmpfs; a context manager that copies what is on it beside it at its end."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filler = folder / "filler"

    @staticmethod
    def available() -> bool:
        """Whether this user may mount one."""
        return os.geteuid() == 0 and shutil.which("mount") is not None

    def __enter__(self) -> Self:
        """Raises `CalledProcessError` where root may not mount either, as in most containers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(self.folder)]
        subprocess.run(command, check=True, capture_output=True)
        return self

    def __exit__(self, *_: object) -> None:
        self.free()
        kept = self.folder.with_name(f"{self.folder.name}-kept")
        shutil.copytree(self.folder, kept, dirs_exist_ok=True)
        subprocess.run(["umount", str(self.folder)], check=False)

    def fill(self) -> None:
        """Leave no byte."""
        with self._filler.open("ab", buffering=0) as filler:
            for size in (len(CHUNK), 1):
                with contextlib.suppress(OSError):
                    while filler.write(CHUNK[:size]):
                        pass

    def free(self) -> None:
        self._filler.unlink(missing_ok=True)

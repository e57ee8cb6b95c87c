"""`vigitri station` as a separate process, as a user starts it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from benchmarks.child_process import CommandProcess

SERVING = re.compile(r"station: serving (\S+)$")


class StationProcess(CommandProcess):
    """Serves lines at a port chosen by the system; a context manager."""

    def __init__(
        self,
        lines: Sequence[tuple[str, str, str, str]],
        folder: Path,
        *options: str,
        listen: str = "127.0.0.1:0",
        start_s: float = 30.0,
    ) -> None:
        """lines: name, publish, request and image endpoint of each line."""
        arguments = ["station", "--folder", str(folder), "--listen", listen, *options]
        for name, publish, requests, evidence in lines:
            arguments += ["--name", name, "--subscribe", publish, "--requests", requests]
            arguments += ["--evidence", evidence]
        super().__init__(*arguments, start_s=start_s)

    def __enter__(self) -> Self:
        super().__enter__()
        self.url = self.wait_for(SERVING, self.start_s)[1]
        return self

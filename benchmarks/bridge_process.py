"""`vigitri bridge` as a separate process, as a user starts it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from tempfile import TemporaryDirectory
from typing import Self

from benchmarks.child_process import CommandProcess

_SERVING = re.compile(r"serving Modbus TCP at (\S+):(\d+)$")


class BridgeProcess(CommandProcess):
    """Bridges lines at a port chosen by the system; a context manager."""

    def __init__(
        self,
        ends: Sequence[tuple[str, str]],
        *options: str,
        listen: str = "127.0.0.1:0",
        start_s: float = 30.0,
    ) -> None:
        """ends: publish and request endpoint of each line."""
        arguments = ["bridge", "--listen", listen, *options]
        for publish, requests in ends:
            arguments += ["--subscribe", publish, "--requests", requests]
        self._state = TemporaryDirectory(prefix="vigitri-bridge-")
        state = {"STATE_DIRECTORY": self._state.name}
        super().__init__(*arguments, start_s=start_s, environment=state)

    def __enter__(self) -> Self:
        super().__enter__()
        found = self.wait_for(_SERVING, self.start_s)
        self.host, self.port = found[1], int(found[2])
        return self

    def __exit__(self, *args: object) -> None:
        super().__exit__(*args)
        self._state.cleanup()

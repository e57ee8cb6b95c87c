"""`vigitri run` as a separate process, as a user starts it."""

from __future__ import annotations

import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

from benchmarks.child_process import CommandProcess

ROOT = Path(__file__).parent.parent
DEMO_LINE = ROOT / "calibration" / "sites" / "demo.toml"
DEMO_CLIP = ROOT / "twin" / "clips" / "demo"
_ANNOUNCED = re.compile(r"publishing at (\S+), serving requests at (\S+)$")
_ANY_PORT = "tcp://127.0.0.1:*"


class LineProcess(CommandProcess):
    """Runs one line at ports chosen by the system; a context manager."""

    def __init__(
        self,
        line: Path,
        *options: str,
        start_s: float = 30.0,
        journal: Path | None = None,
        endpoints: tuple[str, str] = (_ANY_PORT, _ANY_PORT),
    ) -> None:
        """journal: the journal's folder; None: an empty one that is deleted on exit."""
        self._own_journal = TemporaryDirectory() if journal is None else None
        folder = self._own_journal.name if self._own_journal else str(journal)
        super().__init__(
            *("run", str(line), "--publish", endpoints[0], "--requests", endpoints[1]),
            *("--journal", folder, *options),
            start_s=start_s,
        )

    def __enter__(self) -> Self:
        super().__enter__()
        self.publish, self.requests = self.wait_for(_ANNOUNCED, self.start_s).groups()
        return self

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        if self._own_journal is not None:
            self._own_journal.cleanup()

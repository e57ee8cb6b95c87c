"""Runs a `vigitri` command as a process of low priority, for what the station itself can't do."""

from __future__ import annotations

import asyncio
import shutil
import sys
from dataclasses import dataclass

VIGITRI = (sys.executable, "-m", "detector.cli")
ERROR = "vigitri: "
NICE = ("nice", "-n", "19")


@dataclass(frozen=True, slots=True)
class Finished:
    """How a command has ended."""

    code: int
    output: str
    errors: str

    @property
    def reason(self) -> str:
        """Its error lines as one, without its log."""
        lines = [
            line.removeprefix(ERROR) for line in self.errors.splitlines() if line.startswith(ERROR)
        ]
        return "; ".join(lines)[:600] or f"the command ended with code {self.code}"


async def run_command(*words: str, timeout_s: float) -> Finished:
    """Run a command to its end. Raises TimeoutError; OSError if it can't be started."""
    command = [*(NICE if shutil.which(NICE[0]) else ()), *VIGITRI, *words]
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        output, errors = await asyncio.wait_for(process.communicate(), timeout_s)
    except BaseException:
        if process.returncode is None:
            process.kill()
            await process.wait()
        raise
    assert process.returncode is not None
    return Finished(
        process.returncode, output.decode(errors="replace"), errors.decode("utf-8", "replace")
    )

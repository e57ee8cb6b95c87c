"""Options that several commands of `vigitri bench` share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Out = Annotated[
    Path | None, typer.Option("-o", "--out", help="Write the report to this file (JSON).")
]
ReportJson = Annotated[bool, typer.Option("--json", help="Print the report as JSON, for programs.")]

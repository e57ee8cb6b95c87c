from __future__ import annotations

import runpy
from pathlib import Path

DOCS = Path(__file__).parent.parent / "docs"


def test_the_committed_command_reference_matches_the_commands() -> None:
    reference = runpy.run_path(str(DOCS / "cli_reference.py"))["reference"]
    committed = (DOCS / "cli.md").read_text(encoding="utf-8")
    assert committed == reference(), "run: .venv/bin/python docs/cli_reference.py > docs/cli.md"

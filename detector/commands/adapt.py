"""`vigitri model adapt --head-only` and `--undo`."""

from __future__ import annotations

import dataclasses
import json
import logging
import shutil
from collections.abc import Mapping
from pathlib import Path

from detector.adaptation.adaptable_model import open_adaptable
from detector.adaptation.comparison import RULES, table
from detector.adaptation.head_adaptation import HeadAdaptation, adapt_head
from detector.adaptation.head_deployment import check_writable, deploy_head, undo
from detector.cli_support.options import print_error, refuse
from detector.vision.catalogue import ModelFolder, find_model
from detector.vision.signature import SIGNATURE

_RESTART = "A detector that is running keeps its head until it is restarted"
logger = logging.getLogger(__name__)


def adapt_head_only(
    answers: Path, name: str, out: Path | None, share: float, renamed: Mapping[str, str]
) -> bool:
    """Learn a new head and deploy it; False: nothing is deployed, as it would be worse, or a part
    of the answers was left out.

    `out`: folder of the adapted copy; None: the model itself is adapted. `renamed`: classes of the
    export and what they are called here.
    """
    model = find_model(name)
    if out is None:
        check_writable(model.path)
    elif out.exists():
        refuse(f"{out}: is there already; give a new folder, or adapt it: --model {_named(out)}")
    result = adapt_head(open_adaptable(model), answers, share, renamed)
    print("\n".join([*result.summary, "", table(result.rows)]))
    for line in result.left_out:
        print_error(f"left out: {line}")
    if result.head is None:
        for line in result.against:
            print_error(line)
        print_error("not deployed; nothing was changed")
        return False
    if out is not None:
        shutil.copytree(model.path, out)
        model = ModelFolder(out, model.card)
    path = deploy_head(model, result.head, result.summary[0])
    _write_report(path, result)
    logger.info("%s: new head %s: %s", model.card.name, path.name, result.summary[0])
    print(
        f"\ndeployed: {path}, with the table beside it (.md, .json). {_RESTART}. To take it back: "
        f"vigitri model adapt --undo --model {name if out is None else _named(out)}"
    )
    _warn_of_signature(model.path)
    if result.left_out:
        print_error("deployed without what was left out")
    return not result.left_out


def undo_head(name: str) -> None:
    """Put the previous head back."""
    model = find_model(name)
    check_writable(model.path)
    change = undo(model)
    logger.info("%s: head %s again, undone: %s", model.card.name, change.previous, change.reason)
    print(
        f"taken back: {change.reason} ({change.date}). The head is {change.previous} again. "
        f"{_RESTART}"
    )
    _warn_of_signature(model.path)


def _warn_of_signature(folder: Path) -> None:
    """A signature over the card before holds no more."""
    if (folder / SIGNATURE).exists():
        print_error(
            f"{folder}: its signature no longer holds: a line with model.signed_by refuses it at "
            "its next start. Check it, then `vigitri model sign`"
        )


def _write_report(head: Path, result: HeadAdaptation) -> None:
    """The table beside the head, as Markdown and JSON."""
    summary = "\n".join(f"- {line}" for line in result.summary)
    head.with_suffix(".md").write_text(
        f"# {head.name}\n\n{summary}\n\n{table(result.rows)}\n\n{RULES}\n", encoding="utf-8"
    )
    document = {
        "summary": result.summary,
        "rows": [dataclasses.asdict(row) for row in result.rows],
        "rules": RULES,
    }
    text = json.dumps(document, indent=1, ensure_ascii=False)
    head.with_suffix(".json").write_text(f"{text}\n", encoding="utf-8")


def _named(folder: Path) -> str:
    """A folder as `--model` takes it: a name without `/` is one of the catalogue."""
    return f"{folder}" if "/" in f"{folder}" else f"./{folder}"

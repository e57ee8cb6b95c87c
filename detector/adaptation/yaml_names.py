"""The list `names` of a YOLO export's `data.yaml`."""

from __future__ import annotations

from typing import Any

import yaml


def names_in(text: str) -> dict[int, str]:
    """Class index to name, from a list or a mapping.

    Raises:
        ValueError: There is no such list; says why.
    """
    document = _document(text)
    if "names" not in document:
        raise ValueError("no key 'names'")
    names = document["names"]
    if not names:
        raise ValueError("it is empty")
    if isinstance(names, list):
        return {number: str(name) for number, name in enumerate(names)}
    if not isinstance(names, dict):
        raise ValueError(f"{names!r} is not a list")
    try:
        return {int(number): str(name) for number, name in names.items()}
    except (ValueError, TypeError, OverflowError):
        raise ValueError("its keys are not numbers") from None


def has_keypoints(text: str) -> bool:
    """Whether the labels are those of poses: a box, then keypoints. Raises `ValueError`."""
    return "kpt_shape" in _document(text)


def _document(text: str) -> dict[Any, Any]:
    try:
        document = yaml.safe_load(text)
    # Of a value whose explicit type does not fit it, PyYAML (6.0) raises any of these.
    except (yaml.YAMLError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
        raise ValueError(f"not YAML: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise ValueError("not a list of names: it is nested too deeply") from None
    return document if isinstance(document, dict) else {}

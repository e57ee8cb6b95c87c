"""The manifest for Kubernetes: it parses, and its command is one of ours."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from detector.cli import app

EXAMPLE = Path(__file__).parents[2] / "examples" / "fleet" / "kuberay.yaml"


@pytest.fixture
def spec() -> dict[str, Any]:
    manifest = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    assert (manifest["apiVersion"], manifest["kind"]) == ("ray.io/v1", "RayJob")
    found: dict[str, Any] = manifest["spec"]
    return found


def test_its_command_has_only_options_that_exist(spec: dict[str, Any]) -> None:
    program, *words = shlex.split(spec["entrypoint"])
    assert program == "vigitri"
    known = CliRunner().invoke(app, [*words[:2], "--help"], terminal_width=200).stdout
    options = [word for word in words if word.startswith("-")]
    assert options
    assert all(option in known for option in options)


def test_head_and_workers_have_one_image_and_no_worker_restarts_in_the_middle(
    spec: dict[str, Any],
) -> None:
    cluster = spec["rayClusterSpec"]
    pods = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    containers = [each["template"]["spec"]["containers"][0] for each in pods]
    assert len({each["image"] for each in containers}) == 1
    assert all(each["envFrom"] == containers[0]["envFrom"] for each in containers)
    for group in cluster["workerGroupSpecs"]:
        assert group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]
    assert spec["backoffLimit"] == 0

from __future__ import annotations

import json
import socket
import sys
from pathlib import Path

import pytest

from detector.commands import doctor
from detector.commands.keys import allow_key, make_keys
from detector.ingest import GenicamDevice, V4l2Device
from tests.commands.conftest import Vigitri
from tests.small_line import write_profile


@pytest.fixture(autouse=True)
def _one_model(monkeypatch: pytest.MonkeyPatch, model: Path) -> None:
    """Only the small model: timing the deployed one is slow, and `model check` tests that one."""
    monkeypatch.setattr(doctor, "model_folders", lambda: [model])


def test_a_healthy_line_passes_every_check(vigitri: Vigitri, profile: Path) -> None:
    code, out, err = vigitri("doctor", "--line", profile, "--json")
    found = {line["what"]: line for line in map(json.loads, out)}
    assert (code, err) == (0, [])
    assert {"profile", "camera", "wire.publish", "wire.requests", "clock", "engines"} <= set(found)
    assert found["belt"]["ok"]
    assert "20" in found["shared memory"]["result"] or "19" in found["shared memory"]["result"]
    assert found["profile"] == {
        "what": "profile",
        "ok": True,
        "result": "line belt-1, millimetres are nominal",
    }
    assert "valid; " in found["model white-and-red"]["result"]
    assert found["engine"]["result"].startswith("a line uses ")
    assert found["camera"]["result"] == "320 × 240 px at 5 fps, colours BT.601, full range"


def test_doctor_reports_the_engine_that_the_profile_selects(
    vigitri: Vigitri, tmp_path: Path, model: Path, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    profile = write_profile(tmp_path / "line.toml", clip, model)
    text = profile.read_text()
    assert text.count("[model]\n") == 1
    profile.write_text(text.replace("[model]\n", '[model]\nengine = "openvino"\n'))
    code, out, _ = vigitri("doctor", "--line", profile, "--json")
    found = {line["what"]: line for line in map(json.loads, out)}
    assert code == 1
    assert found["engine"]["result"].startswith("a line uses openvino on this machine (engine = ")
    assert "openvino is missing" in found["model white-and-red"]["result"]


def test_without_a_line_it_checks_the_machine(vigitri: Vigitri) -> None:
    code, out, _ = vigitri("doctor")
    assert code == 0
    assert any("onnxruntime" in line for line in out)
    assert any("cameras" in line for line in out)


def test_advice_is_printed_whole(vigitri: Vigitri, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    code, out, _ = vigitri("doctor")
    assert code == 0
    assert "pip install 'vigitri[openvino]'" in " ".join(line.strip() for line in out)


def test_connected_cameras_are_listed_as_a_profile_names_them(
    vigitri: Vigitri, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected = [
        V4l2Device("v4l2:///dev/video0", "Line Cam"),
        V4l2Device("v4l2:///dev/video2", "Other", "may not be used by this user; add it"),
    ]
    monkeypatch.setattr(doctor, "list_v4l2_devices", lambda: connected)
    found = {line["what"]: line for line in map(json.loads, vigitri("doctor", "--json").out)}
    assert found["cameras"]["result"] == (
        "v4l2:///dev/video0 (Line Cam), "
        "v4l2:///dev/video2 (Other): may not be used by this user; add it"
    )


def test_genicam_cameras_are_searched_for_only_if_asked(
    vigitri: Vigitri, monkeypatch: pytest.MonkeyPatch
) -> None:
    basler = GenicamDevice(
        "Basler-acA1920-40123456",
        *("Basler", "acA1920", "40123456", "10.0.0.7", "00:30:53:00:00:01", "GigEVision"),
    )
    monkeypatch.setattr(doctor, "list_genicam_devices", lambda: [basler])
    for option, expected in (
        ((), {}),
        (("--genicam",), {"genicam://40123456 (Basler acA1920 40123456 at 10.0.0.7)"}),
    ):
        out = map(json.loads, vigitri("doctor", "--json", *option).out)
        found = {line["result"] for line in out if line["what"] == "GenICam cameras"}
        assert found == set(expected)


def test_a_belt_outside_the_image_is_reported(
    vigitri: Vigitri, tmp_path: Path, model: Path, clip: Path
) -> None:
    profile = write_profile(tmp_path / "line.toml", clip, model)
    text = profile.read_text()
    assert text.count("polygon_px = [[") == 1
    profile.write_text(
        text.replace("polygon_px = [[", "polygon_px = [[900, 900], [990, 900], [990, 990]]#")
    )
    code, out, err = vigitri("doctor", "--line", profile, "--json")
    failed = {line["what"]: line["result"] for line in map(json.loads, out) if line["ok"] is False}
    assert (code, err, set(failed)) == (1, [], {"belt"})
    assert "belt.polygon_px: is outside the image of 320 x 240 px" in failed["belt"]


def test_a_failed_check_states_the_reason(vigitri: Vigitri, tmp_path: Path, model: Path) -> None:
    profile = write_profile(tmp_path / "line.toml", tmp_path / "no.avi", model)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        endpoint = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        text = profile.read_text().replace(
            'publish = "tcp://127.0.0.1:*"', f'publish = "{endpoint}"'
        )
        profile.write_text(text)
        code, out, err = vigitri("doctor", "--line", profile, "--json")
    failed = {line["what"]: line["result"] for line in map(json.loads, out) if line["ok"] is False}
    assert (code, err) == (1, [])
    assert set(failed) == {"camera", "wire.publish"}
    assert "no such file" in failed["camera"]
    assert "is in use" in failed["wire.publish"]


def test_keys_are_checked_and_an_unknown_key_is_tried(
    vigitri: Vigitri, tmp_path: Path, model: Path, clip: Path
) -> None:
    for name in ("line", "mes"):
        make_keys(name, tmp_path)
    allow_key(str(tmp_path / "mes.public.toml"), tmp_path / "allowed", None)
    profile = write_profile(tmp_path / "line.toml", clip, model)
    text = profile.read_text().replace("127.0.0.1:*", "0.0.0.0:*")
    profile.write_text(f'{text}keys = "line.secret.toml"\nallowed_keys = "allowed"\n')

    def found() -> dict[str, tuple[bool | None, str]]:
        lines = map(json.loads, vigitri("doctor", "--line", profile, "--json").out)
        return {line["what"]: (line["ok"], line["result"]) for line in lines}

    first = found()
    assert first["wire.keys"][0]
    assert first["wire.keys"][1].endswith("may connect: mes")
    for name in ("wire.publish", "wire.requests"):
        assert first[name][0]
        assert first[name][1].endswith("and refuses an unknown key")
    (tmp_path / "line.secret.toml").chmod(0o640)
    then = found()
    assert then["wire.keys"][0] is False
    assert "others have access" in then["wire.keys"][1]
    assert "wire.publish" not in then


def test_a_scale_outside_the_models_range_is_reported(
    vigitri: Vigitri, tmp_path: Path, model: Path, clip: Path
) -> None:
    profile = write_profile(tmp_path / "line.toml", clip, model)
    profile.write_text(profile.read_text().replace("mm_per_px = 2", "mm_per_px = 9"))
    code, out, _ = vigitri("doctor", "--line", profile)
    assert code == 1
    assert "view.mm_per_px = 9" in " ".join(out)


def test_a_profile_with_a_mistake_is_refused(vigitri: Vigitri, tmp_path: Path) -> None:
    profile = tmp_path / "line.toml"
    profile.write_text("line = 3")
    code, out, err = vigitri("doctor", "--line", profile)
    assert (code, out) == (2, [])
    assert all(line.startswith(f"vigitri: {profile}: ") for line in err)


def test_text_in_brackets_is_printed_too(vigitri: Vigitri, monkeypatch: pytest.MonkeyPatch) -> None:
    why = "OpenVINO is not installed (pip install 'vigitri[openvino]')"
    monkeypatch.setattr(doctor, "chosen_engine", lambda _: ("onnxruntime", why))
    _, out, _ = vigitri("doctor")
    assert "'vigitri[openvino]'" in "".join(out)

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import subprocess
import sys
from pathlib import Path

import cv2

from detector.wire.messages import Alert
from tests.commands.conftest import Vigitri
from tests.small_line import PATIENCE_S, passing, read_terminal, write_interlaced, write_video
from tests.verifiers import add_verifier

VIGITRI = (sys.executable, "-m", "detector.cli")


def test_replay_prints_the_alerts_as_published_and_then_the_totals(
    vigitri: Vigitri, profile: Path, clip: Path
) -> None:
    code, out, err = vigitri("replay", clip, "--line", profile, "--json")
    assert (code, err) == (0, [])
    *alerts, last = map(json.loads, out)
    assert {alert["hazard"] for alert in alerts} == {"gas", "battery"}
    for line in alerts:
        assert list(line) == [*Alert.model_fields, "source", "source_frame", "t_source_s"]
        assert line["source"] == str(clip)
    assert list(last) == ["totals"]
    totals = last["totals"]
    assert (totals["frames"], totals["blind_frames"], totals["unreadable"]) == (32, 0, [])
    assert totals["raised"] == {"battery": 1, "gas": 1}


def test_the_same_footage_gives_the_same_bytes(vigitri: Vigitri, profile: Path, clip: Path) -> None:
    first = vigitri("replay", clip, "--line", profile, "--json").out
    second = vigitri("replay", clip, "--line", profile, "--json").out
    assert first[:-1] == second[:-1]
    assert len(first) > 2


def test_without_json_it_prints_readable_lines(vigitri: Vigitri, profile: Path, clip: Path) -> None:
    code, out, _ = vigitri("replay", clip, "--line", profile)
    assert code == 0
    assert "frame " in out[0]
    assert out[-1].startswith("32 frames of 6.4 s in ")
    assert out[-1].endswith("raised: 1 battery, 1 gas")


def test_a_model_with_a_verifier_states_its_kinds(
    vigitri: Vigitri, model: Path, profile: Path, clip: Path, tmp_path: Path
) -> None:
    verified = add_verifier(shutil.copytree(model, tmp_path / "verified"))
    code, out, err = vigitri("replay", clip, "--line", profile, "--model", f"{verified}/.")
    assert (code, err) == (0, [])
    assert out[-1].endswith("raised: 1 battery, 1 gas")
    assert re.search(r"  p \d\.\d\d gas bottle \d\.\d\d; next: .*; \d pass", "\n".join(out))
    ignored = profile.with_name("ignored.toml")
    kinds = '[hazards.gas.kinds]\ngas_bottle = "ignore"\n'
    ignored.write_text(profile.read_text(encoding="utf-8") + kinds, encoding="utf-8")
    _, out, _ = vigitri("replay", clip, "--line", ignored, "--model", f"{verified}/.")
    assert out[-1].endswith("raised: 1 battery")
    code, out, err = vigitri("replay", clip, "--line", ignored)
    assert (code, out, len(err)) == (2, [], 1)
    assert "hazards.gas.kinds: white-and-red has no verifier" in err[0]


def test_without_a_profile_the_whole_image_is_belt(
    vigitri: Vigitri, model: Path, clip: Path
) -> None:
    code, out, _ = vigitri("replay", clip, "--model", model, "--json")
    assert code == 0
    alert = json.loads(out[0])
    assert alert["line"] == "unsurveyed"
    assert alert["place"]["mm_basis"] == "none"
    assert alert["place"]["x_mm"] is None


def test_a_folder_of_images_is_replayed_at_the_given_rate(
    vigitri: Vigitri, profile: Path, tmp_path: Path
) -> None:
    for number, image in enumerate(passing(8)):
        cv2.imwrite(str(tmp_path / f"{number}.png"), image)
    code, out, _ = vigitri("replay", tmp_path, "--line", profile, "--fps", 5, "--json")
    assert code == 0
    totals = json.loads(out[-1])["totals"]
    assert (totals["frames"], totals["recorded_s"]) == (8, 1.6)
    assert vigitri("replay", tmp_path, "--line", profile, "--fps", -1).code == 2


def test_missing_footage_profile_or_model_is_refused_in_one_line(
    vigitri: Vigitri, profile: Path, clip: Path, tmp_path: Path
) -> None:
    missing = tmp_path / "no.avi"
    code, out, err = vigitri("replay", missing, "--line", profile, "--json")
    assert (code, out, len(err)) == (2, [], 1)
    assert err[0].startswith(f"vigitri: {missing}: no such file; ")
    code, _, err = vigitri("replay", clip, "--line", tmp_path / "no.toml")
    assert (code, len(err)) == (2, 1)
    assert "no such file" in err[0]
    code, _, err = vigitri("replay", clip, "--model", "nosuch")
    assert (code, len(err)) == (2, 1)


def test_one_missing_video_is_reported_and_the_others_are_replayed(
    vigitri: Vigitri, profile: Path, clip: Path, tmp_path: Path
) -> None:
    code, out, err = vigitri("replay", tmp_path / "no.avi", clip, "--line", profile, "--json")
    assert code == 1
    assert len(err) == 1
    assert "no such file" in err[0]
    totals = json.loads(out[-1])["totals"]
    assert totals["frames"] == 32
    assert len(totals["unreadable"]) == 1


def test_a_truncated_video_is_reported(vigitri: Vigitri, profile: Path, tmp_path: Path) -> None:
    video = write_video(tmp_path / "cut.avi", passing())
    data = video.read_bytes()
    video.write_bytes(data[: len(data) // 2])
    code, _, err = vigitri("replay", video, "--line", profile, "--json")
    assert code == 1
    assert err
    assert all(line.startswith(f"vigitri: {video}: ") for line in err)


def test_an_interlaced_video_gives_the_alerts_of_the_progressive_one(
    vigitri: Vigitri, profile: Path, tmp_path: Path
) -> None:
    video = write_interlaced(tmp_path / "interlaced.mp4", passing())
    code, out, err = vigitri("replay", video, "--line", profile, "--json")
    assert (code, err) == (0, [])
    totals = json.loads(out[-1])["totals"]
    assert (totals["frames"], totals["blind_frames"]) == (32, 0)
    assert totals["raised"] == {"battery": 1, "gas": 1}


def test_a_closed_pipe_ends_without_a_traceback(profile: Path, clip: Path) -> None:
    command = [*VIGITRI, "replay", *[str(clip)] * 3, "--line", str(profile), "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith("{")
        process.stdout.close()  # what `| head -1` does
        assert process.wait(PATIENCE_S) in (0, 1)
        assert process.stderr.read() == ""


def test_a_progress_bar_on_the_terminal_leaves_the_output_file_intact(
    profile: Path, clip: Path, tmp_path: Path
) -> None:
    ours, theirs = pty.openpty()
    command = [*VIGITRI, "replay", str(clip), "--line", str(profile), "--json"]
    with (tmp_path / "out.jsonl").open("w") as out:
        process = subprocess.Popen(command, stdout=out, stderr=theirs)
    os.close(theirs)
    assert b"replaying" in read_terminal(ours)
    assert process.wait(PATIENCE_S) == 0
    lines = (tmp_path / "out.jsonl").read_text().splitlines()
    assert "totals" in json.loads(lines[-1])
    assert len(lines) > 2

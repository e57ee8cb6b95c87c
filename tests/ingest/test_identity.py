"""A camera keeps its name over restarts."""

from __future__ import annotations

from pathlib import Path

from detector.ingest import camera_identity


def test_a_usb_camera_is_identified_by_model_and_serial_number(tmp_path: Path) -> None:
    usb, sysfs = tmp_path / "usb1" / "1-2", tmp_path / "video4linux"
    (usb / "1-2:1.0").mkdir(parents=True)
    (usb / "serial").write_text("A1B2\n")
    (sysfs / "video0").mkdir(parents=True)
    (sysfs / "video0" / "name").write_text("Line Cam\n")
    (sysfs / "video0" / "device").symlink_to(usb / "1-2:1.0")
    assert camera_identity("v4l2:///dev/video0?width=640", sysfs) == "Line Cam A1B2"
    (usb / "serial").unlink()
    assert camera_identity("v4l2:///dev/video0", sysfs) == "Line Cam"
    assert camera_identity("v4l2:///dev/video7", sysfs) is None


def test_a_usb_camera_is_identified_through_a_link_to_its_device(tmp_path: Path) -> None:
    sysfs, dev = tmp_path / "video4linux", tmp_path / "dev"
    (sysfs / "video2").mkdir(parents=True)
    (sysfs / "video2" / "name").write_text("Line Cam\n")
    (dev / "by-id").mkdir(parents=True)
    (dev / "video2").touch()
    link = dev / "by-id" / "usb-Line_Cam_A1B2-video-index0"
    link.symlink_to("../video2")
    assert camera_identity(f"v4l2://{link}?width=640", sysfs) == "Line Cam"


def test_a_network_camera_is_identified_by_its_address_without_the_password() -> None:
    assert camera_identity("rtsp://me:secret@10.0.0.7/stream") == "rtsp://10.0.0.7/stream"


def test_a_recording_has_no_camera_identity() -> None:
    assert camera_identity("shift/belt.mp4") is None
    assert camera_identity("file:///shift/belt.mp4") is None
